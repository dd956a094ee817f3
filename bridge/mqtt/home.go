package mqtt

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// Home shows all devices on a broker and takes orders from there. It is the View
// that devices report to.
type Home struct {
	opt      Options
	log      zerolog.Logger
	topics   topic.Layout
	places   []Target // where something of ours is or was announced
	discover homeassistant.Options
	choice   choice
	trust    *trust
	broker   *Broker // nil with a broker of the user's
	client   *Client
	bus      *bus
	out      *outbox
	post     *announcer
	lock     *lock
	status   *status
	birth    *birth
	platform *platform
	repeats  *repeats
	devices  Devices // set by Run
	began    time.Time
	jobs     chan func(context.Context) // requests that take a while
	counts   counts
	logs     *rate.Limiter // of lines on bridge/logging
	gripes   *rate.Limiter // of log lines about what others send
	shared   notice        // the bridge's own

	background sync.WaitGroup // of sessions

	mu     sync.Mutex
	build  builder
	shapes map[figure]*layout
	views  map[string]*view // by device id
	audit  *audit           // of the session in use
	round  int
	ready  chan struct{} // closed when audit may be used, replaced with each session
	sweep  *sweep        // nil when none is under way
}

// counts are of what does not lead to an order.
type counts struct {
	retained, unknown, invalid, repeated, stale atomic.Uint64
}

var _ device.View = (*Home)(nil)

// New checks the options. Nothing moves before Run.
func New(o Options) (*Home, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	h := &Home{
		opt:     o,
		log:     o.Log,
		topics:  topic.Layout{Base: o.Base},
		choice:  choice{o.Include, o.Exclude},
		trust:   newTrust(o.Memory),
		out:     newOutbox(o.scale()),
		began:   time.Now(),
		jobs:    make(chan func(context.Context), 16),
		repeats: newRepeats(),
		shapes:  map[figure]*layout{},
		views:   map[string]*view{},
		ready:   make(chan struct{}),
		logs:    rate.NewLimiter(logsBurst, logsBurst),
		gripes:  rate.NewLimiter(rate.Every(gripeEvery), gripesBurst),
	}
	h.build = h.buildBy(o.Rules)
	h.discover = homeassistant.Options{Layout: h.topics, Version: o.Version, Areas: o.Areas, Account: o.Account, Translate: o.Translate}
	if err := h.connectTo(); err != nil {
		return nil, err
	}
	h.places = o.everywhere()
	h.post = newAnnouncer(h.places, h.client, o.Pace)
	h.status = newStatus(h)
	h.birth = newBirth(o.World.Rand("mqtt birth"), h.republish)
	h.platform = newPlatform(h)
	h.shared = notice{device: homeassistant.BridgeID(h.topics), what: func() announcement { return h.announceBridge }}
	return h, nil
}

// connectTo makes the client, and the broker if there is to be one.
func (h *Home) connectTo() error {
	o := &h.opt
	random := o.World.Rand("mqtt")
	id := fmt.Sprintf("%016x", random.Uint64())
	c := &Client{
		who: identity{
			clientID: clientIDPrefix + id[:8], user: o.User, password: o.Password.Reveal(),
			will: message{topic: h.topics.BridgeAvailability(), payload: "offline", retained: true, sure: true},
		},
		log: o.Log, random: random, out: h.out, changed: make(chan struct{}),
		arrived: h.arrived, greet: h.greet, leave: h.leave,
	}
	h.client = c
	h.bus = newBus(c, append(o.prefixes(), o.Base))
	h.lock = &lock{
		base: o.Base, now: o.World.Now, log: o.Log, client: c, answers: h.out.once,
		mine:  record{ID: id, Host: o.Host, Version: o.Version, Since: o.World.Now().UTC().Truncate(time.Second)},
		topic: h.topics.Bridge("instance"), ask: h.topics.Request(askVerb),
	}
	if o.URL == "" {
		return h.embed()
	}
	if o.Insecure {
		o.Log.Warn().Msg("the broker's certificate is not checked: whoever sits in between can read and change everything; MIHOME2MQTT_MQTT_INSECURE says so")
	}
	d, err := o.dialer()
	c.broker, c.dial = d.to.String(), d.dial
	return err
}

func (h *Home) embed() error {
	o := &h.opt
	b, err := NewBroker(BrokerOptions{
		World: o.World, Log: o.Log, Listen: o.Listen, User: o.BrokerUser, Password: o.BrokerPassword, Cert: o.BrokerCert, Key: o.BrokerKey,
		Base: o.Base, Prefixes: o.prefixes(),
	})
	if err != nil {
		return err
	}
	b.hook.guests = h.bus.wants
	h.broker, h.client.broker = b, "inside"
	h.client.dial = func(ctx context.Context) (net.Conn, error) { return b.Dial(ctx, "", "") }
	return nil
}

// Run connects and shows devices until ctx ends, or another bridge turns out to
// live on the same base topic (ErrTaken). It says offline before it leaves.
func (h *Home) Run(ctx context.Context, devices Devices) error {
	h.devices = devices
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var tasks sync.WaitGroup
	brokerCtx, stopBroker := context.WithCancel(context.WithoutCancel(ctx))
	brokerDone := make(chan struct{})
	go func() {
		defer close(brokerDone)
		if h.broker != nil {
			h.broker.Run(brokerCtx)
		}
	}()
	for _, task := range []func(context.Context){h.announceLoop, h.lock.beat, h.status.run, h.birth.run, h.platform.run, h.seenLoop, h.work, h.sweepLoop} {
		tasks.Go(func() { task(ctx) })
	}
	h.post.add(&h.shared, false)
	err := h.client.run(ctx)
	cancel()
	tasks.Wait()
	h.background.Wait()
	stopBroker()
	<-brokerDone
	return err
}

func (h *Home) announceLoop(ctx context.Context) { _ = h.post.run(ctx, h.audited) } // ends with ctx only

// work does one lengthy request after the other.
func (h *Home) work(ctx context.Context) {
	for {
		select {
		case job := <-h.jobs:
			job(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// seenLoop publishes when devices were last heard of, each about once a minute and
// not all at the same moment.
func (h *Home) seenLoop(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for second := 0; ; second++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		all := h.devices.All()
		for i := second % 60; i < len(all); i += 60 {
			if v := h.view(all[i].ID()); v != nil {
				v.heardOf()
			}
		}
	}
}

// view returns the view of a device, or nil.
func (h *Home) view(id string) *view {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.views[id]
}

// Queues returns how full the queue of momentary messages was.
func (h *Home) Queues() []mi.Queue {
	return []mi.Queue{{Name: "messages to the broker", Most: h.out.mark.Most(), Room: maxMomentary}}
}

// Connection returns how things stand with the broker.
func (h *Home) Connection() Connection { return h.client.Connection() }
