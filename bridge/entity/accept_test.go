package entity

import (
	"errors"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestAcceptTakesWordsNumbersAndLimits(t *testing.T) {
	mode := &mi.Property{Key: "fan/mode", Format: mi.FormatInt, List: []mi.Choice{{Value: mi.Int(0), Label: "Auto"}, {Value: mi.Int(1), Label: "Sleep"}}}
	level := &mi.Property{Key: "fan/level", Format: mi.FormatInt, Range: &mi.Range{Min: 1, Max: 4, Step: 1}}
	on := &mi.Property{Key: "fan/on", Format: mi.FormatBool}
	for _, tc := range []struct {
		p    *mi.Property
		in   mi.Value
		want mi.Value
		says string // instead of a value
	}{
		{mode, mi.Text("sleep"), mi.Int(1), ""},
		{mode, mi.Text("1"), mi.Int(1), ""},
		{mode, mi.Float(0), mi.Int(0), ""},
		{mode, mi.Text("Turbo"), mi.Value{}, `fan/mode cannot be "Turbo"; it can be: Auto, Sleep`},
		{level, mi.Text("3"), mi.Int(3), ""},
		{level, mi.Int(5), mi.Value{}, "fan/level takes 1 to 4, not 5"},
		{level, mi.Text("much"), mi.Value{}, `fan/level does not take "much"`},
		{on, mi.Text("true"), mi.Bool(true), ""},
		{on, mi.Value{}, mi.Value{}, "fan/on does not take"},
	} {
		got, err := Accept(tc.p, tc.in)
		switch {
		case tc.says == "" && (err != nil || got != tc.want):
			t.Errorf("%s = %s: %v, %v, want %v", tc.p.Key, tc.in, got, err, tc.want)
		case tc.says != "" && (!errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%s = %s: %v, want %q", tc.p.Key, tc.in, err, tc.says)
		}
	}
}
