package mqtt

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestForbiddenOrdersNeverReachTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := lampSpec()
		spec.Props[0].Key, spec.Actions[0].Key = "lock/locked", "lock/open"
		s := newHouse(t, testWorld(), 0, func(o *Options) { o.Forbid, o.Raw = []string{"unlock", "restart", "remove"}, true })
		lock := &lamp{spec: spec, values: []mi.Value{mi.Bool(true), mi.Int(50), {}}}
		s.lamps.add("d1", lock)
		s.devices.Found("lan", mi.Info{DID: "d1", Model: "acme.lock.one", Token: "0123"})
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.listen("#")
		u.heard()
		for _, m := range [][2]string{
			{"d1/p2_1/state/set", "OFF"}, {"d1/a2_1/press/set", "PRESS"}, {"bridge/request/restart", ""}, {"bridge/request/remove", "d1"},
			{"bridge/request/set", `{"id":"d1","key":"lock/locked","value":false}`}, {"bridge/request/action", `{"id":"d1","action":"lock/open"}`},
		} {
			u.say("mihome2mqtt/"+m[0], m[1], false)
			time.Sleep(time.Second)
			if heard := u.heard(); !among(heard, "MIHOME2MQTT_FORBID") && m[0] != "d1/a2_1/press/set" {
				t.Errorf("%s: %q does not say what forbids it", m[0], heard)
			}
		}
		if got := lock.taken(); got != "" {
			t.Errorf("the lock was told %q", got)
		}
		u.say("mihome2mqtt/d1/p2_1/state/set", "ON", false) // to lock is no danger
		time.Sleep(5 * time.Second)
		if got := lock.taken(); got != "0=true" {
			t.Errorf("the lock was told %q", got)
		}
		u.bye()
		s.stop()
	})
}
