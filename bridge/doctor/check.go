package doctor

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
)

// Network looks at the networks of this machine; names are those to be used, none
// are all.
func (r *Report) Network(all []mi.Interface, names []string) {
	used := mi.Outward(all, names)
	switch {
	case len(used) == 0:
		r.Warn("network", "only this machine itself can be reached")
	case mi.Contained(all):
		r.Warn("network", "%s, a container network of its own", prefixes(used))
		r.Found("net.bridge_network", "")
	default:
		r.Good("network", "%s", prefixes(used))
	}
}

// Subnet tells whether a device sits in a network of this machine. It is no verdict:
// many devices answer from elsewhere too.
func (r *Report) Subnet(addr netip.Addr, all []mi.Interface) {
	if !addr.IsValid() || addr.IsLoopback() {
		return
	}
	if i := slices.IndexFunc(all, func(i mi.Interface) bool { return i.Prefix.Contains(addr) }); i >= 0 {
		r.Good("subnet", "%s is in %s", addr, all[i].Prefix.Masked())
		return
	}
	ours := prefixes(mi.Outward(all, nil))
	if ours == "" {
		ours = "no network"
	}
	r.Warn("subnet", "the bridge has %s only; this device sits in %s", ours, Neighbours(addr))
}

// Neighbours is the network that a device of a home is most likely in.
func Neighbours(addr netip.Addr) string {
	bits := 64
	if addr.Is4() {
		bits = 24
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// Ours lists the addresses of this machine in its networks.
func Ours(all []mi.Interface) string {
	var out []string
	for _, i := range mi.Outward(all, nil) {
		if i.Prefix.Addr().Is4() {
			out = append(out, i.Prefix.Addr().String())
		}
	}
	return strings.Join(out, ", ")
}

// Networks lists the networks of this machine.
func Networks(all []mi.Interface) string { return prefixes(mi.Outward(all, nil)) }

func prefixes(all []mi.Interface) string {
	var out []string
	for _, i := range all {
		if i.Prefix.Addr().Is4() || len(all) == 1 {
			out = append(out, i.Name+" "+i.Prefix.String())
		}
	}
	return strings.Join(out, ", ")
}

// Known looks at what is known of a device. source is where it is known from.
func (r *Report) Known(d mi.Info, source string) {
	if d.Token == "" {
		r.Bad("known", "did %s, without a key, from %s", orUnknown(d.DID), source)
		return
	}
	r.Good("known", "did %s, with its key, from %s", orUnknown(d.DID), source)
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// Present notes what came of knocking at the address of a device.
func (r *Report) Present(proof string, there bool) {
	if there {
		r.Good("knock", "%s", proof)
		return
	}
	r.Bad("knock", "%s", proof)
}

// Answer judges how a device answered: err is what its driver said, there that
// somebody is at its address. A device that does not answer is a problem even if
// nobody found out why.
func (r *Report) Answer(d mi.Info, took time.Duration, all []mi.Interface, there bool, err error) {
	if err == nil {
		r.Good("answer", "it answered by LAN (%d ms)", max(1, took.Milliseconds()))
		return
	}
	r.Bad("answer", "%s", err)
	addr := address(d.Addr)
	id, measured := verdict(mi.Problem(err), err, there, near(all, addr))
	if id == "" {
		return
	}
	name := d.Name
	if name == "" {
		name = orUnknown(d.DID)
	}
	r.Found(id, measured, "name", name, "ip", addr.String(), "ours", Ours(all), "net", Neighbours(addr), "model", d.Model, "port", "54321")
}

// verdict names the problem behind an answer that did not come: what the driver found
// out, but about the network only what was seen by knocking.
func verdict(id string, err error, there, near bool) (problemID, measured string) {
	silent := errors.Is(err, mi.ErrTimeout) || errors.Is(err, mi.ErrOffline)
	switch {
	case id == "" && errors.Is(err, mi.ErrDenied):
		return "token.wrong", ""
	case id != "" && !strings.HasPrefix(id, "net."), id == "" && !silent:
		return id, ""
	case there && near:
		return "net.port_blocked", ""
	case there:
		return "net.foreign_subnet", ""
	}
	return "net.none", problem.Near
}

// near reports whether an address is in a network of this machine.
func near(all []mi.Interface, addr netip.Addr) bool {
	return slices.ContainsFunc(all, func(i mi.Interface) bool { return i.Prefix.Contains(addr) })
}

// address returns the address of host:port; the zero Addr when there is none.
func address(hostport string) netip.Addr {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

// Address looks at where a device is, and returns it; the zero Addr is nowhere.
func (r *Report) Address(hostport string) netip.Addr {
	addr := address(hostport)
	switch {
	case addr.IsValid():
		r.Good("address", "%s", addr)
	case hostport != "":
		r.Good("address", "%s", hostport)
	default:
		r.Warn("address", "none is known; it has to call first")
	}
	return addr
}

// Pages looks at who may see the pages.
func (r *Report) Pages(listen string, off, password, ingress bool) {
	host, _, err := net.SplitHostPort(listen)
	addr, _ := netip.ParseAddr(host)
	local := err == nil && (host == "localhost" || addr.IsLoopback())
	switch {
	case off:
		r.Warn("pages", "switched off")
	case local:
		r.Good("pages", "for this machine only, at %s", listen)
	case password:
		r.Good("pages", "with a password, at %s", listen)
	default:
		r.Warn("pages", "for this machine only, though they listen at %s", listen)
		if !ingress {
			r.Found("config.open", "")
		}
	}
}

// Data looks at the data folder; err is why nothing could be written there.
func (r *Report) Data(dir string, missing bool, err error) {
	switch {
	case missing:
		r.Warn("data", "%s is not there yet; the first start makes it", dir)
	case err != nil:
		r.Bad("data", "%s: %s", dir, err)
		r.Found("disk.readonly", "", "cause", err.Error())
	default:
		r.Good("data", "%s can be written", dir)
	}
}

// Broker looks at the broker; err is why it cannot be reached.
func (r *Report) Broker(url string, err error) {
	if err == nil {
		r.Good("broker", "connected to %s", url)
		return
	}
	r.Bad("broker", "%s: %s", url, err)
	r.Found("mqtt.away", "", "url", url, "cause", Cause(err.Error()), "n", "No")
}

// Cause is why something failed without the advice that follows.
func Cause(text string) string {
	cause, _, _ := strings.Cut(text, ";")
	return strings.TrimRight(cause, ".?")
}
