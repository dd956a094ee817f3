package diagnosis

import (
	"context"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/doctor"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

const (
	answersWithin = 6 * time.Second // that devices have when all are asked again
	looksEvery    = 500 * time.Millisecond
	shownSilent   = 20 // devices that do not answer, one by one
)

// Examine looks at everything anew and tells what it sees, as web.Bridge says. The
// problems are judged by that at the end.
func (w *Watch) Examine(ctx context.Context, tell func(done, total int, c web.Check)) {
	done := 0
	steps := []func(context.Context, *doctor.Report){
		w.checkNetwork, w.checkBroker, w.checkPlatform, w.checkFolders, w.checkAccounts, w.checkReceivers, w.checkPages, w.checkDevices,
	}
	r := doctor.New(func(c doctor.Check) {
		tell(done, len(steps), web.Check{Mark: string(c.Mark), Name: c.Name, Text: c.Text})
	})
	for i, step := range steps {
		if ctx.Err() != nil {
			break
		}
		step(ctx, r)
		done = i + 1
		tell(done, len(steps), web.Check{})
	}
	w.note(w.problems())
}

// checkNetwork looks at the networks, and whether broadcasts are answered there.
func (w *Watch) checkNetwork(_ context.Context, r *doctor.Report) {
	all, err := w.opt.World.Net.Interfaces()
	if err != nil {
		r.Bad("network", "%s", err)
		return
	}
	r.Network(all, w.opt.Config.Interfaces)
	switch missed := w.opt.LAN.Unheard(); {
	case w.opt.Alone:
	case missed > 0:
		r.Warn("broadcast", "%s not answered, though devices in the same network answer", plural(missed, "broadcast"))
	case w.opt.LAN.Answered():
		r.Good("broadcast", "broadcasts are answered")
	default:
		r.Warn("broadcast", "no device has answered a broadcast yet")
	}
}

func (w *Watch) checkBroker(_ context.Context, r *doctor.Report) {
	c := w.opt.Topics.Connection()
	where := c.Broker
	if where == "inside" {
		where = "the broker inside the bridge"
	}
	switch {
	case c.Taken:
		r.Bad("broker", "%s: somebody else uses the name %s there", where, c.Client)
	case c.Up:
		r.Good("broker", "connected to %s as %s", where, c.Client)
	case c.Problem != "":
		r.Bad("broker", "%s: %s", where, c.Problem)
	default:
		r.Warn("broker", "%s: not connected yet", where)
	}
}

// checkPlatform asks the broker who reads what is announced.
func (w *Watch) checkPlatform(ctx context.Context, r *doctor.Report) {
	targets := w.opt.Config.Discovery
	if len(targets) == 0 {
		r.Warn("home", "nothing is announced; MIHOME2MQTT_DISCOVERY says so")
		return
	}
	if !w.opt.Topics.Connection().Up {
		r.Warn("home", "nobody can be seen while the broker is away")
		return
	}
	prefix := targets[0].Prefix
	switch seen := w.opt.Topics.SeekPlatform(ctx); {
	case seen.Unread:
		r.Warn("home", "nobody reads what is announced below %s", prefix)
	case seen.Away:
		r.Warn("home", "the platform that reads below %s has said goodbye", prefix)
	case seen.Seen:
		r.Good("home", "somebody reads what is announced below %s", prefix)
	default:
		r.Warn("home", "the broker does not tell who reads, and nobody has said a word below %s yet", prefix)
	}
}

// checkFolders writes to the data folder, and looks at the mapping files.
func (w *Watch) checkFolders(_ context.Context, r *doctor.Report) {
	if err := w.opt.Store.Try(); err != nil {
		r.Bad("data", "the data folder cannot be written: %s", innermost(err))
	} else {
		r.Good("data", "the data folder can be written")
	}
	if w.opt.Mapping == nil {
		return
	}
	if _, err := w.opt.Mapping(); err != nil {
		r.Bad("mapping", "%s", mi.Bare(err.Error()))
	} else {
		r.Good("mapping", "your mapping files have no mistake")
	}
}

// checkAccounts looks at the Xiaomi accounts and, by their answers, at the clock.
func (w *Watch) checkAccounts(_ context.Context, r *doctor.Report) {
	if w.opt.Accounts == nil {
		return
	}
	all := w.opt.Accounts.Accounts()
	if len(all) == 0 {
		r.Warn("account", "nobody is signed in")
		return
	}
	for _, a := range all {
		switch {
		case a.Problem == "":
			r.Good("account", "%s is signed in, %s", a.Label, plural(a.Devices, "device"))
		default:
			one := said(w.ofAccount(a))
			r.Bad("account", "%s: %s", a.Label, one.Text)
		}
	}
	if off := all[0].ClockOff; off != 0 {
		r.Bad("clock", "%s off Xiaomi's cloud", lasting(off.Abs()))
	} else {
		r.Good("clock", "as that of Xiaomi's cloud")
	}
}

// checkReceivers looks at who hears Bluetooth devices.
func (w *Watch) checkReceivers(_ context.Context, r *doctor.Report) {
	for _, one := range w.opt.Receivers {
		if err := one.Hearing(); idle(one) {
			continue // nobody has said that there is such a gateway
		} else if err != nil {
			r.Warn("bluetooth", "%s: %s", one.Name(), mi.Bare(err.Error()))
		} else {
			r.Good("bluetooth", "%s hears", one.Name())
		}
	}
}

// idle reports whether a receiver stands for gateways on the broker of which there is
// none.
func idle(r mi.Receiver) bool {
	shared, ok := r.(*bluetooth.Shared)
	if !ok {
		return false
	}
	all, ok := shared.Receiver.(*bluetooth.Gateways)
	return ok && len(all.Known()) == 0
}

func (w *Watch) checkPages(_ context.Context, r *doctor.Report) {
	c := &w.opt.Config.Web
	r.Pages(c.Listen, c.Listen == config.Off, c.Password != "", c.Ingress)
}

// checkDevices waits until the devices that were asked again have answered, and says
// what is wrong with those that have not.
func (w *Watch) checkDevices(ctx context.Context, r *doctor.Report) {
	all := w.opt.Home().All()
	silent := w.awaitAll(ctx, all)
	w.knockAll(ctx, silent)
	f := w.facts()
	for _, d := range silent[:min(len(silent), shownSilent)] {
		w.checkDevice(d, f, r)
	}
	if more := len(silent) - shownSilent; more > 0 {
		r.Bad("device", "%s more", plural(more, "device"))
	}
	n := len(all) - len(silent)
	if text := fmt.Sprintf("%d of %s answer or sleep", n, plural(len(all), "device")); len(silent) > 0 {
		r.Warn("devices", "%s", text)
	} else {
		r.Good("devices", "%s", text)
	}
}

// checkDevice says what is wrong with a device that has not answered.
func (w *Watch) checkDevice(d *device.Device, f *facts, r *doctor.Report) {
	for _, one := range w.ofDevice(d, f) {
		if one.Severity != web.Note {
			r.Bad("device", "%s (%s)", one.Text, one.Proof)
			return
		}
	}
	if w.Standing(d).State == web.Online {
		r.Warn("device", "%s has not answered within %s", d.Name(), lasting(answersWithin))
	} else {
		r.Bad("device", "%s has not answered", d.Name())
	}
}

// awaitAll waits for the answers of devices and returns those without one that are
// not known to be asleep. A device that reports by itself need not say anything new.
func (w *Watch) awaitAll(ctx context.Context, all []*device.Device) (silent []*device.Device) {
	began := w.opt.World.Now()
	for _, d := range all {
		d.Refresh()
	}
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	tick := time.NewTicker(looksEvery)
	defer tick.Stop()
	for {
		silent = silent[:0]
		for _, d := range all {
			one := w.Standing(d)
			late := one.State == web.Online && one.Route == web.LAN && one.LastSeen.Before(began)
			if !one.Hidden && (late || one.State != web.Online && one.State != web.Asleep) {
				silent = append(silent, d)
			}
		}
		if len(silent) == 0 {
			return silent
		}
		select {
		case <-ctx.Done():
			return silent
		case <-tick.C:
		}
	}
}
