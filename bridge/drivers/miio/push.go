package miio

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	keepTick    = 5 * time.Second  // between looks at the subscriptions
	keepFirst   = 10 * time.Second // until the first probe after a sign of life, doubled each time
	keepLongest = 50 * time.Second
	keepMisses  = 3                // probes without answer that end a subscription
	repeatAfter = 15 * time.Second // in which a report with a known id is a repetition
	maxReports  = 20               // events per second and device
	maxTold     = 256              // reports that are remembered
	sameCount   = 1000             // by which the ids of reports of a few seconds differ at most
	retrySub    = time.Minute      // after a refused subscription
)

// subscription is what is known of a device's local push; there is none before a
// device tells about it. It is guarded by the session's mutex.
type subscription struct {
	able    bool   // the newest probe offered it
	since   uint32 // update_ts of ours, 0 for none
	active  bool
	busy    bool // a request for it is under way
	retry   time.Time
	lost    time.Time // when it was given up; it is renewed once the device is heard again
	probeAt time.Time // when the device is probed, if nothing is heard before
	wait    time.Duration
	missed  int
	told    []told // reports of the last seconds
	second  int64  // of the rate limit
	count   int
}

// told is a report that came.
type told struct {
	id    uint64
	at    time.Time
	props []int // that it told, when nothing newer had
}

// offered takes in what a probe's answer says; it reports whether to subscribe.
func (p *subscription) offered(o offer, did uint64, now time.Time) bool {
	if p == nil {
		return false
	}
	if p.missed > 0 {
		p.missed, p.probeAt = 0, now.Add(jitter(p.wait, did))
		p.wait = min(2*p.wait, keepLongest)
	}
	if !o.known {
		return false
	}
	p.able = o.able
	if !o.able || o.since != p.since {
		p.active = false // the device forgot us, or somebody else subscribed
	}
	return o.able && !p.active && !p.busy
}

// forget is for a restarted device.
func (p *subscription) forget() {
	if p != nil {
		p.active, p.told = false, nil
	}
}

// Pushing implements mi.Pusher.
func (s *session) Pushing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.push != nil && s.push.active
}

func subTail(method string, virtual uint64, since uint32) []byte {
	return tail(method, fmt.Appendf(nil, `{"version":"2.0","did":"%d","update_ts":%d,"sub_method":"."}`, virtual, since))
}

// subscribe asks the device to report by itself.
func (s *session) subscribe(ctx context.Context) {
	since := uint32(s.d.w.Now().Unix())
	body, err := s.exchange(ctx, subTail("miIO.sub", s.d.virtual, since), reading)
	if err == nil {
		err = resultCode(body)
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.push
	p.busy = false
	if err != nil {
		p.retry = now.Add(retrySub)
		return
	}
	p.active, p.since = true, since
	p.missed, p.wait, p.probeAt = 0, keepFirst, now.Add(keepFirst)
}

// unsubscribe makes the farewell of a subscription. It needs s.mu.
func (s *session) unsubscribe(now time.Time) []mi.Packet {
	if s.push == nil || !s.push.active || s.key == nil {
		return nil
	}
	s.push.active = false
	return []mi.Packet{s.packet(s.addr, s.clock.now(now), s.nextRequest(false), subTail("miIO.unsub", s.d.virtual, s.push.since))}
}

// report takes what a device says unasked. It is always answered: else the device
// repeats it for ever. It needs s.mu.
func (s *session) report(h header, e envelope, from netip.AddrPort, now time.Time) (act action) {
	if from != s.addr || !s.clock.acceptReport(h.stamp, now) {
		s.d.counts.stale.Add(1)
		return act
	}
	act.genuine = true
	s.heard = now
	ack := appendAck(s.w.buffer(), e.id)
	act.out = []mi.Packet{{Data: s.key.seal(ack, s.did, s.clock.now(now)), Addr: s.addr}}
	if s.push == nil { // of a subscription of an earlier run
		s.push = &subscription{}
	}
	s.push.missed, s.push.wait, s.push.probeAt = 0, keepFirst, now.Add(keepFirst)
	if s.push.repeated(e.id, now) {
		s.d.counts.unasked.Add(1)
		return act
	}
	if e.method != "properties_changed" && !s.push.allow(now) { // of values, the newest counts: they merge further up
		s.d.counts.flood.Add(1)
		return act
	}
	if what := s.what.Load(); what != nil {
		act.tell = s.translate(e, what.spec)
	}
	return act
}

// repeated notes a report and tells whether it was there before.
func (p *subscription) repeated(id uint64, now time.Time) bool {
	p.told = slices.DeleteFunc(p.told, func(t told) bool { return now.Sub(t.at) > repeatAfter })
	if slices.ContainsFunc(p.told, func(t told) bool { return t.id == id }) {
		return true
	}
	if len(p.told) == maxTold {
		p.told = slices.Delete(p.told, 0, 1)
	}
	p.told = append(p.told, told{id: id, at: now})
	return false
}

// newest leaves out of the report that came last what a younger one told before: the
// repetition of an older report may come late. Ids of reports grow; one far above
// is of another count.
func (p *subscription) newest(changes []mi.Change) []mi.Change {
	last := &p.told[len(p.told)-1]
	changes = slices.DeleteFunc(changes, func(c mi.Change) bool {
		return slices.ContainsFunc(p.told, func(t told) bool {
			return t.id > last.id && t.id-last.id < sameCount && slices.Contains(t.props, c.Prop)
		})
	})
	for _, c := range changes {
		last.props = append(last.props, c.Prop)
	}
	return changes
}

// allow limits events per second.
func (p *subscription) allow(now time.Time) bool {
	if second := now.Unix(); second != p.second {
		p.second, p.count = second, 0
	}
	p.count++
	return p.count <= maxReports
}

// translate reads a report. What it returns tells the sink, and is nil when there
// is nothing to tell.
func (s *session) translate(e envelope, spec *mi.Spec) func() {
	switch e.method {
	case "properties_changed":
		changes := s.push.newest(changesOf(e.params, spec))
		if len(changes) == 0 {
			return nil
		}
		return func() { s.sink.Changed(changes) }
	case "event_occured":
		h, ok := happeningOf(e.params, spec)
		if !ok {
			return nil
		}
		h.At = s.d.w.Now()
		return func() { s.sink.Happened(h) }
	}
	return nil
}

func changesOf(params []byte, spec *mi.Spec) (changes []mi.Change) {
	take := func(_ int, e element) {
		if i := spec.Prop(e.siid, e.piid); i >= 0 && e.hasValue && e.code >= 0 {
			changes = append(changes, mi.Change{Prop: i, Value: e.value})
		}
	}
	if pullElements(params, take) {
		return changes
	}
	changes = nil
	all, err := slowElements(params)
	if err != nil {
		return nil
	}
	for i, e := range all {
		take(i, e)
	}
	return changes
}

// happeningOf reads an event. Its arguments come as {piid, value} in any order, or
// as plain values.
func happeningOf(params []byte, spec *mi.Spec) (h mi.Happening, ok bool) {
	var raw struct {
		SIID, EIID int
		Arguments  []json.RawMessage
	}
	if json.Unmarshal(params, &raw) != nil {
		return h, false
	}
	h.Event = spec.Event(raw.SIID, raw.EIID)
	if h.Event < 0 {
		return h, false
	}
	want := spec.Events[h.Event].Args
	h.Args = arguments(raw.Arguments, want, spec)
	return h, true
}

// arguments orders values as want does. Each is a plain value or {piid, value}.
func arguments(raw []json.RawMessage, want []int, spec *mi.Spec) []mi.Value {
	out := make([]mi.Value, len(want))
	for i, r := range raw {
		var named struct {
			PIID  *int
			Value json.RawMessage
		}
		if json.Unmarshal(r, &named) == nil && named.PIID != nil && named.Value != nil {
			at := slices.IndexFunc(want, func(p int) bool { return spec.Props[p].PIID == *named.PIID })
			if at >= 0 {
				out[at], _ = mi.ParseJSON(named.Value)
			}
			continue
		}
		if i < len(out) {
			out[i], _ = mi.ParseJSON(r)
		}
	}
	return out
}

// resultCode reads a result of the shape {"code":0}.
func resultCode(body []byte) error {
	var r struct{ Code int }
	if json.Unmarshal(body, &r) == nil && r.Code != 0 && r.Code != 1 {
		return &refusal{code: r.Code}
	}
	return nil
}

// keeper keeps subscriptions alive: it makes them where they are offered and
// probes the devices that hold one.
type keeper struct {
	kick chan struct{}
	own  []mi.Interface // of this machine, when it was last looked at; run's own

	mu      sync.Mutex // guards members
	members map[uint64]*session
}

func (k *keeper) init() {
	k.kick = make(chan struct{}, 1)
	k.members = map[uint64]*session{}
}

// want makes s a member; it gets its subscription soon.
func (k *keeper) want(s *session) {
	k.mu.Lock()
	k.members[s.did] = s
	k.mu.Unlock()
	signal(k.kick)
}

func (k *keeper) drop(s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.members, s.did)
}

// list returns the members in the order of their dids.
func (k *keeper) list() []*session {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make([]*session, 0, len(k.members))
	for _, s := range k.members {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *session) int { return cmp.Compare(a.did, b.did) })
	return out
}

// moved reports whether this machine got other addresses. Devices tell the one from
// which they were asked to.
func (k *keeper) moved(own []mi.Interface) bool {
	before := k.own
	k.own = own
	return before != nil && !slices.Equal(before, own)
}

// run works until the wire closes.
func (k *keeper) run(w *wire, own func(time.Time) []mi.Interface) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	timer := time.NewTimer(keepTick)
	defer timer.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-k.kick:
		case <-timer.C:
		}
		members := k.list()
		moved := k.moved(own(time.Now()))
		for _, s := range members {
			if moved {
				s.renew()
			}
			k.care(ctx, w, s)
		}
		timer.Reset(keepTick)
		if len(members) == 0 {
			timer.Stop()
		}
	}
}

// renew has the subscription made again.
func (s *session) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push.active, s.push.retry = false, time.Time{}
}

// care does what a member needs now.
func (k *keeper) care(ctx context.Context, w *wire, s *session) {
	now := time.Now()
	s.mu.Lock()
	p := s.push
	subscribe := p.able && !p.active && !p.busy && now.After(p.retry) && !s.heard.Before(p.lost) && s.what.Load() != nil && !s.closed
	var out []mi.Packet
	switch {
	case subscribe:
		p.busy = true
	case p.active && !now.Before(p.probeAt):
		out = s.keepAlive(now)
	}
	s.mu.Unlock()
	w.send(out...)
	if subscribe {
		w.tasks.Go(func() { s.subscribe(ctx) })
	}
}

// keepAlive probes a device that was quiet, or gives its subscription up. It needs
// s.mu.
func (s *session) keepAlive(now time.Time) []mi.Packet {
	p := s.push
	if p.missed >= keepMisses {
		p.active, p.lost = false, now
		return nil
	}
	p.missed++
	p.probeAt, s.asked = now.Add(keepTick), now
	return []mi.Packet{s.hello(s.addr, true)}
}

// jitter moves a wait by up to a tenth, differently for each device.
func jitter(d time.Duration, did uint64) time.Duration {
	return d + d/10*time.Duration(int64(did*0x9e3779b97f4a7c15>>56)-128)/128
}
