package bluez

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// scan is one connection to the bus, on which an adapter is heard.
type scan struct {
	a      *Adapter
	heard  func(mi.Advert)
	end    chan error    // holds why the scan is over
	ready  chan struct{} // closed when the fields below are set
	ears   ears
	active atomic.Bool // an active search is under way
	news   atomic.Bool // an advert came lately
}

// errQuiet says that no advert came for long.
var errQuiet = errors.New("quiet")

// scan hears until something ends it, which it returns.
func (a *Adapter) scan(ctx context.Context, heard func(mi.Advert)) error {
	s := &scan{a: a, heard: heard, end: make(chan error, 1), ready: make(chan struct{})}
	c, err := dial(ctx, a.net, a.o.Bus, s.take)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := watch(ctx, c); err != nil {
		return err
	}
	all, err := ask(ctx, c)
	if err != nil {
		return err
	}
	at, err := choose(all, a.o.Adapter)
	if err != nil {
		return err
	}
	s.ears = ears{adapter: at, receiver: a.Name(), rssi: map[mi.Address]int16{}}
	close(s.ready)
	_, passive := all[at][monitorManager]
	stop, err := s.start(ctx, c, passive && !a.o.Active)
	if err != nil {
		return err
	}
	defer stop()
	a.state.Set(nil)
	return s.wait(ctx, c)
}

// take takes every signal.
func (s *scan) take(signal *dbus.Signal) {
	select {
	case <-s.ready:
	default:
		return
	}
	if advert, ok := s.ears.advert(signal); ok {
		s.news.Store(true)
		s.heard(advert)
	} else if err := s.over(signal); err != nil {
		s.tell(err)
	}
}

// wait waits for the end of a scan.
func (s *scan) wait(ctx context.Context, c *dbus.Conn) error {
	check := time.NewTicker(s.a.quiet)
	defer check.Stop()
	for {
		select {
		case err := <-s.end:
			return err
		case <-c.Context().Done():
			return fmt.Errorf("%w: %w", errBroken, mi.ErrOffline)
		case <-check.C:
			if !s.news.Swap(false) {
				return errQuiet
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch asks the bus for the signals that scan takes.
func watch(ctx context.Context, c *dbus.Conn) error {
	from := dbus.WithMatchSender(service)
	for _, match := range [][]dbus.MatchOption{
		{from, dbus.WithMatchInterface(properties), dbus.WithMatchArg(0, deviceInterface)},
		{from, dbus.WithMatchInterface(properties), dbus.WithMatchArg(0, adapterInterface)},
		{from, dbus.WithMatchInterface(manager)},
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service)},
	} {
		if err := c.AddMatchSignalContext(ctx, match...); err != nil {
			return explain(err)
		}
	}
	return nil
}

// over returns why a signal ends a scan; nil when it does not.
func (s *scan) over(signal *dbus.Signal) error {
	if left(signal) {
		return fmt.Errorf("bluetoothd stopped: %w", mi.ErrOffline)
	}
	if vanished(signal, adapterInterface) == s.ears.adapter {
		return fmt.Errorf("the adapter was taken away: %w", mi.ErrOffline)
	}
	iface, props := changed(signal)
	if signal.Path != s.ears.adapter || iface != adapterInterface {
		return nil
	}
	if on, ok := props["Powered"].Value().(bool); ok && !on {
		return explain(dbus.Error{Name: failNotReady})
	}
	if on, ok := props["Discovering"].Value().(bool); ok && !on && s.active.Load() {
		return fmt.Errorf("the search was ended from outside: %w", mi.ErrOffline)
	}
	return nil
}

// tell ends the scan, once.
func (s *scan) tell(err error) {
	select {
	case s.end <- err:
	default:
	}
}

// start makes the adapter hear: by a passive monitor if it can, else by an active
// search. stop ends that.
func (s *scan) start(ctx context.Context, c *dbus.Conn, passive bool) (stop func(), err error) {
	if passive {
		stop, err := monitor(ctx, c, s.ears.adapter, func() {
			s.tell(fmt.Errorf("bluetoothd released the monitor: %w", mi.ErrOffline))
		})
		if err == nil || ctx.Err() != nil || errors.Is(err, mi.ErrDenied) {
			return stop, err
		}
		s.a.o.Log.Info().Err(err).Msg("no passive Bluetooth scan; the active one costs the batteries of devices a little")
	}
	stop, err = discover(ctx, c, s.ears.adapter)
	s.active.Store(err == nil)
	return stop, err
}

// discover starts an active search that tells every packet.
func discover(ctx context.Context, c *dbus.Conn, at dbus.ObjectPath) (stop func(), err error) {
	filter := map[string]dbus.Variant{"Transport": dbus.MakeVariant("le"), "DuplicateData": dbus.MakeVariant(true)}
	if err := call(ctx, c, at, adapterInterface+".SetDiscoveryFilter", filter); err != nil {
		return nil, explain(err)
	}
	if err := call(ctx, c, at, adapterInterface+".StartDiscovery"); err != nil {
		return nil, explain(err)
	}
	return func() { _ = call(context.WithoutCancel(ctx), c, at, adapterInterface+".StopDiscovery") }, nil // the bus ends it too when we leave
}
