package yeelight

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// shown lists what people see of a lamp, with the roles of each entity.
func shown(t *testing.T, s *mi.Spec) (out []string) {
	t.Helper()
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range rules.Build(s, entity.Options{}).Entities {
		var roles []string
		for _, b := range e.Binds {
			roles = append(roles, string(b.Role))
		}
		out = append(out, e.Component+" "+e.ID+" "+strings.Join(roles, " "))
	}
	return out
}

func TestLampsBecomeLights(t *testing.T) {
	for _, tc := range []struct {
		name   string
		traits traits
		want   []string
	}{
		{"light string", traits{White: true, Color: true, Low: 1700, High: 6500}, []string{
			"light light_2 json state brightness color_temp rgb hs effect", "number p2_7 state", "text p2_8 state", "button a2_1 press", "button a2_2 press",
		}},
		{"ceiling lamp", traits{White: true, Night: true, Ground: true, Low: 2700, High: 6500}, []string{
			"light light_2 json state brightness color_temp effect", "light light_3 json state brightness color_temp rgb hs effect",
			"switch p2_6 state", "number p2_7 state", "text p2_8 state", "text p3_8 state",
			"button a2_1 press", "button a2_2 press", "button a3_1 press", "button a3_2 press",
		}},
		{"white bulb", traits{}, []string{
			"light light_2 json state brightness effect", "number p2_7 state", "text p2_8 state", "button a2_1 press", "button a2_2 press",
		}},
		{"plug", traits{Plug: true}, []string{"switch switch_2 state"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := shown(t, newMeaning(meaningKey{traits: tc.traits}).spec); !slices.Equal(got, tc.want) {
				t.Errorf("entities\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

func TestTraitsOfLampsThatNoTableNames(t *testing.T) {
	full := "get_prop set_power set_bright set_ct_abx set_rgb"
	for _, tc := range []struct {
		name, support string
		now           state
		want          traits
	}{
		{"colour by methods", full, state{}, traits{White: true, Color: true, Low: 1700, High: 6500}},
		{"background by methods", "set_bright set_ct_abx bg_set_power", state{"nl_br": "0"}, traits{White: true, Night: true, Ground: true, Low: 2700, High: 6500}},
		{"plug by methods", "get_prop set_power toggle", state{}, traits{Plug: true}},
		{"white by values", "", state{"power": "on", "bright": "5"}, traits{}},
		{"warm white by values", "", state{"bright": "5", "ct": "3000"}, traits{White: true, Low: 2700, High: 6500}},
		{"colour by values", "", state{"bright": "5", "ct": "3000", "rgb": "1"}, traits{White: true, Color: true, Low: 1700, High: 6500}},
		{"plug by values", "", state{"power": "on"}, traits{Plug: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := traitsOf("new1", tc.support, tc.now); got != tc.want {
				t.Errorf("traitsOf = %+v, want %+v", got, tc.want)
			}
		})
	}
}

// TestIdsAreThoseOfMiIO checks that both routes to a lamp mean the same by an id.
func TestIdsAreThoseOfMiIO(t *testing.T) {
	set, err := profile.Load(os.DirFS("../../../mappings/profiles"))
	if err != nil {
		t.Fatal(err)
	}
	for _, short := range []string{"strip1", "strip2", "color1", "bslamp1", "mono1", "ct2", "ceiling1", "ceiling4", "ceiling10"} {
		old := set.Match("yeelink.light." + short).Spec()
		can, _ := known(short)
		alone := newMeaning(meaningKey{traits: can}).spec
		both := newMeaning(meaningKey{base: old, traits: can}).spec
		for _, p := range old.Props {
			i := both.Prop(p.SIID, p.PIID)
			if i < 0 || both.Props[i].Name != p.Name {
				t.Errorf("%s: %s is not where it was", short, p.Key)
			}
			if got := both.Props[both.Prop(p.SIID, p.PIID)].Access; p.Name == "mode" && got&mi.Write == 0 {
				t.Errorf("%s: effects cannot be chosen", short)
			}
			if i = alone.Prop(p.SIID, p.PIID); i >= 0 && alone.Props[i].Key != p.Key && p.Name != "delay-off" {
				t.Errorf("%s: %s is %s", short, p.Key, alone.Props[i].Key)
			}
		}
	}
}

// TestPublishedSpecGetsTheEffects takes what Xiaomi publishes of a bulb.
func TestPublishedSpecGetsTheEffects(t *testing.T) {
	raw, err := fs.ReadFile(miio.Specs(), "yeelink.light.color5.json")
	if err != nil {
		t.Fatal(err)
	}
	base, err := spec.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	can, _ := known("color5")
	m := newMeaning(meaningKey{base: base, traits: can})
	at := m.spec.Prop(2, 5)
	if n := len(m.spec.Props[at].List); m.spec.Props[at].Key != "light/mode" || n != 2+1+27 || len(base.Props[at].List) != 2 {
		t.Errorf("%s has %d choices, the published one %d", m.spec.Props[at].Key, n, len(base.Props[at].List))
	}
	got, err := m.plan(m.order(t, "light/on=true light/mode=1"), mi.Manner{}, state{"power": "off"}, nil)
	if want := []string{`{"id":0,"method":"set_power","params":["on","smooth",300,2]}`}; err != nil || !slices.Equal(wires(got), want) {
		t.Errorf("plan = %v, %v, want %v", wires(got), err, want)
	}
}

// TestOtherIdsMeanTheSame takes a lamp whose published ids differ from the usual.
func TestOtherIdsMeanTheSame(t *testing.T) {
	base := &mi.Spec{
		Services: []mi.Service{{IID: 2, Name: "light", Key: "light"}, {IID: 3, Name: "light-extension", Key: "light-extension", Vendor: true}},
		Actions:  []mi.Action{{SIID: 2, AIID: 1, Key: "light/brightness-up", Name: "brightness-up"}},
		Props: []mi.Property{
			{SIID: 2, PIID: 1, Key: "light/on", Name: "on", Format: mi.FormatBool, Access: mi.Read | mi.Write},
			{SIID: 2, PIID: 2, Key: "light/mode", Name: "mode", Format: mi.FormatInt, Access: mi.Read | mi.Write,
				List: []mi.Choice{{Value: mi.Int(0), Label: "Day"}, {Value: mi.Int(1), Label: "Night"}}},
			{SIID: 2, PIID: 3, Key: "light/brightness", Name: "brightness", Format: mi.FormatInt, Access: mi.Read | mi.Write, Range: &mi.Range{Min: 1, Max: 100}},
			{Service: 1, SIID: 3, PIID: 1, Key: "light-extension/brightness-delta", Name: "brightness-delta", Format: mi.FormatInt, Access: mi.Write},
		},
	}
	can, _ := known("ceilc")
	m := newMeaning(meaningKey{base: base, traits: can})
	now := state{"power": "on", "bright": "20", "active_mode": "1", "nl_br": "7", "color_mode": "2"}
	for i, want := range []mi.Value{mi.Bool(true), mi.Int(1), mi.Int(7), {}} {
		if got := m.value(i, now, nil); got != want {
			t.Errorf("%s = %v, want %v", m.spec.Props[i].Key, got, want)
		}
	}
	if m.slots[3].role != noRole || m.spec.Props[3].Access != 0 || base.Props[3].Access == 0 || len(m.spec.Actions) != 4 {
		t.Errorf("what this protocol does not have is shown: %+v, %+v", m.spec.Props[3], m.spec.Actions)
	}
	if s := m.spec.Props[m.index(t, "ambient-light/on")].SIID; s == 2 || s == 3 {
		t.Errorf("the background got the id %d, which is taken", s)
	}
	seen := map[string]bool{}
	for i := range m.spec.Props {
		if id := m.spec.Props[i].ID(); seen[id] {
			t.Errorf("%s occurs twice", id)
		} else {
			seen[id] = true
		}
	}
}
