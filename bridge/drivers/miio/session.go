package miio

import (
	"errors"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

const (
	helloWait = 5 * time.Second // in which a hello's answer counts
	trialRest = time.Second     // between two tries of new addresses
)

// session is the conversation with one device.
type session struct {
	d    *Driver
	w    *wire
	did  uint64
	name string // the did in decimal
	sink mi.Sink
	turn chan struct{} // held by whoever has a request in flight
	due  deadline
	what atomic.Pointer[meaning] // nil until Spec was called

	mu      sync.Mutex // guards the fields below; never held over I/O or a Sink
	closed  bool
	info    mi.Info
	key     *key
	keyErr  error
	addr    netip.AddrPort // where requests go; hellos never change it
	trial   *trial         // nil when no other address was ever tried
	clock   clock
	lastID  uint32
	events  chan event // for whom waits with the turn; nil for nobody
	wait    waiting
	asked   time.Time        // when the last hello went to addr
	greet   time.Time        // when the last answer to a hello came from addr
	heard   time.Time        // when the last sealed packet came
	opened  time.Time        // when the last one came that the token opens, of use or not
	babble  time.Time        // when the last sealed packet came that cannot be read
	silence int              // requests without answer in a row, while hellos were answered
	aliens  int              // packets sealed with another token that came from addr since
	shown   bool             // the device shows its token: it is not paired
	push    *subscription    // nil for a device that never told of push
	watched map[int]mi.Value // newest values of properties that make events
	begun   begun
}

// meaning is what the device has. It is immutable.
type meaning struct {
	spec    *mi.Spec
	profile *profile.Profile // nil for a device that speaks MIoT
	limit   *limit
}

// waiting is what the holder of the turn waits for.
type waiting struct {
	hello bool      // a greeting
	ids   [4]uint32 // answers to any of these
	n     int       // how many there are
	until time.Time
}

// event is what happened to the holder of the turn.
type event struct {
	kind eventKind
	body []byte // of answered: what stands under result; owned by the receiver
	err  error  // of answered: what stands under error
}

type eventKind uint8

const (
	answered eventKind = iota
	greeted            // the device said hello
	jumped             // it did, and its clock was reset: the request was ignored
	moved              // the address is known now
	timedOut
	gone // closed
)

func newSession(d *Driver, w *wire, did uint64, info mi.Info, sink mi.Sink) *session {
	s := &session{
		d: d, w: w, did: did, name: strconv.FormatUint(did, 10), sink: sink,
		turn: make(chan struct{}, 1),
		info: info, addr: parseAddr(info.Addr),
		lastID: d.firstID(did),
	}
	s.due.session = s
	s.setToken(info.Token)
	return s
}

// setToken needs s.mu, but for a new session.
func (s *session) setToken(token mi.Secret) {
	s.key, s.keyErr = nil, nil
	if token == "" {
		return
	}
	raw, err := parseToken(token)
	if err != nil {
		s.keyErr = err
		return
	}
	s.key = newKey(raw)
	s.silence, s.aliens, s.heard, s.opened = 0, 0, time.Time{}, time.Time{}
	proven := clock{known: s.clock.known, hint: s.clock.hint, at: s.clock.at}
	s.clock = proven
}

// Move implements mi.Mover. A new address is tried; it counts once the device
// gives a sealed answer from there.
func (s *session) Move(info mi.Info) {
	now := time.Now()
	s.mu.Lock()
	if info.Token != s.info.Token && info.Token != "" {
		s.setToken(info.Token)
	}
	s.info = s.info.Merge(info)
	addr := parseAddr(info.Addr)
	var out []mi.Packet
	if addr.IsValid() && addr != s.addr && !s.closed {
		out = s.tryAddr(addr, now)
	}
	s.mu.Unlock()
	s.w.send(out...)
}

// Close implements mi.Link.
func (s *session) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	bye := s.unsubscribe(time.Now())
	s.closed = true
	s.post(event{kind: gone})
	s.mu.Unlock()
	s.w.sendNow(bye...)
	s.w.due.clear(&s.due)
	s.d.keeper.drop(s)
	s.d.sessions.remove(s)
	s.d.release()
	return nil
}

// post hands an event to the holder of the turn. It needs s.mu.
func (s *session) post(e event) {
	if s.begun.done != nil {
		s.abandon()
		return
	}
	select {
	case s.events <- e:
	default:
	}
}

// expired is called when the answer is overdue.
func (s *session) expired(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.wait.until.IsZero() && !now.Before(s.wait.until) {
		if s.begun.done != nil && !s.greet.IsZero() {
			s.silence++
		}
		s.post(event{kind: timedOut})
	}
}

// packet seals a request. It needs s.mu and a key.
func (s *session) packet(addr netip.AddrPort, stamp, id uint32, tail []byte) mi.Packet {
	b := append(appendID(s.w.buffer(), id), tail...)
	return mi.Packet{Data: s.key.seal(b, s.did, stamp), Addr: addr}
}

// hello makes a hello to addr; the probe tells about push. It needs s.mu.
func (s *session) hello(addr netip.AddrPort, probe bool) mi.Packet {
	b := s.w.buffer()[:0]
	if probe && !s.d.o.NoPush {
		b = appendProbe(b, s.d.virtual)
	} else {
		b = appendHello(b)
	}
	return mi.Packet{Data: b, Addr: addr}
}

// nextRequest draws an id that the device has not seen lately. A repeated request
// skips some: vacuums ignore what is not above the last id they saw.
func (s *session) nextRequest(again bool) uint32 {
	step := uint32(1)
	if again {
		step = 100
	}
	s.lastID += step
	if s.lastID > 9999 {
		s.lastID = 1 + s.lastID%100
	}
	return s.lastID
}

// receive takes a sealed datagram. Only the reader calls it.
func (s *session) receive(h header, p mi.Packet, now time.Time) {
	s.mu.Lock()
	e, err := s.unseal(p, now)
	if err != nil {
		s.mu.Unlock()
		return
	}
	var act action
	if e.method != "" {
		act = s.report(h, e, p.Addr, now)
	} else {
		act = s.answer(h, e, p.Addr, now)
	}
	s.mu.Unlock()
	s.w.send(act.out...)
	if act.genuine {
		s.sink.Seen()
	}
	if act.tell != nil {
		act.tell()
	}
}

// action is what a datagram leads to once s.mu is free.
type action struct {
	genuine bool // it was fresh and sealed by the device
	out     []mi.Packet
	tell    func()
}

// unseal checks where a datagram comes from, its seal and its text. It needs s.mu.
func (s *session) unseal(p mi.Packet, now time.Time) (envelope, error) {
	if s.closed || s.key == nil {
		s.d.counts.unknown.Add(1)
		return envelope{}, errMagic
	}
	if p.Addr != s.addr && !s.tries(p.Addr) {
		s.d.counts.spoofed.Add(1)
		return envelope{}, errMagic
	}
	text, err := s.key.open(p.Data)
	if err != nil {
		s.d.counts.refuse(err)
		if errors.Is(err, errChecksum) && p.Addr == s.addr {
			s.aliens++
		}
		return envelope{}, err
	}
	s.opened = now
	e, err := parseEnvelope(text)
	if err != nil {
		s.d.counts.text.Add(1)
		s.babble, s.silence, s.aliens = now, 0, 0 // nonsense, but under our token
		return envelope{}, err
	}
	return e, nil
}

// answer takes the reply to a request, if it is one. It needs s.mu.
func (s *session) answer(h header, e envelope, from netip.AddrPort, now time.Time) (act action) {
	trial := s.tries(from) && s.trial.id != 0 && e.id == uint64(s.trial.id)
	mine := !trial && from == s.addr && s.wait.wants(e.id)
	if !trial && !mine {
		s.d.counts.unasked.Add(1)
		return act
	}
	reckoning := &s.clock
	if trial {
		reckoning = &s.trial.clock
	}
	ok, restarted := reckoning.accept(h.stamp, now)
	if !ok {
		s.d.counts.stale.Add(1)
		return act
	}
	if restarted {
		s.push.forget()
	}
	s.heard, s.silence, s.aliens = now, 0, 0
	act.genuine = true
	switch {
	case trial:
		s.settle()
	case s.begun.done != nil:
		s.proceed(e, now, &act)
	default:
		s.wait = waiting{}
		s.post(answerOf(e))
	}
	return act
}

// answerOf copies what the reader's buffer holds.
func answerOf(e envelope) event {
	if e.fault != nil && e.result == nil {
		return event{err: parseFault(e.fault)}
	}
	return event{body: append(make([]byte, 0, len(e.result)), e.result...)}
}

func (w *waiting) wants(id uint64) bool {
	for _, mine := range w.ids[:w.n] {
		if uint64(mine) == id {
			return true
		}
	}
	return false
}

// proven returns who the device is once it gave a sealed answer.
func (s *session) proven() (mi.Info, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mi.Info{
		DID: s.name, Addr: s.info.Addr, Model: s.info.Model, MAC: s.info.MAC,
		Firmware: s.info.Firmware, Hardware: s.info.Hardware,
	}, !s.heard.IsZero()
}
