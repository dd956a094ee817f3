package ble_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ble"
)

func did(r *virtual.Radio, place int) string {
	a := r.Address(place)
	return fmt.Sprintf("ble.%x", a[:])
}

// memory is a mi.Memory that outlives a driver.
type memory struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (m *memory) Load(name string, v any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, ok := m.kept[name]
	return ok && jsonInto(raw, v)
}

func (m *memory) Save(name string, v any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[name] = jsonOf(v)
}

// board is what people would see.
type board struct {
	mu     sync.Mutex
	status map[string]device.Status
	values map[string]map[mi.Key]mi.Value
	events map[string][]string
}

func newBoard() *board {
	return &board{status: map[string]device.Status{}, values: map[string]map[mi.Key]mi.Value{}, events: map[string][]string{}}
}

func (b *board) Opened(*device.Device, *mi.Spec) device.Plan { return device.Plan{} }

func (b *board) Changed(d *device.Device, changes []mi.Change) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := d.Info().DID
	if b.values[id] == nil {
		b.values[id] = map[mi.Key]mi.Value{}
	}
	for _, c := range changes {
		b.values[id][d.Spec().Props[c.Prop].Key] = c.Value
	}
	return false
}

func (b *board) Happened(d *device.Device, h mi.Happening) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := &d.Spec().Events[h.Event]
	text := string(e.Key)
	for i, a := range h.Args {
		if a.Known() {
			text += " " + d.Spec().Props[e.Args[i]].Name + "=" + a.String()
		}
	}
	b.events[d.Info().DID] = append(b.events[d.Info().DID], text)
}

func (b *board) Status(d *device.Device, s device.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status[d.Info().DID] = s
}

func (b *board) Removed(*device.Device) {}

func (b *board) at(id string, key mi.Key) mi.Value {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values[id][key]
}

func (b *board) told(id string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.events[id])
}

func (b *board) state(id string) device.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status[id]
}

func (b *board) seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.status))
}

// house is a home that hears the virtual devices.
type house struct {
	t      *testing.T
	radio  *virtual.Radio
	driver *ble.Driver
	board  *board
	home   *device.Home
	stop   func()
}

// newHouse runs a home within a synctest bubble; known are its devices of earlier
// runs.
func newHouse(t *testing.T, radio *virtual.Radio, o ble.Options, known ...mi.Info) *house {
	t.Helper()
	h := &house{t: t, radio: radio, board: newBoard()}
	w := mi.World{Now: time.Now, Seed: 5}
	o.Log = zerolog.Nop()
	if o.Receivers == nil {
		o.Receivers = radio.Receivers()
	}
	o.Changed = func(model string) { h.home.SpecArrived(model) }
	o.Known = func() []mi.Info { return known }
	h.driver = ble.New(w, o)
	h.home = device.New(device.Options{
		World: w, View: h.board, Log: zerolog.Nop(), Known: known,
		Routes: []device.Route{{Name: "bluetooth", Driver: h.driver}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.home.Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the home ended with %v", err)
		}
	}
	synctest.Wait()
	return h
}

func (h *house) infos() (all []mi.Info) {
	for _, d := range h.home.All() {
		all = append(all, d.Info())
	}
	return all
}

func (h *house) want(place int, key mi.Key, want mi.Value) {
	h.t.Helper()
	synctest.Wait()
	if got := h.board.at(did(h.radio, place), key); got != want {
		h.t.Errorf("%s of device %d = %v, want %v", key, place, got, want)
	}
}

func (h *house) wantEvents(place int, want ...string) {
	h.t.Helper()
	synctest.Wait()
	if got := h.board.told(did(h.radio, place)); !slices.Equal(got, want) {
		h.t.Errorf("events of device %d are %q, want %q", place, got, want)
	}
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// everybody lets every device speak once.
func everybody(r *virtual.Radio) {
	r.Battery(virtual.Motion, 91)
	r.Battery(virtual.MotionLux, 81)
	r.Door(false)
	r.Press(0)
	r.Climate(23.4, 51)
	r.Weigh(71.5, 512)
	r.Home(19.25, 44)
}

func TestDevicesAppear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys()})
		defer h.stop()
		everybody(radio)
		wait(5 * time.Second)
		if n := len(h.board.seen()); n != 7 {
			t.Errorf("%d devices appear: %v", n, h.board.seen())
		}
		h.want(virtual.Motion, "battery/battery-level", mi.Int(91))
		h.want(virtual.Door, "magnet-sensor/contact-state", mi.Bool(true))
		h.want(virtual.Climate, "temperature-humidity-sensor/temperature", mi.Float(23.4))
		h.want(virtual.Climate, "temperature-humidity-sensor/relative-humidity", mi.Float(51))
		h.want(virtual.Scale, "scales/weight", mi.Float(71.5))
		h.want(virtual.Scale, "scales/impedance", mi.Int(512))
		h.want(virtual.Home, "temperature-humidity-sensor/temperature", mi.Float(19.25))
		h.want(virtual.Climate, "bluetooth/receiver", mi.Text("virtual radio upstairs"))
		h.wantEvents(virtual.Button) // a first frame may be old
		for _, id := range h.board.seen() {
			if s := h.board.state(id); !s.Online || s.LastError != "" || s.Reason != "" {
				t.Errorf("%s: %+v", id, s)
			}
		}
	})
}

func TestMotionEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys(), ClearAfter: 20 * time.Second})
		defer h.stop()
		everybody(radio)
		wait(5 * time.Second)
		radio.Stir(virtual.Motion, 256)
		h.want(virtual.Motion, "motion-sensor/motion-state", mi.Bool(true))
		h.want(virtual.Motion, "illumination-sensor/light-state", mi.Bool(true))
		wait(15 * time.Second)
		radio.Stir(virtual.Motion, 0)
		wait(15 * time.Second)
		h.want(virtual.Motion, "motion-sensor/motion-state", mi.Bool(true))
		wait(6 * time.Second)
		h.want(virtual.Motion, "motion-sensor/motion-state", mi.Bool(false))
		h.wantEvents(virtual.Motion, "motion-sensor/motion-detected", "motion-sensor/motion-detected")
		radio.Stir(virtual.MotionLux, 137)
		h.want(virtual.MotionLux, "illumination-sensor/illumination", mi.Float(137))
		h.want(virtual.MotionLux, "motion-sensor/motion-state", mi.Bool(true))
	})
}

// TestPressIsOneEvent has both receivers hear every press three times.
func TestPressIsOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio, m := virtual.NewRadio(mi.World{Now: time.Now}), &memory{kept: map[string][]byte{}}
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys(), Memory: m})
		everybody(radio)
		wait(40 * time.Second)
		dead := &memory{kept: map[string][]byte{"ble": m.kept["ble"]}} // what a crash leaves
		radio.Press(0)
		wait(time.Second)
		radio.Press(1)
		radio.Press(2)
		h.wantEvents(virtual.Button, "switch-sensor/click", "switch-sensor/double-click", "switch-sensor/long-press")
		wait(time.Second)
		known := h.infos()
		h.stop()
		pressAfter(newHouse(t, radio, ble.Options{Keys: radio.Keys(), Memory: m}, known...))
		pressAfter(newHouse(t, radio, ble.Options{Keys: radio.Keys(), Memory: dead}, known...))
	})
}

// pressAfter hears the last press of another run, still in the air, and a new one.
func pressAfter(h *house) {
	defer h.stop()
	wait(3 * time.Second)
	h.radio.Rewind(virtual.Button, 1000*(virtual.Button+1)+3)
	h.radio.Press(2)
	h.wantEvents(virtual.Button)
	h.radio.Press(0)
	h.wantEvents(virtual.Button, "switch-sensor/click")
}

func TestReplaysAndForgeriesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys()})
		defer h.stop()
		everybody(radio)
		wait(5 * time.Second)
		radio.Press(0)
		radio.Press(0)
		wait(2 * time.Minute)
		radio.Rewind(virtual.Button, 1000*(virtual.Button+1)+1)
		radio.Press(0) // byte for byte the first of the two
		bare := []byte{0x50, 0x59, 0xbf, 0x07, 0xfa, 0x13, 0x2e, 0x0e, 0x38, 0xc1, 0xa4, 0x01, 0x10, 3, 0, 0, 0}
		radio.Say(virtual.Button, 0xfe95, bare)
		radio.Say(virtual.Button, 0xfe95, []byte{0x58, 0x59, 0xbf, 0x07, 0xfb, 0x13, 0x2e, 0x0e, 0x38, 0xc1, 0xa4, 1, 2, 3, 4, 5, 6, 0, 0, 0, 9, 9, 9, 9})
		radio.Say(virtual.Button, 0xfe95, []byte{0x50, 0x59})
		radio.Say(virtual.Door, 0xfe95, bare)
		radio.Say(virtual.Door, 0xfe95, []byte{0xd0, 0x59, 0xbf, 0x07, 0xfa})
		h.wantEvents(virtual.Button, "switch-sensor/click", "switch-sensor/click")
		c := h.driver.Counters()
		for _, reason := range []string{"replayed", "not_sealed", "forged", "malformed", "spoofed", "mesh", "doubled"} {
			if c[reason] == 0 {
				t.Errorf("nothing is counted as %s: %v", reason, c)
			}
		}
	})
}

// TestNewBattery has a device forget its counter.
func TestNewBattery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys()})
		defer h.stop()
		everybody(radio)
		wait(5 * time.Minute)
		radio.Rewind(virtual.Door, 0)
		for range 2 {
			radio.Door(true)
		}
		h.want(virtual.Door, "magnet-sensor/contact-state", mi.Bool(true))
		radio.Door(true)
		h.want(virtual.Door, "magnet-sensor/contact-state", mi.Bool(false))
		radio.Door(false)
		h.want(virtual.Door, "magnet-sensor/contact-state", mi.Bool(true))
	})
}

func TestKeyIsMissingOrWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		keys := radio.Keys()
		good := keys[strings.TrimPrefix(did(radio, virtual.Climate), "ble.")]
		delete(keys, strings.TrimPrefix(did(radio, virtual.Climate), "ble."))
		keys[strings.TrimPrefix(did(radio, virtual.Motion), "ble.")] = good
		h := newHouse(t, radio, ble.Options{Keys: keys})
		defer h.stop()
		for range 3 {
			everybody(radio)
			wait(5 * time.Second)
		}
		for place, want := range map[int]string{virtual.Climate: "its key is missing", virtual.Motion: "its key does not fit"} {
			if s := h.board.state(did(radio, place)); s.Online || !strings.Contains(s.LastError, want) {
				t.Errorf("device %d: %+v, want %q", place, s, want)
			}
		}
		h.home.Found("bluetooth", mi.Info{DID: did(radio, virtual.Climate), Token: good})
		wait(time.Second)
		radio.Climate(20.5, 40)
		wait(2 * time.Minute)
		h.want(virtual.Climate, "temperature-humidity-sensor/temperature", mi.Float(20.5))
		if s := h.board.state(did(radio, virtual.Climate)); !s.Online || s.LastError != "" {
			t.Errorf("with the key: %+v", s)
		}
	})
}

func TestSilenceAndReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys()})
		defer h.stop()
		everybody(radio)
		wait(time.Minute)
		radio.Mute(0, true)
		for range 12 {
			radio.Climate(21, 40)
			wait(30 * time.Second)
		}
		r := h.driver.Receivers()
		if len(r) != 2 || !r[0].Deaf || r[0].Err == nil || r[1].Deaf || r[1].Heard == 0 {
			t.Errorf("receivers %+v", r)
		}
		wait(64 * time.Minute)
		if !h.board.state(did(radio, virtual.Climate)).Online {
			t.Error("the thermometer is gone too early")
		}
		wait(2 * time.Minute)
		if h.board.state(did(radio, virtual.Climate)).Online || !h.board.state(did(radio, virtual.Door)).Online {
			t.Error("want the thermometer gone and the door, which speaks only when it moves, there")
		}
		radio.Climate(21.5, 40)
		synctest.Wait()
		if !h.board.state(did(radio, virtual.Climate)).Online {
			t.Error("the thermometer is not back")
		}
	})
}
