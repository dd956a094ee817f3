package account

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	moreCodes  = 3               // that come by themselves when one is too old
	codeLives  = 5 * time.Minute // where the server does not say
	pollPause  = 2 * time.Second
	pollFailed = 15 * time.Second
)

const qrText = "Scan this code with Mi Home, or open the link where you are signed in to Xiaomi."

// StartQR begins a sign-in by QR code; one that is under way is dropped.
func (m *Manager) StartQR(ctx context.Context) (Step, error) {
	return m.start(ctx, byQR, func(ctx context.Context, f *flow) error {
		if err := m.newCode(ctx, f, moreCodes); err != nil {
			return err
		}
		m.later(func(ctx context.Context) { m.poll(ctx, f) })
		return nil
	})
}

// newCode fetches a QR code.
func (m *Manager) newCode(ctx context.Context, f *flow, more int) error {
	a, err := m.web.first(ctx, f.jar)
	if err != nil {
		return err
	}
	query := url.Values{
		"_qrsize": {"240"}, "_hasLogo": {"false"}, "theme": {""}, "bizDeviceType": {""}, "_locale": {m.locale()},
		"_dc": {strconv.FormatInt(m.opt.World.Now().UnixMilli(), 10)}, "sid": {sid},
	}
	begun := a.begun()
	for _, name := range []string{"qs", "callback", "_sign", "serviceParam", "sid"} {
		if value := begun.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	if a, err = m.web.json(ctx, f.jar, m.web.account("/longPolling/loginUrl", query), nil); err != nil {
		return err
	}
	return m.showCode(f, a, more)
}

// begun returns what the first step hands on. The address of the login page has it
// too.
func (a *answer) begun() url.Values {
	out := url.Values{}
	if u, err := url.Parse(a.Location); err == nil {
		out = u.Query()
	}
	for name, value := range map[string]string{"qs": a.QS, "callback": a.Callback, "_sign": a.Sign, "serviceParam": a.ServiceParam, "sid": a.SID} {
		if value != "" && out.Get(name) == "" {
			out.Set(name, value)
		}
	}
	return out
}

func (m *Manager) locale() string {
	if m.opt.Language == "" {
		return "en_US"
	}
	return m.opt.Language
}

func (m *Manager) showCode(f *flow, a *answer, more int) error {
	account := m.web.hosts.bases[accountHost]
	if a.code() != 0 || a.LoginURL == "" || a.LongPoll == "" {
		return fmt.Errorf("account: no QR code: %s: %w", a.says(), mi.ErrProtocol)
	}
	shown, err := m.web.hosts.lead(account, a.LoginURL)
	if err != nil {
		return err
	}
	poll, err := m.web.hosts.lead(account, a.LongPoll)
	if err != nil {
		return err
	}
	lives := seconds(a.Timeout)
	if lives <= 0 || lives > time.Hour {
		lives = codeLives
	}
	f.longPoll = poll.String()
	m.learn(f.longPoll)
	m.move(f, Step{
		Kind: QRWaiting, LoginURL: mi.Secret(shown.String()), Expires: m.opt.World.Now().Add(lives), Codes: more, Text: qrText,
	})
	return nil
}

// poll waits until the code is scanned and confirmed. A code that is too old is
// replaced a few times.
func (m *Manager) poll(ctx context.Context, f *flow) {
	ctx, done := context.WithCancel(ctx)
	defer done()
	defer context.AfterFunc(f.gone, done)()
	for ctx.Err() == nil {
		s := m.shown(f)
		left := s.Expires.Sub(m.opt.World.Now())
		switch {
		case s.Kind != QRWaiting && s.Kind != QRScanned:
			return
		case left > 0:
			if !m.pollOnce(ctx, f, left) {
				return
			}
		case s.Codes == 0:
			m.move(f, Step{Kind: QRExpired, Text: "This code is too old. Ask for a new one."})
			return
		case !m.replaceCode(ctx, f, s.Codes-1):
			return
		}
	}
}

func (m *Manager) shown(f *flow) Step {
	m.mu.Lock()
	defer m.mu.Unlock()
	return f.step
}

func (m *Manager) replaceCode(ctx context.Context, f *flow, more int) bool {
	m.stepping.Lock()
	defer m.stepping.Unlock()
	if err := m.newCode(ctx, f, more); err != nil && ctx.Err() == nil {
		m.fail(f, err)
		return false
	}
	return ctx.Err() == nil
}

// pollOnce asks once; it reports whether to go on.
func (m *Manager) pollOnce(ctx context.Context, f *flow, left time.Duration) bool {
	at, err := url.Parse(f.longPoll)
	if err != nil { // it was checked when it came
		return false
	}
	began := time.Now()
	asking, done := context.WithTimeout(ctx, left)
	a, err := m.web.json(asking, f.jar, at, nil)
	done()
	switch {
	case err != nil: // it is asked again, but not at once where it failed at once
		return rest(ctx, min(left, max(0, pollFailed-time.Since(began))))
	case a.code() == 70016:
		m.refusedOnPhone(f, a)
		return false
	case a.code() != 0: // whatever it is, this code gets nobody in
		m.show(f, func(s *Step) { s.Expires = m.opt.World.Now() })
		return rest(ctx, min(left, pollPause))
	case a.Location == "":
		m.show(f, func(s *Step) { s.Kind, s.Text = QRScanned, "Scanned. Now tap Confirm on the phone." })
		return rest(ctx, min(left, pollPause))
	}
	m.confirmed(ctx, f, a)
	return false
}

func (m *Manager) refusedOnPhone(f *flow, a *answer) {
	m.stepping.Lock()
	defer m.stepping.Unlock()
	m.fail(f, fmt.Errorf("account: QR code: %s: %w", a.says(), errSaidNo))
}

// errSaidNo says that somebody refused the sign-in on the phone.
var errSaidNo error = &kind{"refused on the phone", mi.ErrDenied}

// confirmed ends a sign-in by QR code.
func (m *Manager) confirmed(ctx context.Context, f *flow, a *answer) {
	m.stepping.Lock()
	defer m.stepping.Unlock()
	s, err := m.web.serviceToken(ctx, f.jar, a)
	if err == nil {
		err = m.complete(f, s)
	}
	if err != nil && ctx.Err() == nil {
		m.fail(f, err)
	}
}
