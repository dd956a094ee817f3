package miio

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func alone(model string) Options { return Options{Models: []string{model}, Still: true} }

func TestDeviceAnswersCallsAsTheWireHasThem(t *testing.T) {
	for _, tc := range []struct{ name, model, method, params, want string }{
		{"read", "cuco.plug.cp5pro", "get_properties", `[{"did":"x","siid":2,"piid":1},{"did":"x","siid":10,"piid":4}]`,
			`"result":[{"did":"x","siid":2,"piid":1,"code":0,"value":true},{"did":"x","siid":10,"piid":4,"code":0,"value":46}]}`},
		{"no such property", "cuco.plug.cp5pro", "get_properties", `[{"did":"x","siid":9,"piid":9}]`, `"result":[{"did":"x","siid":9,"piid":9,"code":-4003}]}`},
		{"not readable", "lumi.curtain.hmcn01", "get_properties", `[{"siid":2,"piid":2}]`, `"result":[{"siid":2,"piid":2,"code":-4001}]}`},
		{"write", "cuco.plug.cp5pro", "set_properties", `[{"did":"x","siid":2,"piid":1,"value":false}]`, `"result":[{"did":"x","siid":2,"piid":1,"code":0}]}`},
		{"not writable", "cuco.plug.cp5pro", "set_properties", `[{"siid":10,"piid":4,"value":1}]`, `"result":[{"siid":10,"piid":4,"code":-4002}]}`},
		{"out of range", "xiaomi.aircondition.mt5", "set_properties", `[{"siid":2,"piid":4,"value":60}]`, `"result":[{"siid":2,"piid":4,"code":-4005}]}`},
		{"wrong type", "xiaomi.aircondition.mt5", "set_properties", `[{"siid":2,"piid":4,"value":"warm"}]`, `"result":[{"siid":2,"piid":4,"code":-4005}]}`},
		{"not in the list", "xiaomi.aircondition.mt5", "set_properties", `[{"siid":2,"piid":2,"value":9}]`, `"result":[{"siid":2,"piid":2,"code":-4005}]}`},
		{"action", "cuco.plug.cp5pro", "action", `{"did":"x","siid":2,"aiid":1,"in":[]}`, `"result":{"did":"x","siid":2,"aiid":1,"code":0}}`},
		{"action with objects", "chunmi.cooker.eh402", "action", `{"siid":2,"aiid":1,"in":[{"piid":2,"value":3}]}`, `"result":{"siid":2,"aiid":1,"code":0}}`},
		{"arguments missing", "chunmi.cooker.eh402", "action", `{"siid":2,"aiid":1,"in":[]}`, `"result":{"siid":2,"aiid":1,"code":-4006}}`},
		{"no such action", "cuco.plug.cp5pro", "action", `{"siid":2,"aiid":9,"in":[]}`, `"result":{"siid":2,"aiid":9,"code":-4003}}`},
		{"unknown method", "cuco.plug.cp5pro", "get_prop", `["power"]`, `"error":{"code":-32601,"message":"Method not found."}}`},
		{"params of another shape", "cuco.plug.cp5pro", "get_properties", `{"siid":1}`, `"error":{"code":-5001,"message":"invalid_arg"}}`},
		{"legacy read", "zhimi.airpurifier.m1", "get_prop", `["power","aqi","temp_dec","nonsense"]`, `"result":["on",35,231,null]}`},
		{"legacy write", "zhimi.airpurifier.m1", "set_mode", `["silent"]`, `"result":["ok"]}`},
		{"legacy refusal", "zhimi.airpurifier.m1", "set_mode", `["turbo"]`, `"error":{"code":-5001,"message":"invalid_arg"}}`},
		{"legacy does not speak MIoT", "zhimi.airpurifier.m1", "get_properties", `[{"siid":1,"piid":1}]`, `"error":{"code":-32601,"message":"Method not found."}}`},
		{"vacuum and an unknown method", "roborock.vacuum.s5", "get_properties", `[]`, `"result":"unknown_method"}`},
		{"old vacuum obeys with 0", "roborock.vacuum.s5", "app_start", `[]`, `"result":0}`},
		{"old cooker", "chunmi.cooker.normal2", "get_prop", `["all"]`,
			`"result":["waiting","0001","null","29",60,-1,60,"1407","05040f","00030017","0100","ffffffffffff011effff010000001516"]}`},
		{"old cooker by name", "chunmi.cooker.normal2", "get_prop", `["func"]`, `"error":{"code":-9999,"message":"user ack timeout"}}`},
		{"lamp of two tongues", "yeelink.light.color5", "get_prop", `["power","bright","ct"]`, `"result":["off","60","4000"]}`},
		{"no push", "yunmi.kettle.r3", "miIO.sub", `{"did":"1","update_ts":5}`, `"error":{"code":-32601,"message":"Method not found."}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, alone(tc.model), func(s *stage) {
				c := s.talk()
				if got := c.greet(plainHello); got != strings.Repeat("f", 32) {
					t.Errorf("hello: %s", got)
				}
				if got := c.ask(tc.method, tc.params); got != tc.want {
					t.Errorf("got  %s\nwant %s", got, tc.want)
				}
			})
		})
	}
}

func TestDeviceInTrouble(t *testing.T) {
	get := `[{"siid":2,"piid":1}]`
	for _, tc := range []struct {
		name  string
		wrong Trouble
		want  string // of get_properties
	}{
		{"silent", Trouble{Silent: true}, ""},
		{"all lost", Trouble{Loss: 100}, ""},
		{"deaf", Trouble{Deaf: true}, ""},
		{"busy", Trouble{Busy: true}, `"error":{"code":-9999,"message":"user ack timeout"}}`},
		{"strict, from another network", Trouble{Strict: true}, ""},
		{"too many at once", Trouble{Batch: 0}, `"result":[{"siid":2,"piid":1,"code":0,"value":true}]}`},
		{"slow", Trouble{Slow: 500 * time.Millisecond}, `"result":[{"siid":2,"piid":1,"code":0,"value":true}]}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, alone("cuco.plug.cp5pro"), func(s *stage) {
				c := s.talk()
				c.greet(plainHello)
				s.home.Devices()[0].Hurt(tc.wrong)
				if got := c.ask("get_properties", get); got != tc.want {
					t.Errorf("got %s, want %s", got, tc.want)
				}
			})
		})
	}
}

func TestDeviceThatLies(t *testing.T) {
	bubble(t, alone("cuco.plug.cp5pro"), func(s *stage) {
		d, c := s.home.Devices()[0], s.talk()
		c.greet(plainHello)
		d.Hurt(Trouble{Ignores: true})
		if got := c.ask("set_properties", `[{"siid":2,"piid":1,"value":false}]`); !strings.Contains(got, `"code":0`) || d.Prop(2, 1) != mi.Bool(true) {
			t.Errorf("an order to one that ignores it: %s, and the truth is %v", got, d.Prop(2, 1))
		}
		d.Hurt(Trouble{Absurd: true})
		if got := c.ask("get_properties", `[{"siid":10,"piid":4}]`); !strings.Contains(got, `"value":4000000000`) {
			t.Errorf("absurd: %s", got)
		}
		d.Hurt(Trouble{Bare: true})
		if got := c.ask("set_properties", `[{"siid":2,"piid":1,"value":false}]`); got != `"result":0}` {
			t.Errorf("bare 0: %s", got)
		}
		d.Hurt(Trouble{Garbage: true})
		for range 8 {
			if got := c.ask("get_properties", `[{"siid":2,"piid":1}]`); strings.HasPrefix(got, `"result":[{`) && strings.HasSuffix(got, "]}") {
				t.Errorf("garbage is fine: %s", got)
			}
		}
		d.Hurt(Trouble{Batch: 2})
		if got := c.ask("get_properties", `[{"siid":2,"piid":1},{"siid":2,"piid":1},{"siid":2,"piid":1}]`); !strings.Contains(got, "-9999") {
			t.Errorf("three where two fit: %s", got)
		}
		d.Hurt(Trouble{Open: true})
		if got := c.greet(plainHello); got != d.Info().Token.Reveal() {
			t.Errorf("an open device hides its token: %s", got)
		}
	})
}

func TestRepeatedMessageIsCarriedOutOnce(t *testing.T) {
	bubble(t, alone("cuco.plug.cp5pro"), func(s *stage) {
		d, c := s.home.Devices()[0], s.talk()
		c.greet(plainHello)
		const toggle = `{"id":77,"method":"action","params":{"siid":2,"aiid":1,"in":[]}}`
		for range 3 {
			c.write(toggle)
			if got := c.text(); !strings.Contains(got, `"code":0`) {
				t.Errorf("repeat: %s", got)
			}
		}
		if n := len(d.Executed()); n != 1 || d.Prop(2, 1) != mi.Bool(false) {
			t.Errorf("carried out %d times, plug is %v", n, d.Prop(2, 1))
		}
		d.Reboot()
		if c.write(toggle); c.text() != "" {
			t.Error("answers a stamp from before its reboot")
		}
		c.greet(plainHello)
		if c.write(toggle); !strings.Contains(c.text(), `"code":0`) || len(d.Executed()) != 2 {
			t.Error("a reboot forgets ids")
		}
	})
}

func TestOldVacuumAnswersAMessageOnce(t *testing.T) {
	bubble(t, alone("roborock.vacuum.s5"), func(s *stage) {
		c := s.talk()
		c.greet(plainHello)
		const start = `{"id":5,"method":"app_start","params":[]}`
		c.write(start)
		if first := c.text(); first != `{"id":5,"result":0}` {
			t.Errorf("first: %s", first)
		}
		if c.write(start); c.text() != "" {
			t.Error("the repeat is answered")
		}
	})
}

func TestWrongTokenIsSilence(t *testing.T) {
	bubble(t, alone("cuco.plug.cp5pro"), func(s *stage) {
		d, c := s.home.Devices()[0], s.talk()
		c.greet(plainHello)
		if err := d.Retoken("00112233445566778899aabbccddeeff"); err != nil {
			t.Fatal(err)
		}
		if c.ask("miIO.info", "[]") != "" || c.greet(plainHello) == "" {
			t.Error("a wrong token is a hello answered and a call dropped")
		}
		if err := d.Retoken("short"); err == nil || strings.Contains(err.Error(), "short") {
			t.Errorf("a short token: %v", err)
		}
	})
}

func TestPushIsRepeatedUntilAnswered(t *testing.T) {
	bubble(t, alone("cuco.plug.cp5pro"), func(s *stage) {
		d, c := s.home.Devices()[0], s.talk()
		const probe = "21310020ffffffffffffffffffffffff4d4449440123456789abcdef00000000"
		if got := c.greet(probe); got != "4d535542"+"00000000"+"505542"+"00"+"fe000000" {
			t.Errorf("probe: %s", got)
		}
		params := `{"version":"2.0","did":"81985529216486895","update_ts":1700000000,"sub_method":"."}`
		if got := c.ask("miIO.sub", params); got != `"result":{"code":0}}` {
			t.Fatalf("sub: %s", got)
		}
		if got := c.greet(probe); got != "4d535542"+"6553f100"+"505542"+"01"+"fe000000" {
			t.Errorf("probe after sub: %s", got)
		}
		d.Press("2.1", mi.Bool(false))
		id, method, got := c.message()
		if method != "properties_changed" || !strings.Contains(got, fmt.Sprintf(`{"did":"%d","siid":2,"piid":1,"value":false}`, c.did)) {
			t.Fatalf("push: %s %s", method, got)
		}
		time.Sleep(repeatAfter)
		again, _, _ := c.message()
		if again != id {
			t.Errorf("repeat has id %d, want %d", again, id)
		}
		c.write(fmt.Sprintf(`{"id":%d,"result":{"code":0}}`, id))
		time.Sleep(3 * repeatAfter)
		if n, _, _ := c.message(); n != 0 {
			t.Error("repeated after the answer")
		}
		d.Happen(13, 1, map[int]mi.Value{2: mi.Int(3)})
		if _, method, got := c.message(); method != "event_occured" || got != fmt.Sprintf(`{"did":"%d","siid":13,"eiid":1,"arguments":[{"piid":2,"value":3}]}`, c.did) {
			t.Errorf("event: %s %s", method, got)
		}
		c.ask("miIO.unsub", params)
		d.Press("2.1", mi.Bool(true))
		if n, _, _ := c.message(); n != 0 {
			t.Error("told after unsub")
		}
	})
}

func TestSilentSubscriberIsDropped(t *testing.T) {
	bubble(t, alone("cuco.plug.cp5pro"), func(s *stage) {
		d, c := s.home.Devices()[0], s.talk()
		c.greet(plainHello)
		c.ask("miIO.sub", `{"did":"5","update_ts":9}`)
		d.Press("2.1", mi.Bool(false))
		time.Sleep(repeats * 2 * repeatAfter)
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.subs) != 0 {
			t.Error("a client that never answers is still subscribed")
		}
	})
}

func TestDeviceMoves(t *testing.T) {
	bubble(t, alone("cuco.plug.cp5pro"), func(s *stage) {
		d, c := s.home.Devices()[0], s.talk()
		c.greet(plainHello)
		if err := d.Move(s.t.Context(), "10.1.7.7:54321"); err != nil {
			t.Fatal(err)
		}
		if c.ask("miIO.info", "[]") != "" {
			t.Error("still answers at its old address")
		}
		c.to = mustAddr("10.1.7.7:54321")
		if got := c.ask("miIO.info", "[]"); !strings.Contains(got, `"localIp":"10.1.7.7"`) {
			t.Errorf("info at the new address: %s", got)
		}
	})
}
