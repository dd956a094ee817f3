// Package virtual is a home that is not there: the whole street of the demo. Each kind
// of device has a package below it and speaks the real wire protocol on any mi.World;
// world and chaos are the network and disk in memory and the faults that befall them,
// history is what a run is judged by. The demo, the drivers' tests, the end-to-end
// tests and the load runs use them. They have their own packet code: a mistake in a
// driver's must not be answered by the same mistake here.
package virtual

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/camera"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/multimode"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/yeelight"
)

// Street is the whole demo: a home of miIO devices with Yeelight lamps, a lumi and
// a multimode gateway with their children, two TVs, a router, a camera, Bluetooth sensors and
// vehicles.
type Street struct {
	Home      *miio.Home
	Lamps     *yeelight.Lamps
	Lumi      *lumi.Gateway
	TV        *tv.TV
	AndroidTV *androidtv.TV
	Router    *router.Router
	Camera    *camera.Camera
	Radio     *ble.Radio
	Garage    *ninebot.Garage
	Multimode *multimode.Gateway

	runs   []func(context.Context) error
	closes []func() error
}

// RouterPassword opens the admin page of the street's router.
const RouterPassword = mi.Secret("virtual-router-password")

// streetWakePort is where the street's TV hears magic packets, or the next free one:
// the usual port is for privileged programs.
const streetWakePort = 40009

// Options say what a street is like.
type Options struct {
	miio.Options                              // of the miIO devices; the speed is that of everything
	Clients      int                          // of the router; 0 is 8
	Show         func(code string)            // is told the codes on the screen of the Android TV; may be nil
	Moved        func(mac string, there bool) // is told who joined or left the router; may be nil
}

// NewStreet furnishes everything on loopback and opens its sockets.
func NewStreet(w mi.World, o Options) (*Street, error) {
	s := &Street{Radio: ble.NewRadio(w), Garage: ninebot.NewGarage(w, ninebot.Vehicles()), Multimode: multimode.New(w)}
	s.Radio.Speed, s.Garage.Speed = o.Speed, o.Speed
	s.runs = append(s.runs, s.Radio.Run, s.Garage.Run, func(ctx context.Context) error { s.Multimode.Live(ctx); return nil })
	for _, furnish := range []func() error{
		func() (err error) { s.Home, err = miio.New(w, o.Options); return s.living(s.Home, err) },
		func() (err error) { s.Lamps, err = yeelight.New(w, yeelight.Options{}); return s.living(s.Lamps, err) },
		func() (err error) {
			s.Lumi, err = lumi.New(w, lumi.Options{Unicast: true, Speed: o.Speed})
			return s.living(s.Lumi, err)
		},
		func() (err error) {
			s.Router, err = router.New(w, router.Options{Password: RouterPassword, Modern: true, Nodes: 1, Clients: o.Clients, Speed: o.Speed, Moved: o.Moved})
			return s.living(s.Router, err)
		},
		func() (err error) {
			s.TV, err = tv.New(w, tv.Options{WakePort: streetWakePort})
			return s.standing(s.TV, err)
		},
		func() (err error) {
			s.AndroidTV, err = androidtv.New(w, androidtv.Options{Show: o.Show})
			return s.standing(s.AndroidTV, err)
		},
		func() (err error) { s.Camera, err = camera.New(w, ""); return s.standing(s.Camera, err) },
	} {
		if err := furnish(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// living takes in what lives by itself and closes at the end of its Run.
func (s *Street) living(thing interface {
	Run(context.Context) error
	Close() error
}, err error) error {
	if err != nil {
		return err
	}
	s.runs, s.closes = append(s.runs, thing.Run), append(s.closes, thing.Close)
	return nil
}

// standing takes in what only answers.
func (s *Street) standing(thing interface{ Close() error }, err error) error {
	if err != nil {
		return err
	}
	s.runs = append(s.runs, func(ctx context.Context) error { <-ctx.Done(); return thing.Close() })
	s.closes = append(s.closes, thing.Close)
	return nil
}

// Infos returns the devices that the bridge is told of.
func (s *Street) Infos() []mi.Info {
	return slices.Concat(s.Home.Infos(), s.Lumi.Listed(), s.Lamps.Infos(), s.Multimode.Children())
}

// Receivers returns what hears the Bluetooth devices.
func (s *Street) Receivers() []mi.Receiver { return append(s.Radio.Receivers(), s.Garage) }

// Run lets everything live until ctx ends.
func (s *Street) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	errs := make([]error, len(s.runs))
	for i, run := range s.runs {
		tasks.Go(func() { errs[i] = run(ctx) })
	}
	tasks.Wait()
	return errors.Join(errs...)
}

// Close is for a street that never runs.
func (s *Street) Close() error {
	var errs []error
	for _, end := range s.closes {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}
