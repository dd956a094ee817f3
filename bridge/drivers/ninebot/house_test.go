package ninebot_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/store"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

const token = "07d13c447e33051eeef95a60"

func addr(last byte) mi.Address { return mi.Address{0xD4, 0xF0, 0x57, 0, 0, last} }

func kinds() []virtual.Options {
	return []virtual.Options{
		{Addr: addr(0), Name: "NinebotMini4711", Kind: virtual.Mini},
		{Addr: addr(1), Name: "MIScooter0815", Kind: virtual.Scooter},
		{Addr: addr(2), Name: "NBScooter0815", Kind: virtual.Crypto},
		{Addr: addr(3), Name: "MIScooter4242", Kind: virtual.Secure, Token: token},
	}
}

// house is a driver that hears and reaches all kinds of vehicles.
type house struct {
	*testing.T
	garage *virtual.Garage
	driver *ninebot.Driver
	log    bytes.Buffer
	logMu  sync.Mutex
	stop   func()
}

// Write collects the log.
func (h *house) Write(b []byte) (int, error) {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.Write(b)
}

func (h *house) logged() string {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.String()
}

func newHouse(t *testing.T, change func(*ninebot.Options)) *house {
	t.Helper()
	return newHouseOf(t, kinds(), change)
}

// newHouseOf has other vehicles at the same addresses.
func newHouseOf(t *testing.T, vehicles []virtual.Options, change func(*ninebot.Options)) *house {
	t.Helper()
	h := &house{T: t}
	w := mi.World{Now: time.Now, Seed: 5}
	h.garage = virtual.NewGarage(w, vehicles)
	o := ninebot.Options{
		Receivers: []mi.Receiver{h.garage}, Centrals: []mi.Central{h.garage},
		Vehicles: []ninebot.Config{
			{Addr: addr(0), Name: "Mini", Kind: ninebot.Mini}, {Addr: addr(1)}, {Addr: addr(2), Pair: true}, {Addr: addr(3), Token: token},
		},
		Writes: true, Memory: store.New(world.NewDisk(5), nil, zerolog.Nop()), Log: zerolog.New(h),
	}
	if change != nil {
		change(&o)
	}
	h.driver = ninebot.New(w, o)
	return h
}

// listen lets the driver hear until the returned function is called.
func (h *house) listen() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	first := make(chan struct{}, 1)
	go func() {
		ended <- h.driver.Find(ctx, func(mi.Info) {
			select {
			case first <- struct{}{}:
			default:
			}
		})
	}()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.Error(err)
		}
	})
	h.Cleanup(h.stop)
	after(time.Second)
}

// in runs a case in simulated time.
func in(t *testing.T, change func(*ninebot.Options), f func(*house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, change)
		h.listen()
		defer h.stop()
		f(h)
	})
}

func after(d time.Duration) { <-time.After(d) }

// vehicle is an open conversation.
type vehicle struct {
	*house
	link mi.Link
	v    *virtual.Vehicle
}

func (h *house) open(a mi.Address) *vehicle {
	h.Helper()
	link, err := h.driver.Open(h.Context(), mi.Info{DID: ninebot.DID(a)}, &drivertest.Sink{})
	if err != nil {
		h.Fatal(err)
	}
	return &vehicle{h, link, h.garage.Vehicle(a)}
}

func (v *vehicle) spec() *mi.Spec {
	v.Helper()
	spec, err := v.link.Spec(v.Context())
	if err != nil {
		v.Fatal(err)
	}
	return spec
}

// read returns every known property by its key.
func (v *vehicle) read() (map[string]mi.Value, error) {
	spec, err := v.link.Spec(v.Context())
	if err != nil {
		return nil, err
	}
	var props []int
	for i := range spec.Props {
		props = append(props, i)
	}
	got, err := v.link.(mi.Getter).Get(v.Context(), props, nil)
	out := map[string]mi.Value{}
	for _, c := range got {
		out[string(spec.Props[c.Prop].Key)] = c.Value
	}
	return out, err
}

func (v *vehicle) want(want map[string]mi.Value) {
	v.Helper()
	got, err := v.read()
	if err == nil && maps.Equal(got, want) {
		return
	}
	v.Errorf("%v", err)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			v.Errorf("%s is %#v, want %#v", key, got[key], want[key])
		}
		delete(got, key)
	}
	if len(got) > 0 {
		v.Errorf("besides there is %v", got)
	}
}

func (v *vehicle) set(key string, on bool) error {
	i := slices.IndexFunc(v.spec().Props, func(p mi.Property) bool { return string(p.Key) == key })
	if i < 0 {
		return mi.ErrUnsupported
	}
	return v.link.(mi.Setter).Set(v.Context(), []mi.Change{{Prop: i, Value: mi.Bool(on)}})
}

// shows is what a vehicle that was parked has to tell.
func shows() map[string]mi.Value {
	return map[string]mi.Value{
		"scooter/current-speed": mi.Float(0), "scooter/mileage": mi.Float(218.6), "scooter/trip-mileage": mi.Float(1.25), "scooter/trip-time": mi.Int(402),
		"scooter/remaining-mileage": mi.Float(15.25), "scooter/average-speed": mi.Float(11.194), "scooter/temperature": mi.Float(28.5),
		"scooter/fault": mi.Bool(false), "scooter/error-code": mi.Int(0), "scooter/warning-code": mi.Int(0),
		"battery/battery-level": mi.Int(61), "battery/voltage": mi.Float(54.32), "battery/electric-current": mi.Float(0), "battery/charging-state": mi.Int(2),
		"information/serial-number": mi.Text("N4GSD2123C0456"), "information/firmware-version": mi.Text("1.3.4"),
	}
}

func showsScooter() map[string]mi.Value {
	s := shows()
	s["battery/voltage"] = mi.Float(38.5)
	s["battery/battery-temperature"], s["battery/battery-health"] = mi.Int(28), mi.Int(97)
	s["lock/locked"], s["light/on"] = mi.Bool(false), mi.Bool(false)
	maps.Copy(s, map[string]mi.Value{
		"scooter/actual-remaining-mileage": mi.Float(14.64), "scooter/operation-time": mi.Int(90_000), "scooter/riding-time": mi.Int(36_000),
		"scooter/speed-limited": mi.Bool(false), "scooter/speed-limit": mi.Float(20), "scooter/normal-speed-limit": mi.Float(25), "scooter/reduced-speed-limit": mi.Float(10),
		"scooter/riding-mode": mi.Int(2), "scooter/energy-recovery": mi.Int(1), "scooter/cruise-control": mi.Bool(true),
		"scooter/alarm-sounding": mi.Bool(false), "scooter/activated": mi.Bool(true), "battery/second-battery": mi.Bool(false),
		"battery/battery-charge": mi.Int(4_758), "battery/battery-capacity": mi.Int(7_800), "battery/overcharges": mi.Int(2), "battery/overdischarges": mi.Int(1),
		"information/battery-serial-number": mi.Text("N4GSD2123C0456"), "information/battery-firmware-version": mi.Text("1.1.5"),
		"information/bluetooth-firmware-version": mi.Text("0.7.2"),
	})
	return s
}

func showsCrypto() map[string]mi.Value {
	s := showsScooter()
	s["scooter/average-speed"] = mi.Float(11.1)
	return s
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		h := newHouse(t, nil)
		h.listen()
		mini := h.garage.Vehicle(addr(0))
		return &drivertest.Home{
			Driver: h.driver, Device: mi.Info{DID: ninebot.DID(addr(0))}, Found: true,
			Reads: []mi.Change{{Prop: 1, Value: mi.Float(218.6)}, {Prop: 10, Value: mi.Int(61)}, {Prop: 14, Value: mi.Text("N4GSD2123C0456")}},
			Mute:  func() { mini.Hurt(virtual.Trouble{Silent: true}) },
			Close: h.stop,
		}
	}, synctest.Test)
}

// TestDriverWithAScooter adds what only scooters have.
func TestDriverWithAScooter(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		h := newHouse(t, nil)
		h.listen()
		return &drivertest.Home{
			Driver: h.driver, Device: mi.Info{DID: ninebot.DID(addr(3))}, Found: true,
			Reads: []mi.Change{{Prop: 10, Value: mi.Int(61)}, {Prop: 16, Value: mi.Bool(false)}},
			Write: &mi.Change{Prop: 16, Value: mi.Bool(true)},
			Mute:  func() { h.garage.Vehicle(addr(3)).Hurt(virtual.Trouble{Hangs: true}) },
			Close: h.stop,
		}
	}, synctest.Test)
}

func TestEveryKindIsRead(t *testing.T) {
	in(t, nil, func(h *house) {
		h.garage.Vehicle(addr(2)).Press()
		for i, want := range []map[string]mi.Value{shows(), showsScooter(), showsCrypto(), showsScooter()} {
			v := h.open(addr(byte(i)))
			v.want(want)
			if s := v.v.State(); s.Visits != 1 || s.Connected || len(s.Writes) > 0 {
				h.Errorf("vehicle %d was treated like this: %+v", i, s)
			}
			_ = v.link.Close()
		}
		if c := h.driver.Counts(); c.Refused+c.Junk+c.Stray > 0 || c.Visits != 4 {
			h.Errorf("healthy vehicles counted as %+v", c)
		}
	})
}

// TestOtherSerialLines reads vehicles that are older and newer than the Nordic UART,
// and one that has nothing of the kind.
func TestOtherSerialLines(t *testing.T) {
	newest := virtual.Line{In: "6e400002-0000-0000-006e-696e65626f74", Out: "6e400004-0000-0000-006e-696e65626f74"}
	oldest := virtual.Line{In: "0000ffe1-0000-1000-8000-00805f9b34fb", Out: "0000ffe1-0000-1000-8000-00805f9b34fb"}
	for _, tc := range []struct {
		name string
		line virtual.Line
		last byte
		want map[string]mi.Value
		err  error
	}{
		{"HM-10", oldest, 0, shows(), nil},
		{"the newest Segway", newest, 2, showsCrypto(), nil},
		{"none", virtual.Line{In: "x", Out: "y"}, 0, map[string]mi.Value{}, mi.ErrProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vehicles := kinds()
				vehicles[tc.last].Line, vehicles[tc.last].Ready = tc.line, true
				h := newHouseOf(t, vehicles, nil)
				h.listen()
				defer h.stop()
				v := h.open(addr(tc.last))
				defer v.link.Close()
				if got, err := v.read(); !errors.Is(err, tc.err) || !maps.Equal(got, tc.want) {
					h.Errorf("it shows %v, %v", got, err)
				}
				if v.v.State().Connected {
					h.Error("it is not left")
				}
			})
		})
	}
}

func TestLocksAndLights(t *testing.T) {
	in(t, nil, func(h *house) {
		h.garage.Vehicle(addr(2)).Press()
		for i := byte(1); i < 4; i++ {
			v := h.open(addr(i))
			for _, on := range []bool{true, false} {
				for _, key := range []string{"lock/locked", "light/on"} {
					if err := v.set(key, on); err != nil {
						h.Errorf("vehicle %d: %s %v: %v", i, key, on, err)
					}
				}
				if s := v.v.State(); s.Locked != on || s.Light != on || s.Connected {
					h.Errorf("vehicle %d is %+v, want %v", i, s, on)
				}
				if got, err := v.read(); err != nil || got["lock/locked"] != mi.Bool(on) || got["light/on"] != mi.Bool(on) {
					h.Errorf("vehicle %d shows %v, %v", i, got, err)
				}
			}
			want := []byte{0x70, 0x7D, 0x71, 0x7D}
			if s := v.v.State(); !slices.Equal(s.Writes, want) {
				h.Errorf("written were %x, want %x", s.Writes, want)
			}
			_ = v.link.Close()
		}
	})
}

// TestTheKeysStayInside looks for every key in all that is said.
func TestTheKeysStayInside(t *testing.T) {
	in(t, nil, func(h *house) {
		crypto := h.garage.Vehicle(addr(2))
		crypto.Press()
		var said strings.Builder
		for i := range byte(4) {
			v := h.open(addr(i))
			got, err := v.read()
			for k, value := range got {
				said.WriteString(k + value.String() + "\n")
			}
			if err != nil {
				h.Error(err)
			}
			v.v.Forget()
			after(time.Hour)
			_, err = v.read()
			if i > 1 && err == nil {
				h.Errorf("vehicle %d lets us in with a key that it forgot", i)
			}
			if err != nil {
				said.WriteString(err.Error())
			}
			_ = v.link.Close()
		}
		said.WriteString(h.logged())
		keys := append(crypto.Keys(), token)
		if len(keys) < 2 {
			h.Fatal("no key was in use")
		}
		for _, key := range keys {
			if strings.Contains(strings.ToLower(said.String()), key) {
				h.Errorf("the key %s is told", key)
			}
		}
	})
}
