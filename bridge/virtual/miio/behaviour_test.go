package miio

import (
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestEveryFactFitsItsSpec(t *testing.T) {
	for _, m := range catalogue() {
		if m.oldOnly() {
			continue
		}
		spec, err := loadSpec(m.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.values {
			p := spec.props[f.key]
			if p == nil {
				t.Errorf("%s: there is no property %s", m.name, f.key)
				continue
			}
			if got, ok := p.accept(f.value); !ok || got != f.value {
				t.Errorf("%s %s: %v (%d) does not fit %s %v %v", m.name, f.key, f.value, f.value.Kind(), p.Format, p.Range, p.List)
			}
		}
		for key := range m.act {
			if spec.actions[key] == nil {
				t.Errorf("%s: there is no action %s", m.name, key)
			}
		}
		for key := range spec.actions {
			if m.act[key] == nil {
				t.Errorf("%s: nothing answers action %s", m.name, key)
			}
		}
	}
}

func TestLabelsAreOfTwoLanguages(t *testing.T) {
	chinese := 0
	for _, m := range catalogue() {
		if strings.IndexFunc(m.label, func(r rune) bool { return r > 0x4e00 }) >= 0 {
			chinese++
		}
	}
	if chinese < 5 || chinese > len(catalogue())-5 {
		t.Errorf("%d of %d labels are Chinese", chinese, len(catalogue()))
	}
}

func TestNumberIsRoundedToTheStep(t *testing.T) {
	for _, tc := range []struct {
		format string
		limits []float64
		in     float64
		want   mi.Value
	}{
		{"float", []float64{0, 100, 0.1}, 21.449, mi.Float(21.4)},
		{"float", []float64{0, 1000, 1}, 61.6, mi.Float(62)},
		{"float", []float64{0, 65535, 0.01}, 12.345678, mi.Float(12.35)},
		{"uint8", []float64{0, 100, 1}, 140, mi.Int(100)},
		{"int8", []float64{-30, 100, 1}, -40.2, mi.Int(-30)},
	} {
		p := prop{Format: tc.format, Range: tc.limits}
		if got := p.number(tc.in); got != tc.want {
			t.Errorf("%s %v: %v becomes %v, want %v", tc.format, tc.limits, tc.in, got, tc.want)
		}
	}
}
