package diagnosis

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
)

// knocked returns what came of knocking at a device's address in the network.
func (w *Watch) knocked(d *device.Device) (knock, device.Way, bool) {
	way, ok := lanWay(d)
	if !ok {
		return knock{}, way, false
	}
	addr, err := netip.ParseAddr(mi.Host(way.Addr))
	if err != nil {
		return knock{}, way, false
	}
	k, ok := w.knock(d.ID(), addr)
	return k, way, ok
}

// silence says why a device does not answer. It says nothing until that is known.
func (w *Watch) silence(d *device.Device, one Standing, cause string, f *facts) []finding {
	info := d.Info()
	parent := w.opt.Home().Device(info.Parent)
	switch {
	case cause == "device.busy":
		return []finding{{id: cause, measured: problem.Mute, proof: one.Trouble}}
	case known(cause):
		return []finding{{id: cause, proof: one.Trouble}}
	case w.bluetooth(d, f):
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
	return w.silentHere(d, one, f)
}

// known reports whether a cause that the driver named says all: it is about the device
// itself, not about the network in between.
func known(cause string) bool {
	kind, ok := problem.Find(cause)
	return ok && !kind.Whole && !strings.HasPrefix(cause, "net.")
}

// silentHere says why a device of the network does not answer.
func (w *Watch) silentHere(d *device.Device, one Standing, f *facts) []finding {
	k, way, ok := w.knocked(d)
	listed, online := f.cloudSays(d)
	switch {
	case way.Addr == "":
		return []finding{{id: "net.none", measured: problem.Waiting, proof: one.Trouble}}
	case !ok && w.knockable(d).IsValid(), k.there && time.Since(k.since) < backWithin:
		return nil // nobody has looked yet, or it is just coming back
	case k.there || online:
		return []finding{w.walled(k, way, online, f)}
	case listed:
		return []finding{{id: "net.none", proof: join(k.proof, "Xiaomi's cloud says offline", one.Trouble)}}
	}
	return []finding{{id: "net.none", measured: problem.Near, proof: join(k.proof, one.Trouble)}}
}

// walled is a device that is on and does not answer the bridge; online says that the
// cloud hears it.
func (w *Watch) walled(k knock, way device.Way, online bool, f *facts) finding {
	why := ""
	if way.Err != nil {
		why = mi.Bare(way.Err.Error())
	}
	if cause := mi.Problem(way.Err); known(cause) {
		return finding{id: cause, proof: join(k.proof, why)}
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

func portOf(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "54321"
	}
	return port
}
