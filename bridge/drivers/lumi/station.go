package lumi

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	answerWait = 2 * time.Second // for one answer
	askTimes   = 3
	sameWithin = 200 * time.Millisecond // in which a repeated datagram is the same one, heard twice
	silence    = 30 * time.Second       // of a gateway that beats every 10 s, after which it may be elsewhere
)

const keyProblem = "gateway.key" // of package problem

// station is one gateway as the driver knows it. Its fields are guarded by
// Driver.mu.
type station struct {
	sid     string
	turn    chan struct{} // held by whoever waits for an answer
	addr    netip.AddrPort
	model   string // as on the wire; "" while not told
	proto   int    // version of the protocol; 0 while not known
	token   string // the newest; "" while none was heard
	heard   time.Time
	visited time.Time
	busy    bool      // somebody visits it
	info    mi.Info   // as others know it; the zero Info when nobody does
	key     mi.Secret // that it told
	asked   time.Time // when it was asked for the key
	locked  error     // why the last write found no key that fits; nil when it did
	wait    waiting
	last    string // the newest report
	lastAt  time.Time
}

// waiting is the answer that somebody waits for.
type waiting struct {
	verb string // "read", "write", "list"; "" when nobody waits
	sid  string
	got  chan message
}

func newStation(sid string) *station {
	return &station{sid: sid, turn: make(chan struct{}, 1)}
}

// verb returns what a message answers: "read", "write", "list" or "".
func (m *message) verb() string {
	switch m.cmd {
	case "read_ack", "read_rsp":
		return "read"
	case "write_ack", "write_rsp":
		return "write"
	case "get_id_list_ack", "discovery_rsp":
		return "list"
	}
	return ""
}

func (m *message) answers() bool { return m.verb() != "" }

// answer hands an answer to whoever waits for it. It needs Driver.mu.
func (st *station) answer(m *message, d *Driver) {
	w := &st.wait
	if w.verb == "" || w.verb != m.verb() || m.sid != "" && m.sid != w.sid {
		d.counts.unknown.Add(1)
		return
	}
	if w.verb == "list" && m.token != "" {
		st.token = m.token
	}
	offer(w.got, *m)
	*w = waiting{}
}

// again reports whether the same report was just heard: machines with two
// interfaces on one network hear everything twice. It needs Driver.mu.
func (st *station) again(data []byte, now time.Time) bool {
	same := string(data) == st.last && now.Sub(st.lastAt) < sameWithin
	if !same {
		st.last, st.lastAt = string(data), now
	}
	return same
}

// ask sends a request and returns the answer. One request is under way at a time.
func (d *Driver) ask(ctx context.Context, st *station, verb, sid string, request []byte) (message, error) {
	select {
	case st.turn <- struct{}{}:
	case <-ctx.Done():
		return message{}, ctx.Err()
	}
	defer func() { <-st.turn }()
	got := make(chan message, 1)
	timer := time.NewTimer(answerWait)
	defer timer.Stop()
	for range askTimes {
		d.mu.Lock()
		st.wait = waiting{verb, sid, got}
		to := st.addr
		d.mu.Unlock()
		d.send(to, request)
		timer.Reset(answerWait)
		select {
		case m := <-got:
			return m, nil
		case <-ctx.Done():
			d.forget(st)
			return message{}, ctx.Err()
		case <-timer.C:
		}
	}
	d.forget(st)
	return message{}, fmt.Errorf("gateway %s at %s: %w", st.sid, st.addrText(d), mi.ErrTimeout)
}

func (st *station) addrText(d *Driver) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return st.addr.String()
}

func (d *Driver) forget(st *station) {
	d.mu.Lock()
	defer d.mu.Unlock()
	st.wait = waiting{}
}

// read asks for the values of a device.
func (d *Driver) read(ctx context.Context, st *station, sid string) (message, error) {
	m, err := d.ask(ctx, st, "read", sid, readRequest(sid))
	if err != nil {
		return m, err
	}
	if m.fault != "" {
		return m, refused(m.fault)
	}
	return m, nil
}

// version returns which protocol the gateway speaks, asking it when needed.
func (d *Driver) version(ctx context.Context, st *station) (int, error) {
	d.mu.Lock()
	proto := st.proto
	d.mu.Unlock()
	if proto != 0 {
		return proto, nil
	}
	m, err := d.ask(ctx, st, "read", st.sid, readRequest(st.sid))
	if err != nil {
		return 0, err
	}
	proto = protocol(m.get("proto_version").String())
	if m.cmd == "read_rsp" {
		proto = 2
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	st.proto = proto
	if m.model != "" {
		st.model = m.model
	}
	return proto, nil
}

// list asks for the children, and so for a new token.
func (d *Driver) list(ctx context.Context, st *station) (message, error) {
	proto, err := d.version(ctx, st)
	if err != nil {
		return message{}, err
	}
	return d.ask(ctx, st, "list", st.sid, listRequest(proto))
}

// write sends signed values. A token that has run out is renewed once. What only
// a key could do is ErrUnsupported: everything else of the device goes on.
func (d *Driver) write(ctx context.Context, st *station, sid string, values func(proto int) (map[string]any, error)) error {
	key := d.secret(ctx, st)
	if key == "" {
		return d.lock(st, fmt.Errorf("the key of gateway %s is not known: read it in the app (gateway, About, developer mode) and configure it: %w", st.sid, mi.ErrUnsupported))
	}
	proto, err := d.version(ctx, st)
	if err != nil {
		return err
	}
	out, err := values(proto)
	if err != nil {
		return err
	}
	for again := range 2 {
		request, err := d.sign(ctx, st, key, proto, sid, out, again > 0)
		if err != nil {
			return err
		}
		m, err := d.ask(ctx, st, "write", sid, request)
		switch {
		case err != nil:
			return err
		case m.fault == "":
			return d.lock(st, nil)
		case !wrongKey(m.fault):
			return refused(m.fault)
		}
	}
	d.doubt(st)
	return d.lock(st, fmt.Errorf("gateway %s refuses the key: compare it with the app: %w", st.sid, mi.ErrUnsupported))
}

// lock notes why no key fits, nil when one does, and returns it with its problem.
func (d *Driver) lock(st *station, why error) error {
	if why != nil {
		why = mi.Diagnose(keyProblem, why)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	st.locked = why
	return why
}

// sign makes a write with the gateway's token, asked for when there is none or
// fresh is wanted.
func (d *Driver) sign(ctx context.Context, st *station, key string, proto int, sid string, values map[string]any, fresh bool) ([]byte, error) {
	d.mu.Lock()
	token := st.token
	d.mu.Unlock()
	if token == "" || fresh {
		if _, err := d.list(ctx, st); err != nil {
			return nil, err
		}
		d.mu.Lock()
		token = st.token
		d.mu.Unlock()
	}
	signature, err := writeKey(key, token)
	if err != nil {
		return nil, fmt.Errorf("gateway %s: %w: %w", st.sid, err, mi.ErrUnsupported)
	}
	return writeRequest(proto, sid, signature, values)
}

func wrongKey(fault string) bool { return strings.Contains(strings.ToLower(fault), "invalid key") }

// refused is what a gateway says no to.
func refused(fault string) error {
	kind := mi.ErrInvalid
	if strings.Contains(strings.ToLower(fault), "offline") || strings.Contains(strings.ToLower(fault), "no device") {
		kind = mi.ErrOffline
	}
	return fmt.Errorf("the gateway says %q: %w", fault, kind)
}
