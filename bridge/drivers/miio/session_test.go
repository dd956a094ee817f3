package miio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var readAll = []mi.Change{
	{Prop: 0, Value: mi.Bool(true)}, {Prop: 1, Value: mi.Int(55)}, {Prop: 2, Value: mi.Float(21.5)}, {Prop: 3, Value: mi.Text("red")},
}

func (h *home) wantRead(s *session) {
	h.t.Helper()
	got, err := s.Get(h.t.Context(), []int{0, 1, 2, 3, 4}, nil)
	if err != nil || !slices.Equal(got, readAll) {
		h.t.Fatalf("Get = %v, %v, want %v", got, err, readAll)
	}
}

func TestGetReadsWhatTheDeviceHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.wantRead(s)
		h.wantRead(s)
		synctest.Wait()
		if h.ear.total() != 4 {
			t.Errorf("Seen %d times, want one per answer: 4", h.ear.total())
		}
		for _, call := range h.plug.heard() {
			if strings.ContainsAny(call, " \n") {
				t.Errorf("the request %q is not compact", call)
			}
		}
		if want := `get_properties[{"did":"4000000001","siid":2,"piid":4}]`; !slices.Contains(h.plug.heard(), want) {
			t.Errorf("the text did not travel alone: %q", h.plug.heard())
		}
	})
}

func TestSetWritesTheFormatsOfTheSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		err := s.Set(t.Context(), []mi.Change{
			{Prop: 0, Value: mi.Int(0)}, {Prop: 1, Value: mi.Text("23.0")}, {Prop: 2, Value: mi.Int(3)}, {Prop: 3, Value: mi.Text("<a>")},
		})
		if err != nil {
			t.Fatal(err)
		}
		const want = `set_properties[{"did":"4000000001","siid":2,"piid":1,"value":false},{"did":"4000000001","siid":2,"piid":2,"value":23},` +
			`{"did":"4000000001","siid":2,"piid":3,"value":3},{"did":"4000000001","siid":2,"piid":4,"value":"<a>"}]`
		if got := h.plug.heard()[len(h.plug.heard())-1]; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	})
}

func TestCallRunsAnAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		for answer, want := range map[string][]mi.Value{
			`{"code":0,"out":[7]}`:                    {mi.Int(7)},
			`{"code":0,"out":[{"piid":2,"value":8}]}`: {mi.Int(8)},
			`{"did":"1","siid":2,"aiid":1,"code":0}`:  nil,
			`["ok"]`:                                  nil,
			`"ok"`:                                    nil,
			`0`:                                       nil,
		} {
			h.plug.set(func() {
				h.plug.answer = func(string, json.RawMessage) (string, string) { return "result", answer }
			})
			got, err := s.Call(t.Context(), 0, []mi.Value{mi.Int(3)})
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("Call answered %s = %v, %v, want %v", answer, got, err, want)
			}
		}
		if want := `action{"did":"4000000001","siid":2,"aiid":1,"in":[3]}`; h.plug.heard()[0] != want {
			t.Errorf("sent %s, want %s", h.plug.heard()[0], want)
		}
	})
}

func TestDescribeLeavesSecretsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		info, err := h.open(h.info()).Describe(t.Context())
		want := mi.Info{DID: "4000000001", Addr: plugAddr, Model: "test.plug.v1", MAC: "aa:bb:cc:00:11:22", Firmware: "1.2.3", Hardware: "ESP"}
		if err != nil || info != want {
			t.Errorf("Describe = %+v, %v, want %+v", info, err, want)
		}
	})
}

func TestAnswersOfEveryShape(t *testing.T) {
	for _, tc := range []struct {
		name, member, raw string
		kind              error // of Set
	}{
		{"bare zero", "result", "0", nil},
		{"ok", "result", `["ok"]`, nil},
		{"accepted", "result", `[{"siid":2,"piid":1,"code":1}]`, nil},
		{"not writable", "result", `[{"siid":2,"piid":1,"code":-4002}]`, mi.ErrUnsupported},
		{"out of range", "result", `[{"siid":2,"piid":1,"code":-4005}]`, mi.ErrInvalid},
		{"without a code", "result", `[{"siid":2,"piid":1}]`, mi.ErrProtocol},
		{"hub: offline", "result", `[{"siid":2,"piid":1,"code":-704042011}]`, mi.ErrOffline},
		{"error and message", "error", `{"code":-5001,"message":"invalid_arg"}`, mi.ErrInvalid},
		{"error under error", "error", `{"code":-2,"error":"unsupported method"}`, mi.ErrUnsupported},
		{"error as text", "error", `"nonsense"`, mi.ErrInvalid},
		{"unknown command", "error", `{"code":-32601,"message":"Method not found."}`, mi.ErrUnsupported},
		{"not confirmed inside", "error", `{"code":-9999,"message":"user ack timeout"}`, mi.ErrTimeout},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHome(t)
				h.plug.answer = func(string, json.RawMessage) (string, string) { return tc.member, tc.raw }
				err := h.open(h.info()).Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(true)}})
				if tc.kind == nil && err != nil || !errors.Is(err, tc.kind) {
					t.Errorf("Set = %v, want %v", err, tc.kind)
				}
			})
		})
	}
}

func TestReplyWithoutResultIsTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.plug.answer = func(string, json.RawMessage) (string, string) {
			return "whole", fmt.Sprintf(`{"id":%d,"model":"test.plug.v1","fw_ver":"9"}`, h.plug.ids[len(h.plug.ids)-1])
		}
		info, err := h.open(h.info()).Describe(t.Context())
		if err != nil || info.Firmware != "9" {
			t.Errorf("Describe = %+v, %v", info, err)
		}
	})
}

func TestBrokenJSONIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.plug.answer = func(string, json.RawMessage) (string, string) {
			return "result", `[{"siid":2,"piid":1,"code":0,,"value":true},{"siid":2,"piid":2,"code":0,"value":00}]`
		}
		got, err := h.open(h.info()).Get(t.Context(), []int{0, 1}, nil)
		want := []mi.Change{{Prop: 0, Value: mi.Bool(true)}, {Prop: 1, Value: mi.Int(0)}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Get = %v, %v, want %v", got, err, want)
		}
	})
}

func TestElementsWithoutIDsGoByPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.plug.answer = func(string, json.RawMessage) (string, string) {
			return "result", `[{"code":0,"value":[1,2]},{"code":0,"value":12345678901234567890}]`
		}
		got, err := h.open(h.info()).Get(t.Context(), []int{0, 1}, nil)
		want := []mi.Change{{Prop: 0, Value: mi.Text("[1,2]")}, {Prop: 1, Value: mi.Float(12345678901234567890)}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Get = %v, %v, want %v", got, err, want)
		}
	})
}

func TestLossIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.net.fate = func(n int, from, to netip.AddrPort, data []byte) []time.Duration {
			switch n * 7919 % 10 {
			case 0, 1:
				return nil
			case 2:
				return []time.Duration{time.Millisecond, 90 * time.Millisecond}
			case 3:
				return []time.Duration{300 * time.Millisecond}
			}
			return []time.Duration{2 * time.Millisecond}
		}
		s := h.open(h.info())
		failed := 0
		for range 200 {
			time.Sleep(time.Second)
			if got, err := s.Get(t.Context(), []int{0, 1}, nil); err != nil {
				failed++
			} else if !slices.Equal(got, readAll[:2]) {
				t.Fatalf("Get = %v", got)
			}
		}
		if failed > 10 {
			t.Errorf("%d of 200 reads failed with a fifth of the packets lost", failed)
		}
	})
}

func TestIDsGrowAndJumpAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.wantRead(s)
		silent := 1
		h.plug.set(func() {
			h.plug.answer = func(string, json.RawMessage) (string, string) {
				if silent--; silent >= 0 {
					return "silence", ""
				}
				return "", ""
			}
		})
		h.wantRead(s)
		ids := h.plug.asked()
		if steps := []uint64{ids[1] - ids[0], ids[2] - ids[1], ids[3] - ids[2]}; !slices.Equal(steps, []uint64{1, 1, 100}) {
			t.Errorf("ids %v grow by %v, want 1, 1, 100", ids, steps)
		}
	})
}

func TestWritesAreSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.wantRead(s)
		before := len(h.plug.heard())
		h.plug.set(func() {
			h.plug.answer = func(string, json.RawMessage) (string, string) { return "silence", "" }
		})
		start := time.Now()
		err := s.Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(false)}})
		if !errors.Is(err, mi.ErrTimeout) || time.Since(start) > 3*time.Second {
			t.Errorf("Set = %v after %v, want ErrTimeout after 2s", err, time.Since(start))
		}
		if _, err := s.Call(t.Context(), 0, []mi.Value{mi.Int(1)}); !errors.Is(err, mi.ErrTimeout) {
			t.Errorf("Call = %v, want ErrTimeout", err)
		}
		if got := h.plug.heard()[before:]; len(got) != 2 {
			t.Errorf("the device was ordered %q, want each once", got)
		}
	})
}

func TestAnOrderThatNeverLeftIsNotInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.plug.set(func() { h.plug.mute = true })
		err := s.Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(false)}})
		if !errors.Is(err, mi.ErrOffline) || errors.Is(err, mi.ErrTimeout) {
			t.Errorf("Set = %v, want ErrOffline", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Call(ctx, 0, []mi.Value{mi.Int(1)}); !errors.Is(err, mi.ErrOffline) || errors.Is(err, mi.ErrTimeout) {
			t.Errorf("Call = %v, want ErrOffline", err)
		}
	})
}

func TestSilenceIsToldApart(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup func(h *home, info *mi.Info)
		kind  error
		words string
		id    string // of the problem
	}{
		{"switched off", func(h *home, _ *mi.Info) { h.plug.mute = true }, mi.ErrTimeout, "packets leave, none return", "net.none"},
		{"wrong token", func(_ *home, i *mi.Info) { i.Token = "ffeeddccbbaa99887766554433221100" }, mi.ErrDenied, "says hello but ignores", "token.wrong"},
		{"no token", func(h *home, i *mi.Info) {
			i.Token = ""
			h.findFor(time.Second)
		}, mi.ErrDenied, "hides its token", "token.hidden"},
		{"no token and no hello", func(_ *home, i *mi.Info) { i.Token = "" }, mi.ErrDenied, "its token is not known", "token.missing"},
		{"placeholder", func(_ *home, i *mi.Info) { i.Token = "ffffffffffffffffffffffffffffffff" }, mi.ErrDenied, "placeholder", "token.missing"},
		{"foreign subnet", func(_ *home, i *mi.Info) { i.Addr = "10.9.8.7:54321" }, mi.ErrTimeout, "another network than this machine (192.168.1.2/24)", "net.foreign_subnet"},
		{"docker bridge", func(h *home, i *mi.Info) {
			h.plug.mute = true
			h.net.ifs = []mi.Interface{{Name: "eth0", Prefix: netip.MustParsePrefix("172.17.0.3/16")}}
		}, mi.ErrTimeout, "container network (172.17.0.3/16)", "net.bridge_network"},
		{"another device there", func(h *home, i *mi.Info) {
			i.DID = "77"
		}, mi.ErrOffline, "another device (4000000001)", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHome(t)
				info := h.info()
				tc.setup(h, &info)
				_, err := h.open(info).Get(t.Context(), []int{0}, nil)
				if err == nil || !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.words) {
					t.Fatalf("Get = %v, want %v with %q", err, tc.kind, tc.words)
				}
				if got := mi.Problem(err); got != tc.id {
					t.Errorf("the problem is %q, want %q", got, tc.id)
				}
				for _, secret := range []string{string(plugToken), "ffeeddccbbaa9988"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error tells the token: %v", err)
					}
				}
			})
		})
	}
}

func TestTooLargeChunksAreHalvedAndRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.plug.answer = func(method string, params json.RawMessage) (string, string) {
			if method == "get_properties" && strings.Count(string(params), "siid") > 1 {
				return "error", `{"code":-9999,"message":"user ack timeout"}`
			}
			return "", ""
		}
		s := h.open(h.info())
		for range 3 {
			h.wantRead(s)
		}
		before := len(h.plug.heard())
		h.wantRead(s)
		if n := len(h.plug.heard()) - before; n != 5 {
			t.Errorf("a read of 5 properties took %d requests after it was learnt that each travels alone", n)
		}
		if got := string(h.mem["miio-batch"]); got != `{"test.plug.v1@":1}` {
			t.Errorf("remembered %q, want 1", got)
		}
	})
}

func TestTokenFollowsMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		info := h.info()
		info.Token = ""
		s := h.open(info)
		if _, err := s.Get(t.Context(), []int{0}, nil); !errors.Is(err, mi.ErrDenied) {
			t.Fatalf("Get without a token = %v", err)
		}
		s.Move(h.info())
		h.wantRead(s)
	})
}

func TestContextEndsAWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.plug.mute = true
		s := h.open(h.info())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		start := time.Now()
		_, err := s.Get(ctx, []int{0}, nil)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 300*time.Millisecond {
			t.Errorf("Get = %v after %v", err, time.Since(start))
		}
	})
}

func TestOpenRefusesWhatIsNoMiIO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		for _, did := range []string{"", "lumi.158d0001a2b3c4", "0"} {
			if _, err := h.d.Open(t.Context(), mi.Info{DID: did}, h.ear); !errors.Is(err, mi.ErrUnsupported) {
				t.Errorf("Open(%q) = %v, want ErrUnsupported", did, err)
			}
		}
		s := h.open(h.info())
		if _, err := h.d.Open(t.Context(), h.info(), h.ear); !errors.Is(err, mi.ErrBusy) {
			t.Errorf("a second Open = %v, want ErrBusy", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Get(t.Context(), []int{0}, nil); !errors.Is(err, mi.ErrOffline) {
			t.Errorf("Get after Close = %v, want ErrOffline", err)
		}
		h.wantRead(h.open(h.info()))
	})
}
