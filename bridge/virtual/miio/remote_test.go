package miio

import (
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestRemoteCallsShareTheTruth(t *testing.T) {
	o := Options{Models: []string{"cuco.plug.cp5pro", "chuangmi.plug.m1"}, First: 900, Still: true}
	bubble(t, o, func(s *stage) {
		plug, old := s.home.Device("900"), s.home.Device("901")
		c := s.talk()
		c.greet(plainHello)
		plug.Hurt(Trouble{Silent: true})
		if v, code := plug.Read(2, 1); v != mi.Bool(true) || code != 0 {
			t.Errorf("read %v, code %d", v, code)
		}
		if code := plug.Write(2, 1, mi.Bool(false)); code != 0 || plug.Prop(2, 1) != mi.Bool(false) {
			t.Errorf("write: code %d, the plug is %v", code, plug.Prop(2, 1))
		}
		if _, code := plug.Invoke(2, 1, nil); code != 0 || plug.Prop(2, 1) != mi.Bool(true) {
			t.Errorf("action: code %d, the plug is %v", code, plug.Prop(2, 1))
		}
		plug.Hurt(Trouble{})
		if got := c.ask("get_properties", `[{"siid":2,"piid":1}]`); !strings.Contains(got, `"value":true`) {
			t.Errorf("the LAN says %s", got)
		}
		if n := len(plug.Executed()); n != 2 {
			t.Errorf("%d orders were carried out, want 2", n)
		}
		if code := old.Write(2, 1, mi.Bool(true)); code != codeNoProp {
			t.Errorf("a device without MIoT answers %d", code)
		}
		if got := string(old.Call(7, "set_power", []byte(`["off"]`))); got != `{"id":7,"result":["ok"]}` || old.Value("power") != mi.Text("off") {
			t.Errorf("call: %s, power %v", got, old.Value("power"))
		}
		if got := string(plug.Call(8, "miIO.sub", []byte(`{"did":"5"}`))); !strings.Contains(got, "-32601") {
			t.Errorf("a subscription: %s", got)
		}
	})
}
