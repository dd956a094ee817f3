package multimode

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	quietAfter = 5 * time.Minute         // without a message where there were
	answerTime = 2500 * time.Millisecond // for a request, before it is sent again
	youngTime  = 10 * time.Second        // after the start, in which the connection may be on its way
	retryTime  = 100 * time.Millisecond
)

// gate is one gateway.
type gate struct {
	d       *Driver
	at      Gateway
	host    string
	address string // host:port

	turn  sync.Mutex // one beginning or end of listening at a time; guards the next two
	users int
	stop  func()

	// The driver's lock guards the fields below.
	did     string // under which others know the gateway; "" when nobody does
	bus     mi.Bus // nil while nobody uses it
	began   time.Time
	err     error // why there is none
	last    time.Time
	told    time.Time
	heard   func(mi.Advert)
	next    int // of requests
	waiting map[int]chan answer
	pending map[string]chan report // by kind of answer and did, as on the wire
}

var _ mi.Receiver = (*gate)(nil)

func newGate(d *Driver, at Gateway) *gate {
	g := &gate{d: d, at: at, did: at.DID, host: at.Host, address: at.Host, waiting: map[int]chan answer{}, pending: map[string]chan report{}}
	if host, _, err := net.SplitHostPort(at.Host); err == nil {
		g.host = host
	} else {
		g.address = net.JoinHostPort(at.Host, defaultPort)
	}
	return g
}

// home is the did of the gateway as a device. It needs Driver.mu.
func (g *gate) home() string {
	if g.did != "" {
		return g.did
	}
	return prefix + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, g.host)
}

// Name implements mi.Receiver.
func (g *gate) Name() string {
	if g.at.Name != "" {
		return g.at.Name
	}
	return "gateway " + g.host
}

// Hearing implements mi.Receiver.
func (g *gate) Hearing() error {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	switch {
	case g.err != nil:
		return g.err
	case time.Since(g.last) > quietAfter:
		return fmt.Errorf("multimode: nothing comes from the broker of %s: %w", g.Name(), mi.ErrOffline)
	}
	return nil
}

// Listen implements mi.Receiver.
func (g *gate) Listen(ctx context.Context, heard func(mi.Advert)) error {
	g.hand(heard)
	defer g.hand(nil)
	g.acquire()
	defer g.release()
	<-ctx.Done()
	return nil
}

func (g *gate) hand(heard func(mi.Advert)) {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	g.heard = heard
}

// acquire begins to listen for the first user. It does not wait for the broker.
func (g *gate) acquire() {
	g.turn.Lock()
	defer g.turn.Unlock()
	if g.users++; g.users > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() { g.run(ctx) })
	g.stop = func() {
		cancel()
		tasks.Wait()
	}
}

// release stops listening when the last user leaves.
func (g *gate) release() {
	g.turn.Lock()
	defer g.turn.Unlock()
	if g.users--; g.users == 0 {
		g.stop()
	}
}

// run listens until ctx ends.
func (g *gate) run(ctx context.Context) {
	bus, err := g.d.o.Connect(ctx, g.address)
	g.d.mu.Lock()
	g.bus, g.err, g.began = bus, err, time.Now()
	g.d.mu.Unlock()
	if err != nil {
		g.d.o.Log.Warn().Err(err).Str("gateway", g.Name()).Msg("cannot listen at the gateway's broker")
		return
	}
	var tasks sync.WaitGroup
	for topic, take := range map[string]func([]byte) error{
		topicZigbeeSend: g.zigbee, topicReport: g.report, topicCentral: g.report, topicAnswer: g.answer,
	} {
		tasks.Go(func() { g.listen(ctx, bus, topic, take) })
	}
	tasks.Wait()
	g.d.mu.Lock()
	g.bus, g.began = nil, time.Time{}
	g.d.mu.Unlock()
}

// listen takes what comes on one topic. What the broker kept is of any age and
// tells nothing.
func (g *gate) listen(ctx context.Context, bus mi.Bus, topic string, take func([]byte) error) {
	err := bus.Subscribe(ctx, topic, func(_ string, payload []byte, retained bool) {
		if retained {
			return
		}
		if err := take(payload); err != nil {
			g.d.counts.malformed.Add(1)
		}
	})
	if err != nil && ctx.Err() == nil {
		g.d.o.Log.Warn().Err(err).Str("gateway", g.Name()).Str("topic", topic).Msg("the gateway's broker does not let us listen")
	}
}

func (g *gate) zigbee(b []byte) error {
	all, err := parseZigbee(b)
	for i := range all {
		g.settle(&all[i])
		g.take(&all[i])
	}
	return err
}

func (g *gate) report(b []byte) error {
	all, heard, err := parseReport(b)
	if err != nil {
		return err
	}
	for i := range all {
		if strings.HasPrefix(all[i].did, soundPrefix) {
			g.sound(&all[i])
			continue
		}
		g.take(&all[i])
	}
	if len(all) == 0 {
		g.take(&report{did: gatewayDID})
	}
	if heard != nil {
		g.hear(heard)
	}
	return nil
}

// take hands a report to its device.
func (g *gate) take(r *report) {
	if s := g.addressee(r, time.Now()); s != nil {
		s.hear(r)
	}
}

// addressee returns the session that a report is for, after noting what it says.
// Two gateways may hear the same mesh device: one of them speaks for it.
func (g *gate) addressee(r *report, now time.Time) *session {
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	g.sign(now)
	did := r.did
	if did == gatewayDID {
		did = g.home()
	}
	c := d.children[did]
	if c == nil && isChild(did) {
		c = d.enter(did, g)
	}
	switch {
	case c == nil && did == g.home():
		return nil
	case c == nil:
		d.counts.unknown.Add(1)
		return nil
	case c.gate != g && now.Sub(c.last) < takeOver:
		d.counts.doubled.Add(1)
		return nil
	case c.last.IsZero():
		d.ring()
	}
	c.gate, c.last = g, now
	c.note(r)
	return c.session
}

// sign notes that the gateway lives. It needs Driver.mu.
func (g *gate) sign(now time.Time) {
	if g.last.IsZero() {
		g.d.ring()
	}
	g.last = now
}

// hear takes what the gateway heard by Bluetooth.
func (g *gate) hear(b *beacon) {
	d := g.d
	d.mu.Lock()
	g.sign(time.Now())
	if _, known := d.sensors[b.did]; known || len(d.sensors) < maxChildren {
		s := d.sensors[b.did]
		s.addr, s.product = b.addr, b.product
		d.sensors[b.did] = s
	}
	heard := g.heard
	d.mu.Unlock()
	if heard != nil && len(b.objects) > 0 {
		heard(b.advert(g.Name()))
	}
}

// sound takes what a Bluetooth sensor told in the words of its spec. It has no
// counter, so that another gateway's word of the same is known by its time.
func (g *gate) sound(r *report) {
	b := beacon{did: r.did}
	for _, it := range r.items {
		if o, ok := objectOf(it); ok {
			b.objects = append(b.objects, o)
		}
	}
	if len(b.objects) == 0 {
		return
	}
	var words strings.Builder
	for _, o := range b.objects {
		fmt.Fprintf(&words, "%04x%x.", o.id, o.data)
	}
	text := words.String()
	d := g.d
	now := time.Now()
	d.mu.Lock()
	s, known := d.sensors[r.did]
	double := s.last == text && s.gate != g && now.Sub(s.at) < doubleTime
	if known && !double {
		s.counter++
		s.last, s.gate, s.at = text, g, now
		d.sensors[r.did] = s
	}
	d.mu.Unlock()
	switch {
	case !known:
		d.counts.unknown.Add(1)
	case double:
		d.counts.doubled.Add(1)
	default:
		b.addr, b.product, b.counter = s.addr, s.product, s.counter
		g.hear(&b)
	}
}

const doubleTime = 2 * time.Second // in which two gateways tell the same

// answer takes what comes back to a request.
func (g *gate) answer(b []byte) error {
	a, err := parseAnswer(b)
	if err != nil {
		return err
	}
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	if c := g.waiting[a.ID]; c != nil {
		delete(g.waiting, a.ID)
		c <- a // has room
	}
	return nil
}

// settle takes the answer of the Zigbee part.
func (g *gate) settle(r *report) {
	if r.answer == 0 {
		return
	}
	key := string(r.answer) + r.did
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	if c := g.pending[key]; c != nil {
		delete(g.pending, key)
		c <- *r // has room
	}
}
