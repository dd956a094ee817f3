package bridge

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
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

// facts are what the problems of many devices are judged by.
type facts struct {
	networks []mi.Interface
	account  bool // what is wrong with an account explains what only the cloud reaches
	signed   bool // somebody is signed in
	deaf     func() string
	listed   func() map[string]account.Device
	closed   map[string]bool // gateways that let nobody near, by did
}

func (p *pages) facts() *facts {
	f := &facts{deaf: sync.OnceValue(p.deaf), listed: sync.OnceValue(p.listed), closed: p.closedGateways()}
	if all, err := p.b.opt.World.Net.Interfaces(); err == nil {
		f.networks = all
	}
	f.signed = p.b.accounts != nil && len(p.b.accounts.Accounts()) > 0
	return f
}

// deaf says why no Bluetooth receiver works; "" when one does.
func (p *pages) deaf() string {
	var why []string
	for _, r := range p.b.air.Receivers {
		err := r.Hearing()
		if err == nil {
			return ""
		}
		why = append(why, r.Name()+": "+bare(err.Error()))
	}
	if len(why) == 0 {
		return "no receiver is set up"
	}
	return strings.Join(why, "; ")
}

// listed are the devices of the accounts by did.
func (p *pages) listed() map[string]account.Device {
	out := map[string]account.Device{}
	if p.b.accounts == nil {
		return out
	}
	for _, d := range p.b.accounts.Known().Devices {
		out[d.DID] = d
	}
	return out
}

// closedGateways finds gateways that serve devices only by the cloud, once every
// other way had its time.
func (p *pages) closedGateways() map[string]bool {
	if p.age() < settledWithin {
		return nil
	}
	closed := map[string]bool{}
	for _, d := range p.b.home.All() {
		parent := d.Info().Parent
		if parent == "" {
			continue
		}
		gateway := p.b.home.Device(parent)
		if gateway == nil || !strings.Contains(gateway.Info().Model, ".gateway.") {
			continue
		}
		if before, ok := closed[parent]; !ok || before {
			closed[parent] = cloudOnly(d) && !byGateway(gateway)
		}
	}
	return closed
}

func byGateway(d *device.Device) bool {
	return slices.ContainsFunc(d.Ways(), func(w device.Way) bool { return w.Route == web.Gateway })
}

// cloudOnly reports whether the cloud is the only way to a device: where it is in the
// network is not known either.
func cloudOnly(d *device.Device) bool {
	far := false
	for _, w := range d.Ways() {
		switch {
		case w.Route == web.Cloud:
			far = true
		case w.Route != web.LAN || w.Addr != "" || w.Heard:
			return false
		}
	}
	return far
}

// near reports whether a device was heard without the cloud.
func near(d *device.Device) bool {
	return slices.ContainsFunc(d.Ways(), func(w device.Way) bool { return w.Route != web.Cloud && w.Heard })
}

// shadow reports whether a device is only a part of another one, or what the cloud
// keeps of a home: it has no way of its own.
func shadow(info mi.Info) bool {
	return info.Parent != "" || strings.HasPrefix(info.DID, "home.")
}

// ofDevice says what is wrong with a device.
func (p *pages) ofDevice(d *device.Device, f *facts) (out []web.Problem) {
	one, info := p.brief(d), d.Info()
	if one.Hidden {
		return nil
	}
	add := func(found ...finding) {
		for _, one := range found {
			if !slices.ContainsFunc(out, func(had web.Problem) bool { return had.ID == one.id }) {
				out = append(out, p.about(d, f, one))
			}
		}
	}
	switch cause := d.Status().Problem; {
	case f.closed[info.DID]:
		add(finding{id: "gateway.closed", proof: "its devices have no other way, and it does not speak its local protocol"})
	case one.State != web.Online && p.age() > settledWithin && p.bluetooth(d, f) && f.deaf() != "":
		add(finding{id: "ble.no_receiver", proof: f.deaf()})
	case p.unknown(d, info):
		add(p.specMissing(info.Model))
	case one.State == web.Asleep:
		if _, wifi := lanWay(d); wifi {
			add(finding{id: "device.asleep", proof: one.Trouble})
		}
	case one.State == web.Unproven:
		add(f.keyless(cause, one.Trouble))
	case one.State == web.NoAnswer:
		add(p.silence(d, one, cause, f)...)
	case one.State == web.Online:
		add(p.notes(d, one, f)...)
	}
	add(p.troubles(d)...)
	return out
}

// about puts a finding into words with what is known of the device.
func (p *pages) about(d *device.Device, f *facts, one finding) web.Problem {
	info := d.Info()
	addr, _ := netip.ParseAddr(host(info.Addr))
	one.pairs = append(one.pairs, "name", d.Name(), "ip", host(info.Addr), "ours", doctor.Ours(f.networks), "net", doctor.Neighbours(addr), "model", info.Model)
	one.since = cmp.Or(one.since, d.Status().LastSeen)
	out := said(one)
	out.Device = d.ID()
	if one.mild && out.Severity == web.Broken {
		out.Severity = web.Warn
	}
	return out
}

// unknown reports whether nobody knows what a device can do, and why is known.
func (p *pages) unknown(d *device.Device, info mi.Info) bool {
	if d.Spec() != nil || info.Model == "" || d.Status().Reason == "" || d.Status().Problem != "" {
		return false
	}
	m := p.b.specs.library.Missing(info.Model)
	return m.Offline || m.Err != nil
}

func (p *pages) specMissing(model string) finding {
	m := p.b.specs.library.Missing(model)
	f := finding{id: "device.spec_missing", pairs: []string{"t", lasting(m.Again)}}
	switch {
	case m.Offline:
		f.measured = problem.Offline
	case m.Unlisted:
		f.measured = problem.Unlisted
	}
	if m.Err != nil {
		f.proof = bare(m.Err.Error())
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
func (p *pages) notes(d *device.Device, one web.Device, f *facts) (out []finding) {
	info := d.Info()
	if from, ago, ok := d.Moved(); ok && ago < movedFor && one.Route != web.Cloud {
		out = append(out, finding{id: "net.moved", proof: "it was at " + from + " before"})
	}
	if every, busy := d.Busy(); busy {
		out = append(out, finding{id: "device.busy", measured: share(every), proof: "counted over the last 16 questions", pairs: []string{"n", strconv.Itoa(every)}})
	}
	if cloudOnly(d) && !shadow(info) && p.age() > settledWithin {
		out = append(out, finding{id: "device.cloud_only", proof: "no other way to it is known"})
	}
	if k, way, ok := p.knocked(d); ok && one.Route == web.Cloud && way.Down && way.Heard {
		blocked := p.walled(k, way, true, f)
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

// knocked returns what came of knocking at a device's address in the network.
func (p *pages) knocked(d *device.Device) (knock, device.Way, bool) {
	way, ok := lanWay(d)
	if !ok {
		return knock{}, way, false
	}
	addr, err := netip.ParseAddr(host(way.Addr))
	if err != nil {
		return knock{}, way, false
	}
	k, ok := p.watch.knock(d.ID(), addr)
	return k, way, ok
}

// silence says why a device does not answer. It says nothing until that is known.
func (p *pages) silence(d *device.Device, one web.Device, cause string, f *facts) []finding {
	info := d.Info()
	kind, known := problem.Find(cause)
	parent := p.b.home.Device(info.Parent)
	switch {
	case cause == "device.busy":
		return []finding{{id: cause, measured: problem.Mute, proof: one.Trouble}}
	case known && !kind.Whole && !strings.HasPrefix(cause, "net."):
		return []finding{{id: cause, proof: one.Trouble}}
	case p.bluetooth(d, f):
		return []finding{{id: "net.none", measured: problem.Air, proof: one.Trouble}}
	case info.Parent != "" && parent != nil && byGateway(d):
		if parent.Status().Online {
			return []finding{{id: "net.none", measured: problem.Hub, proof: one.Trouble}}
		}
		return nil // the gateway itself is what is wrong
	case cloudOnly(d):
		if f.account {
			return nil
		}
		return []finding{{id: "net.none", measured: problem.Far, proof: one.Trouble}}
	}
	return p.silentHere(d, one, f)
}

// silentHere says why a device of the network does not answer.
func (p *pages) silentHere(d *device.Device, one web.Device, f *facts) []finding {
	k, way, ok := p.knocked(d)
	listed, online := f.cloudSays(d)
	switch {
	case way.Addr == "":
		return []finding{{id: "net.none", measured: problem.Waiting, proof: one.Trouble}}
	case !ok && p.knockable(d).IsValid(), k.there && time.Since(k.since) < backWithin:
		return nil // nobody has looked yet, or it is just coming back
	case k.there || online:
		return []finding{p.walled(k, way, online, f)}
	case listed:
		return []finding{{id: "net.none", proof: join(k.proof, "Xiaomi's cloud says offline", one.Trouble)}}
	}
	return []finding{{id: "net.none", measured: problem.Near, proof: join(k.proof, one.Trouble)}}
}

// walled is a device that is on and does not answer the bridge; online says that the
// cloud hears it.
func (p *pages) walled(k knock, way device.Way, online bool, f *facts) finding {
	why := ""
	if way.Err != nil {
		why = bare(way.Err.Error())
	}
	out := finding{id: "net.port_blocked", proof: join(k.proof, why), pairs: []string{"port", portOf(way.Addr)}}
	addr := k.addr
	local := slices.ContainsFunc(f.networks, func(i mi.Interface) bool { return i.Prefix.Contains(addr) })
	switch {
	case local && portOf(way.Addr) != "54321":
		out.measured = problem.Service
	case !local:
		out.id = "net.foreign_subnet"
		if !k.there && online {
			out.measured = problem.Heard
		}
	}
	return out
}

// cloudSays returns whether an account lists the device, and whether the cloud has
// just heard it: a request by the cloud that failed is newer than its list.
func (f *facts) cloudSays(d *device.Device) (listed, online bool) {
	if !f.signed {
		return false, false
	}
	known, ok := f.listed()[d.Info().DID]
	failed := slices.ContainsFunc(d.Ways(), func(w device.Way) bool { return w.Route == web.Cloud && w.Err != nil })
	return ok, ok && known.Online && !failed && time.Since(known.Asked) < freshWord
}

// freshWord is how long what the cloud said of a device counts as now.
const freshWord = 10 * time.Minute

// bluetooth reports whether a device speaks Bluetooth.
func (p *pages) bluetooth(d *device.Device, f *facts) bool {
	did := d.Info().DID
	if strings.HasPrefix(did, "ble.") || strings.HasPrefix(did, "blt.") {
		return true
	}
	if slices.ContainsFunc(d.Ways(), func(w device.Way) bool { return w.Route == web.Bluetooth }) {
		return true
	}
	return f.signed && f.listed()[did].Connect == bleConnect
}

// troubles are what a device refused, and what it lacks.
func (p *pages) troubles(d *device.Device) (out []finding) {
	for _, t := range d.Troubles() {
		if t.Problem == "gateway.key" && t.What != "" {
			continue // the gateway says it itself
		}
		f := finding{id: t.Problem, since: t.At, proof: bare(t.Err.Error())}
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
		f.measured, f.pairs = problem.Codeless, []string{"role", t.What, "meaning", bare(t.Err.Error())}
		return
	}
	meaning, code := refusal.Refused()
	f.pairs = []string{"role", t.What, "meaning", meaning, "code", strconv.Itoa(code)}
	if code == 0 {
		f.measured = problem.Codeless
	}
}

func portOf(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "54321"
	}
	return port
}

// join puts what was measured into one line.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}
