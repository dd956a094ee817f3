package device

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestCoerce(t *testing.T) {
	for _, tc := range []struct {
		name     string
		format   mi.Format
		in, want mi.Value
	}{
		{"on as text", mi.FormatBool, mi.Text("on"), mi.Bool(true)},
		{"zero as switch", mi.FormatBool, mi.Int(0), mi.Bool(false)},
		{"nonsense as switch", mi.FormatBool, mi.Text("maybe"), mi.Value{}},
		{"whole number with a point", mi.FormatInt, mi.Float(23), mi.Int(23)},
		{"whole number as text", mi.FormatInt, mi.Text("23.0"), mi.Int(23)},
		{"number out of every range", mi.FormatInt, mi.Int(255000), mi.Int(255000)},
		{"empty text as number", mi.FormatInt, mi.Text(""), mi.Value{}},
		{"integer as float", mi.FormatFloat, mi.Int(4), mi.Float(4)},
		{"number as text", mi.FormatText, mi.Int(4), mi.Text("4")},
		{"unknown", mi.FormatInt, mi.Value{}, mi.Value{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := coerce(&mi.Property{Format: tc.format}, tc.in); got != tc.want {
				t.Errorf("coerce(%v) = %v, want %v", tc.in, got, tc.want)
			}
		})
	}
}
