package homeassistant

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

// Snippet is a text to copy into Home Assistant.
type Snippet struct {
	Name string // SnippetCard, SnippetPlayer
	Text string // YAML
}

// The snippets that there are.
const (
	SnippetCard   = "card"   // of a dashboard
	SnippetPlayer = "player" // a media player of a TV, as a package
)

// Snippets returns what may be of use for a device. It names entities as Home Assistant
// does when it sees them for the first time; none where that cannot be told, which is
// so with names in other letters than Latin ones.
func Snippets(d Device, m *entity.Model) []Snippet {
	ids, ok := entityIDs(d, m)
	if !ok || len(ids) == 0 {
		return nil
	}
	out := []Snippet{{SnippetCard, card(m, ids)}}
	if t := television(m, ids); t.complete() {
		out = append(out, Snippet{SnippetPlayer, t.player(d.name())})
	}
	return out
}

// entityIDs returns the id of each entity that Home Assistant shows, by its index.
func entityIDs(d Device, m *entity.Model) (ids map[int]string, ok bool) {
	ids = map[int]string{}
	for i := range m.Entities {
		e := &m.Entities[i]
		if _, known := platforms[e.Component]; !known || !e.Enabled {
			continue
		}
		name := shownName(e, d.name())
		switch {
		case e.Main:
			name = ""
		case e.ClassNamed:
			name = e.Name
		}
		object, ok := objectPart(strings.TrimSpace(d.name() + " " + name))
		if !ok {
			return nil, false
		}
		ids[i] = e.Component + "." + object
	}
	return ids, true
}

// folded writes the letters with marks of Western languages as Home Assistant does.
var folded = strings.NewReplacer(
	"ä", "a", "á", "a", "à", "a", "â", "a", "ã", "a", "å", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "ì", "i", "î", "i", "ï", "i",
	"ñ", "n", "ö", "o", "ó", "o", "ò", "o", "ô", "o", "õ", "o", "ø", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u", "ß", "ss", "₂", "2", "’", "_", "–", "_",
)

// objectPart writes a name as a part of an entity's id; ok is false where it has letters that
// Home Assistant spells in a way that is not known here.
func objectPart(name string) (out string, ok bool) {
	ok = true
	out = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r < 0x80:
			return '_'
		}
		ok = false
		return -1
	}, folded.Replace(strings.ToLower(name)))
	words := strings.FieldsFunc(out, func(r rune) bool { return r == '_' })
	return strings.Join(words, "_"), ok && len(words) > 0
}

// features are what a tile of a dashboard can have besides its state.
var features = map[string][]string{
	"light": {"light-brightness", "light-color-temp"}, "fan": {"fan-speed", "fan-preset-modes"}, "climate": {"climate-hvac-modes", "target-temperature"},
	"humidifier": {"humidifier-modes", "target-humidity"}, "cover": {"cover-open-close", "cover-position"}, "lock": {"lock-commands"}, "valve": {"valve-open-close"},
	"water_heater": {"water-heater-operation-modes", "target-temperature"}, "lawn_mower": {"lawn-mower-commands"}, "alarm_control_panel": {"alarm-modes"},
	"select": {"select-options"}, "number": {"numeric-input"},
}

// listed are components that say something in a list.
var listed = []string{"sensor", "binary_sensor", "switch", "select", "number", "light", "button", "event"}

const mostListed = 12

// card is a tile for what the device is, and a list of the rest.
func card(m *entity.Model, ids map[int]string) string {
	tile, rows := -1, []string{}
	for i := range m.Entities {
		if ids[i] != "" && m.Entities[i].Main && (tile < 0 || features[m.Entities[tile].Component] == nil) {
			tile = i
		}
	}
	for i := range m.Entities {
		e := &m.Entities[i]
		if i != tile && ids[i] != "" && e.Category == "" && slices.Contains(listed, e.Component) && len(rows) < mostListed {
			rows = append(rows, ids[i])
		}
	}
	var b strings.Builder
	b.WriteString("type: vertical-stack\ncards:\n")
	if tile >= 0 {
		writeTile(&b, m.Entities[tile].Component, ids[tile])
	}
	if len(rows) > 0 {
		b.WriteString("  - type: entities\n    entities:\n")
		for _, id := range rows {
			fmt.Fprintf(&b, "      - %s\n", id)
		}
	}
	return b.String()
}

func writeTile(b *strings.Builder, component, id string) {
	fmt.Fprintf(b, "  - type: tile\n    entity: %s\n", id)
	more := features[component]
	if len(more) == 0 && component != "vacuum" {
		return
	}
	b.WriteString("    features:\n")
	for _, f := range more {
		fmt.Fprintf(b, "      - type: %s\n", f)
	}
	if component == "vacuum" {
		b.WriteString("      - type: vacuum-commands\n        commands: [start_pause, stop, locate, return_home]\n")
	}
}

// tv are the entities that a media player is made of.
type tv struct{ power, volume, mute, source, app, url, pause string }

// television finds them: by what the properties and actions behind them are called.
func television(m *entity.Model, ids map[int]string) (t tv) {
	for i := range m.Entities {
		e := &m.Entities[i]
		if ids[i] == "" || len(e.Binds) != 1 {
			continue
		}
		switch what := e.Component + " " + behind(m, &e.Binds[0]); what {
		case "switch television/on":
			t.power = ids[i]
		case "number speaker/volume":
			t.volume = ids[i]
		case "switch speaker/mute":
			t.mute = ids[i]
		case "select television/input-control":
			t.source = ids[i]
		case "select app-launcher/app":
			t.app = ids[i]
		case "text play-control/play-url":
			t.url = ids[i]
		case "button remote-control/play-pause":
			t.pause = ids[i]
		}
	}
	return t
}

// behind is the key of what a bind reads, writes or runs.
func behind(m *entity.Model, b *entity.Bind) string {
	switch {
	case len(b.Actions) == 1:
		return string(m.Spec.Actions[b.Actions[0]].Key)
	case len(b.Props) == 1:
		return string(m.Spec.Props[b.Props[0]].Key)
	}
	return ""
}

func (t *tv) complete() bool {
	return t.power != "" && t.volume != "" && t.mute != "" && t.source != "" && t.app != ""
}

// player is one media player of the parts of a TV, as docker/home-assistant/tv.yaml
// explains it.
func (t *tv) player(name string) string {
	own, _ := objectPart(name)
	text := strings.NewReplacer(
		"OWN", own, "NAME", strconv.Quote(name), "LOUDNESS", strconv.Quote(name+" loudness"), "SHOWING", strconv.Quote(name+" showing"),
		"POWER", t.power, "VOLUME", t.volume, "MUTE", t.mute, "SOURCE", t.source, "APP", t.app,
	).Replace(playerText)
	if t.pause != "" {
		text += "      media_play_pause: {action: button.press, target: {entity_id: " + t.pause + "}}\n"
	}
	if t.url != "" {
		text += "      play_media:\n        action: text.set_value\n        target: {entity_id: " + t.url + "}\n        data: {value: \"{{ media_content_id }}\"}\n"
	}
	return text
}

const playerText = `# Then a card: {type: media-control, entity: media_player.OWN}
template:
  - sensor: # a player counts from 0 to 1, a TV to whatever it likes
      - unique_id: OWN_loudness
        name: LOUDNESS
        state: "{{ states('VOLUME') | float(0) / (state_attr('VOLUME', 'max') or 100) }}"
  - select: # inputs and apps in one list
      - unique_id: OWN_showing
        name: SHOWING
        state: "{{ states('APP') }}"
        options: "{{ (state_attr('SOURCE', 'options') or []) + (state_attr('APP', 'options') or []) }}"
        select_option:
          action: select.select_option
          target:
            entity_id: "{{ 'SOURCE' if option in (state_attr('SOURCE', 'options') or []) else 'APP' }}"
          data: {option: "{{ option }}"}
media_player:
  - platform: universal
    unique_id: OWN_player
    name: NAME
    device_class: tv
    state_template: "{{ 'on' if is_state('POWER', 'on') else 'off' }}"
    attributes:
      volume_level: sensor.OWN_loudness
      is_volume_muted: MUTE
      source: select.OWN_showing
      source_list: select.OWN_showing|options
    commands:
      turn_on: {action: switch.turn_on, target: {entity_id: POWER}}
      turn_off: {action: switch.turn_off, target: {entity_id: POWER}}
      volume_set:
        action: number.set_value
        target: {entity_id: VOLUME}
        data: {value: "{{ (volume_level * (state_attr('VOLUME', 'max') or 100)) | round }}"}
      volume_mute:
        action: "switch.turn_{{ 'on' if is_volume_muted else 'off' }}"
        target: {entity_id: MUTE}
      select_source:
        action: select.select_option
        target: {entity_id: select.OWN_showing}
        data: {option: "{{ source }}"}
`
