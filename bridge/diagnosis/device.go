package diagnosis

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/doctor"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

const (
	movedFor   = 6 * time.Hour    // in which a new address is worth a word
	backWithin = 10 * time.Second // in which a device that is there again answers
	bleConnect = "6"              // connect type of a Bluetooth device, as the account has it
)

// ofDevice says what is wrong with a device.
func (w *Watch) ofDevice(d *device.Device, f *facts) (out []web.Problem) {
	one, info := w.Standing(d), d.Info()
	if one.Hidden {
		return nil
	}
	add := func(found ...finding) {
		for _, one := range found {
			if !slices.ContainsFunc(out, func(had web.Problem) bool { return had.ID == one.id }) {
				out = append(out, w.about(d, f, one))
			}
		}
	}
	switch cause := d.Status().Problem; {
	case f.closed[info.DID]:
		add(finding{id: "gateway.closed", proof: "its devices have no other way, and it does not speak its local protocol"})
	case one.State != web.Online && w.age() > settledWithin && w.bluetooth(d, f) && f.deaf() != "":
		add(finding{id: "ble.no_receiver", proof: f.deaf()})
	case w.unknown(d, info):
		add(w.specMissing(info.Model))
	case one.State == web.Asleep && cause == asleep:
		add(finding{id: asleep, measured: problem.Out, proof: one.Trouble})
	case one.State == web.Asleep:
		if _, wifi := lanWay(d); wifi {
			add(finding{id: asleep, proof: one.Trouble})
		}
	case one.State == web.Unproven:
		add(f.keyless(cause, one.Trouble))
	case one.State == web.NoAnswer:
		add(w.silence(d, one, cause, f)...)
	case one.State == web.Online:
		add(w.notes(d, one, f)...)
	}
	add(w.troubles(d)...)
	return out
}

// about puts a finding into words with what is known of the device.
func (w *Watch) about(d *device.Device, f *facts, one finding) web.Problem {
	info := d.Info()
	addr, _ := netip.ParseAddr(mi.Host(info.Addr))
	one.pairs = append(one.pairs, "name", d.Name(), "ip", mi.Host(info.Addr), "ours", doctor.Ours(f.networks), "net", doctor.Neighbours(addr), "model", info.Model)
	one.since = cmp.Or(one.since, d.Status().LastSeen)
	out := said(one)
	out.Device = d.ID()
	if one.mild && out.Severity == web.Broken {
		out.Severity = web.Warn
	}
	return out
}

// unknown reports whether nobody knows what a device can do, and why is known.
func (w *Watch) unknown(d *device.Device, info mi.Info) bool {
	if d.Spec() != nil || info.Model == "" || d.Status().Reason == "" || d.Status().Problem != "" {
		return false
	}
	m := w.opt.Specs.Missing(info.Model)
	return m.Offline || m.Err != nil
}

func (w *Watch) specMissing(model string) finding {
	m := w.opt.Specs.Missing(model)
	f := finding{id: "device.spec_missing", pairs: []string{"t", lasting(m.Again)}}
	switch {
	case m.Offline:
		f.measured = problem.Offline
	case m.Unlisted:
		f.measured = problem.Unlisted
	}
	if m.Err != nil {
		f.proof = mi.Bare(m.Err.Error())
	}
	return f
}

// keyless is a device that was found and whose key nobody knows.
func (f *facts) keyless(cause, proof string) finding {
	switch {
	case cause == "ble.key_missing", cause == "token.hidden" && !f.signed:
		return finding{id: cause, proof: proof}
	}
	return finding{id: "token.missing", proof: proof}
}

// notes are about a device that answers.
func (w *Watch) notes(d *device.Device, one Standing, f *facts) (out []finding) {
	info := d.Info()
	if from, ago, ok := d.Moved(); ok && ago < movedFor && one.Route != web.Cloud {
		out = append(out, finding{id: "net.moved", proof: "it was at " + from + " before"})
	}
	if every, busy := d.Busy(); busy {
		out = append(out, finding{id: "device.busy", measured: share(every), proof: "counted over the last 16 questions", pairs: []string{"n", strconv.Itoa(every)}})
	}
	if cloudOnly(d) && !shadow(info) && w.age() > settledWithin {
		out = append(out, finding{id: "device.cloud_only", proof: "no other way to it is known"})
	}
	if k, way, ok := w.knocked(d); ok && one.Route == web.Cloud && way.Down && way.Heard {
		blocked := w.walled(k, way, true, f)
		blocked.mild = true // the cloud serves it meanwhile
		out = append(out, blocked)
	}
	return out
}

// share names how many questions are answered, where English has a word of its own.
func share(every int) string {
	switch every {
	case 0:
		return problem.Mute
	case 2:
		return problem.Second
	case 3:
		return problem.Third
	}
	return ""
}

// troubles are what a device refused, and what it lacks.
func (w *Watch) troubles(d *device.Device) (out []finding) {
	for _, t := range d.Troubles() {
		if t.Problem == "gateway.key" && t.What != "" {
			continue // the gateway says it itself
		}
		f := finding{id: t.Problem, since: t.At, proof: mi.Bare(t.Err.Error())}
		if t.Problem == "device.refused" {
			f.refused(t)
		}
		out = append(out, f)
	}
	return out
}

// refused says which order a device refused, and why.
func (f *finding) refused(t device.Trouble) {
	refusal, coded := errors.AsType[mi.Refusal](t.Err)
	if !coded {
		f.measured, f.pairs = problem.Codeless, []string{"role", t.What, "meaning", mi.Bare(t.Err.Error())}
		return
	}
	meaning, code := refusal.Refused()
	f.pairs = []string{"role", t.What, "meaning", meaning, "code", strconv.Itoa(code)}
	if code == 0 {
		f.measured = problem.Codeless
	}
}
