// Package ninebot is vehicles that are not there: they advertise, let a client connect
// and speak each of the protocols of their makers.
package ninebot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// Kind is what a virtual vehicle speaks.
type Kind int

// The kinds of vehicles.
const (
	Mini    Kind = iota // frames 55 AA, the board of a mini
	Scooter             // frames 55 AA, the boards of a scooter
	Crypto              // frames 5A A5 with NinebotCrypto
	Secure              // frames 55 AB behind Xiaomi's authentication
)

// Options say what a vehicle is.
type Options struct {
	Addr  mi.Address
	Name  string // as advertised
	Kind  Kind
	Line  Line      // the Nordic UART when zero
	Token mi.Secret // 24 hexadecimal digits, if it was bound by Xiaomi Home
	Ready bool      // somebody presses its button when it is to be paired
}

// Garage is a few vehicles on the air: it hears them and connects to them.
type Garage struct {
	Speed float64 // of their life; 0 is 1

	world    mi.World
	vehicles []*Vehicle
}

var (
	_ mi.Receiver = (*Garage)(nil)
	_ mi.Central  = (*Garage)(nil)
)

// Vehicles are those of the demo: a mini and a scooter with NinebotCrypto.
func Vehicles() []Options {
	return []Options{
		{Addr: mi.Address{0xD4, 0xF0, 0x57, 0x10, 0x00, 0x01}, Name: "NinebotMini4711", Kind: Mini},
		{Addr: mi.Address{0xD4, 0xF0, 0x57, 0x10, 0x00, 0x02}, Name: "NBScooter0815", Kind: Crypto, Ready: true},
	}
}

// NewGarage parks vehicles.
func NewGarage(w mi.World, vehicles []Options) *Garage {
	g := &Garage{world: w}
	for i, o := range vehicles {
		g.vehicles = append(g.vehicles, newVehicle(o, w.Rand(fmt.Sprint("vehicle ", i))))
	}
	return g
}

// Vehicle returns the vehicle at an address, or nil.
func (g *Garage) Vehicle(addr mi.Address) *Vehicle {
	i := slices.IndexFunc(g.vehicles, func(v *Vehicle) bool { return v.o.Addr == addr })
	if i < 0 {
		return nil
	}
	return g.vehicles[i]
}

// Name implements mi.Receiver and mi.Central.
func (g *Garage) Name() string { return "virtual garage" }

// Hearing implements mi.Receiver.
func (g *Garage) Hearing() error { return nil }

// advertEvery is how often vehicles call.
const advertEvery = 2 * time.Second

// Listen implements mi.Receiver.
func (g *Garage) Listen(ctx context.Context, heard func(mi.Advert)) error {
	tick := time.NewTicker(advertEvery)
	defer tick.Stop()
	for {
		for _, v := range g.vehicles {
			if v.Calling() {
				heard(v.advert(g.Name()))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// connectTime is how long a connection takes, or to notice that there is none.
const connectTime = 300 * time.Millisecond

// Connect implements mi.Central.
func (g *Garage) Connect(ctx context.Context, addr mi.Address) (mi.Peripheral, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(connectTime):
	}
	v := g.Vehicle(addr)
	if v == nil {
		return nil, fmt.Errorf("virtual: nobody is at %x: %w", addr, mi.ErrOffline)
	}
	return v.connect()
}

// How vehicles live in the demo.
const (
	lifeStep  = 10 * time.Second
	stayFor   = 6 * time.Minute
	rideFor   = 8 * time.Minute
	chargeBy  = 1    // percent in a step
	rideSpeed = 12.5 // km/h
)

// Run lets the vehicles be ridden and charged until ctx ends.
func (g *Garage) Run(ctx context.Context) error {
	tick := time.NewTicker(nature.Faster(lifeStep, g.Speed))
	defer tick.Stop()
	for step := time.Duration(0); ; step += lifeStep {
		for i, v := range g.vehicles {
			v.live((step + time.Duration(i)*stayFor/2) % (stayFor + rideFor))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// live is one step of a day: charging at home, then a ride.
func (v *Vehicle) live(at time.Duration) {
	switch {
	case at >= stayFor:
		v.Leave()
		hours := lifeStep.Hours()
		v.Ride(int(1000*rideSpeed*hours), lifeStep)
	default:
		v.Return()
		v.refill(chargeBy)
	}
}

// Trouble is what is wrong with a vehicle. The zero value is a healthy one.
type Trouble struct {
	Silent   bool // takes everything and answers nothing
	Hangs    bool // does not even take anything
	Few      bool // answers nothing but its live block
	Half     bool // loses the second half of each frame
	Corrupt  int  // damages the checksum of each n-th frame
	Strays   bool // says what nobody asked for before each answer
	Piece    int  // bytes of a notification; 20 when zero
	DropAt   int  // breaks the connection instead of the n-th answer
	Occupied bool // somebody else is connected
}

// State is what a vehicle has been told.
type State struct {
	Locked, Light bool
	Connected     bool
	Visits        int
	Reads         int
	Writes        []byte // registers that were written, oldest first
}

// Vehicle is a virtual mini or scooter.
type Vehicle struct {
	o Options

	mu      sync.Mutex // guards the fields below
	near    bool
	link    *link // nil when nobody is connected
	trouble Trouble
	state   State
	speaks  speech
	secrets secrets

	metres, trip, tripTime int // m, m, s
	charge                 int // percent, times 100
	speed, current         int // m/h, 10 mA
}

// Leave takes the vehicle out of reach.
func (v *Vehicle) Leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.near {
		v.trip, v.tripTime = 0, 0
	}
	v.near = false
	v.link.end()
}

// Return brings it back.
func (v *Vehicle) Return() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.near, v.speed, v.current = true, 0, 0
}

// Ride moves the vehicle; it needs a percent of its battery for 250 m.
func (v *Vehicle) Ride(metres int, took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.metres, v.trip, v.tripTime = v.metres+metres, v.trip+metres, v.tripTime+int(took.Seconds())
	v.charge = max(0, v.charge-metres*100/250)
	v.speed, v.current = int(float64(metres)/took.Hours()), 350
}

// refill fills the battery by some percent.
func (v *Vehicle) refill(percent int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current = 0
	if v.charge < 100*100 {
		v.charge, v.current = min(100*100, v.charge+100*percent), -180
	}
}

// Press presses the power button, which confirms a pairing.
func (v *Vehicle) Press() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets.pressed = true
}

// Forget makes the vehicle forget whom it was paired with.
func (v *Vehicle) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets.bond, v.secrets.pressed, v.secrets.token = nil, false, nil
}

// Hurt sets what is wrong with the vehicle from now on.
func (v *Vehicle) Hurt(t Trouble) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trouble = t
}

// State returns what the vehicle has been told.
func (v *Vehicle) State() State {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.state
	s.Writes, s.Connected = slices.Clone(s.Writes), v.link != nil
	return s
}

// Keys returns every secret that the vehicle holds, in hexadecimal digits, for
// those who look whether one got out.
func (v *Vehicle) Keys() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.secrets.list()
}

// Calling reports whether the vehicle advertises: nearby, with nobody connected.
func (v *Vehicle) Calling() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.near && v.link == nil && !v.trouble.Occupied
}

func (v *Vehicle) advert(receiver string) mi.Advert {
	a := mi.Advert{Addr: v.o.Addr, Name: v.o.Name, RSSI: -63, Receiver: receiver}
	if v.o.Kind == Crypto {
		a.Manufacturer = []mi.ManufacturerData{{Company: 0x424E, Data: []byte{0x21, 0, 0, 0, 0, 0xDE}}}
	}
	return a
}
