package bridge_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/bridgetest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// scene is what a run consists of besides its faults.
type scene struct {
	plan     chaos.Plan
	models   []string
	external bool                  // the broker is the user's
	still    bool                  // devices change by orders only
	flaw     func(*device.Options) // a planted defect
	brief    bool                  // no second bridge is compared with at the end
	idle     bool                  // nobody gives orders, nothing happens at the devices
	script   func(*stage)          // what is done besides, from the start on
}

// story is what happened in a run.
type story struct {
	scene   scene
	entries []history.Entry
	end     time.Time
	infos   []mi.Info
	mirrors map[string]*mirror
	truth   map[string]map[string]mi.Value // by did, at the end
	tree    map[string]string              // retained, at the end
	fresh   map[string]string              // what a new bridge published for the same home
	sent    map[string]int                 // datagrams by did
	leaks   []string
	log     []string
	failed  []error
	starts  int
	traffic world.Traffic
}

// stage is a home with everything around it, inside a bubble.
type stage struct {
	t       *testing.T
	scene   scene
	net     *world.Net
	home    *miio.Home
	disk    *world.Disk
	clock   *bridgetest.Clock
	history *history.History
	broker  *bridgetest.Broker // nil with the bridge's own
	ground  *world.Machine
	user    *user
	log     *lines
	known   []mi.Info

	bridge  *bridge.Bridge
	machine *machine
	stop    context.CancelFunc
	ended   chan error
	starts  int
	sent    map[netip.Addr]int
	failed  []error
	forget  bool // starts get no devices but those in the data folder
	began   time.Time

	patience time.Duration // with a bridge that is to stop; 0 is 10 s
}

const (
	inside  = "127.0.0.1:1883"
	outside = "10.1.255.3:1883"
)

// elsewhere is where a device moves to, and back.
func elsewhere(d *miio.Device) string {
	at := netip.MustParseAddrPort(d.Info().Addr)
	b := at.Addr().As4()
	b[2] ^= 100
	return netip.AddrPortFrom(netip.AddrFrom4(b), at.Port()).String()
}

// lines collects the log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// perform lets a scene happen and returns its story.
func perform(t *testing.T, sc scene) *story {
	t.Helper()
	known, err := mirrors()
	if err != nil {
		t.Fatal(err)
	}
	var out *story
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, sc, known)
		out = s.run()
	})
	return out
}

func newStage(t *testing.T, sc scene, mirrors map[string]*mirror) *stage {
	seed := sc.plan.Seed
	s := &stage{
		t: t, scene: sc, net: world.NewNet(seed), disk: world.NewDisk(seed), clock: &bridgetest.Clock{}, history: &history.History{},
		log: &lines{}, sent: map[netip.Addr]int{},
	}
	s.ground = s.net.Machine(world.Topology{Prefix: bridgetest.Prefix("10.1.255.2")})
	w := mi.World{Net: s.net.Segment(world.Topology{Prefix: netip.MustParsePrefix("10.1.0.1/8")}), Now: time.Now, Seed: seed}
	var err error
	if s.home, err = miio.New(w, miio.Options{Models: sc.models, Address: bridgetest.Address, Recorder: s.history, Still: sc.still}); err != nil {
		t.Fatal(err)
	}
	s.known = s.home.Infos()
	where, from := inside, s.ground
	if sc.external {
		where, from = outside, s.net.Machine(world.Topology{Prefix: bridgetest.Prefix("10.1.255.4")})
		s.broker = &bridgetest.Broker{Net: s.net.Machine(world.Topology{Prefix: bridgetest.Prefix("10.1.255.3")}), Listen: "0.0.0.0:1883"}
		if err := s.broker.Up(); err != nil {
			t.Fatal(err)
		}
	}
	s.user = newUser(s, from.DialContext, where, mirrors)
	return s
}

// run plays the plan to its end.
func (s *stage) run() *story {
	began := time.Now()
	s.began = began
	ctx, finish := context.WithCancel(context.Background())
	playing, leave := context.WithDeadline(ctx, began.Add(s.scene.plan.Span))
	defer leave()
	var people, devices sync.WaitGroup
	devices.Go(func() { _ = s.home.Run(ctx) }) // ends with ctx only
	s.start()
	people.Go(func() { s.user.stay(playing) })
	people.Go(func() { s.home.Play(playing, s.scene.plan, s.net, elsewhere) })
	people.Go(func() { s.suffer(playing) })
	if !s.scene.idle {
		people.Go(func() { s.user.order(playing, began) })
		people.Go(func() { s.touch(playing, began) })
	}
	if s.scene.script != nil {
		people.Go(func() { s.scene.script(s) })
	}
	<-playing.Done()
	people.Wait()
	out := s.conclude()
	s.halt()
	if out.fresh = out.tree; !s.scene.brief {
		out.fresh = s.anew()
	}
	finish()
	devices.Wait()
	if s.broker != nil {
		s.broker.Down()
	}
	out.log, out.failed = strings.Split(strings.TrimSpace(s.log.text.String()), "\n"), s.failed
	return out
}

// conclude takes down how things stand.
func (s *stage) conclude() *story {
	s.account() // before the entries are taken
	out := &story{
		scene: s.scene, entries: s.history.Entries(), end: time.Now(), infos: s.known, mirrors: s.user.mirrors, truth: map[string]map[string]mi.Value{},
		sent: map[string]int{}, starts: s.starts, traffic: s.net.Traffic(), leaks: s.user.leaks,
	}
	out.tree = s.retained()
	for i, d := range s.home.Devices() {
		out.truth[d.Info().DID] = d.Values()
		at := netip.MustParseAddrPort(bridgetest.Address(i))
		b := at.Addr().As4()
		b[2] ^= 100
		out.sent[d.Info().DID] = s.sent[at.Addr()] + s.sent[netip.AddrFrom4(b)]
	}
	return out
}

// settings are those of a bridge in this home.
func (s *stage) settings() *config.Config {
	vars := []string{"MIHOME2MQTT_SPECS_ONLINE=false", "MIHOME2MQTT_CLOUD=false", "MIHOME2MQTT_RAW_ACCESS=true", "MIHOME2MQTT_LOG_FORMAT=json"}
	if s.broker != nil {
		vars = append(vars, "MIHOME2MQTT_MQTT_URL=mqtt://"+outside)
	}
	c, err := config.Load(vars, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *stage) start() {
	s.starts++
	s.machine = &machine{Network: s.ground, counts: map[netip.Addr]int{}}
	o := bridge.Options{
		Config: s.settings(), Version: "1.0", Host: "home", Log: zerolog.New(s.log).Level(zerolog.InfoLevel),
		World:   mi.World{Net: s.machine, Disk: s.disk, Now: s.clock.Now, Seed: s.scene.plan.Seed + uint64(s.starts)<<32},
		Sources: []spec.Source{spec.NewFolder(miio.Specs())},
	}
	if !s.forget || s.starts == 1 {
		o.Known = s.known
	}
	b, err := bridge.NewFlawed(o, func(d *device.Options) {
		d.Intervals.Tick = time.Nanosecond // no two devices wake at one instant
		for i := range d.Routes {
			d.Routes[i].Driver = &later{d.Routes[i].Driver, 10*time.Millisecond + time.Duration(i)*1_234_567}
		}
		if s.scene.flaw != nil {
			s.scene.flaw(d)
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.record(history.Entry{Actor: history.Bridge, What: history.Restart})
	ctx, stop := context.WithCancel(context.Background())
	s.bridge, s.stop, s.ended = b, stop, make(chan error, 1)
	ended := s.ended
	go func() { ended <- b.Run(ctx) }()
}

// halt stops the bridge in order.
func (s *stage) halt() {
	asked := time.Now()
	s.stop()
	if err := <-s.ended; err != nil {
		s.failed = append(s.failed, err)
	}
	if took := time.Since(asked); took > cmp.Or(s.patience, 10*time.Second) {
		s.failed = append(s.failed, fmt.Errorf("stopping took %v", took))
	}
	s.closed()
	s.account()
}

// closed is I9: a bridge that ended has nothing open any more. Its goroutines have
// ended too, for the bubble does not end before them.
func (s *stage) closed() {
	for _, open := range s.net.Open(s.ground) {
		ours := s.broker != nil || !strings.HasPrefix(open, "tcp") // people stand on the same ground
		if ours {
			s.failed = append(s.failed, fmt.Errorf("still open: %s", open))
		}
	}
}

// kill cuts the bridge's power and gives it back a moment later.
func (s *stage) kill(lies bool) {
	back := time.Now().Add(3*time.Second + 123_457)
	s.machine.die()
	s.disk.PowerLoss()
	s.net.Break(s.here())
	if s.broker == nil {
		s.net.Break(netip.MustParseAddr("127.0.0.1"))
	}
	s.stop()
	<-s.ended // how it ends is not seen any more
	s.account()
	s.disk.PowerOn(lies)
	for time.Until(back) < 0 {
		back = back.Add(5 * time.Second)
	}
	time.Sleep(time.Until(back))
	s.start()
}

// account adds up what the bridge sent, and takes down how full its queues were.
func (s *stage) account() {
	for _, q := range s.bridge.Queues() {
		s.record(history.Entry{Actor: history.Bridge, What: history.Queue, Key: q.Name, Value: fmt.Sprintf("%d/%d", q.Most, q.Room)})
	}
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	for a, n := range s.machine.counts {
		s.sent[a] += n
	}
	clear(s.machine.counts)
}

func (s *stage) record(e history.Entry) {
	e.At = time.Now()
	s.history.Record(e)
}

// suffer lets the faults happen that are no device's.
func (s *stage) suffer(ctx context.Context) {
	began := time.Now()
	type cue struct {
		at time.Duration
		do func()
	}
	var cues []cue
	for i, f := range s.scene.plan.Of(chaos.World) {
		begin, end := s.fault(f, i)
		cues = append(cues, cue{f.From, begin}, cue{f.To, end})
	}
	slices.SortStableFunc(cues, func(a, b cue) int { return int(a.at - b.at) })
	for _, c := range cues {
		if !wait(ctx, time.Until(began.Add(c.at))) {
			return
		}
		c.do()
	}
}

func (s *stage) fault(f chaos.Fault, i int) (begin, end func()) {
	nothing := func() {}
	switch f.Kind {
	case chaos.BrokerGone:
		if s.broker == nil {
			return nothing, nothing
		}
		return s.broker.Down, func() {
			if err := s.broker.Up(); err != nil {
				s.failed = append(s.failed, err)
			}
		}
	case chaos.DiskFull:
		return func() { s.disk.Fill(1) }, func() { s.disk.Fill(0) }
	case chaos.DiskReadOnly:
		return func() { s.disk.Protect(true) }, func() { s.disk.Protect(false) }
	case chaos.Kill:
		return func() { s.kill((f.Amount+i)%2 == 0) }, nothing
	case chaos.ClockStep:
		return func() { s.clock.Step(time.Duration(f.Amount) * time.Hour) }, func() { s.clock.Step(-time.Duration(f.Amount) * time.Hour) }
	case chaos.DiskSlow:
		return func() { s.disk.Delay(time.Duration(f.Amount) * time.Second / 10) }, func() { s.disk.Delay(0) }
	case chaos.Address:
		return func() { s.readdress("10.1.255.7") }, func() { s.readdress("10.1.255.2") }
	case chaos.Sleep:
		return func() { s.sleep(time.Duration(f.Amount) * time.Hour) }, nothing
	case chaos.Birth:
		return s.user.birth, nothing
	}
	return nothing, nothing
}

// wait waits and reports whether ctx still goes on.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
