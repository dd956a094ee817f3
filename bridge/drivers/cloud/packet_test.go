package cloud

import (
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestQuestionsOnTheWire(t *testing.T) {
	got := string(getParams([]iid{{"blt.3.1a2b", 2, 1}, {"4711", 3, 12}}))
	want := `{"params":[{"did":"blt.3.1a2b","siid":2,"piid":1},{"did":"4711","siid":3,"piid":12}],"datasource":1}`
	if got != want {
		t.Errorf("get = %s\nwant  %s", got, want)
	}
}

func TestActionResult(t *testing.T) {
	a := &lampSpec().Actions[actAdd]
	for _, tc := range []struct{ result, want string }{
		{`{"code":0,"out":[4,"x"]}`, "4 x"},
		{`{"code":1}`, ""},
		{`{"code":0,"out":[4]}`, "4 "},
		{`{"code":0,"out":[4,"x",5,6]}`, "4 x"},
		{`{"code":-704053036}`, "the device did not answer Mi Home in time (code -704053036)"},
		{`{}`, "the result of the action: answer not understood"},
		{`[]`, "the result of the action: answer not understood"},
		{`true`, "the result of the action: answer not understood"},
	} {
		out, err := actionResult(a, []byte(tc.result))
		var words []string
		for _, v := range out {
			words = append(words, v.String())
		}
		got := strings.Join(words, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.result, got, tc.want)
		}
	}
}

func TestStampsInSecondsAndMilliseconds(t *testing.T) {
	want := time.Unix(1_700_000_000, 0)
	for _, v := range []mi.Value{mi.Int(1_700_000_000), mi.Int(1_700_000_000_000), mi.Text("1700000000")} {
		if got := stamp(v); !got.Equal(want) {
			t.Errorf("stamp(%v) = %v", v, got)
		}
	}
	if got := stamp(mi.Text("yesterday")); !got.IsZero() {
		t.Errorf("stamp of nonsense = %v", got)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`[{"did":"1000","siid":2,"piid":1,"value":true,"code":0,"updateTime":1700000000}]`,
		`[{"did":1000,"siid":2,"piid":1,"code":-704042011},7,null,{"value":[1,{"a":2}]}]`,
		`{"code":0,"out":[1,"x",null]}`, `{"list":[{"did":"1","isOnline":true},3]}`, `null`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	spec := lampSpec()
	change := []mi.Change{{Prop: propOn, Value: mi.Bool(true)}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, err := parseAnswers(raw)
		for _, a := range all {
			if a.did == "" || err != nil {
				t.Errorf("%q became %v, %v", raw, a, err)
			}
		}
		if err := setResult(spec, "1000", change, raw); err == nil && len(all) == 0 {
			t.Errorf("%q confirms a write", raw)
		}
		if out, err := actionResult(&spec.Actions[actAdd], raw); err != nil && out != nil || len(out) > 2 {
			t.Errorf("%q returns %v, %v", raw, out, err)
		}
		_, _ = parseList(raw)
		_ = obeyed(raw)
	})
}
