package ble_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ble"
)

// plainHome is a BTHome frame of somebody's own thermometer: packet, battery,
// temperature.
func plainHome(packet, battery byte, more ...byte) []byte {
	return append([]byte{0x40, 0x00, packet, 0x01, battery, 0x02, 0xca, 0x09}, more...)
}

func withoutKey(r *virtual.Radio, place int) map[string]mi.Secret {
	keys := r.Keys()
	delete(keys, strings.TrimPrefix(did(r, place), "ble."))
	return keys
}

func TestWhoIsListenedTo(t *testing.T) {
	for _, tc := range []struct {
		name    string
		devices []string
		want    string
	}{
		{"the default leaves strangers out", nil, "door"},
		{"all", []string{"all"}, "door home"},
		{"a list", []string{"A4:C1:38:0E:2E:16"}, "home"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				radio := virtual.NewRadio(mi.World{Now: time.Now})
				h := newHouse(t, radio, ble.Options{Keys: withoutKey(radio, virtual.Home), Devices: tc.devices})
				defer h.stop()
				radio.Door(true)
				radio.Say(virtual.Home, 0xfcd2, plainHome(1, 88))
				wait(3 * time.Second)
				var got []string
				for _, id := range h.board.seen() {
					got = append(got, map[string]string{did(radio, virtual.Door): "door", did(radio, virtual.Home): "home"}[id])
				}
				if strings.Join(got, " ") != tc.want {
					t.Errorf("it listens to %v, want %s", got, tc.want)
				}
			})
		})
	}
}

// TestSpecGrows has a device tell more than it ever told.
func TestSpecGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{Devices: []string{"all"}})
		defer h.stop()
		radio.Say(virtual.Home, 0xfcd2, plainHome(1, 88))
		wait(3 * time.Second)
		h.want(virtual.Home, "battery/battery-level", mi.Int(88))
		radio.Say(virtual.Home, 0xfcd2, plainHome(2, 87, 0x02, 0x0a, 0x00, 0x2d, 0x01, 0x3a, 0x00, 0x3a, 0x01))
		wait(4 * time.Second)
		h.want(virtual.Home, "battery/battery-level", mi.Int(87))
		h.want(virtual.Home, "temperature-humidity-sensor/temperature", mi.Float(25.06))
		h.want(virtual.Home, "temperature-humidity-sensor/temperature-2", mi.Float(0.1))
		h.want(virtual.Home, "report/window", mi.Bool(true))
		h.wantEvents(virtual.Home) // nobody knew of the button yet
		radio.Say(virtual.Home, 0xfcd2, plainHome(3, 87, 0x3a, 0x00, 0x3a, 0x02))
		radio.Say(virtual.Home, 0xfcd2, plainHome(4, 87, 0x3a, 0x00, 0x3a, 0x02))
		h.wantEvents(virtual.Home, "switch-sensor/double-click", "switch-sensor/double-click")
	})
}

// vendor is a source of the vendor's specs.
type vendor map[string]*mi.Spec

func (v vendor) Spec(_ context.Context, model string) (*mi.Spec, error) {
	if s := v[model]; s != nil {
		return s, nil
	}
	return nil, mi.ErrUnsupported
}

// TestUnknownObjects reads an object by the vendor's spec of the product, and one
// by what its number usually means.
func TestUnknownObjects(t *testing.T) {
	spec := &mi.Spec{
		Model: "isa.magnet.dw2hl", Services: []mi.Service{{IID: 7, Name: "buzzer", Key: "buzzer", Text: "Buzzer"}},
		Props:  []mi.Property{{SIID: 7, PIID: 1042, Key: "buzzer/loudness", Name: "loudness", Format: mi.FormatInt, Access: mi.Read | mi.Notify}},
		Events: []mi.Event{{SIID: 7, EIID: 1050, Key: "buzzer/silenced", Name: "silenced"}},
	}
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys(), Specs: vendor{spec.Model: spec}})
		defer h.stop()
		radio.Object(virtual.Door, 0x4000+7<<10+42, 0x2a)
		radio.Object(virtual.Door, 0x4000+9<<10+3, 77)
		wait(3 * time.Second)
		h.want(virtual.Door, "buzzer/loudness", mi.Int(42))
		h.want(virtual.Door, "battery/battery-level", mi.Int(77))
		radio.Object(virtual.Door, 0x4200+7<<10+50, 1, 2)
		wait(3 * time.Second)
		radio.Object(virtual.Door, 0x4200+7<<10+50, 3, 4)
		h.wantEvents(virtual.Door, "buzzer/silenced data=0304")
	})
}

// TestUnknownProduct publishes what a product says that no table has.
func TestUnknownProduct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{})
		defer h.stop()
		radio.Say(virtual.Scale, 0xfe95, []byte{0x40, 0x50, 0x77, 0x77, 1, 0x0d, 0x10, 4, 0xfe, 0, 0x48, 2})
		wait(3 * time.Second)
		h.want(virtual.Scale, "temperature-humidity-sensor/temperature", mi.Float(25.4))
		if got := h.infos()[0].Model; got != "xiaomi.sensor.0x7777" {
			t.Errorf("model %q", got)
		}
	})
}

// TestAccountKnowsTheDevice opens it under the account's did, by the account's key.
func TestAccountKnowsTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		key := radio.Keys()[strings.TrimPrefix(did(radio, virtual.Door), "ble.")]
		known := mi.Info{DID: "blt.3.1abcdefgh0000", Model: "isa.magnet.dw2hl", MAC: "A4:C1:38:0E:2E:12", Name: "Door", Token: key}
		never := mi.Info{DID: "blt.3.1never0000000", Model: "isa.magnet.dw2hl", MAC: "A4:C1:38:0E:2E:99", Token: key}
		h := newHouse(t, radio, ble.Options{}, known, never)
		defer h.stop()
		radio.Door(true)
		wait(10 * time.Second)
		if got := h.board.at(known.DID, "magnet-sensor/contact-state"); got != mi.Bool(false) {
			t.Errorf("the door is %v", got)
		}
		if h.board.state(known.DID).Connection != "bluetooth" || h.board.state(never.DID).Online || len(h.infos()) != 2 {
			t.Errorf("%+v, %+v, %v", h.board.state(known.DID), h.board.state(never.DID), h.infos())
		}
	})
}

// TestRestartKeepsTheDoor: a device that speaks only when something happens is
// there, and as it was, before it speaks again.
func TestRestartKeepsTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio, m := virtual.NewRadio(mi.World{Now: time.Now}), &memory{kept: map[string][]byte{}}
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys(), Memory: m})
		radio.Door(true)
		radio.Climate(21, 40)
		wait(3 * time.Second)
		radio.Stir(virtual.Motion, 0)
		wait(3 * time.Second)
		known := h.infos()
		h.stop()
		again := newHouse(t, radio, ble.Options{Keys: radio.Keys(), Memory: m}, known...)
		defer again.stop()
		wait(10 * time.Second)
		again.want(virtual.Door, "magnet-sensor/contact-state", mi.Bool(false))
		again.want(virtual.Motion, "motion-sensor/motion-state", mi.Value{})
		if !again.board.state(did(radio, virtual.Door)).Online || again.board.state(did(radio, virtual.Climate)).Online {
			t.Error("want the door there, and the thermometer only when it is heard")
		}
	})
}

// TestBetterFormatGoesBefore: a thermometer with other firmware speaks three
// formats, and its value must not flicker between their last digits.
func TestBetterFormatGoesBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{})
		defer h.stop()
		const key = mi.Key("temperature-humidity-sensor/temperature")
		say := func(uuid uint16, b ...byte) {
			radio.Say(virtual.Scale, uuid, b)
			wait(3 * time.Second)
		}
		atc := []byte{0xa4, 0xc1, 0x38, 0x0e, 0x2e, 0x15, 0x00, 0xab, 44, 88, 0x0b, 0xb6, 1}
		say(0x181a, atc...)
		h.want(virtual.Scale, key, mi.Float(17.1))
		say(0x181a, 0x15, 0x2e, 0x0e, 0x38, 0xc1, 0xa4, 0xa9, 0x06, 0x69, 0x11, 0xb6, 0x0b, 88, 2, 0)
		h.want(virtual.Scale, key, mi.Float(17.05))
		atc[12]++
		say(0x181a, atc...)
		say(0xfe95, 0x40, 0x50, 0x5b, 0x05, 9, 0x04, 0x10, 2, 0xac, 0)
		h.want(virtual.Scale, key, mi.Float(17.05))
		wait(11 * time.Minute)
		atc[12]++
		say(0x181a, atc...)
		h.want(virtual.Scale, key, mi.Float(17.1))
	})
}

// TestPairedAgain gives a device that was paired again its new key.
func TestPairedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		old, place := radio.Keys(), virtual.Door
		id := did(radio, place)
		h := newHouse(t, radio, ble.Options{}, mi.Info{DID: id, Model: "isa.magnet.dw2hl", Token: old[strings.TrimPrefix(id, "ble.")]})
		defer h.stop()
		radio.Door(true)
		wait(5 * time.Second)
		h.want(place, "magnet-sensor/contact-state", mi.Bool(false))
		radio.Pair(place)
		for range 8 {
			radio.Door(false)
		}
		wait(5 * time.Second)
		if s := h.board.state(id); !strings.Contains(s.LastError, "its key does not fit") {
			t.Errorf("with the old key: %+v", s)
		}
		h.home.Found("bluetooth", mi.Info{DID: id, Token: radio.Keys()[strings.TrimPrefix(id, "ble.")]})
		wait(5 * time.Second)
		radio.Door(false)
		wait(2 * time.Minute)
		h.want(place, "magnet-sensor/contact-state", mi.Bool(true))
		if s := h.board.state(id); s.LastError != "" || !s.Online {
			t.Errorf("with the new key: %+v", s)
		}
	})
}

// TestAccountComesLater: a device that was there by itself goes on under the
// account's did, and never under both.
func TestAccountComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := virtual.NewRadio(mi.World{Now: time.Now})
		h := newHouse(t, radio, ble.Options{Keys: radio.Keys()})
		defer h.stop()
		radio.Door(true)
		wait(3 * time.Second)
		const official = "blt.3.1abcdefgh0000"
		h.home.Found("bluetooth", mi.Info{DID: official, Model: "isa.magnet.dw2hl", MAC: "a4:c1:38:0e:2e:12", Name: "Door"})
		wait(3 * time.Second)
		radio.Door(false)
		synctest.Wait()
		if got := h.board.at(official, "magnet-sensor/contact-state"); got != mi.Bool(true) {
			t.Errorf("under its did the door is %v", got)
		}
		h.want(virtual.Door, "magnet-sensor/contact-state", mi.Bool(false))
	})
}

// collector is one receiver that stands for several, such as the gateways on a
// broker.
type collector struct{ heard func(mi.Advert) }

func (c *collector) Listen(ctx context.Context, heard func(mi.Advert)) error {
	c.heard = heard
	<-ctx.Done()
	return nil
}
func (*collector) Hearing() error { return nil }
func (*collector) Name() string   { return "broker" }

func TestGatewaysBehindOneReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio, c := virtual.NewRadio(mi.World{Now: time.Now}), &collector{}
		h := newHouse(t, radio, ble.Options{Receivers: []mi.Receiver{c}})
		defer h.stop()
		say := func(counter byte, names ...string) {
			for i, name := range names {
				c.heard(mi.Advert{
					Addr: radio.Address(virtual.Scale), RSSI: -80 + 10*i, Receiver: name,
					Service: []mi.ServiceData{{UUID: 0xfe95, Data: []byte{0x40, 0x50, 0xaa, 0x01, counter, 0x0a, 0x10, 1, counter}}},
				})
			}
		}
		say(1, "kitchen", "attic")
		wait(3 * time.Second)
		h.want(virtual.Scale, "bluetooth/receiver", mi.Text("attic"))
		h.want(virtual.Scale, "bluetooth/rssi", mi.Int(-70))
		for i := range byte(11) {
			wait(time.Minute)
			say(2+i, "attic")
		}
		for _, r := range h.driver.Receivers() {
			if r.Deaf != (r.Name == "kitchen") || r.Heard == 0 {
				t.Errorf("%+v", r)
			}
		}
	})
}
