package mi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestParseJSON(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want mi.Value
		out  string // when it differs from in
	}{
		{in: `true`, want: mi.Bool(true)},
		{in: `23`, want: mi.Int(23)},
		{in: `-9223372036854775808`, want: mi.Int(math.MinInt64)},
		{in: `23.0`, want: mi.Float(23), out: `23`},
		{in: `1e3`, want: mi.Float(1000), out: `1000`},
		{in: `18446744073709551615`, want: mi.Float(18446744073709551615), out: `18446744073709552000`},
		{in: `"a<b>\u0000"`, want: mi.Text("a<b>\x00")},
		{in: ` null `, want: mi.Value{}, out: `null`},
		{in: `[1, "x"]`, want: mi.Text(`[1,"x"]`), out: `"[1,\"x\"]"`},
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := mi.ParseJSON([]byte(tc.in))
			if err != nil || got != tc.want {
				t.Fatalf("ParseJSON = %#v, %v, want %#v", got, err, tc.want)
			}
			want := tc.out
			if want == "" {
				want = tc.in
			}
			if text := string(got.AppendJSON(nil)); text != want {
				t.Errorf("AppendJSON = %s, want %s", text, want)
			}
		})
	}
	for _, in := range []string{``, `{`, `[1,]`, `tru`, `1e999`, `"`} {
		if v, err := mi.ParseJSON([]byte(in)); !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("ParseJSON(%q) = %v, %v, want an error of kind %v", in, v, err, mi.ErrProtocol)
		}
	}
}

func TestValueReadsWhatDevicesWrite(t *testing.T) {
	for _, tc := range []struct {
		v     mi.Value
		truth string // true, false or no
		whole string // Int or no
	}{
		{mi.Text("on"), "true", "no"},
		{mi.Text("off"), "false", "no"},
		{mi.Text("1"), "true", "1"},
		{mi.Text("23.6"), "no", "24"},
		{mi.Text("auto"), "no", "no"},
		{mi.Int(0), "false", "0"},
		{mi.Float(-2.5), "true", "-3"},
		{mi.Float(1e300), "true", "no"},
		{mi.Value{}, "no", "no"},
	} {
		truth, whole := "no", "no"
		if b, ok := tc.v.Bool(); ok {
			truth = fmt.Sprint(b)
		}
		if i, ok := tc.v.Int(); ok {
			whole = fmt.Sprint(i)
		}
		if truth != tc.truth || whole != tc.whole {
			t.Errorf("%#v reads as %s and %s, want %s and %s", tc.v, truth, whole, tc.truth, tc.whole)
		}
	}
	if mi.Float(math.NaN()).Known() || mi.Float(math.Inf(1)).Known() {
		t.Error("what is no number counts as known")
	}
}

func TestSecretShowsInNoForm(t *testing.T) {
	const token = "00112233445566778899aabbccddeeff"
	info := mi.Info{DID: "1", Token: token}
	raw, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(raw), fmt.Sprint(info), fmt.Sprintf("%+v %#v %s %q", info, info, info.Token, info.Token)} {
		if strings.Contains(text, token) {
			t.Errorf("the token shows in %s", text)
		}
	}
	if info.Token.Reveal() != token {
		t.Error("Reveal does not give the secret")
	}
}

func TestMergeKeepsWhatIsNotKnownBetter(t *testing.T) {
	old := mi.Info{DID: "1", Model: "a.b.c", Addr: "10.0.0.1:54321", Token: "aa"}
	got := old.Merge(mi.Info{Addr: "10.0.0.2:54321", Name: "Lamp"})
	want := mi.Info{DID: "1", Model: "a.b.c", Addr: "10.0.0.2:54321", Name: "Lamp", Token: "aa"}
	if got != want {
		t.Errorf("Merge = %#v, want %#v", got, want)
	}
}

func TestWorldGivesEachPartItsOwnRandomness(t *testing.T) {
	w := mi.World{Seed: 7}
	a, again, b := w.Rand("a").Uint64(), w.Rand("a").Uint64(), w.Rand("b").Uint64()
	if a != again || a == b {
		t.Errorf("a draws %d, then %d; b draws %d: want the first two equal and the third another", a, again, b)
	}
}

func TestOutward(t *testing.T) {
	all := []mi.Interface{{Name: "lo", Loopback: true}, {Name: "eth0"}, {Name: "wlan0"}}
	for _, tc := range []struct{ chosen, want string }{{"", "eth0 wlan0"}, {"wlan0", "wlan0"}, {"lo", ""}, {"none", ""}} {
		var names []string
		for _, i := range mi.Outward(all, strings.Fields(tc.chosen)) {
			names = append(names, i.Name)
		}
		if got := strings.Join(names, " "); got != tc.want {
			t.Errorf("Outward for %q is %q, want %q", tc.chosen, got, tc.want)
		}
	}
	if all[0].Name != "lo" || len(all) != 3 {
		t.Error("Outward changed the list that it was given")
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{`1`, `"x"`, `{"a":[1,2]}`, `1e400`, `-0`, `-0.0`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := mi.ParseJSON(raw)
		if err != nil {
			return
		}
		if again, err := mi.ParseJSON(v.AppendJSON(nil)); err != nil || again.String() != v.String() {
			t.Errorf("%q becomes %v, and that becomes %v, %v", raw, v, again, err)
		}
	})
}

func TestDiagnosis(t *testing.T) {
	err := fmt.Errorf("miio: get: %w", mi.Diagnose("net.none", fmt.Errorf("no answer: %w", mi.ErrTimeout)))
	if mi.Problem(err) != "net.none" || !errors.Is(err, mi.ErrTimeout) || err.Error() != "miio: get: no answer: no answer" {
		t.Errorf("%v: %q", err, mi.Problem(err))
	}
	if mi.Problem(mi.ErrTimeout) != "" || mi.Problem(nil) != "" {
		t.Error("found out without being told")
	}
}

func TestPlain(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("lan: miio: get 2.1: %w", mi.ErrOffline), "get 2.1: offline"},
		{fmt.Errorf("entity: \"x\" is no speed: %w", mi.ErrInvalid), `"x" is no speed`},
		{fmt.Errorf("cloud: cloud: spec: there is no spec for a.b.c: %w", mi.ErrUnsupported), "there is no spec for a.b.c"},
		{fmt.Errorf("lan: %w", mi.ErrUnsupported), "not supported"},
		{mi.ErrInvalid, "invalid value"},
	} {
		if got := mi.Plain(tc.err); got != tc.want {
			t.Errorf("Plain(%v) = %q, want %q", tc.err, got, tc.want)
		}
	}
}
