// Package lumi speaks the local protocol of the Xiaomi and Aqara gateways of the
// first generation: JSON by UDP, reports by multicast, writes signed with the
// gateway's key. It opens the gateway and each of its Zigbee children. Nothing
// that a gateway says is sealed: it is believed by its address alone.
package lumi

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	port         = 9898 // of a gateway, and of the group's listeners
	whoisPort    = 4321
	maxStations  = 32
	prefix       = "lumi." // of every did
	defaultClear = 90 * time.Second
)

// group is where gateways report and listen for whois.
func group() netip.Addr { return netip.AddrFrom4([4]byte{224, 0, 0, 50}) }

// Options set up a Driver. The zero value finds gateways by multicast on every
// interface and can read only.
type Options struct {
	// Keys are the gateways' keys of 16 characters, by sid or did; that of "" is
	// for every gateway that has none of its own.
	Keys map[string]mi.Secret
	// ClearAfter is the time after which motion is over that nobody renewed; 0 is
	// 90 s.
	ClearAfter time.Duration
	// Ask sends miIO requests: for the key of a gateway whose token is known and that
	// has none of its own in Keys, and for its radio. It may be nil.
	Ask Asker
	Log zerolog.Logger

	Interfaces  []string         // names of those to find gateways on; empty is all but loopback
	NoMulticast bool             // only gateways that are known are asked, and reports come by unicast
	Known       func() []mi.Info // gateways to ask by unicast; may be nil
}

// Driver finds gateways and their children and talks with them over two sockets.
type Driver struct {
	w       mi.World
	o       Options
	catalog *catalog
	counts  counters
	sighted chan sighting
	look    chan string // sid of a gateway that has a new child
	finding atomic.Bool

	mu       sync.Mutex // guards the fields below and those of stations; never held over I/O or a Sink
	wire     *wire
	users    int
	stations map[string]*station     // by sid
	byAddr   map[netip.Addr]*station // the same
	children map[string]*member      // by sid
	sessions map[string]*session     // by sid
}

var _ mi.Driver = (*Driver)(nil)

// member is a child as its gateway knows it.
type member struct {
	station *station
	model   string // as on the wire
	fields  map[string]mi.Value
}

// counters count what was refused.
type counters struct{ malformed, unknown, spoofed, doubled, flooded atomic.Uint64 }

// Counters are the datagrams that were refused, by the reason.
type Counters struct {
	Malformed uint64 // not understood
	Unknown   uint64 // of nobody that is known
	Spoofed   uint64 // of a gateway or child that is known elsewhere
	Doubled   uint64 // heard before
	Flooded   uint64 // beyond the limit of reports of one device
}

// New returns a driver. It opens its sockets when it is first used.
func New(w mi.World, o Options) *Driver {
	if o.ClearAfter <= 0 {
		o.ClearAfter = defaultClear
	}
	return &Driver{
		w: w, o: o, catalog: newCatalog(),
		sighted: make(chan sighting, 64), look: make(chan string, 64),
		stations: map[string]*station{}, byAddr: map[netip.Addr]*station{},
		children: map[string]*member{}, sessions: map[string]*session{},
	}
}

// Counters returns what was refused since New.
func (d *Driver) Counters() Counters {
	c := &d.counts
	return Counters{
		Malformed: c.malformed.Load(), Unknown: c.unknown.Load(), Spoofed: c.spoofed.Load(),
		Doubled: c.doubled.Load(), Flooded: c.flooded.Load(),
	}
}

// Open implements mi.Driver. It takes the dids that Find reports, also those of
// an earlier run: a gateway needs an address or to be found, a child its gateway.
func (d *Driver) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	fail := func(err error) (mi.Link, error) {
		return nil, fmt.Errorf("lumi: open %s: %w", info.DID, err)
	}
	sid, ok := d.sidOf(info)
	if !ok {
		return fail(mi.ErrUnsupported)
	}
	if err := d.acquire(ctx); err != nil {
		return fail(err)
	}
	s, err := d.admit(sid, info, sink)
	if err != nil {
		d.release()
		return fail(err)
	}
	if s.kind.role == gateway {
		return &base{s}, nil
	}
	s.recall()
	return s, nil
}

// admit makes the session of a device and enters it into the tables.
func (d *Driver) admit(sid string, info mi.Info, sink mi.Sink) (*session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.recognise(sid, info); err != nil {
		return nil, err
	}
	if open := d.sessions[sid]; open != nil && (open.did == info.DID || strings.HasPrefix(info.DID, prefix)) {
		return nil, fmt.Errorf("it is open already: %w", mi.ErrBusy)
	} // else others have learnt of the gateway, and their did takes over
	kind := d.catalog.find(info.Model)
	m := d.children[sid]
	if m != nil {
		kind = d.catalog.find(m.model)
	}
	if kind == nil {
		return nil, mi.ErrUnsupported
	}
	home, ok := sid, true
	switch {
	case m != nil:
		home = m.station.sid
	case kind.role != gateway:
		home, ok = d.homeOf(info.Parent)
	}
	if !ok { // the child of a gateway that speaks another protocol
		return nil, mi.ErrUnsupported
	}
	st := d.stationOf(home, info.Addr)
	if st == nil {
		return nil, fmt.Errorf("no gateway is known for it: %w", mi.ErrUnsupported)
	}
	if kind.role != gateway && m == nil {
		d.children[sid] = &member{station: st, model: info.Model, fields: map[string]mi.Value{}}
	}
	if kind == d.catalog.find("gateway.v3") && d.o.Ask != nil && st.info.Token != "" {
		kind = d.catalog.find(radioModel)
	}
	s := newSession(d, st, sid, kind, sink)
	s.did = info.DID
	d.sessions[sid] = s
	return s, nil
}

// stationOf returns the gateway of that sid, made when its address is told. It
// needs d.mu.
func (d *Driver) stationOf(sid, addr string) *station {
	if st := d.stations[sid]; st != nil {
		return st
	}
	at := parseAddr(addr)
	if !at.IsValid() || !validSID(sid) || len(d.stations) >= maxStations {
		return nil
	}
	st := newStation(sid)
	d.stations[sid] = st
	d.place(st, at)
	return st
}

// place gives a gateway an address. It needs d.mu.
func (d *Driver) place(st *station, at netip.AddrPort) {
	if d.byAddr[st.addr.Addr()] == st {
		delete(d.byAddr, st.addr.Addr())
	}
	st.addr = at
	d.byAddr[at.Addr()] = st
}

// acquire opens the wire for the first user.
func (d *Driver) acquire(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users == 0 {
		w, err := openWire(ctx, d.w.Net, d.o, d.handle)
		if err != nil {
			return err
		}
		d.wire = w
	}
	d.users++
	return nil
}

// release closes the wire when its last user leaves.
func (d *Driver) release() {
	d.mu.Lock()
	d.users--
	var last *wire
	if d.users == 0 {
		last, d.wire = d.wire, nil
	}
	d.mu.Unlock()
	if last != nil {
		last.close()
	}
}

// send writes one datagram. It may be lost, as any.
func (d *Driver) send(to netip.AddrPort, data []byte) {
	d.mu.Lock()
	w := d.wire
	d.mu.Unlock()
	if w != nil && to.IsValid() {
		w.send(to, data)
	}
}

// key returns the key of a gateway, "" when there is none.
func (d *Driver) key(sid string) string {
	for _, name := range []string{sid, prefix + sid, ""} {
		if k := d.o.Keys[name]; k != "" {
			return k.Reveal()
		}
	}
	return ""
}

// handle takes a datagram; both readers call it.
func (d *Driver) handle(p mi.Packet) {
	m, err := parse(p.Data)
	if err != nil {
		d.counts.malformed.Add(1)
		return
	}
	if m.cmd == "iam" {
		d.introduced(&m, p.Addr)
		return
	}
	now := time.Now()
	d.mu.Lock()
	st := d.byAddr[p.Addr.Addr()]
	if st == nil {
		d.mu.Unlock()
		d.stranger(&m, p.Addr)
		return
	}
	st.heard = now
	if m.answers() {
		st.answer(&m, d)
		d.mu.Unlock()
		return
	}
	if st.again(p.Data, now) {
		d.mu.Unlock()
		d.counts.doubled.Add(1)
		return
	}
	s := d.addressee(st, &m)
	d.mu.Unlock()
	if s != nil {
		s.hear(&m, now)
	}
}

// addressee returns the session that a report is for, after noting what it says.
// It needs d.mu.
func (d *Driver) addressee(st *station, m *message) *session {
	if m.sid == st.sid {
		if m.token != "" {
			st.token = m.token
		}
		return d.sessions[m.sid]
	}
	c := d.children[m.sid]
	switch {
	case c == nil:
		d.counts.unknown.Add(1)
		if d.finding.Load() {
			offer(d.look, st.sid)
		}
		return nil
	case c.station != st:
		d.counts.spoofed.Add(1)
		return nil
	}
	c.note(m)
	return d.sessions[m.sid]
}

// note keeps the newest fields for a session that opens later; how long nothing
// was (no_motion, no_close) is soon not true any more.
func (c *member) note(m *message) {
	for _, f := range m.fields {
		if len(c.fields) < maxFields && !strings.HasPrefix(f.name, "no_") {
			c.fields[f.name] = f.value
		}
	}
}

// introduced takes the answer to a whois.
func (d *Driver) introduced(m *message, from netip.AddrPort) {
	to := m.port
	if to == 0 {
		to = port
	}
	d.meet(m, netip.AddrPortFrom(from.Addr(), to))
}

// stranger takes what somebody unknown says: a gateway that reports itself is
// looked at.
func (d *Driver) stranger(m *message, from netip.AddrPort) {
	if m.cmd == "heartbeat" {
		d.meet(m, netip.AddrPortFrom(from.Addr(), port))
		return
	}
	d.counts.unknown.Add(1)
}

func (d *Driver) meet(m *message, at netip.AddrPort) {
	kind := d.catalog.find(m.model)
	if kind == nil || kind.role != gateway || m.sid == "" {
		d.counts.unknown.Add(1)
		return
	}
	if d.finding.Load() {
		offer(d.sighted, sighting{sid: m.sid, model: m.model, at: at})
	}
}

// offer sends v unless nobody takes it.
func offer[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}

// parseAddr reads host:port; the port of miIO, by which the same gateway may be
// known, and none at all mean the gateway's own.
func parseAddr(s string) netip.AddrPort {
	if a, err := netip.ParseAddrPort(s); err == nil {
		to := a.Port()
		if to == 54321 {
			to = port
		}
		return netip.AddrPortFrom(a.Addr().Unmap(), to)
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a.Unmap(), port)
	}
	return netip.AddrPort{}
}
