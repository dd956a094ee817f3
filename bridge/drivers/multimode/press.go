package multimode

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// press joins a place with the events that happen there.
type press struct {
	place  place
	events map[int64]int // number → event; nil when every message is the event any
	any    int
	args   []int // properties whose values the event carries, from the same message
}

// pressWords are the ways to press a button, in the order of their numbers.
func pressWords() []string {
	return []string{"single", "double", "triple", "quadruple", "quintuple", "hold", "release", "shake", "many"}
}

// eventName is how MIoT calls a way to press.
func eventName(word string) string {
	switch word {
	case "single":
		return "click"
	case "double":
		return "double-click"
	case "hold":
		return "long-press"
	case "release":
		return "long-press-release"
	}
	return dashed(word)
}

// buttons are the names of buttons, in the order of their services.
func buttons() []string {
	all := []string{"button"}
	for i := 1; i <= 32; i++ {
		all = append(all, "button_"+strconv.Itoa(i))
	}
	return append(all, "button_left", "button_middle", "button_right", "button_up", "button_down",
		"button_both", "button_both_12", "button_both_13", "button_both_23")
}

// action adds the event of an attribute "action": words such as "button_1_hold",
// "double", or of another meaning.
func (b *builder) action(word string) int {
	button, how := "button", word
	if cut := strings.LastIndexByte(word, '_'); cut > 0 && slices.Contains(pressWords(), word[cut+1:]) {
		button, how = word[:cut], word[cut+1:]
	} else if slices.Contains(buttons(), word) {
		button, how = word, "single"
	}
	at, way := slices.Index(buttons(), button), slices.Index(pressWords(), how)
	if at < 0 || way < 0 {
		return b.event(siidPress+90, "report", "Report", dashed(word), 0)
	}
	return b.event(siidPress+at, "switch-sensor", label(button), eventName(how), way+1)
}

// pressed adds the events of a Zigbee button: numbers that say how it was pressed.
func (b *builder) pressed(t *trait) {
	p := press{place: t.place, events: map[int64]int{}}
	ways := map[int64]string{1: "single", 2: "double", 3: "triple", 4: "quadruple", 5: "quintuple", 16: "hold", 17: "release", 18: "shake", 128: "many"}
	if strings.HasPrefix(t.attr, "button_both") {
		ways = map[int64]string{4: "single", 5: "double", 6: "triple", 16: "hold", 17: "release"}
	}
	for _, n := range []int64{1, 2, 3, 4, 5, 6, 16, 17, 18, 128} {
		if how := ways[n]; how != "" {
			p.events[n] = b.action(t.attr + "_" + how)
		}
	}
	b.kind.presses = append(b.kind.presses, p)
}

// acted adds the events of an attribute "action".
func (b *builder) acted(t *trait) {
	name, setting := t.setting()
	switch name {
	case "const":
		b.kind.presses = append(b.kind.presses, press{place: t.place, any: b.action(setting)})
	case "map":
		p := press{place: t.place, events: map[int64]int{}}
		for _, w := range words(setting) {
			n, _ := w.Value.Int()
			p.events[n] = b.action(w.Label)
		}
		b.kind.presses = append(b.kind.presses, p)
	}
}

// vibrated adds the events of a vibration sensor.
func (b *builder) vibrated(t *trait) {
	p := press{place: t.place, events: map[int64]int{}}
	p.events[1] = b.event(siidPress+91, "vibration-sensor", "Vibration", "vibration", 1)
	p.events[3] = b.event(siidPress+91, "vibration-sensor", "Vibration", "drop", 2)
	b.kind.presses = append(b.kind.presses, p)
}

// tilted adds the angle of a vibration sensor, whose change is an event, too.
func (b *builder) tilted(t *trait) {
	at := b.property(t)
	e := b.event(siidPress+91, "vibration-sensor", "Vibration", "tilt", 3, at)
	b.kind.presses = append(b.kind.presses, press{place: t.place, any: e, args: []int{at}})
}

// locked adds what a lock tells of an attribute, as a property and as an event.
func (b *builder) locked(t *trait) {
	at := b.property(t)
	const service, text = "lock", "Lock"
	switch {
	case t.attr == "error" || strings.HasSuffix(t.attr, "_wrong"):
		e := b.event(siidPress+92, service, text, "verification-failed", 2, at)
		b.kind.presses = append(b.kind.presses, press{place: t.place, any: e, args: []int{at}})
	case t.attr == "alarm":
		p := press{place: t.place, events: map[int64]int{}}
		_, setting := t.setting()
		for _, w := range words(setting) {
			n, _ := w.Value.Int()
			switch w.Label {
			case "off":
			case "doorbell":
				p.events[n] = b.event(siidPress+93, "doorbell", "Doorbell", "doorbell-ring", 1)
			default:
				p.events[n] = b.event(siidPress+92, service, text, "alarm", 3, at)
				p.args = []int{at}
			}
		}
		b.kind.presses = append(b.kind.presses, p)
	case t.attr == "key_id":
		e := b.event(siidPress+92, service, text, "opened", 1, at)
		b.kind.presses = append(b.kind.presses, press{place: t.place, any: e, args: []int{at}})
	}
}

// happens appends the events of a message.
func (k *kind) happens(items []item, changes []mi.Change, into []mi.Happening) []mi.Happening {
	for _, p := range k.presses {
		v, ok := find(items, p.place)
		if !ok {
			continue
		}
		e := p.any
		if p.events != nil {
			n, _ := v.Int()
			if e, ok = p.events[n]; !ok {
				continue
			}
		}
		h := mi.Happening{Event: e}
		for _, at := range k.spec.Events[e].Args {
			h.Args = append(h.Args, newest(changes, at))
		}
		into = append(into, h)
	}
	return into
}

// find returns what a message says of a place.
func find(items []item, p place) (mi.Value, bool) {
	for i := range items {
		if items[i].place == p {
			return items[i].value, true
		}
		for _, a := range items[i].args {
			if a.place == p {
				return a.value, true
			}
		}
	}
	return mi.Value{}, false
}

func newest(changes []mi.Change, prop int) (v mi.Value) {
	for _, c := range changes {
		if c.Prop == prop {
			v = c.Value
		}
	}
	return v
}
