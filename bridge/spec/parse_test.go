package spec

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const published = "../../../shared/specs/miot-public.jsonl.gz"

func TestParseTakesEveryPublishedSpec(t *testing.T) {
	f, err := os.Open(published)
	if err != nil {
		t.Skip("the set of published specs is not here:", err)
	}
	defer f.Close()
	models, repeated := 0, 0
	err = Lines(f, func(l Line) error {
		s, err := l.Spec()
		if err != nil {
			t.Error(err)
			return nil
		}
		models++
		keys := map[mi.Key]bool{}
		for _, p := range s.Props {
			if keys[p.Key] {
				repeated++
			}
			keys[p.Key] = true
		}
		return nil
	})
	if err != nil || models != 3406 || repeated != 0 {
		t.Errorf("%d models, %d repeated keys, error %v; want 3406, 0, nil", models, repeated, err)
	}
}

func TestParseKeepsWhatMatters(t *testing.T) {
	s, err := Parse([]byte(`{"type":"urn:miot-spec-v2:device:light:0000A001:x-y:1","description":"Lamp","services":[
	 {"iid":2,"type":"urn:miot-spec-v2:service:light:00007802:x-y:1","properties":[
	  {"iid":1,"type":"urn:miot-spec-v2:property:on:00000006:x-y:1","format":"bool","access":["read","write","notify"]},
	  {"iid":1,"type":"urn:miot-spec-v2:property:on:00000006:x-y:1","format":"bool","access":[]},
	  {"iid":2,"type":"urn:x-spec:property:on:00000001:x-y:1:0000C801","format":"uint32","unit":"none","access":["read"],"value-range":[0,4294967295,1]},
	  {"iid":3,"type":"urn:miot-spec-v2:property:mode:00000008:x-y:1","format":"uint8","unit":"µg/m3","access":["read"],"value-list":[{"value":1,"description":null}]}],
	  "actions":[{"iid":1,"type":"urn:miot-spec-v2:action:toggle:0000280A:x-y:1","in":[2,9],"out":null}]},
	 {"iid":3,"type":"urn:miot-spec-v2:service:light:00007802:x-y:1","events":[{"iid":1,"type":"urn:miot-spec-v2:event:click:00005001:x-y:1","arguments":[]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Props) != 3 || s.Type != "light" || s.Text != "Lamp" {
		t.Fatalf("got %d properties of %q %q, want 3 of light Lamp", len(s.Props), s.Type, s.Text)
	}
	second := s.Props[1]
	if second.Key != "light/on-2" || !second.Vendor || second.Unit != "" || second.Range.Max != 4294967295 {
		t.Errorf("second property is %+v with range %+v", second, second.Range)
	}
	if p := s.Props[2]; p.Unit != "μg/m3" || len(p.List) != 1 || p.List[0].Value != mi.Int(1) {
		t.Errorf("third property is %+v", p)
	}
	if a := s.Actions[0]; len(a.In) != 1 || a.In[0] != 1 || a.Out != nil {
		t.Errorf("action takes %v and gives %v, want [1] and nothing", a.In, a.Out)
	}
	if e := s.Events[0]; e.Key != "light-2/click" {
		t.Errorf("event key is %q, want light-2/click", e.Key)
	}
}

// Names become parts of topics.
func TestParseKeepsNamesPlain(t *testing.T) {
	s, err := Parse([]byte(`{"type":"urn:a:device:x:1:y:1","services":[{"iid":2,"type":"urn:a:service:a/b+#c d:1:y:1","properties":[{"iid":1,"type":"urn:a:property:pm2.5-关_x:1"}]}]}`))
	if err != nil || s.Services[0].Key != "a-b--c-d" || s.Props[0].Key != "a-b--c-d/pm2.5-关_x" {
		t.Errorf("got %+v, %v", s, err)
	}
}

// A spec made to hurt is refused soon.
func TestParseLimits(t *testing.T) {
	property := `{"iid":%,"type":"urn:a:property:p:1"},`
	var many strings.Builder
	for i := range MaxProperties + 1 {
		many.WriteString(strings.Replace(property, "%", strconv.Itoa(i+1), 1))
	}
	for _, tc := range []struct{ name, in, want string }{
		{"properties", `{"type":"urn:a:device:x:1:y:1","services":[{"iid":2,"type":"urn:a:service:s:1","properties":[` + strings.TrimSuffix(many.String(), ",") + `]}]}`, "services[0].properties[2000]: more than 2000 properties"},
		{"size", strings.Repeat(" ", MaxSize+1), "at most 4194304 are read"},
		{"depth", `{"services":` + strings.Repeat("[", 1<<20), "line 1 column"},
		{"name", `{"type":"urn:a:device:` + strings.Repeat("x", 1000) + `:1:y:1"}`, "is not urn:<namespace>:device:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Parse([]byte(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Parse says %v, want %q", err, tc.want)
			}
		})
	}
}

func TestParseNamesTheMistake(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"no JSON", `{"type":`, "spec: line 1 column 8: unexpected end of JSON input"},
		{"wrong type", `{"type":"urn:miot-spec-v2:service:x:1:y"}`, `type: "urn:miot-spec-v2:service:x:1:y" is not urn:<namespace>:device:`},
		{"no urn", `{"type":"urn:a:device:x:1:y:1","services":[{"iid":1,"type":"x"}]}`, "services[0]: iid 1, type \"x\": a service needs an iid and a urn"},
		{"range", `{"type":"urn:a:device:x:1:y:1","services":[{"iid":2,"type":"urn:a:service:x:1:y:1","properties":[{"iid":1,"type":"urn:a:property:x:1","value-range":["low",2]}]}]}`, `services[0].properties[0].value-range[0]: "low" is no number`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.in))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !errors.Is(err, mi.ErrProtocol) {
				t.Errorf("Parse says %v, want %q of kind %q", err, tc.want, mi.ErrProtocol)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"urn:a:device:x:1:y:1","services":[{"iid":2,"type":"urn:a:service:x:1:y:1","properties":[{"iid":1,"type":"urn:a:property:x:1","value-range":[1,2]}],"actions":[{"iid":1,"type":"urn:a:action:x:1","in":[1]}]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Parse(raw)
		if err != nil {
			return
		}
		for _, a := range s.Actions {
			for _, i := range append(a.In, a.Out...) {
				_ = s.Props[i]
			}
		}
	})
}
