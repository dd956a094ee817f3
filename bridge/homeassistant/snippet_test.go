package homeassistant

import (
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// set is a television as the drivers describe it.
func set() *entity.Model {
	m := model()
	m.Spec = &mi.Spec{}
	add := func(component, name, key string) {
		e := one(component, name, name, both("state"))
		e.Binds[0].Props = []int{len(m.Spec.Props)}
		m.Spec.Props = append(m.Spec.Props, mi.Property{Key: mi.Key(key)})
		m.Entities = append(m.Entities, e)
	}
	add("switch", "Power", "television/on")
	m.Entities[0].Main, m.Entities[0].Name = true, ""
	add("number", "Volume", "speaker/volume")
	add("switch", "Mute", "speaker/mute")
	add("select", "Source", "television/input-control")
	add("select", "App", "app-launcher/app")
	add("sensor", "Hidden", "app-launcher/current-app")
	m.Entities[5].Enabled = false
	return m
}

func TestTelevisionCanBecomeAMediaPlayer(t *testing.T) {
	got := Snippets(Device{ID: "1", Name: "Küche: TV"}, set())
	if len(got) != 2 || got[0].Name != SnippetCard || got[1].Name != SnippetPlayer {
		t.Fatalf("snippets %+v", got)
	}
	var player struct {
		Template []map[string]any
		Player   []struct {
			Name     string
			Attrs    map[string]string         `yaml:"attributes"`
			Commands map[string]map[string]any `yaml:"commands"`
		} `yaml:"media_player"`
	}
	if err := yaml.Unmarshal([]byte(got[1].Text), &player); err != nil {
		t.Fatalf("%v in\n%s", err, got[1].Text)
	}
	p := player.Player[0]
	if p.Name != "Küche: TV" || p.Attrs["is_volume_muted"] != "switch.kuche_tv_mute" || p.Attrs["source"] != "select.kuche_tv_showing" || len(p.Commands) != 5 {
		t.Errorf("player %+v", p)
	}
	for _, id := range []string{"is_state('switch.kuche_tv', 'on')", "states('number.kuche_tv_volume')", "entity_id: select.kuche_tv_showing", "states('select.kuche_tv_app')"} {
		if !strings.Contains(got[1].Text, id) {
			t.Errorf("%q is missing in\n%s", id, got[1].Text)
		}
	}
}

func TestCardsShowWhatTheDeviceIsAndTheRest(t *testing.T) {
	config := one("number", "p2_9", "Delay", both("state"))
	config.Category = "config"
	cleaner := one("vacuum", "vacuum_2", "", both("state"))
	cleaner.Main = true
	for name, tc := range map[string]struct {
		entities []entity.Entity
		want     []string // in this order
		not      []string
	}{
		"lamp":   {[]entity.Entity{lamp(), one("sensor", "p3_1", "Power", state("state")), config}, []string{"type: tile", "light.lamp", "light-brightness", "type: entities", "sensor.lamp_power"}, []string{"delay"}},
		"vacuum": {[]entity.Entity{cleaner}, []string{"vacuum.lamp", "vacuum-commands"}, []string{"type: entities"}},
		"sensor": {[]entity.Entity{one("sensor", "p3_1", "PM2.5", state("state"))}, []string{"type: entities", "sensor.lamp_pm2_5"}, []string{"tile"}},
	} {
		got := Snippets(Device{ID: "1", Name: "Lamp"}, model(tc.entities...))
		if len(got) != 1 {
			t.Errorf("%s: %d snippets", name, len(got))
			continue
		}
		var parsed any
		if err := yaml.Unmarshal([]byte(got[0].Text), &parsed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		at := 0
		for _, part := range tc.want {
			i := strings.Index(got[0].Text[at:], part)
			if i < 0 {
				t.Errorf("%s: %q is not where it should be in\n%s", name, part, got[0].Text)
				break
			}
			at += i
		}
		if slices.ContainsFunc(tc.not, func(part string) bool { return strings.Contains(got[0].Text, part) }) {
			t.Errorf("%s: too much in\n%s", name, got[0].Text)
		}
	}
}

func TestNoSnippetNamesAnEntityThatIsOnlyGuessed(t *testing.T) {
	for _, name := range []string{"客厅电视", "Лампа"} {
		if got := Snippets(Device{ID: "1", Name: name}, set()); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := Snippets(Device{ID: "1", Name: "Lamp"}, model()); got != nil {
		t.Errorf("without entities: %+v", got)
	}
}
