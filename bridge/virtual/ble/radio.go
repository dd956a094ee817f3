// Package ble is Bluetooth sensors that are not there, and the receivers that hear
// what they advertise.
package ble

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// The devices of a Radio, by their place.
const (
	Motion    = iota // RTCGQ02LM: motion and whether there is light
	MotionLux        // HS1BB: motion and how much light there is
	Door             // MCCGQ02HL
	Button           // YLAI003
	Climate          // LYWSD03MMC
	Scale            // Mi Body Composition Scale, in the clear
	Home             // a thermometer that speaks BTHome
	devices
)

// The numbers of MiBeacon products.
const (
	productRTCGQ02LM  = 0x0a8d
	productHS1BB      = 0x2aeb
	productMCCGQ02HL  = 0x098b
	productYLAI003    = 0x07bf
	productLYWSD03MMC = 0x055b
)

// repeats is how often a device sends each frame.
const repeats = 3

// Radio is Bluetooth devices that advertise, and the two receivers that hear
// them. Each frame is sent several times, and both receivers hear every one.
type Radio struct {
	Speed float64 // of their life; 0 is 1

	world mi.World
	ears  [2]*ear

	mu    sync.Mutex // guards the fields below
	nodes [devices]node
}

// node is one device.
type node struct {
	addr    mi.Address
	product uint16
	key     []byte
	counter uint32
	rssi    int // at the first receiver
}

// NewRadio sets the devices up. Who they are is always the same, and so are their
// keys; the seed of the world only decides how they live.
func NewRadio(w mi.World) *Radio {
	r := &Radio{world: w, ears: [2]*ear{{name: "virtual radio upstairs"}, {name: "virtual radio downstairs", weaker: 9}}}
	for i, product := range [devices]uint16{
		Motion: productRTCGQ02LM, MotionLux: productHS1BB, Door: productMCCGQ02HL, Button: productYLAI003, Climate: productLYWSD03MMC,
	} {
		n := &r.nodes[i]
		n.addr = mi.Address{0xa4, 0xc1, 0x38, 0x0e, 0x2e, byte(0x10 + i)}
		n.product, n.rssi = product, -55-4*i
		if i != Scale {
			n.key = make([]byte, 16)
			for k := range n.key {
				n.key[k] = byte(17*i + 31*k + 5)
			}
		}
		n.counter = uint32(1000 * (i + 1))
	}
	return r
}

// Address returns the address of a device.
func (r *Radio) Address(device int) mi.Address { return r.nodes[device].addr }

// Keys returns the devices' keys by address.
func (r *Radio) Keys() map[string]mi.Secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := map[string]mi.Secret{}
	for i := range r.nodes {
		if n := &r.nodes[i]; n.key != nil {
			keys[fmt.Sprintf("%x", n.addr[:])] = mi.Secret(fmt.Sprintf("%x", n.key))
		}
	}
	return keys
}

// Receivers returns the two receivers.
func (r *Radio) Receivers() []mi.Receiver { return []mi.Receiver{r.ears[0], r.ears[1]} }

// Mute makes a receiver, the first or the second, deaf or hear again.
func (r *Radio) Mute(receiver int, deaf bool) { r.ears[receiver].mute(deaf) }

// Run lets the devices live until ctx ends.
func (r *Radio) Run(ctx context.Context) error {
	dice := r.world.Rand("virtual bluetooth")
	tick := time.NewTicker(nature.Faster(5*time.Second, r.Speed))
	defer tick.Stop()
	for n := 0; ; n++ {
		if n%2 == 0 {
			r.Climate(21+float64(dice.IntN(30))/10, 45+dice.IntN(20))
			r.Home(19+float64(dice.IntN(40))/10, 50+dice.IntN(10))
		}
		switch dice.IntN(24) {
		case 0:
			r.Stir(Motion, 120)
		case 1:
			r.Stir(MotionLux, 40+dice.IntN(300))
		case 2:
			r.Door(true)
		case 3:
			r.Door(false)
		case 4:
			r.Press(dice.IntN(3))
		case 5:
			r.Weigh(62+float64(dice.IntN(200))/20, 480+dice.IntN(60))
		case 6:
			r.Battery(Motion, 80+dice.IntN(20))
			r.Battery(Door, 70+dice.IntN(20))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Stir makes one of the motion sensors see something at so many lux.
func (r *Radio) Stir(device, lux int) {
	if device == MotionLux {
		r.beacon(device, object(0x4a08, float(float32(lux))...))
		return
	}
	r.beacon(device, object(0x000f, byte(lux), byte(lux>>8), byte(lux>>16)))
}

// Door opens or closes the door.
func (r *Radio) Door(open bool) {
	state := byte(1)
	if open {
		state = 0
	}
	r.beacon(Door, object(0x1019, state))
}

// Press presses the button: 0 once, 1 twice, 2 for long.
func (r *Radio) Press(how int) { r.beacon(Button, object(0x1001, 0, 0, byte(how))) }

// Climate tells what the thermometer measures: °C and percent.
func (r *Radio) Climate(celsius float64, humidity int) {
	t := int16(celsius * 10)
	r.beacon(Climate, object(0x1004, byte(t), byte(t>>8)))
	r.beacon(Climate, object(0x1006, byte(humidity*10), byte(humidity*10>>8)))
}

// Battery tells the level of a device's battery in percent.
func (r *Radio) Battery(device, percent int) { r.beacon(device, object(0x100a, byte(percent))) }

// Weigh puts somebody on the scale: kg, and ohm once the weight is stable.
func (r *Radio) Weigh(kg float64, ohm int) {
	raw := int(kg * 200)
	frame := []byte{0x02, 0x04, 0xe8, 0x07, 1, 1, 8, 0, 0, 0, 0, byte(raw), byte(raw >> 8)}
	r.send(Scale, 0x181b, frame)
	frame[1], frame[9], frame[10] = 0x26, byte(ohm), byte(ohm>>8)
	r.send(Scale, 0x181b, frame)
}

// Home tells what the BTHome thermometer measures.
func (r *Radio) Home(celsius float64, humidity int) {
	t, h := int16(celsius*100), humidity*100
	plain := []byte{0x01, 90, 0x02, byte(t), byte(t >> 8), 0x03, byte(h), byte(h >> 8)}
	r.mu.Lock()
	n := &r.nodes[Home]
	n.counter++
	counter := []byte{byte(n.counter), byte(n.counter >> 8), byte(n.counter >> 16), byte(n.counter >> 24)}
	nonce := append(append([]byte{}, n.addr[:]...), 0xd2, 0xfc, 0x41)
	sealed, tag := seal(n.key, append(nonce, counter...), plain, nil)
	r.mu.Unlock()
	frame := append([]byte{0x41}, sealed...)
	frame = append(append(frame, counter...), tag...)
	r.send(Home, 0xfcd2, frame)
}

// beacon sends an object in a sealed MiBeacon of version 5.
func (r *Radio) beacon(device int, object []byte) {
	r.send(device, 0xfe95, r.seal(device, object))
}

// seal makes the next frame of a device.
func (r *Radio) seal(device int, object []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &r.nodes[device]
	n.counter++
	turned := make([]byte, 6)
	for i := range turned {
		turned[i] = n.addr[5-i]
	}
	frame := []byte{0x58, 0x59, byte(n.product), byte(n.product >> 8), byte(n.counter)}
	more := []byte{byte(n.counter >> 8), byte(n.counter >> 16), byte(n.counter >> 24)}
	nonce := append(append(append([]byte{}, turned...), frame[2:5]...), more...)
	sealed, tag := seal(n.key, nonce, object, []byte{0x11})
	frame = append(append(frame, turned...), sealed...)
	return append(append(frame, more...), tag...)
}

// Rewind gives a device an older counter, as a new battery may.
func (r *Radio) Rewind(device int, counter uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes[device].counter = counter
}

// Say sends service data in the name of a device, whatever it is.
func (r *Radio) Say(device int, uuid uint16, data []byte) { r.send(device, uuid, data) }

func (r *Radio) send(device int, uuid uint16, data []byte) {
	n := &r.nodes[device]
	for range repeats {
		for _, e := range r.ears {
			e.hear(mi.Advert{
				Addr: n.addr, RSSI: n.rssi - e.weaker, Receiver: e.name,
				Service: []mi.ServiceData{{UUID: uuid, Data: append([]byte{}, data...)}},
			})
		}
	}
}

func object(id uint16, data ...byte) []byte {
	return append([]byte{byte(id), byte(id >> 8), byte(len(data))}, data...)
}

// ear is a receiver.
type ear struct {
	name   string
	weaker int // dB than the other

	mu    sync.Mutex // guards the fields below
	deaf  bool
	heard func(mi.Advert)
	count int // of listeners, for the order in which they came
}

var _ mi.Receiver = (*ear)(nil)

// Listen implements mi.Receiver. The newest listener hears.
func (e *ear) Listen(ctx context.Context, heard func(mi.Advert)) error {
	e.mu.Lock()
	e.heard = heard
	e.count++
	mine := e.count
	e.mu.Unlock()
	<-ctx.Done()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.count == mine {
		e.heard = nil
	}
	return nil
}

func (e *ear) hear(a mi.Advert) {
	e.mu.Lock()
	heard := e.heard
	if e.deaf {
		heard = nil
	}
	e.mu.Unlock()
	if heard != nil {
		heard(a)
	}
}

func (e *ear) mute(deaf bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deaf = deaf
}

// Hearing implements mi.Receiver.
func (e *ear) Hearing() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf {
		return errors.New("the virtual antenna is unplugged")
	}
	return nil
}

// Name implements mi.Receiver.
func (e *ear) Name() string { return e.name }

// Object sends any object in the name of a device that has a key.
func (r *Radio) Object(device int, id uint16, data ...byte) { r.beacon(device, object(id, data...)) }

// Pair gives a device another key and lets it count anew.
func (r *Radio) Pair(device int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &r.nodes[device]
	n.counter = 0
	key := make([]byte, len(n.key))
	for i := range key {
		key[i] = n.key[i] ^ 0x5a
	}
	n.key = key
}
