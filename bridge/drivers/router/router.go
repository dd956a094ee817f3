package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	pollTime  = 25 * time.Second // for one round of questions
	pauseMost = time.Minute      // between rounds while the router does not answer
	offTime   = 24 * time.Hour   // before a question that the router does not know is asked again
)

// router is one router and its network. One round of questions serves everybody.
type router struct {
	config   Config
	addr     string
	web      *web
	log      zerolog.Logger
	interval time.Duration
	leave    time.Duration
	writes   bool
	picks    picks

	turn chan struct{} // held by whoever asks a round

	mu      sync.Mutex // guards the fields below
	s       state
	due     map[string]time.Time // when a question is to be asked next
	said    map[string]bool      // questions that were answered, if only with a refusal
	fresh   time.Time            // of the last round that worked; zero after a write
	fails   int
	err     error // of the last round
	retry   time.Time
	watched bool
	own     *sheet
	sheets  sheets
	links   map[*link]struct{}
}

func newRouter(d *Driver, c Config) *router {
	addr, _ := hostPort(c.Addr)
	return &router{
		config: c, addr: addr, web: newWeb(d.w, c), log: d.o.Log.With().Str("router", addr).Logger(),
		interval: d.o.Interval, leave: d.o.AwayAfter, writes: d.o.Writes, picks: d.picks,
		turn: make(chan struct{}, 1),
		s:    state{people: map[string]*presence{}, channels: map[string][]int{}},
		due:  map[string]time.Time{}, said: map[string]bool{},
		sheets: sheets{}, links: map[*link]struct{}{},
	}
}

// question is one thing to ask the router for.
type question struct {
	path  string
	every time.Duration
	must  bool   // without it there is nothing to show
	shape bool   // what the router has depends on the answer
	spare string // only asked where that one is not known
	take  func(*router, []byte) error
}

// into makes a question's take of a place in the state.
func into[T any](place func(*state) *T) func(*router, []byte) error {
	return func(r *router, body []byte) error {
		var in T
		if err := parse(body, &in); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		*place(&r.s) = in
		return nil
	}
}

// questions lists what a round asks for, the most important first.
func questions() []question {
	const diag = "xqnetwork/wifi_diag_detail_all" // with the guest network
	return []question{
		{path: "misystem/status", must: true, take: into(func(s *state) *status { return &s.status })},
		{path: "misystem/devicelist", must: true, take: (*router).takeClients},
		{path: "xqnetwork/wan_info", take: into(func(s *state) *uplink { return &s.uplink })},
		{path: diag, every: 2 * time.Minute, shape: true, take: (*router).takeRadios},
		{path: "xqnetwork/wifi_detail_all", every: 2 * time.Minute, shape: true, spare: diag, take: (*router).takeRadios},
		{path: "misystem/led", every: 2 * time.Minute, shape: true, take: (*router).takeLED},
		{path: "xqnetwork/mode", every: time.Hour, take: (*router).takeMode},
		{path: "misystem/topo_graph", every: 10 * time.Minute, take: (*router).takeGraph},
		{path: "xqsystem/check_rom_update", every: 6 * time.Hour, take: into(func(s *state) *rom { return &s.rom })},
	}
}

func (r *router) takeClients(body []byte) error {
	list, err := parseClients(body)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.arrive(list, time.Now(), r.leave)
	return nil
}

func (r *router) takeRadios(body []byte) error {
	radios, err := parseRadios(body)
	if err != nil {
		return err
	}
	for name, one := range radios {
		one.raw = nil // nobody needs the passwords now
		radios[name] = one
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.radios = radios
	return nil
}

func (r *router) takeLED(body []byte) error {
	var in struct {
		Status number `json:"status"`
	}
	err := parse(body, &in)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.led = in.Status
	return err
}

func (r *router) takeMode(body []byte) error {
	var in struct {
		Mode number `json:"mode"`
	}
	err := parse(body, &in)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.mode = in.Mode
	return err
}

func (r *router) takeGraph(body []byte) error {
	graph, err := parseGraph(body)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.graph = graph
	return nil
}

// refresh makes sure that what is known is at most age old. One round runs at a
// time; whoever comes meanwhile shares its outcome, and after a failure nobody
// asks before the pause is over.
func (r *router) refresh(ctx context.Context, age time.Duration) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	now := time.Now()
	r.mu.Lock()
	fresh, err, wait := !r.fresh.IsZero() && now.Sub(r.fresh) <= age, r.err, now.Before(r.retry)
	r.mu.Unlock()
	switch {
	case wait:
		return err
	case fresh && err == nil:
		return nil
	}
	own, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	defer r.web.rest()
	err = r.round(own)
	if ctx.Err() != nil && err != nil {
		return ctx.Err()
	}
	r.conclude(err)
	return err
}

// conclude notes how a round went and tells the open links.
func (r *router) conclude(err error) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if err != nil {
		pause := min(r.interval/2<<min(r.fails, 8), pauseMost)
		r.fails++
		r.retry = now.Add(pause)
		return
	}
	r.fails, r.retry, r.fresh = 0, time.Time{}, now
	r.shape()
	for l := range r.links {
		l.tell()
	}
}

// round asks what is due. It ends at the first silence: what is not asked now is
// asked by the next.
func (r *router) round(ctx context.Context) error {
	for _, q := range questions() {
		if !r.wanted(q) {
			continue
		}
		err := r.put(ctx, q)
		switch {
		case err == nil:
		case q.must:
			return fmt.Errorf("router: ask %s: %w", q.path, err)
		case lost(err):
			return r.soft(ctx)
		}
	}
	r.greet(ctx)
	return r.learnChannels(ctx)
}

// greet takes in what the router said of itself at the login.
func (r *router) greet(ctx context.Context) {
	hello := r.web.greeting(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.hello = hello
}

// soft is the end of a round in which something that can wait was not answered.
func (r *router) soft(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return nil
}

func (r *router) wanted(q question) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.spare != "" && r.said[q.spare] && !r.refused(q.spare) {
		return false
	}
	return !time.Now().Before(r.due[q.path])
}

// refused reports a question that the router does not know. It needs the mutex.
func (r *router) refused(path string) bool { return time.Until(r.due[path]) > offTime/2 }

// put asks one question and notes when to ask it again.
func (r *router) put(ctx context.Context, q question) error {
	body, err := r.web.read(ctx, q.path)
	if err == nil {
		err = q.take(r, body)
	}
	if ctx.Err() != nil && err != nil {
		return err
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case q.must:
	case err == nil:
		r.due[q.path], r.said[q.path] = now.Add(q.every), true
	case lost(err):
		r.due[q.path] = now.Add(max(q.every, time.Minute))
	default:
		r.due[q.path], r.said[q.path] = now.Add(offTime), true
		r.log.Debug().Str("path", q.path).Err(err).Msg("the router does not know this question")
	}
	return err
}

// learnChannels asks once which channels there are, where they can be set.
func (r *router) learnChannels(ctx context.Context) error {
	if !r.writes {
		return nil
	}
	for i, name := range []string{radio24, radio5, radioGame} {
		r.mu.Lock()
		_, have := r.s.radios[name]
		_, known := r.s.channels[name]
		r.mu.Unlock()
		if !have || known {
			continue
		}
		body, err := r.web.read(ctx, fmt.Sprintf("xqnetwork/avaliable_channels?wifiIndex=%d", i+1))
		if lost(err) {
			return r.soft(ctx)
		}
		channels, _ := parseChannels(body)
		r.mu.Lock()
		r.s.channels[name] = channels
		r.mu.Unlock()
	}
	return nil
}

// shape builds the router's sheet once all that it depends on was answered. It
// needs the mutex.
func (r *router) shape() {
	if r.own != nil {
		return
	}
	for _, q := range questions() {
		spared := q.spare != "" && r.said[q.spare] && !r.refused(q.spare)
		if q.shape && !r.said[q.path] && !spared {
			return
		}
	}
	for name := range r.s.radios {
		_, known := r.s.channels[name]
		if r.writes && !known && name != radioGuest && slices.Contains([]string{radio24, radio5, radioGame}, name) {
			return
		}
	}
	r.own = routerSheet(r.s.model(), &r.s, r.writes)
}

// model is the router's model in the form of Xiaomi's cloud.
func (s *state) model() string {
	if m := string(s.hello.Model); strings.Count(m, ".") == 2 {
		return m
	}
	return hardwareModel(cmp.Or(string(s.hello.Hardware), string(s.status.Hardware.it.Platform)))
}

func hardwareModel(hardware string) string {
	name := strings.ToLower(strings.TrimSpace(hardware))
	if name == "" || strings.ContainsAny(name, " ./#+") {
		name = "unknown"
	}
	return "xiaomi.router." + name
}

func (s *state) firmware() string {
	return cmp.Or(string(s.status.Hardware.it.Version), string(s.hello.Firmware))
}

// did names what has a MAC on this network.
func did(mac string) string {
	if mac == "" {
		return ""
	}
	return didPrefix + strings.ReplaceAll(mac, ":", "")
}

// infos returns who the router, its mesh nodes and the chosen clients are.
func (r *router) infos() []mi.Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.info()
	if own.DID == "" {
		return nil
	}
	out := []mi.Info{own}
	for _, p := range r.s.sorted() {
		switch {
		case p.mac == own.MAC:
		case p.node:
			out = append(out, r.nodeInfo(p, own.DID))
		case r.picks.take(p):
			out = append(out, mi.Info{DID: did(p.mac), Model: clientModel, Name: cmp.Or(p.name, p.mac), Parent: own.DID})
		}
	}
	return out
}

// info needs the mutex.
func (r *router) info() mi.Info {
	mac := r.s.mac()
	return mi.Info{
		DID: did(mac), Model: r.s.model(), Name: label(r.config.Name, string(r.s.hello.Name), "Router"), MAC: mac, Addr: r.addr,
		Firmware: r.s.firmware(), Hardware: cmp.Or(string(r.s.status.Hardware.it.Platform), string(r.s.hello.Hardware)),
	}
}

// nodeInfo needs the mutex. Its model is that of the map of the mesh, where that
// shows the node.
func (r *router) nodeInfo(p *presence, parent string) mi.Info {
	hardware := string(r.s.graph[p.ip].Hardware)
	return mi.Info{
		DID: did(p.mac), Model: hardwareModel(hardware), Name: cmp.Or(p.name, p.mac), MAC: p.mac, Parent: parent, Hardware: hardware,
	}
}

// stale has the networks and the light read anew by the next round.
func (r *router) stale() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = time.Time{}
	for _, q := range questions() {
		if q.shape && !r.refused(q.path) {
			delete(r.due, q.path)
		}
	}
}
