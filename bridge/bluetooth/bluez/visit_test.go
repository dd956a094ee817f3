package bluez

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtualninebot "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ninebot"
)

// road is the fake's device as a virtual mini.
type road struct {
	f      *fake
	garage *virtualninebot.Garage

	mu   sync.Mutex
	link mi.Peripheral
}

func newRoad(t *testing.T, f *fake) *road {
	t.Helper()
	r := &road{f: f, garage: virtualninebot.NewGarage(mi.World{Now: time.Now, Seed: 3}, []virtualninebot.Options{
		{Addr: sensorAddress, Name: "NinebotMini4711", Kind: virtualninebot.Mini},
	})}
	for _, e := range []struct {
		object any
		at     dbus.ObjectPath
		iface  string
	}{
		{roadDevice{r}, sensor, deviceInterface}, {roadGatt{r, rxUUID}, rx, gattInterface}, {roadGatt{r, txUUID}, tx, gattInterface},
	} {
		if err := f.conn.Export(e.object, e.at, e.iface); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *road) mini() *virtualninebot.Vehicle { return r.garage.Vehicle(sensorAddress) }

// call advertises, if the mini does.
func (r *road) call() {
	if r.mini().Calling() {
		r.f.change(sensor, deviceInterface, props{"RSSI": dbus.MakeVariant(int16(-60)), "Name": dbus.MakeVariant("NinebotMini4711")})
	}
}

func (r *road) peripheral() mi.Peripheral {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.link
}

type roadDevice struct{ r *road }

func (d roadDevice) Connect() *dbus.Error {
	p, err := d.r.garage.Connect(context.Background(), sensorAddress)
	if err != nil {
		return dbus.NewError(failFailed, []any{err.Error()})
	}
	d.r.mu.Lock()
	d.r.link = p
	d.r.mu.Unlock()
	d.r.f.change(sensor, deviceInterface, props{"Connected": dbus.MakeVariant(true)})
	go d.r.f.change(sensor, deviceInterface, props{"ServicesResolved": dbus.MakeVariant(true)})
	return nil
}

func (d roadDevice) Disconnect() *dbus.Error {
	d.r.mu.Lock()
	p := d.r.link
	d.r.link = nil
	d.r.mu.Unlock()
	if p != nil {
		_ = p.Close()
	}
	return fakeDevice{d.r.f}.Disconnect()
}

// roadGatt is a characteristic of the mini.
type roadGatt struct {
	r    *road
	uuid string
}

func (g roadGatt) WriteValue(data []byte, _ props) *dbus.Error {
	return g.try(func(p mi.Peripheral) error { return p.Write(context.Background(), g.uuid, data, false) })
}

func (g roadGatt) StartNotify() *dbus.Error {
	return g.try(func(p mi.Peripheral) error {
		return p.Notify(context.Background(), g.uuid, func(b []byte) {
			g.r.f.change(tx, gattInterface, props{"Value": dbus.MakeVariant(b)})
		})
	})
}

func (g roadGatt) try(f func(mi.Peripheral) error) *dbus.Error {
	p := g.r.peripheral()
	if p == nil {
		return dbus.NewError("org.bluez.Error.NotConnected", nil)
	}
	if err := f(p); err != nil {
		return dbus.NewError(failFailed, []any{err.Error()})
	}
	return nil
}

// TestAMiniIsVisited reads a mini through bluetoothd: it appears, is read, leaves and
// comes back from a ride.
func TestAMiniIsVisited(t *testing.T) {
	path, address := busAt(t)
	daemon(t, path)
	r := newRoad(t, newFake(t, address))
	a := New(sockets{}, Options{Bus: address, Log: zerolog.Nop()})
	drivertest.Visit(t, drivertest.Visitor{
		Driver: ninebot.New(mi.World{Now: time.Now, Seed: 3}, ninebot.Options{
			Receivers: []mi.Receiver{a}, Centrals: []mi.Central{a}, All: true, Interval: 100 * time.Millisecond, AwayAfter: time.Second, Log: zerolog.Nop(),
		}),
		DID: ninebot.DID(sensorAddress), Call: r.call,
		Leave:  r.mini().Leave,
		Return: func() { r.mini().Ride(1400, 5*time.Minute); r.mini().Return() },
		Free:   func() bool { return !r.mini().State().Connected },
		Here:   []mi.Change{{Prop: 1, Value: mi.Float(218.6)}, {Prop: 10, Value: mi.Int(61)}, {Prop: 14, Value: mi.Text("N4GSD2123C0456")}},
		Later:  []mi.Change{{Prop: 1, Value: mi.Float(220)}},
	})
	if s := r.mini().State(); len(s.Writes) > 0 {
		t.Errorf("registers %x were written", s.Writes)
	}
}
