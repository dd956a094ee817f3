package miio

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		h := newHome(t)
		h.plug.push = free
		say := func(text string) func() {
			return func() { h.plug.set(func() { h.plug.say(text) }) }
		}
		return &drivertest.Home{
			Driver: h.d, Device: h.info(), Found: true,
			Reads: readAll,
			Write: &mi.Change{Prop: 1, Value: mi.Int(77)},
			Call:  &mi.Call{Action: 0, Args: []mi.Value{mi.Int(1)}},
			Out:   []mi.Value{mi.Int(7)},
			Event: say(`{"id":1,"method":"event_occured","params":{"siid":2,"eiid":1,"arguments":[]}}`),
			Push:  say(`{"id":2,"method":"properties_changed","params":[{"siid":2,"piid":2,"value":3}]}`),
			Noise: func(b []byte) {
				h.plug.set(func() {
					h.net.send(h.plug.conn.LocalAddr(), h.plug.peer, b)
					h.net.send(h.plug.conn.LocalAddr(), h.plug.peer, h.plug.seal(fmt.Sprintf("%q", b), h.plug.stamp()))
				})
			},
			Mute: func() { h.plug.set(func() { h.plug.mute = true }) },
			Close: func() {
				_ = h.plug.conn.Close()
				time.Sleep(time.Minute) // what is under way in the network ends
				synctest.Wait()
			},
		}
	}, synctest.Test)
}
