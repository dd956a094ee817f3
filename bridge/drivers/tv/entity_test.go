package tv_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// TestEntities pins what people see of a TV.
func TestEntities(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	in(t, virtual.Options{}, func(h *house) {
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
			`a5_1 text "Play URL" shown assumed`,
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
			`a2_1 button "Take screenshot"`,
			`e2_1 image "Screenshot"`,
		}
		if !slices.Equal(got, want) {
			h.Errorf("entities:\n%s", strings.Join(got, "\n"))
		}
		app := slices.IndexFunc(m.Entities, func(e entity.Entity) bool { return e.ID == "p4_1" })
		order, err := m.Order(app, "state", "Kodi", make([]mi.Value, len(h.Spec().Props)))
		if err != nil || len(order.Set) != 1 || order.Set[0].Value != mi.Text("org.xbmc.kodi") {
			h.Errorf("Kodi = %+v, %v; of %v", order, err, m.Entities[app].Binds)
		}
		if slices.Contains(m.Fast, 4) || slices.Contains(m.Fast, 6) {
			h.Error("the app in front is read at every poll, for which the TV draws a picture")
		}
	})
}
