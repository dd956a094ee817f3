package virtual

import (
	"context"
	"errors"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Street is the whole demo: a home of miIO devices with Yeelight lamps, a lumi
// gateway with its children, a TV, a router and a camera.
type Street struct {
	Home   *Home
	Lamps  *Lamps
	Lumi   *Lumi
	TV     *TV
	Router *Router
	Camera *Camera
}

// RouterPassword opens the admin page of the street's router.
const RouterPassword = mi.Secret("virtual-router-password")

// StreetWakePort is where the street's TV hears magic packets: the usual port is
// for privileged programs.
const StreetWakePort = 40009

// NewStreet furnishes everything on loopback and opens its sockets.
func NewStreet(w mi.World, o Options) (s *Street, err error) {
	s = &Street{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.Home, err = New(w, o); err != nil {
		return s, err
	}
	if s.Lamps, err = NewLamps(w, LampOptions{}); err != nil {
		return s, err
	}
	if s.Lumi, err = NewLumi(w, LumiOptions{Unicast: true}); err != nil {
		return s, err
	}
	if s.TV, err = NewTV(w, TVOptions{WakePort: StreetWakePort}); err != nil {
		return s, err
	}
	if s.Camera, err = NewCamera(w, ""); err != nil {
		return s, err
	}
	s.Router, err = NewRouter(w, RouterOptions{Password: RouterPassword, Modern: true, Nodes: 1})
	return s, err
}

// Infos returns the devices that the bridge is told of.
func (s *Street) Infos() []mi.Info {
	all := append(s.Home.Infos(), s.Lumi.Infos()...)
	return append(all, s.Lamps.Infos()...)
}

// Run lets everything live until ctx ends.
func (s *Street) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	runs := []func(context.Context) error{s.Home.Run, s.Lamps.Run, s.Lumi.Run, s.Router.Run}
	errs := make([]error, len(runs))
	for i, run := range runs {
		tasks.Go(func() { errs[i] = run(ctx) })
	}
	tasks.Wait()
	return errors.Join(append(errs, s.TV.Close(), s.Camera.Close())...)
}

// Close is for a street that never runs.
func (s *Street) Close() error {
	var errs []error
	if s.Home != nil {
		errs = append(errs, s.Home.Close())
	}
	if s.Lamps != nil {
		errs = append(errs, s.Lamps.Close())
	}
	if s.Lumi != nil {
		errs = append(errs, s.Lumi.Close())
	}
	if s.TV != nil {
		errs = append(errs, s.TV.Close())
	}
	if s.Camera != nil {
		errs = append(errs, s.Camera.Close())
	}
	if s.Router != nil {
		errs = append(errs, s.Router.Close())
	}
	return errors.Join(errs...)
}
