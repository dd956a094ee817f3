package account

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Manager keeps the accounts. Its methods may be called from anywhere; those that
// take a context talk to the cloud and wait for it.
type Manager struct {
	opt      Options
	log      zerolog.Logger
	regions  []string
	web      *web
	vault    *vault
	budget   *budget
	deviceID string
	bell     bell
	jobs     chan func(context.Context) // done by Run

	stepping sync.Mutex     // one answer to the sign-in at a time
	saving   sync.Mutex     // one write of the sessions at a time
	working  sync.WaitGroup // what Run waits for

	mu          sync.Mutex // guards what follows; never held over I/O
	rand        *rand.Rand
	accounts    map[string]*client
	flow        *flow
	kept        *flow                // what flow was at the start
	given       []string             // hashes of the pairs of the settings that were tried
	ahead       time.Duration        // this machine's clock minus Xiaomi's
	refreshed   map[string]time.Time // when a device asked for the lists
	lastRefresh time.Time
	known       Known
}

// New checks the options and loads what was kept. Nothing leaves before Run. In a
// test it refuses servers that are not on loopback.
func New(o Options) (*Manager, error) {
	regions := o.Regions
	if len(regions) == 0 {
		regions = AllRegions()
	}
	h, err := newHosts(o.Hosts, regions)
	if err != nil {
		return nil, err
	}
	if testing.Testing() && !h.loopback() {
		return nil, ErrNotLoopback
	}
	if o.Every <= 0 {
		o.Every = 6 * time.Hour
	}
	if o.World.Now == nil {
		return nil, fmt.Errorf("account: no clock: %w", mi.ErrInvalid)
	}
	m := &Manager{
		opt: o, log: o.Log, regions: regions, web: newWeb(&o, h), vault: newVault(o.World, o.Seal, o.Log),
		rand: o.World.Rand("account"), accounts: map[string]*client{}, refreshed: map[string]time.Time{},
		jobs: make(chan func(context.Context), 16),
	}
	m.bell.watchers = map[*func()]bool{}
	m.web.clock = m.compareClocks
	m.deviceID = loadID(m.vault, o.World)
	m.budget = newBudget(m.vault, o.World.Now)
	m.loadSessions()
	m.loadHomes()
	m.loadFlow()
	return m, nil
}

// Run keeps the accounts signed in and their lists fresh until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	defer m.web.close()
	defer m.working.Wait()
	m.found()
	for _, c := range m.sorted() {
		m.working.Go(func() { m.tend(ctx, c) })
	}
	m.resume(ctx)
	m.working.Go(func() { m.signInGiven(ctx) })
	for {
		select {
		case job := <-m.jobs:
			m.working.Go(func() { job(ctx) })
		case <-ctx.Done():
			return nil
		}
	}
}

// later has Run do a job; it is dropped when there are too many.
func (m *Manager) later(job func(context.Context)) {
	select {
	case m.jobs <- job:
	default:
		m.log.Warn().Msg("too much to do for the account at once")
	}
}

func (m *Manager) sorted() []*client {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*client
	for _, id := range slices.Sorted(maps.Keys(m.accounts)) {
		out = append(out, m.accounts[id])
	}
	return out
}

func (m *Manager) client(account string) (*client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.accounts[account]
	if c == nil {
		return nil, fmt.Errorf("account: %.20s: %w", account, ErrNoAccount)
	}
	return c, nil
}

// number draws a random number.
func (m *Manager) number() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rand.Uint64()
}

// jitter returns d, at most a tenth longer.
func (m *Manager) jitter(d time.Duration) time.Duration {
	return d + time.Duration(m.number()%uint64(d/10+1))
}

// learn has secrets masked.
func (m *Manager) learn(secrets ...string) {
	if m.opt.Learnt == nil {
		return
	}
	for _, s := range secrets {
		if s != "" {
			m.opt.Learnt(mi.Secret(s))
		}
	}
}

func (m *Manager) learnSession(s session) {
	m.learn(s.passToken, s.ssecurity, s.serviceToken)
}

// Watch calls changed soon after every change of Accounts, Known or Login, until
// ctx ends. It must not block.
func (m *Manager) Watch(ctx context.Context, changed func()) {
	m.bell.add(&changed)
	<-ctx.Done()
	m.bell.remove(&changed)
}

// bell tells watchers that something changed.
type bell struct {
	mu       sync.Mutex
	watchers map[*func()]bool
}

func (b *bell) add(w *func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers[w] = true
}

func (b *bell) remove(w *func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.watchers, w)
}

func (b *bell) ring() {
	b.mu.Lock()
	all := slices.Collect(maps.Keys(b.watchers))
	b.mu.Unlock()
	for _, w := range all {
		(*w)()
	}
}

// rest waits; it reports false when ctx ended first.
func rest(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
