package profile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(folder, "miio", "*.yaml"))
	for _, name := range files[:3] {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(lamp("{piid: 1, name: on, format: bool, wire: power, set: {cases: {true: a, false: b}}}")))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := Load(fstest.MapFS{"x.yaml": {Data: text}})
		if err != nil {
			return
		}
		for _, m := range set.Models() {
			if p := set.Match(m); p != nil {
				for _, r := range p.Reads(all(p)) {
					_, _ = p.Parse(r, json.RawMessage(`[1,"a",{"b":null}]`), nil)
				}
			}
		}
	})
}

// FuzzParse gives a cooker and a robot answers that no one has seen.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`["running","0002","0200012100","031e0b23",41,-1,60,"1003","05040f","00030017","0100","ff"]`))
	f.Add([]byte(`[{"state":8,"battery":100,"clean_area":21842500}]`))
	set := shipped(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, model := range []string{"chunmi.cooker.normal2", "roborock.vacuum.s5", "ksmb.walkingpad.v1"} {
			p := set.Match(model)
			for _, r := range p.Reads(all(p)) {
				changes, err := p.Parse(r, raw, nil)
				if err != nil {
					continue
				}
				for _, c := range changes {
					if got := coerce(c.Value, p.spec.Props[c.Prop].Format); got != c.Value {
						t.Errorf("%s is %v, not of its format", p.spec.Props[c.Prop].Key, c.Value)
					}
				}
			}
		}
	})
}

func FuzzCodecs(f *testing.F) {
	f.Add("0b23", int64(45))
	f.Add("[16,17]", int64(-1))
	f.Fuzz(func(t *testing.T, text string, n int64) {
		for _, name := range []string{"clock", "cooker-recipe", "cooker-temperature", "last-sample", "numbers", "water-depth"} {
			c, _ := codecOf(name)
			for _, v := range []mi.Value{mi.Text(text), mi.Int(n), {}} {
				if c.decode != nil {
					c.decode(v)
				}
				if c.encode != nil {
					if _, err := c.encode(v); err == nil && !v.Known() {
						t.Errorf("%s takes the unknown", name)
					}
				}
			}
		}
		_, _ = multicookerStart([]mi.Value{mi.Text(text), mi.Int(n), mi.Int(n), mi.Bool(true)})
	})
}
