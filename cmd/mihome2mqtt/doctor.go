package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/doctor"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

type doctorCmd struct {
	Device string `arg:"" optional:"" help:"Did, host, model or a part of the name; everything when left out."`
}

// Run looks for what is not as it should be, and says what to do. The exit code is
// 1 when something needs a person.
func (c *doctorCmd) Run(p *process) error {
	conf, err := p.settings(nil)
	if err != nil {
		return err
	}
	x := &examination{p: p, conf: conf}
	x.report = doctor.New(x.show)
	if x.interfaces, err = host.Network().Interfaces(); err != nil {
		x.report.Bad("network", "%s", err)
	}
	r, err := p.running(p.ctx)
	switch {
	case errors.Is(err, errNone) && c.Device == "":
		err = x.alone(err)
	case errors.Is(err, errNone):
		err = x.deviceAlone(c.Device, err)
	case err == nil && c.Device == "":
		err = x.whole(r)
	case err == nil:
		err = x.device(r, c.Device)
	}
	if err != nil {
		return err
	}
	return x.print()
}

// examination is one run of the doctor.
type examination struct {
	p          *process
	conf       *config.Config
	interfaces []mi.Interface
	report     *doctor.Report
}

// alone examines what can be seen while no bridge runs.
func (x *examination) alone(none error) error {
	x.report.Warn("bridge", "%s", none)
	x.report.Network(x.interfaces, x.conf.Interfaces)
	x.broker()
	x.data()
	if err := x.mapping(); err != nil {
		return err
	}
	x.pages()
	d, _, err := x.p.direct()
	if err != nil {
		return err
	}
	known, keys := d.Known(), 0
	for _, info := range known {
		if info.Token != "" {
			keys++
		}
	}
	x.report.Good("devices", "%d known, %d with a key", len(known), keys)
	return nil
}

// mapping looks at the mapping files of the user.
func (x *examination) mapping() error {
	files, err := folder("MAPPINGS", x.conf.Mappings)
	if err != nil {
		return wrongUse(err)
	}
	if files == nil {
		return nil
	}
	if err := bridge.Check(bridge.Files{Mappings: files}); err != nil {
		x.report.Bad("mapping", "%s", err)
	} else {
		x.report.Good("mapping", "your mapping files have no mistake")
	}
	return nil
}

func (x *examination) pages() {
	w := &x.conf.Web
	x.report.Pages(w.Listen, w.Listen == config.Off, w.Password != "", w.Ingress)
}

// broker asks the broker for a bridge. The broker inside the bridge is as absent as
// the bridge.
func (x *examination) broker() {
	if x.conf.MQTT.URL == "" {
		x.report.Good("broker", "the one inside the bridge, at %s; it starts with the bridge", x.conf.Broker.Listen)
		return
	}
	ctx, cancel := context.WithTimeout(x.p.ctx, healthyWithin)
	defer cancel()
	_, err := x.p.ask(ctx, "health_check", nil)
	if errors.Is(err, mqtt.ErrNobody) {
		err = nil // the broker answers, only no bridge does
	}
	if err != nil {
		err = errors.New(strings.TrimPrefix(err.Error(), "mqtt: "+x.conf.MQTT.URL+": "))
	}
	x.report.Broker(x.conf.MQTT.URL, err)
}

// data tries to write to the data folder, and leaves nothing there.
func (x *examination) data() {
	dir := x.conf.Data
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		x.report.Data(dir, true, nil)
		return
	}
	f, err := os.CreateTemp(dir, ".doctor-")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	x.report.Data(dir, false, err)
}

// deviceAlone talks with a device directly.
func (x *examination) deviceAlone(name string, none error) error {
	r, err := x.p.reach()
	if err != nil {
		return err
	}
	info, err := choose(r.known, name)
	if err != nil {
		return err
	}
	x.report.Warn("bridge", "%s: the device is asked directly", none)
	x.report.Known(info, "settings or data folder")
	x.report.Subnet(x.report.Address(info.Addr), x.interfaces)
	ctx, cancel := context.WithTimeout(x.p.ctx, answerWithin)
	defer cancel()
	began := time.Now()
	err = exchange(ctx, r, info)
	if x.p.ctx.Err() != nil {
		return x.p.ctx.Err()
	}
	took, there := time.Since(began), false
	if err != nil {
		there = x.knock(info.Addr)
	}
	x.report.Answer(info, took, x.interfaces, there, err)
	return nil
}

// knock looks whether anybody is at the address of a device, a host or host:port.
func (x *examination) knock(address string) bool {
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		name = address
	}
	addr, err := netip.ParseAddr(name)
	if err != nil || addr.IsLoopback() {
		return false
	}
	proof, there := lan.Knock(x.p.ctx, host.Network(), addr)
	x.report.Present(proof, there)
	return there
}

// exchange has one sealed conversation with a device.
func exchange(ctx context.Context, r *reach, info mi.Info) error {
	dev, err := r.open(ctx, info)
	if err != nil {
		return err
	}
	defer dev.close()
	props := readable(dev.spec)
	if len(props) == 0 {
		return nil
	}
	_, err = dev.read(ctx, props[:1])
	return err
}

// whole examines a running bridge with everything that it reaches.
func (x *examination) whole(r *running) error {
	var status struct{ Version string }
	if err := r.get(x.p.ctx, "status", &status); err != nil {
		return told(err)
	}
	x.report.Good("bridge", "version %s runs at %s", status.Version, strings.TrimSuffix(r.base, "/"))
	if err := x.checks(r); err != nil {
		return err
	}
	return x.problems(r, func(web.Problem) bool { return true })
}

// checks has the bridge look at everything anew, and takes over what it sees as it
// goes on.
func (x *examination) checks(r *running) error {
	const path = "problems/check"
	var now web.Checked
	if err := r.post(x.p.ctx, path, nil, &now); err != nil {
		return told(err)
	}
	again := time.NewTicker(againEvery)
	defer again.Stop()
	for shown := 0; ; {
		for _, c := range now.Checks[min(shown, len(now.Checks)):] {
			x.report.Note(doctor.Check{Mark: doctor.Mark(c.Mark), Name: c.Name, Text: c.Text})
		}
		shown = len(now.Checks)
		if !now.Running {
			return nil
		}
		select {
		case <-x.p.ctx.Done():
			return x.p.ctx.Err()
		case <-again.C:
		}
		if err := r.get(x.p.ctx, path, &now); err != nil {
			return told(err)
		}
	}
}

// problems takes over what the bridge has found.
func (x *examination) problems(r *running, wanted func(web.Problem) bool) error {
	all, err := collect[web.Problem](x.p.ctx, r, "problems")
	if err != nil {
		return told(err)
	}
	for _, one := range all {
		if wanted(one) {
			x.report.Add(doctor.Finding{
				ID: one.ID, Device: one.Device, Severity: problem.Severity(one.Severity), Text: one.Text, Proof: one.Proof, ToDo: one.ToDo,
			})
		}
	}
	return nil
}

const (
	againWithin = 6 * time.Second // a device that is there answers sooner
	againEvery  = 250 * time.Millisecond
)

// device examines one device through the running bridge, which asks it again first.
func (x *examination) device(r *running, name string) error {
	g, err := r.visit(x.p.ctx, name)
	if err != nil {
		return err
	}
	if g.d.State != web.Online {
		x.p.hint("Asking %s again …", g.d.Name)
		if g, err = r.askAgain(x.p.ctx, g); err != nil {
			return err
		}
	}
	d := &g.d
	if d.State == web.Unproven {
		x.report.Bad("known", "did %s, without a key", d.DID)
	} else {
		x.report.Good("known", "did %s, %s", d.DID, orWord(d.Model, "model unknown"))
	}
	x.report.Subnet(x.report.Address(d.Address), x.interfaces)
	if d.State == web.NoAnswer {
		x.knock(d.Address)
	}
	for _, w := range d.Ways {
		x.way(w, d.State == web.Online)
	}
	x.answer(d)
	return x.problems(r, func(one web.Problem) bool {
		return one.Device == d.ID || one.Device == "" && d.State != web.Online && strings.HasPrefix(one.ID, "account.")
	})
}

func orWord(text, word string) string {
	if text == "" {
		return word
	}
	return text
}

// way looks at one route. While the device answers by another one, a route that fails
// is no harm; while it does not answer, none can be called ready.
func (x *examination) way(w web.Way, online bool) {
	name := routeName(w.Route)
	text := orWord(w.Text, "known")
	switch {
	case w.State == "in_use":
		x.report.Good(name, "%s, in use", text)
	case !online:
		x.report.Bad(name, "%s", text)
	case w.State == "failing":
		x.report.Warn(name, "%s", text)
	default:
		x.report.Good(name, "%s, ready", text)
	}
}

func (x *examination) answer(d *web.Detail) {
	seen := "it has never answered"
	if !d.LastSeen.IsZero() {
		seen = "it answered " + ago(d.LastSeen) + " ago"
	}
	switch d.State {
	case web.Online:
		x.report.Good("answer", "%s by %s", seen, routeName(d.Route))
	case web.Asleep:
		x.report.Good("answer", "%s, and sleeps", seen)
	default:
		x.report.Bad("answer", "%s", seen)
	}
}

// askAgain has the bridge ask a device again, and waits for the answer.
func (r *running) askAgain(ctx context.Context, g *guest) (*guest, error) {
	path := "devices/" + url.PathEscape(g.d.DID)
	if err := r.post(ctx, path+"/refresh", nil, nil); err != nil {
		return nil, told(err)
	}
	enough := time.NewTimer(againWithin)
	defer enough.Stop()
	again := time.NewTicker(againEvery)
	defer again.Stop()
	for before := g.d.LastSeen; ; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-enough.C:
			return g, nil
		case <-again.C:
		}
		now := &guest{r: r}
		if err := r.get(ctx, path, &now.d); err != nil {
			return nil, told(err)
		}
		if g = now; g.d.State == web.Online || g.d.LastSeen.After(before) {
			return g, nil
		}
	}
}

// show prints a check as soon as it has ended.
func (x *examination) show(c doctor.Check) {
	if x.p.JSON {
		return
	}
	mark := string(c.Mark)
	pad := strings.Repeat(" ", 4-len(mark))
	fmt.Fprintf(x.p.out, "%s%s%-10s %s\n", x.p.screen.mark(mark), pad, c.Name, c.Text)
}

// print shows what came of the checks.
func (x *examination) print() error {
	needs := error(nil)
	if x.report.Needs() {
		needs = &failure{code: exitFailed}
	}
	if x.p.JSON {
		return errors.Join(needs, x.p.json(x.report))
	}
	for _, f := range x.report.Problems {
		fmt.Fprintln(x.p.out, f.Text)
		if f.ToDo != "" {
			fmt.Fprintf(x.p.out, "To do: %s\n", f.ToDo)
		}
	}
	if !x.report.Needs() {
		fmt.Fprintln(x.p.out, "Nothing needs you.")
	}
	return needs
}
