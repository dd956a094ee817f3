package profile

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// everyProfile calls each for every model that ships.
func everyProfile(t *testing.T, each func(t *testing.T, p *Profile)) {
	t.Helper()
	set := shipped(t)
	for _, m := range set.Models() {
		model := strings.ReplaceAll(m, "*", "x1")
		t.Run(model, func(t *testing.T) { each(t, set.Match(model)) })
	}
}

func all(p *Profile) []int {
	out := make([]int, len(p.spec.Props))
	for i := range out {
		out[i] = i
	}
	return out
}

func TestEveryReadableValueIsAskedForOnce(t *testing.T) {
	everyProfile(t, func(t *testing.T, p *Profile) {
		asked := map[int]int{}
		for _, r := range p.Reads(all(p)) {
			if !json.Valid(r.Params()) {
				t.Errorf("%s has params %s", r.Method, r.Params())
			}
			for _, part := range p.Split(r, 1) {
				for _, i := range part.Props {
					asked[i]++
				}
			}
		}
		for i := range p.spec.Props {
			want := 0
			if p.spec.Props[i].Access&mi.Read != 0 {
				want = 1
			}
			if asked[i] != want {
				t.Errorf("%s is asked for %d times, want %d", p.spec.Props[i].Key, asked[i], want)
			}
		}
	})
}

func TestEveryWritableValueCanBeWritten(t *testing.T) {
	everyProfile(t, func(t *testing.T, p *Profile) {
		for i := range p.spec.Props {
			prop := &p.spec.Props[i]
			if prop.Access&mi.Write == 0 {
				continue
			}
			for _, v := range samples(prop) {
				calls, err := p.Write(mi.Change{Prop: i, Value: v})
				if err != nil || len(calls) != 1 || !json.Valid(calls[0].Params) {
					t.Errorf("%s = %s makes %v, %v", prop.Key, v, calls, err)
				}
			}
		}
	})
}

// samples are values that a property must take.
func samples(p *mi.Property) (out []mi.Value) {
	for _, c := range p.List {
		out = append(out, c.Value)
	}
	switch {
	case out != nil:
	case p.Range != nil:
		out = []mi.Value{coerce(mi.Float(p.Range.Min), p.Format), coerce(mi.Float(p.Range.Max), p.Format)}
	case p.Format == mi.FormatBool:
		out = []mi.Value{mi.Bool(true), mi.Bool(false)}
	default:
		out = []mi.Value{mi.Text("16")}
	}
	return out
}

func TestWhatIsWrittenReadsBackTheSame(t *testing.T) {
	everyProfile(t, func(t *testing.T, p *Profile) {
		for i := range p.spec.Props {
			prop, b := &p.spec.Props[i], &p.props[i]
			if prop.Access != mi.Read|mi.Write|mi.Notify || b.set.Cases != nil || b.steps.Threshold != nil {
				continue
			}
			for _, v := range samples(prop) {
				wire, err := b.steps.encode(v)
				if err != nil {
					t.Errorf("%s = %s: %v", prop.Key, v, err)
					continue
				}
				raw, _ := marshal(wire)
				if got := b.steps.decode(raw); got != v {
					t.Errorf("%s = %s is written as %s and reads as %s", prop.Key, v, raw, got)
				}
			}
		}
	})
}

func TestEveryActionCanBeCalled(t *testing.T) {
	recipe := mi.Text(strings.Repeat("00", 114))
	everyProfile(t, func(t *testing.T, p *Profile) {
		for i := range p.spec.Actions {
			a := &p.spec.Actions[i]
			var args []mi.Value
			for _, in := range a.In {
				if p.props[in].steps.codec != nil && p.props[in].steps.Codec == "cooker-recipe" {
					args = append(args, recipe)
					continue
				}
				args = append(args, samples(&p.spec.Props[in])[0])
			}
			if p.actions[i].codec != nil {
				args[0] = mi.Text(strings.Repeat("00", multiBytes))
			}
			calls, err := p.Call(i, args)
			if err != nil || len(calls) == 0 || !json.Valid(calls[len(calls)-1].Params) {
				t.Errorf("%s with %v makes %v, %v", a.Key, args, calls, err)
			}
		}
	})
}

// A device may answer anything at all.
func TestNoAnswerBreaksAProfile(t *testing.T) {
	answers := []string{``, `null`, `0`, `"ok"`, `[]`, `[null]`, `{}`, `[{}]`, `[[]]`, `[1,2,3]`, `{"a":`, `[{"state":{}}]`, `["a:b",":",1]`, `[1e400]`}
	everyProfile(t, func(t *testing.T, p *Profile) {
		for _, r := range p.Reads(all(p)) {
			for _, a := range answers {
				if _, err := p.Parse(r, json.RawMessage(a), nil); err == nil && a == `{"a":` {
					t.Errorf("%s takes %s", r.Method, a)
				}
			}
		}
	})
}
