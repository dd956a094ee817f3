package androidtv_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// TestEntities pins what people see of a TV.
func TestEntities(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	in(t, false, func(h *house) {
		m := rules.Build(h.Spec(), entity.Options{})
		var got []string
		for i := range m.Entities {
			e := &m.Entities[i]
			line := fmt.Sprintf("%s %s %q", e.ID, e.Component, e.Name)
			if e.Enabled {
				line += " shown"
			}
			if e.Assumed {
				line += " assumed"
			}
			if e.Danger != "" {
				line += " " + e.Danger
			}
			got = append(got, line)
		}
		want := []string{
			`p2_1 switch "Power" shown`,
			`p2_2 select "Source" shown assumed`,
			`p3_1 number "Volume" shown`,
			`p3_2 switch "Mute" shown`,
			`p4_1 select "App" shown`,
			`p4_2 sensor "Current app" shown`,
			`p7_1 sensor "Pairing" shown`,
			`a5_1 text "Play URL" shown assumed`,
			`a7_1 button "Pair" shown`,
			`a7_2 text "Pairing code" shown assumed`,
			`a6_1 button "Toggle power"`,
			`a6_2 button "Up"`,
			`a6_3 button "Down"`,
			`a6_4 button "Left"`,
			`a6_5 button "Right"`,
			`a6_6 button "Enter"`,
			`a6_7 button "Back" shown`,
			`a6_8 button "Home" shown`,
			`a6_9 button "Menu"`,
			`a6_10 button "Volume up"`,
			`a6_11 button "Volume down"`,
			`a6_12 button "Play pause" shown`,
			`a6_13 button "Next" shown`,
			`a6_14 button "Previous" shown`,
			`a6_15 button "End playback"`,
			`a6_16 button "Rewind"`,
			`a6_17 button "Fast forward"`,
			`a6_18 button "Channel up"`,
			`a6_19 button "Channel down"`,
			`a6_20 button "Toggle mute"`,
			`a6_21 button "Input"`,
			`a6_22 button "Settings"`,
			`a6_23 button "Search"`,
			`a6_24 button "Info"`,
		}
		if !slices.Equal(got, want) {
			h.Errorf("entities:\n%s", strings.Join(got, "\n"))
		}
		app := slices.IndexFunc(m.Entities, func(e entity.Entity) bool { return e.ID == "p4_1" })
		order, err := m.Order(app, "state", "Netflix", make([]mi.Value, len(h.Spec().Props)))
		if err != nil || len(order.Set) != 1 || order.Set[0].Value != mi.Text("com.netflix.ninja") {
			h.Errorf("Netflix = %+v, %v; of %v", order, err, m.Entities[app].Binds)
		}
	})
}
