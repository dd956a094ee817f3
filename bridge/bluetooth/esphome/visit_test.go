package esphome

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtualninebot "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ninebot"
)

const miniName = "NinebotMini4711"

// road is a virtual mini near a node.
type road struct {
	garage *virtualninebot.Garage

	mu   sync.Mutex
	link mi.Peripheral // while the node is connected to it
}

func newRoad() *road {
	return &road{garage: virtualninebot.NewGarage(mi.World{Now: time.Now, Seed: 3}, []virtualninebot.Options{
		{Addr: miniAddress, Name: miniName, Kind: virtualninebot.Mini},
	})}
}

func (r *road) mini() *virtualninebot.Vehicle { return r.garage.Vehicle(miniAddress) }

// call advertises, if the mini does.
func (r *road) call(f *fake) {
	if r.mini().Calling() {
		f.say(miniAddress, -67, fmt.Sprintf("%02x09", len(miniName)+1)+hex.EncodeToString([]byte(miniName)))
	}
}

// swap notes a connection and returns the last one.
func (r *road) swap(p mi.Peripheral) mi.Peripheral {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.link
	r.link = p
	return old
}

func (r *road) peripheral() mi.Peripheral {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.link
}

// take does what a client wants of the mini; what every device does the same way is
// left to the fake.
func (r *road) take(c *client, kind uint64, q request) bool {
	p := r.peripheral()
	switch {
	case kind == deviceRequest && q.handle == disconnectDevice:
		if old := r.swap(nil); old != nil {
			_ = old.Close()
		}
		return false
	case kind == deviceRequest:
		link, err := r.garage.Connect(context.Background(), miniAddress)
		if err != nil {
			_ = c.write(deviceConnection, appendNumber(appendNumber(nil, 1, q.addr), 4, 0x3E))
			return true
		}
		r.swap(link)
		return false
	case kind == notifyRequest && p != nil:
		_ = p.Notify(context.Background(), txUUID, func(b []byte) {
			_ = c.write(notifyData, appendBytes(appendNumber(appendNumber(nil, 1, q.addr), 2, tx), 3, b))
		})
		return false
	case kind == writeRequest && p != nil:
		_ = p.Write(context.Background(), rxUUID, q.data, false)
		return true
	}
	return false
}

// TestAMiniIsVisited reads a mini by a node's active connections, encrypted and not:
// it appears, is read, leaves and comes back from a ride.
func TestAMiniIsVisited(t *testing.T) {
	for _, key := range []string{"", testKey} {
		t.Run(fmt.Sprint("encrypted ", key != ""), func(t *testing.T) {
			r := newRoad()
			o := Options{Key: mi.Secret(key), Log: zerolog.Nop()}
			f := newFake(t, func(f *fake) {
				f.key, _ = parseKey(o.Key)
				f.road = r
			})
			o.Addr = f.address()
			n, err := New(sockets{}, o)
			if err != nil {
				t.Fatal(err)
			}
			drivertest.Visit(t, drivertest.Visitor{
				Driver: ninebot.New(mi.World{Now: time.Now, Seed: 3}, ninebot.Options{
					Receivers: []mi.Receiver{n}, Centrals: []mi.Central{n}, All: true, Interval: 100 * time.Millisecond, AwayAfter: time.Second, Log: zerolog.Nop(),
				}),
				DID: ninebot.DID(miniAddress), Call: func() { r.call(f) },
				Leave:  r.mini().Leave,
				Return: func() { r.mini().Ride(1400, 5*time.Minute); r.mini().Return() },
				Free:   func() bool { return !r.mini().State().Connected },
				Here:   []mi.Change{{Prop: 1, Value: mi.Float(218.6)}, {Prop: 10, Value: mi.Int(61)}, {Prop: 14, Value: mi.Text("N4GSD2123C0456")}},
				Later:  []mi.Change{{Prop: 1, Value: mi.Float(220)}},
			})
			if s := r.mini().State(); len(s.Writes) > 0 {
				t.Errorf("registers %x were written", s.Writes)
			}
		})
	}
}
