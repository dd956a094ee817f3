package entity_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sketch makes a spec from lines such as
//
//	light
//	  on bool rwn
//	  brightness int rwn percentage 1..100/1
//	  mode int rwn 0=Day 1=Night
//	  @toggle
//	  @play-text 1
//	  !click 2
//
// A service begins a line; "vendor:" before a name makes it a maker's own; a
// number after an action or event is the piid of an argument.
func sketch(t testing.TB, model, kind, lines string) *mi.Spec {
	t.Helper()
	s := &mi.Spec{Model: model, Type: kind}
	piid, aiid, eiid := 0, 0, 0
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		name, vendor := strings.CutPrefix(words[0], "vendor:")
		service := len(s.Services) - 1
		switch {
		case !strings.HasPrefix(strings.TrimLeft(line, "\t"), "  "):
			s.Services = append(s.Services, mi.Service{IID: len(s.Services) + 2, Name: name, Key: name, Vendor: vendor, Text: strings.Join(words[1:], " ")})
			piid, aiid, eiid = 0, 0, 0
		case name[0] == '@':
			aiid++
			s.Actions = append(s.Actions, mi.Action{Service: service, SIID: service + 2, AIID: aiid, Name: name[1:], Vendor: vendor,
				Key: mi.Key(s.Services[service].Key + "/" + name[1:]), In: arguments(t, s, service, words[1:])})
		case name[0] == '!':
			eiid++
			s.Events = append(s.Events, mi.Event{Service: service, SIID: service + 2, EIID: eiid, Name: name[1:], Vendor: vendor,
				Key: mi.Key(s.Services[service].Key + "/" + name[1:]), Args: arguments(t, s, service, words[1:])})
		default:
			piid++
			p := mi.Property{Service: service, SIID: service + 2, PIID: piid, Name: name, Vendor: vendor, Key: mi.Key(s.Services[service].Key + "/" + name)}
			describe(&p, words[1:])
			s.Props = append(s.Props, p)
		}
	}
	return s
}

func arguments(t testing.TB, s *mi.Spec, service int, words []string) (out []int) {
	t.Helper()
	for _, w := range words {
		piid, err := strconv.Atoi(w)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s.Prop(service+2, piid))
	}
	return out
}

func describe(p *mi.Property, words []string) {
	for _, w := range words {
		low, high, ranged := strings.Cut(w, "..")
		value, label, listed := strings.Cut(w, "=")
		switch {
		case w == "bool":
			p.Format = mi.FormatBool
		case w == "int":
			p.Format = mi.FormatInt
		case w == "float":
			p.Format = mi.FormatFloat
		case w == "string", w == "-":
		case strings.Trim(w, "rwn") == "":
			for letter, bit := range map[string]mi.Access{"r": mi.Read, "w": mi.Write, "n": mi.Notify} {
				if strings.Contains(w, letter) {
					p.Access |= bit
				}
			}
		case ranged:
			high, step, _ := strings.Cut(high, "/")
			p.Range = &mi.Range{Min: float(low), Max: float(high), Step: float(step)}
		case listed:
			p.List = append(p.List, mi.Choice{Value: mi.Int(int64(float(value))), Label: strings.ReplaceAll(label, "_", " ")})
		default:
			p.Unit = w
		}
	}
}

func float(s string) float64 {
	f, _ := mi.Text(s).Float()
	return f
}

// at finds an entity by id.
func at(t testing.TB, m *entity.Model, id string) int {
	t.Helper()
	for i := range m.Entities {
		if m.Entities[i].ID == id {
			return i
		}
	}
	t.Fatalf("no entity %s among %s", id, ids(m))
	return -1
}

func ids(m *entity.Model) string {
	var out []string
	for i := range m.Entities {
		out = append(out, m.Entities[i].Component+":"+m.Entities[i].ID)
	}
	return strings.Join(out, " ")
}

// told writes an order as "light/on=true light/brightness=50 light/toggle()".
func told(s *mi.Spec, o mi.Order) string {
	var out []string
	for _, c := range o.Set {
		out = append(out, string(s.Props[c.Prop].Key)+"="+c.Value.String())
	}
	for _, c := range o.Calls {
		var args []string
		for _, a := range c.Args {
			args = append(args, a.String())
		}
		out = append(out, string(s.Actions[c.Action].Key)+"("+strings.Join(args, ",")+")")
	}
	return strings.Join(out, " ")
}

// values sets properties by key: "light/on=true".
func values(t testing.TB, s *mi.Spec, facts string) []mi.Value {
	t.Helper()
	out := make([]mi.Value, len(s.Props))
	for fact := range strings.FieldsSeq(facts) {
		key, text, _ := strings.Cut(fact, "=")
		found := false
		for i := range s.Props {
			if string(s.Props[i].Key) != key {
				continue
			}
			found = true
			v, err := mi.ParseJSON([]byte(text))
			if err != nil {
				v = mi.Text(text)
			}
			out[i] = v
		}
		if !found {
			t.Fatalf("no property %s", key)
		}
	}
	return out
}

// shown writes what an entity's roles say as "state=ON brightness=128".
func shown(m *entity.Model, i int, v []mi.Value) string {
	var out []string
	for _, p := range m.Render(i, v, nil) {
		out = append(out, string(p.Role)+"="+p.Text)
	}
	return strings.Join(out, " ")
}
