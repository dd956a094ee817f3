package entity_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// draw makes a random value that a device could say.
func draw(rnd *rand.Rand, p *mi.Property) mi.Value {
	switch {
	case rnd.IntN(10) == 0:
		return mi.Value{}
	case len(p.List) > 0:
		return p.List[rnd.IntN(len(p.List))].Value
	case p.Format == mi.FormatBool:
		return mi.Bool(rnd.IntN(2) == 0)
	case p.Format == mi.FormatText:
		return mi.Text([]string{"", "on", "off", "12", "Küche", "[1,2]"}[rnd.IntN(6)])
	}
	f := rnd.Float64() * 100
	if p.Range != nil {
		f = p.Range.Min + rnd.Float64()*(p.Range.Max-p.Range.Min)
	}
	if p.Format == mi.FormatInt {
		return mi.Int(int64(f))
	}
	return mi.Float(f)
}

// What a device can say is rendered, inside the words and limits announced.
func TestEveryRoleRendersWhatDevicesSay(t *testing.T) {
	rules := shipped(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	corpus(t, func(s *mi.Spec) {
		m := rules.Build(s, entity.Options{Mired: true})
		for round := range 3 {
			values := m.Sample()
			if round > 0 {
				for i := range values {
					values[i] = draw(rnd, &s.Props[i])
				}
			}
			for i := range m.Entities {
				checkRendered(t, m, i, m.Render(i, values, nil), round == 0)
			}
		}
		for e := range s.Events {
			for _, p := range m.RenderEvent(mi.Happening{Event: e}, nil) {
				b := bindOf(m, p.Entity, p.Role)
				if b == nil || p.Text == "" {
					t.Fatalf("%s: event %s gives %+v", s.Model, s.Events[e].Key, p)
				}
				if p.Role == "trigger" && !slices.Contains(b.Options, p.Text) {
					t.Errorf("%s: event type %q is not announced", s.Model, p.Text)
				}
			}
		}
	})
}

func bindOf(m *entity.Model, i int, role entity.Role) *entity.Bind {
	for k := range m.Entities[i].Binds {
		if b := &m.Entities[i].Binds[k]; b.Role == role {
			return b
		}
	}
	return nil
}

func checkRendered(t *testing.T, m *entity.Model, i int, out []entity.Payload, sample bool) {
	t.Helper()
	e := &m.Entities[i]
	states := 0
	for k := range e.Binds {
		if e.Binds[k].State && len(e.Binds[k].Events) == 0 {
			states++
		}
	}
	if len(e.Binds) > 0 && len(e.Binds[0].Events) == 0 && len(out) < states-1 {
		t.Errorf("%s %s: %d of %d state roles rendered: %+v", m.Spec.Model, e.ID, len(out), states, out)
	}
	for _, p := range out {
		b := bindOf(m, i, p.Role)
		switch {
		case p.Text == "" || len(p.Text) > 4096:
			t.Errorf("%s %s/%s: text %q", m.Spec.Model, e.ID, p.Role, p.Text)
		case strings.HasPrefix(p.Text, "{"):
			if !json.Valid([]byte(p.Text)) {
				t.Errorf("%s %s/%s: no JSON: %s", m.Spec.Model, e.ID, p.Role, p.Text)
			}
		case p.Text == "None":
			if sample && p.OutOfList {
				t.Errorf("%s %s/%s: a plausible value has no word", m.Spec.Model, e.ID, p.Role)
			}
		case e.Component == "select" || e.DeviceClass == "enum" || strings.HasSuffix(string(p.Role), "_mode") || e.Component == "climate" && p.Role == "mode":
			if !slices.Contains(b.Options, p.Text) {
				t.Errorf("%s %s/%s: %q is not one of %q", m.Spec.Model, e.ID, p.Role, p.Text, b.Options)
			}
		case b.Min < b.Max && p.Role != "percentage":
			f, err := strconv.ParseFloat(p.Text, 64)
			if err != nil || f < b.Min-1e-6 || f > b.Max+1e-6 {
				t.Errorf("%s %s/%s: %q is not within %v…%v", m.Spec.Model, e.ID, p.Role, p.Text, b.Min, b.Max)
			}
		}
	}
}

// words are the payloads that a role must take.
func words(e *entity.Entity, b *entity.Bind) []string {
	switch {
	case len(b.Options) > 0:
		return b.Options
	case b.Min < b.Max:
		mid := b.Min + (b.Max-b.Min)/2
		return []string{number(b.Min), number(b.Max), number(mid)}
	}
	switch b.Role {
	case "press":
		return []string{"PRESS", "press", "1"}
	case "json", "json_mired":
		return []string{`{"state":"ON"}`, `{"state":"OFF"}`, "ON"}
	case "rgb":
		return []string{"255,140,1"}
	case "hs":
		return []string{"33.0,100.0"}
	case "state", "power", "oscillation":
		switch e.Component {
		case "number", "text":
			return []string{"1"}
		}
		return []string{"ON", "off", "1"}
	}
	return nil
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// Every command role takes the words that are announced for it.
func TestEveryRoleTakesItsOwnWords(t *testing.T) {
	rules := shipped(t)
	corpus(t, func(s *mi.Spec) {
		m := rules.Build(s, entity.Options{})
		values := m.Sample()
		for i := range m.Entities {
			e := &m.Entities[i]
			for k := range e.Binds {
				b := &e.Binds[k]
				if !b.Command {
					continue
				}
				for _, word := range words(e, b) {
					o, err := m.Order(i, b.Role, word, values)
					if err != nil {
						t.Errorf("%s %s/%s: %q: %v", s.Model, e.ID, b.Role, word, err)
						continue
					}
					if len(o.Set)+len(o.Calls) == 0 {
						t.Errorf("%s %s/%s: %q does nothing", s.Model, e.ID, b.Role, word)
					}
					checkOrder(t, s, e, b, word, o)
				}
				if _, err := m.Order(i, b.Role, "no such word", values); err != nil && !errors.Is(err, mi.ErrInvalid) {
					t.Errorf("%s %s/%s: error of the wrong kind: %v", s.Model, e.ID, b.Role, err)
				}
			}
		}
	})
}

// checkOrder wants writes of writable properties only, within their ranges, and
// of properties and actions that the role says it uses.
func checkOrder(t *testing.T, s *mi.Spec, e *entity.Entity, b *entity.Bind, word string, o mi.Order) {
	t.Helper()
	for _, c := range o.Set {
		p := &s.Props[c.Prop]
		if p.Access&mi.Write == 0 {
			t.Errorf("%s %s/%s %q: writes %s, which cannot be written", s.Model, e.ID, b.Role, word, p.Key)
		}
		if f, ok := c.Value.Float(); p.Range != nil && p.Format != mi.FormatText && p.Range.Min < p.Range.Max && (!ok || f < p.Range.Min || f > p.Range.Max) {
			t.Errorf("%s %s/%s %q: writes %s = %v", s.Model, e.ID, b.Role, word, p.Key, c.Value)
		}
		if len(p.List) > 0 && !slices.ContainsFunc(p.List, func(l mi.Choice) bool { return l.Value == c.Value || l.Value.String() == c.Value.String() }) {
			t.Errorf("%s %s/%s %q: writes %s = %v, not in its list", s.Model, e.ID, b.Role, word, p.Key, c.Value)
		}
	}
	for _, c := range o.Calls {
		if want := len(s.Actions[c.Action].In); len(c.Args) != want {
			t.Errorf("%s %s/%s %q: %d arguments, want %d", s.Model, e.ID, b.Role, word, len(c.Args), want)
		}
	}
}

// What is announced is what Home Assistant takes: classes with their units and
// state classes, limits in order, steps of at least a thousandth.
func TestHomeAssistantTakesWhatIsAnnounced(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/data/mqtt-schema.json")
	if err != nil {
		t.Skip("the tables of Home Assistant's platforms are not here")
	}
	var schema struct {
		Sensor struct {
			Classes map[string]struct {
				Units   []string `json:"units"`
				States  []string `json:"state_classes"`
				Numeric bool     `json:"numeric"`
			} `json:"device_classes"`
		} `json:"sensor"`
		Number struct {
			Classes map[string][]string `json:"device_classes"`
		} `json:"number"`
		Binary struct {
			Classes []string `json:"device_classes"`
		} `json:"binary_sensor"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	unit := func(units []string, u string) bool {
		return len(units) == 0 || slices.Contains(units, u) || u == "" && slices.Contains(units, "(none)") || slices.Contains(units, "any")
	}
	rules := shipped(t)
	corpus(t, func(s *mi.Spec) {
		m := rules.Build(s, entity.Options{})
		for i := range m.Entities {
			e := &m.Entities[i]
			fail := func(what string) {
				t.Errorf("%s %s (%s): %s: class %q unit %q state class %q", s.Model, e.ID, e.Name, what, e.DeviceClass, e.Unit, e.StateClass)
			}
			switch c := schema.Sensor.Classes[e.DeviceClass]; {
			case e.Component == "sensor" && e.DeviceClass != "" && !unit(c.Units, e.Unit):
				fail("unit does not suit the class")
			case e.Component == "sensor" && e.StateClass != "" && len(c.States) > 0 && !slices.Contains(c.States, e.StateClass):
				fail("state class does not suit the class")
			case e.Component == "number" && e.DeviceClass != "" && !unit(schema.Number.Classes[e.DeviceClass], e.Unit):
				fail("unit does not suit the class")
			case e.Component == "binary_sensor" && e.DeviceClass != "" && !slices.Contains(schema.Binary.Classes, e.DeviceClass):
				fail("no such class")
			case (e.Component == "sensor" || e.Component == "binary_sensor") && e.Category == "config":
				fail("category config")
			}
			for k := range e.Binds {
				b := &e.Binds[k]
				if b.Min > b.Max || b.Min < b.Max && b.Step < 0.001 || b.Max > 1<<31 {
					t.Errorf("%s %s/%s: limits %v…%v step %v", s.Model, e.ID, b.Role, b.Min, b.Max, b.Step)
				}
				if len(b.Options) > 0 && len(slices.Compact(slices.Sorted(slices.Values(b.Options)))) != len(b.Options) {
					t.Errorf("%s %s/%s: options repeat: %q", s.Model, e.ID, b.Role, b.Options)
				}
			}
		}
	})
}
