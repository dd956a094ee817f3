package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestConformance(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		k := newSky(2)
		return &drivertest.Home{
			Driver: newDriver(k),
			Device: mi.Info{DID: "1000", Model: "acme.light.one"},
			Reads: []mi.Change{
				{Prop: propOn, Value: mi.Bool(true)}, {Prop: propLevel, Value: mi.Int(55)},
				{Prop: propTemp, Value: mi.Float(21.5)}, {Prop: propName, Value: mi.Text("red")},
			},
			Write: &mi.Change{Prop: propLevel, Value: mi.Int(7)},
			Call:  &mi.Call{Action: actAdd, Args: []mi.Value{mi.Int(3)}},
			Out:   []mi.Value{mi.Int(4), mi.Text("sum")},
			Mute:  func() { k.put(func(k *sky) { k.mute = true }) },
			Found: true,
		}
	}, synctest.Test)
}

// readAll reads one property of every link at the same time.
func readAll(t *testing.T, links []*session) []error {
	t.Helper()
	errs := make([]error, len(links))
	var all sync.WaitGroup
	for i, s := range links {
		all.Go(func() {
			got, err := s.Get(t.Context(), []int{propOn, propLevel}, nil)
			if err == nil && len(got) != 2 {
				err = fmt.Errorf("%d values, want 2", len(got))
			}
			errs[i] = err
		})
	}
	all.Wait()
	return errs
}

func dids(from, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(1000+from+i))
	}
	return out
}

func TestReadsOfManyDevicesTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newSky(200)
		links := open(t, newDriver(k), dids(0, 200)...)
		for i, err := range readAll(t, links) {
			if err != nil {
				t.Errorf("device %d: %v", i, err)
			}
		}
		all := k.took()
		if len(all) != 3 {
			t.Errorf("%d requests for 400 properties, want 3", len(all))
		}
		for _, r := range all {
			if r.props > 150 {
				t.Errorf("a request for %d properties", r.props)
			}
		}
	})
}

func TestRegionsAreAskedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newSky(1)
		k.add(Device{Info: mi.Info{DID: "2", Model: "acme.light.one"}, Account: "me", Region: "cn", Online: true})
		readAll(t, open(t, newDriver(k), "1000", "2"))
		var regions []string
		for _, r := range k.took() {
			regions = append(regions, r.region)
		}
		slices.Sort(regions)
		if fmt.Sprint(regions) != "[cn de]" {
			t.Errorf("asked %v", regions)
		}
	})
}

// lamp runs f with one open lamp.
func lamp(t *testing.T, f func(t *testing.T, k *sky, s *session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := newSky(1)
		f(t, k, open(t, newDriver(k), "1000")[0])
	})
}

func TestOrdersOnTheWire(t *testing.T) {
	lamp(t, func(t *testing.T, k *sky, s *session) {
		err := s.Set(t.Context(), []mi.Change{{Prop: propOn, Value: mi.Text("off")}, {Prop: propName, Value: mi.Text(`a "b"`)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Call(t.Context(), actAdd, []mi.Value{mi.Text("4")}); err != nil {
			t.Fatal(err)
		}
		want := []string{
			`{"params":[{"did":"1000","siid":2,"piid":1,"value":false},{"did":"1000","siid":2,"piid":4,"value":"a \"b\""}]}`,
			`{"params":{"did":"1000","siid":2,"aiid":2,"in":[4]}}`,
		}
		for i, r := range k.took() {
			if r.body != want[i] {
				t.Errorf("sent %s\nwant %s", r.body, want[i])
			}
		}
	})
}

func TestCodesOfADevice(t *testing.T) {
	for _, tc := range []struct {
		code int
		kind error
		text string
	}{
		{-704042011, mi.ErrOffline, "the device is offline, says Mi Home"},
		{-704010000, mi.ErrBusy, "without a reason"},
		{-704030013, mi.ErrUnsupported, "it cannot be read"},
		{-704030023, mi.ErrUnsupported, "it cannot be written"},
		{-704040003, mi.ErrUnsupported, "does not have it"},
		{-704053036, mi.ErrTimeout, "did not answer Mi Home in time"},
		{-704083036, mi.ErrTimeout, "did not answer Mi Home in time"},
		{-704220043, mi.ErrInvalid, "out of range"},
		{-704220025, mi.ErrInvalid, "argument"},
		{-704000901, mi.ErrOffline, "permission"},
		{-704000100, mi.ErrInvalid, "not possible in the current state"},
		{-3, mi.ErrOffline, "offline"},
		{-12345, mi.ErrInvalid, "refuses"},
	} {
		lamp(t, func(t *testing.T, k *sky, s *session) {
			k.put(func(k *sky) { k.codes["1000"] = tc.code })
			_, read := s.Get(t.Context(), []int{propOn}, nil)
			write := s.Set(t.Context(), []mi.Change{{Prop: propOn, Value: mi.Bool(true)}})
			_, act := s.Call(t.Context(), actToggle, nil)
			for op, err := range map[string]error{"get": read, "set": write, "call": act} {
				if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.text) {
					t.Errorf("%s with code %d = %v, want %v with %q", op, tc.code, err, tc.kind, tc.text)
				}
			}
		})
	}
}

func TestRefusedPropertyIsLeftOut(t *testing.T) {
	lamp(t, func(t *testing.T, k *sky, s *session) {
		k.put(func(k *sky) { k.codes["1000 2.2"] = -704040003 })
		got, err := s.Get(t.Context(), []int{propOn, propLevel, propTemp}, nil)
		if err != nil || len(got) != 2 {
			t.Errorf("Get = %v, %v, want two values", got, err)
		}
	})
}

func TestOddAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, result, want string
		kind               error
	}{
		{"nothing", `[]`, "", mi.ErrProtocol},
		{"null", `null`, "", mi.ErrOffline},
		{"a text", `"maintenance"`, "", mi.ErrOffline},
		{"an object", `{"list":[]}`, "", mi.ErrOffline},
		{"one is missing", `[{"did":"1000","siid":2,"piid":2,"value":3,"code":0}]`, "1=3", nil},
		{"a value is missing", `[{"did":"1000","siid":2,"piid":1,"code":0},{"did":"1000","siid":2,"piid":2,"value":3,"code":0}]`, "1=3", nil},
		{"null for a value", `[{"did":"1000","siid":2,"piid":1,"code":0,"value":null},{"did":"1000","siid":2,"piid":2,"value":3,"code":0}]`, "1=3", nil},
		{"no code", `[{"did":"1000","siid":2,"piid":1,"value":true}]`, "0=true", nil},
		{"junk between", `[7,null,"x",[],{"did":[]},{"did":"1000","siid":"two"},{"did":"1000","siid":2,"piid":2,"value":3,"code":0}]`, "1=3", nil},
		{"strangers", `[{"did":"1","siid":2,"piid":1,"value":false,"code":0},{"did":"1000","siid":99,"piid":1,"value":5,"code":0},{"did":"1000","siid":2,"piid":2,"value":3,"code":0}]`, "1=3", nil},
		{"did as a number", `[{"did":1000,"siid":2,"piid":2,"value":3,"code":0}]`, "1=3", nil},
		{"no number at all", `[{"did":"1000","siid":2,"piid":2,"value":1e999,"code":0}]`, "", mi.ErrProtocol},
	} {
		lamp(t, func(t *testing.T, k *sky, s *session) {
			k.put(func(k *sky) { k.answer = func(string, string) (string, bool) { return tc.result, true } })
			got, err := s.Get(t.Context(), []int{propOn, propLevel}, nil)
			text := ""
			for _, c := range got {
				text += fmt.Sprintf("%d=%s", c.Prop, c.Value)
			}
			if text != tc.want || !errors.Is(err, tc.kind) {
				t.Errorf("%s: Get = %q, %v, want %q, %v", tc.name, text, err, tc.want, tc.kind)
			}
		})
	}
}

func TestWriteThatIsNotConfirmed(t *testing.T) {
	lamp(t, func(t *testing.T, k *sky, s *session) {
		k.put(func(k *sky) { k.answer = func(string, string) (string, bool) { return `[]`, true } })
		err := s.Set(t.Context(), []mi.Change{{Prop: propOn, Value: mi.Bool(true)}})
		if !errors.Is(err, mi.ErrProtocol) || !strings.Contains(err.Error(), "does not say whether it was done") {
			t.Errorf("Set = %v", err)
		}
		k.put(func(k *sky) { k.answer, k.mute = nil, true })
		if err = s.Set(t.Context(), []mi.Change{{Prop: propOn, Value: mi.Bool(true)}}); !errors.Is(err, mi.ErrTimeout) {
			t.Errorf("Set without an answer = %v, want ErrTimeout", err)
		}
		if n := len(k.took()); n != 2 {
			t.Errorf("%d requests for two writes", n)
		}
	})
}

func TestValuesOfADeviceThatIsAwayAreOld(t *testing.T) {
	lamp(t, func(t *testing.T, k *sky, s *session) {
		k.online("1000", false)
		s.d.look(func(mi.Info) {})
		got, err := s.Get(t.Context(), []int{propOn}, nil)
		if !errors.Is(err, mi.ErrOffline) || len(got) != 0 {
			t.Errorf("Get = %v, %v, want ErrOffline", got, err)
		}
		k.put(func(k *sky) { k.updated = time.Now().Add(time.Minute).Unix() })
		if got, err = s.Get(t.Context(), []int{propOn}, nil); err != nil || len(got) != 1 {
			t.Errorf("Get of what the cloud heard since = %v, %v", got, err)
		}
	})
}

func TestSeenOnlyWhenTheListSaysThatItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newSky(2)
		d := newDriver(k)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var found []mi.Info
		go d.Find(ctx, func(i mi.Info) { found = append(found, i) })
		s := open(t, d, "1000")[0]
		seen := s.sink.(*silent).count
		synctest.Wait()
		k.online("1000", false)
		k.online("1001", false)
		synctest.Wait()
		if seen() != 0 {
			t.Errorf("seen %d times while away", seen())
		}
		k.online("1000", true)
		synctest.Wait()
		if seen() != 1 || len(found) < 4 {
			t.Errorf("seen %d times, found %d", seen(), len(found))
		}
	})
}

func TestDeviceThatLeftTheAccount(t *testing.T) {
	lamp(t, func(t *testing.T, k *sky, s *session) {
		k.put(func(k *sky) { k.known.Devices = nil })
		s.d.look(func(mi.Info) {})
		if _, err := s.Get(t.Context(), []int{propOn}, nil); !errors.Is(err, mi.ErrOffline) {
			t.Errorf("Get = %v, want ErrOffline", err)
		}
		if n := len(k.took()); n != 0 {
			t.Errorf("%d requests for a device that is not there", n)
		}
	})
}
