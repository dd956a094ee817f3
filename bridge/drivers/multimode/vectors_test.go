package multimode

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// vector is one call that somebody else's converters answered.
type vector struct {
	ID     string                       `json:"id"`
	Format string                       `json:"format"`
	Model  any                          `json:"model"`
	Op     string                       `json:"op"`
	Input  json.RawMessage              `json:"input"`
	Prior  []map[string]json.RawMessage `json:"prior"`
	Output map[string]any               `json:"output"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("../../../../shared/vectors/gateway.json")
	if err != nil {
		t.Skip("the collected vectors are not here")
	}
	var all struct{ Multimode []vector }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all.Multimode
}

func TestVectorsOfZigbeeAndMesh(t *testing.T) {
	c := newCatalog()
	done := 0
	for _, v := range vectors(t) {
		model := fmt.Sprint(v.Model)
		k := c.find(model)
		if v.Format != "lumi/miot" || k == nil {
			continue
		}
		done++
		t.Run(v.ID+" "+model, func(t *testing.T) {
			raw := map[place]mi.Value{}
			for _, p := range v.Prior {
				if p["decode"] != nil {
					k.changes(itemsOf(t, p["decode"]), raw, nil)
				}
			}
			if v.Op == "encode" {
				checkEncode(t, c, k, model, &v, raw)
			} else {
				checkDecode(t, c, k, model, &v, raw)
			}
		})
	}
	t.Logf("%d vectors", done)
}

func itemsOf(t *testing.T, raw json.RawMessage) []item {
	t.Helper()
	all, err := entries(raw)
	if err != nil {
		t.Fatal(err)
	}
	return items(all)
}

// attrs names the properties of a kind as the vectors do.
func attrs(c *catalog, k *kind, model string) map[int]string {
	b := &builder{c: c, sheet: c.sheets[model], kind: &kind{spec: &mi.Spec{}, motion: -1, pack: map[int]byte{}}, props: map[string]int{}}
	for i := range b.sheet.traits {
		b.add(&b.sheet.traits[i])
	}
	out := map[int]string{}
	for attr, at := range b.props {
		out[at] = attr
	}
	return out
}

func checkDecode(t *testing.T, c *catalog, k *kind, model string, v *vector, raw map[place]mi.Value) {
	its := itemsOf(t, v.Input)
	changes := k.changes(its, raw, nil)
	names := attrs(c, k, model)
	got := map[string]any{}
	for _, ch := range changes {
		if name := names[ch.Prop]; name != "" {
			got[name] = plainly(c, k, name, &k.spec.Props[ch.Prop], ch.Value)
		}
	}
	for _, h := range k.happens(its, changes, nil) {
		got["action"] = string(k.spec.Events[h.Event].Key)
	}
	for name, want := range v.Output {
		switch {
		case skipped(name) || want == nil:
		case name == "error" && v.Output["action"] == "error":
		case name == "target_temp" && want == 0.0: // switched off
		case name == "action":
			if got["action"] == nil && want != "lock" {
				t.Errorf("no event, want %v", want)
			}
		case got[name] == nil:
			t.Errorf("%s is missing, want %v", name, want)
		case !same(got[name], want):
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
}

// skipped names what is not shown: the state of the radio, and what was not read.
func skipped(name string) bool {
	switch name {
	case "resets", "fw_ver", "hw_ver", "lqi", "nwk", "parent", "battery_voltage", "battery_original", "battery_voltage_raw",
		"send_all_cnt", "send_fail_cnt", "send_retry_cnt", "climate", "remove_did", "timestamp", "button_1", "button_2":
		return true
	}
	return strings.Count(name, ".") == 2
}

func plainly(c *catalog, k *kind, name string, p *mi.Property, v mi.Value) any {
	for _, one := range p.List {
		if one.Value == v {
			return one.Label
		}
	}
	if b, ok := v.Bool(); p.Format == mi.FormatBool && ok {
		return b != c.facets[name].inverse
	}
	if f, ok := v.Float(); ok && v.Kind() != mi.KindText {
		switch name {
		case "brightness":
			return math.Round(f / p.Range.Max * 255)
		case "rgb_color":
			i := int(f)
			return []any{float64(i >> 16), float64(i >> 8 & 255), float64(i & 255)}
		}
		return f
	}
	return v.String()
}

func same(got, want any) bool {
	if f, ok := want.(float64); ok {
		if g, ok := got.(float64); ok {
			return math.Abs(f-g) < 1e-6
		}
		return got == fmt.Sprint(want)
	}
	return reflect.DeepEqual(got, want)
}

func checkEncode(t *testing.T, c *catalog, k *kind, model string, v *vector, raw map[place]mi.Value) {
	var in map[string]any
	if err := json.Unmarshal(v.Input, &in); err != nil {
		t.Fatal(err)
	}
	names := attrs(c, k, model)
	want, _ := json.Marshal(v.Output)
	for attr, value := range in {
		if inner, ok := value.(map[string]any); ok { // an air conditioner's part
			state, _ := inner["climate"].(float64)
			raw[k.packed] = mi.Int(int64(state))
			delete(inner, "climate")
			for attr, value = range inner {
			}
		}
		if run := runOf(k, attr); run != nil {
			if !strings.Contains(string(want), fmt.Sprintf(`"aiid":%d`, run.place.iid)) {
				t.Errorf("%s runs %v, want %s", attr, run.place, want)
			}
			continue
		}
		prop := -1
		for p, name := range names {
			if name == attr {
				prop = p
			}
		}
		o, err := k.write(mi.Change{Prop: aimed(k, prop), Value: wished(k, prop, value)}, raw)
		if err != nil {
			t.Fatalf("%s = %v: %v", attr, value, err)
		}
		got := fmt.Sprintf(`"res_name":"%s","value":%s`, o.place.res, o.value.AppendJSON(nil))
		if o.place.kind == 'p' {
			got = fmt.Sprintf(`"piid":%d,"siid":%d,"value":%s`, o.place.iid, o.place.siid, o.value.AppendJSON(nil))
		}
		if !strings.Contains(string(want), got) {
			t.Errorf("%s = %v becomes %s, want %s", attr, value, got, want)
		}
	}
}

func runOf(k *kind, attr string) *run {
	for i, a := range k.spec.Actions {
		if a.Name == dashed(attr) {
			return &k.runs[i]
		}
	}
	return nil
}

// aimed is the property by which a position is written.
func aimed(k *kind, prop int) int {
	if prop >= 0 && k.spec.Props[prop].Name == "current-position" {
		for i, p := range k.spec.Props {
			if p.Name == "target-position" {
				return i
			}
		}
	}
	return prop
}

func wished(k *kind, prop int, value any) mi.Value {
	switch v := value.(type) {
	case string:
		for _, one := range k.spec.Props[prop].List {
			if one.Label == v {
				return one.Value
			}
		}
		return mi.Text(v)
	case bool:
		return mi.Bool(v)
	case []any:
		return mi.Int(int64(v[0].(float64))<<16 | int64(v[1].(float64))<<8 | int64(v[2].(float64)))
	}
	return mi.Float(value.(float64))
}
