package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// flow is a sign-in that is under way. Its step is guarded by Manager.mu, the rest
// by Manager.stepping.
type flow struct {
	step Step
	gone context.Context // ends when the sign-in is dropped
	drop context.CancelFunc

	jar      *jar
	user     string // as it was typed
	hash     string // of the password; never kept
	begun    answer // the first step, which the second repeats
	captcha  string // address of the picture
	longPoll string // QR code
	identity string // page that asks for the identity
	asked    string // target that Xiaomi was asked about last
}

// The methods of a sign-in.
const (
	byQR       = "qr"
	byPassword = "password"
	byPass     = "token"
)

// begin drops the sign-in that is under way and starts another.
func (m *Manager) begin(method string) *flow {
	m.CancelLogin()
	f := &flow{step: Step{Method: method}, jar: m.newJar()}
	f.gone, f.drop = context.WithCancel(context.Background())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flow = f
	return f
}

// Login returns where the sign-in stands. There is one at a time.
func (m *Manager) Login() Step {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flow == nil {
		return Step{}
	}
	s := m.flow.step
	s.Regions, s.Targets, s.New = slices.Clone(s.Regions), slices.Clone(s.Targets), slices.Clone(s.New)
	return s
}

// CancelLogin drops the sign-in that is under way.
func (m *Manager) CancelLogin() {
	m.mu.Lock()
	f := m.flow
	m.flow = nil
	m.mu.Unlock()
	if f == nil {
		return
	}
	f.drop()
	m.vault.remove(loginFile)
	m.bell.ring()
}

// show changes what is shown of a sign-in, unless it was dropped, and keeps it.
func (m *Manager) show(f *flow, change func(*Step)) {
	m.mu.Lock()
	alive := m.flow == f
	if alive {
		change(&f.step)
	}
	m.mu.Unlock()
	if alive {
		m.bell.ring()
	}
}

// move goes to another step; what belonged to the one before is gone.
func (m *Manager) move(f *flow, to Step) {
	to.Method = m.shown(f).Method
	m.learn(to.LoginURL.Reveal(), to.BrowserURL.Reveal())
	m.show(f, func(s *Step) { *s = to })
	m.saveFlow(f)
}

// fail ends a sign-in.
func (m *Manager) fail(f *flow, err error) {
	m.log.Warn().Err(err).Str("by", m.shown(f).Method).Msg("sign-in failed")
	f.hash = ""
	m.move(f, Step{Kind: Failed, Err: err, Text: words(err)})
}

// act does one answer of a person. What goes wrong with the answer itself stands
// in the step.
func (m *Manager) act(ctx context.Context, do func(context.Context, *flow) error, kinds ...Kind) (Step, error) {
	if !m.stepping.TryLock() {
		return m.Login(), fmt.Errorf("account: the answer before is on its way: %w", ErrBusy)
	}
	defer m.stepping.Unlock()
	m.mu.Lock()
	f := m.flow
	m.mu.Unlock()
	if f == nil || !slices.Contains(kinds, m.shown(f).Kind) {
		return m.Login(), fmt.Errorf("account: %w", ErrWrongStep)
	}
	return m.do(ctx, f, do), nil
}

// start begins a sign-in and does its first step.
func (m *Manager) start(ctx context.Context, method string, do func(context.Context, *flow) error) (Step, error) {
	if !m.stepping.TryLock() {
		return m.Login(), fmt.Errorf("account: the answer before is on its way: %w", ErrBusy)
	}
	defer m.stepping.Unlock()
	return m.do(ctx, m.begin(method), do), nil
}

// do carries out one step. It needs stepping.
func (m *Manager) do(ctx context.Context, f *flow, do func(context.Context, *flow) error) Step {
	ctx, done := context.WithCancel(ctx)
	defer done()
	defer context.AfterFunc(f.gone, done)()
	err := do(ctx, f)
	switch {
	case err == nil:
	case passing(err) && m.shown(f).Kind != Idle:
		m.show(f, func(s *Step) { s.Err, s.Text = err, words(err) })
	default:
		m.fail(f, err)
	}
	return m.Login()
}

// passing reports whether the same answer may be given again.
func passing(err error) bool {
	for _, kind := range []error{mi.ErrTimeout, mi.ErrOffline, ErrLimited, mi.ErrInvalid, ErrCodeQuota, errNotThere, context.Canceled} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// complete takes in the session of a good sign-in and asks what is behind it.
func (m *Manager) complete(f *flow, s session) error {
	if f.gone.Err() != nil {
		return f.gone.Err()
	}
	if !decimal(s.userID) {
		return fmt.Errorf("account: %.20q is no user id: %w", s.userID, mi.ErrProtocol)
	}
	before := map[string]bool{}
	for _, d := range m.Known().Devices {
		before[d.DID] = true
	}
	c := m.adopt(s, label(f.user, s.userID))
	f.hash = ""
	m.move(f, Step{Kind: Asking, Account: c.id, Text: "You are in. Asking where your devices are.", Regions: m.unasked()})
	m.log.Info().Str("account", c.label).Str("by", m.shown(f).Method).Msg("signed in to the Xiaomi account")
	order := listing{all: true,
		progress: func(all []Region) { m.show(f, func(s *Step) { s.Regions = all }) },
		done:     func(err error) { m.listedFirst(f, c, before, err) },
	}
	m.later(func(ctx context.Context) { c.order(ctx, order) })
	return nil
}

// listedFirst ends a sign-in.
func (m *Manager) listedFirst(f *flow, c *client, before map[string]bool, err error) {
	c.mu.Lock()
	regions, devices := slices.Clone(c.list.regions), c.list.devices
	c.mu.Unlock()
	var fresh []string
	for _, d := range devices {
		if !before[d.DID] {
			fresh = append(fresh, d.DID)
		}
	}
	sentence := summary(regions)
	if err != nil && len(devices) == 0 {
		sentence = "You are in, but the list of devices could not be fetched. It is tried again. " + words(err)
	}
	m.show(f, func(s *Step) {
		*s = Step{Kind: Done, Method: s.Method, Account: c.id, Text: sentence, Regions: regions, New: fresh}
	})
	m.vault.remove(loginFile)
}

func (m *Manager) unasked() []Region {
	var out []Region
	for _, r := range m.regions {
		out = append(out, Region{ID: r, Name: RegionName(r)})
	}
	return out
}

// summary counts the devices of the regions in words.
func summary(all []Region) string {
	var parts []string
	empty, failed := 0, 0
	for _, r := range all {
		switch {
		case r.Devices > 0:
			parts = append(parts, fmt.Sprintf("%s %d", r.Name, r.Devices))
		case r.Text != "" || !r.Asked:
			failed++
		default:
			empty++
		}
	}
	switch {
	case len(parts) == 0 && failed == 0:
		return fmt.Sprintf("You are signed in, but this account has no devices in any of the %d regions. Are they in another account, or shared with this one under an invitation not yet accepted?", len(all))
	case empty > 0:
		parts = append(parts, count(empty, "region empty", "regions empty"))
	}
	if failed > 0 {
		parts = append(parts, count(failed, "region does not answer", "regions do not answer"))
	}
	return strings.Join(parts, ", ") + "."
}

// label is how an account is called: masked.
func label(user, userID string) string {
	name, domain, mail := strings.Cut(user, "@")
	if mail && len(name) > 0 {
		r := []rune(name)
		return string(r[:min(2, len(r))]) + "…@" + domain
	}
	return "…" + userID[max(0, len(userID)-4):]
}

// StartToken signs in with what a browser's cookies hold.
func (m *Manager) StartToken(ctx context.Context, userID string, passToken mi.Secret) (Step, error) {
	given, err := parseToken(userID, passToken)
	if err != nil {
		return m.Login(), err
	}
	m.learn(given.passToken)
	return m.start(ctx, byPass, func(ctx context.Context, f *flow) error {
		f.jar = m.tokenJar(given)
		s, err := m.byToken(ctx, f.jar, given)
		if v, ok := errors.AsType[*verify](err); ok && v.address != "" {
			return m.startIdentity(ctx, f, v.address)
		}
		if err != nil {
			return err
		}
		return m.complete(f, s)
	})
}

func seconds(t text) time.Duration { return time.Duration(max(0, t.number())) * time.Second }
