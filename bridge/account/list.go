package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	everyRegion = 7 * 24 * time.Hour // regions without homes are asked again after
	retryFirst  = time.Minute        // a list that failed is asked again after, growing
	retryLast   = time.Hour
	perDevice   = time.Hour       // between two lists because of one device
	perRefresh  = 5 * time.Minute // between two lists because of any device
	perPerson   = time.Minute     // between two lists because somebody asks
	keyPause    = 200 * time.Millisecond
)

// listing is an order for the lists of an account.
type listing struct {
	all      bool           // regions without homes too
	progress func([]Region) // nil for nobody
	done     func(error)    // nil for nobody
}

// order hands an order to the account's own loop.
func (c *client) order(ctx context.Context, l listing) {
	select {
	case c.orders <- l:
	case <-c.cancel:
	case <-ctx.Done():
	}
}

// tend keeps the lists of an account fresh, and its session, until it is signed out
// of.
func (m *Manager) tend(ctx context.Context, c *client) {
	ctx, done := context.WithCancel(ctx)
	defer done()
	failures := 0
	for {
		timer := time.NewTimer(m.due(c, failures))
		var l listing
		select {
		case <-timer.C:
			m.keepFresh(ctx, c)
		case l = <-c.orders:
		case <-c.cancel:
			timer.Stop()
			return
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
		err := m.list(ctx, c, l)
		failures++
		if err == nil {
			failures = 0
		}
		if l.done != nil {
			l.done(err)
		}
	}
}

// due is how long the lists may rest.
func (m *Manager) due(c *client, failures int) time.Duration {
	if failures > 0 {
		return m.jitter(min(retryFirst<<min(failures-1, 6), retryLast))
	}
	c.mu.Lock()
	at := c.list.at
	c.mu.Unlock()
	if at.IsZero() {
		return m.jitter(pollPause)
	}
	return max(pollPause, m.jitter(left(m.opt.World.Now(), at, m.opt.Every)))
}

// list asks for the lists of an account.
func (m *Manager) list(ctx context.Context, c *client, l listing) error {
	if err := m.ready(c); err != nil {
		return err
	}
	now := m.opt.World.Now()
	c.mu.Lock()
	regions := m.worth(c.list, l.all || left(now, c.list.all, everyRegion) == 0)
	c.mu.Unlock()
	lists := m.askRegions(ctx, c, regions, l.progress)
	if ended(lists) {
		if _, err := m.renew(ctx, c, c.signed(), false); err != nil {
			return err
		}
		lists = m.askRegions(ctx, c, regions, l.progress)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := errorsOf(lists)
	m.judge(c, lists)
	c.mu.Lock()
	before := c.list.devices
	c.list = c.list.with(lists, now)
	if err == nil {
		c.list.at = now
		if len(regions) == len(m.regions) {
			c.list.all = now
		}
	}
	m.tellNew(c, before)
	c.mu.Unlock()
	m.askKeys(ctx, c)
	m.saveHomes()
	m.found()
	return err
}

// ended reports whether all regions say that the session has ended. One alone may
// only not know the account.
func ended(lists []*regionList) bool {
	return !slices.ContainsFunc(lists, func(l *regionList) bool { return !errors.Is(l.err, ErrAuthExpired) })
}

// judge turns the condition after lists. Regions with nothing in them count only
// where there are no others.
func (m *Manager) judge(c *client, lists []*regionList) {
	if m.ready(c) != nil {
		return
	}
	counted := slices.DeleteFunc(slices.Clone(lists), func(l *regionList) bool { return !c.has(l.region) })
	switch {
	case len(counted) == 0 && slices.ContainsFunc(lists, func(l *regionList) bool { return l.err == nil }):
		m.well(c)
	case len(counted) == 0:
		m.turn(c, Away, lists[0].err)
	case errorsOf(counted) != nil:
		m.turn(c, Away, errorsOf(counted))
	default:
		m.well(c)
	}
}

// errorsOf joins what went wrong in the regions.
func errorsOf(lists []*regionList) (err error) {
	for _, one := range lists {
		err = errors.Join(err, one.err)
	}
	return err
}

// worth returns the regions to ask: those with something in them, or all.
func (m *Manager) worth(h homes, all bool) []string {
	var out []string
	for _, r := range h.regions {
		if (r.Homes > 0 || r.Devices > 0) && slices.Contains(m.regions, r.ID) {
			out = append(out, r.ID)
		}
	}
	if all || len(out) == 0 {
		return m.regions
	}
	return out
}

// askRegions asks regions at the same time.
func (m *Manager) askRegions(ctx context.Context, c *client, regions []string, progress func([]Region)) []*regionList {
	lists := make([]*regionList, len(regions))
	var all sync.WaitGroup
	var mu sync.Mutex
	shown := m.unasked()
	for i, region := range regions {
		all.Go(func() {
			lists[i] = m.askRegion(ctx, c, region)
			if progress == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			shown = noteRegion(shown, lists[i])
			progress(shown)
		})
	}
	all.Wait()
	return lists
}

// tellNew logs what is new in the list and what is not in it any more. It needs
// c.mu.
func (m *Manager) tellNew(c *client, before []Device) {
	was := map[string]bool{} // whether it was there
	for _, d := range before {
		was[d.DID] = d.MissingSince.IsZero()
	}
	fresh, missing := 0, 0
	for _, d := range c.list.devices {
		there, known := was[d.DID]
		switch {
		case !known:
			fresh++
		case there && !d.MissingSince.IsZero():
			missing++
			m.log.Info().Str("device", d.DID).Str("account", c.label).Msg("the account does not list this device any more")
		}
	}
	if fresh > 0 {
		m.log.Info().Str("account", c.label).Int("new", fresh).Int("devices", len(c.list.devices)).Msg("devices of the Xiaomi account")
	}
}

// askKeys asks for the keys of Bluetooth devices, one after the other.
func (m *Manager) askKeys(ctx context.Context, c *client) {
	c.mu.Lock()
	devices := slices.Clone(c.list.devices)
	c.mu.Unlock()
	changed := false
	for i, d := range devices {
		if d.BeaconKey != "" || !bluetooth(d) || !d.MissingSince.IsZero() {
			continue
		}
		key, err := m.beaconKey(ctx, c, d)
		if err != nil && !unknown(err) {
			m.log.Debug().Err(err).Str("device", d.DID).Msg("no Bluetooth key")
			break
		}
		devices[i].BeaconKey = key
		changed = changed || key != ""
		if !rest(ctx, keyPause) {
			break
		}
	}
	if !changed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list.devices = devices // only this loop replaces it
}

// bluetooth reports whether a device speaks Bluetooth by itself.
func bluetooth(d Device) bool {
	return d.Connect == "6" || strings.HasPrefix(d.DID, "blt.")
}

func (m *Manager) beaconKey(ctx context.Context, c *client, d Device) (mi.Secret, error) {
	r := reader{m: m, c: c, region: d.Region}
	result, err := r.try(ctx, "/v2/device/blt_get_beaconkey", struct {
		DID string `json:"did"`
		PID int    `json:"pdid"`
	}{d.DID, 1})
	if err != nil {
		return "", err
	}
	fields := map[string]text{}
	if unmarshal(result, &fields) != nil {
		return "", nil
	}
	key := fits(keyForm, strings.ToLower(string(fields["beaconkey"])))
	m.learn(key)
	return mi.Secret(key), nil
}

// Refresh asks for the lists again soon, because three handshakes with a device
// failed: its key or address may have changed. Each did counts once an hour and
// all together once in five minutes; it reports whether a list will be fetched.
func (m *Manager) Refresh(did string) bool {
	if d, known := m.device(did); known {
		return m.refresh(did, perDevice, d.Account)
	}
	return m.refresh(did, perDevice, "")
}

// RefreshAll asks for the lists again now, because a person wants it; once a
// minute at most, all regions included.
func (m *Manager) RefreshAll() bool { return m.refresh("", perPerson, "") }

// refresh orders lists: of one account, or of all. did "" is a person.
func (m *Manager) refresh(did string, pause time.Duration, account string) bool {
	now := m.opt.World.Now()
	m.mu.Lock()
	if left(now, m.refreshed[did], pause) > 0 || did != "" && left(now, m.lastRefresh, perRefresh) > 0 {
		m.mu.Unlock()
		return false
	}
	m.refreshed[did] = now
	if did != "" {
		m.lastRefresh = now
	}
	m.mu.Unlock()
	ordered := false
	for _, c := range m.sorted() {
		if account != "" && c.id != account || m.ready(c) != nil {
			continue
		}
		select {
		case c.orders <- listing{all: did == ""}:
			ordered = true
		default: // one is ordered already
		}
	}
	return ordered
}
