package account

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const sendPause = time.Minute // between two codes

// way is a way to prove one's identity.
type way struct {
	flag    string
	name    string // id of its Target
	verb    string // in paths
	address string // how the quota calls it
}

var ways = []way{{"8", "email", "Email", "EM"}, {"4", "phone", "Phone", "PH"}}

func wayOf(name string) (way, bool) {
	i := slices.IndexFunc(ways, func(w way) bool { return w.name == name })
	if i < 0 {
		return way{}, false
	}
	return ways[i], true
}

// startIdentity begins what Xiaomi asks for beside the password: a code, or
// something that only a browser can do.
func (m *Manager) startIdentity(ctx context.Context, f *flow, address string) error {
	at, err := m.web.hosts.lead(m.web.hosts.bases[accountHost], address)
	if err != nil {
		return err
	}
	f.identity = at.String()
	m.learn(f.identity)
	list := *at
	list.Path = strings.Replace(strings.Replace(at.Path, "/fe/service/identity/authStart", "/identity/list", 1), "/identity/authStart", "/identity/list", 1)
	if list.Path == at.Path {
		m.toBrowser(f)
		return nil
	}
	a, err := m.web.json(ctx, f.jar, &list, nil)
	if err != nil {
		return err
	}
	targets, err := m.targets(ctx, f, a)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		m.toBrowser(f)
		return nil
	}
	m.move(f, Step{Kind: CodeChoice, Targets: targets, CodesLeft: -1, Text: "Xiaomi sends a code. Where to?"})
	return nil
}

func (m *Manager) toBrowser(f *flow) {
	m.move(f, Step{Kind: Browser, BrowserURL: mi.Secret(f.identity), Text: words(ErrVerify)})
}

// targets asks where codes can go. The default comes first.
func (m *Manager) targets(ctx context.Context, f *flow, a *answer) ([]Target, error) {
	options := a.Options
	if len(options) == 0 {
		options = []text{a.Flag}
	}
	var out []Target
	for _, w := range ways {
		if !slices.Contains(options, text(w.flag)) {
			continue
		}
		masked, err := m.mask(ctx, f, w)
		if err != nil {
			return nil, err
		}
		t := Target{w.name, masked}
		if string(a.Flag) == w.flag {
			out = slices.Insert(out, 0, t)
		} else {
			out = append(out, t)
		}
	}
	return out, nil
}

// mask chooses a way on Xiaomi's side, which tells the masked address.
func (m *Manager) mask(ctx context.Context, f *flow, w way) (string, error) {
	a, err := m.web.json(ctx, f.jar, m.web.account("/identity/auth/verify"+w.verb, url.Values{"_flag": {w.flag}, "_json": {"true"}}), nil)
	if err != nil {
		return "", err
	}
	f.asked = w.name
	if w.name == "email" {
		return clean(a.MaskedEmail), nil
	}
	return clean(a.MaskedPhone), nil
}

// SendCode has a code sent to the target of that id, one per call; steps
// CodeChoice and Code.
func (m *Manager) SendCode(ctx context.Context, target string) (Step, error) {
	return m.act(ctx, func(ctx context.Context, f *flow) error {
		i := slices.IndexFunc(f.step.Targets, func(t Target) bool { return t.ID == target })
		if i < 0 {
			return fmt.Errorf("account: %.20q: %w", target, errNoTarget)
		}
		if wait := f.step.AgainAt.Sub(m.opt.World.Now()); wait > 0 {
			return fmt.Errorf("account: the next code in %s: %w", wait.Round(time.Second), errTooSoon)
		}
		return m.sendTicket(ctx, f, f.step.Targets[i], "")
	}, CodeChoice, Code)
}

// sendTicket has one code sent, with what the picture shows where one was shown.
func (m *Manager) sendTicket(ctx context.Context, f *flow, t Target, characters string) error {
	w, ok := wayOf(t.ID)
	if !ok {
		return fmt.Errorf("account: %w", errNoTarget)
	}
	left := f.step.CodesLeft
	if characters == "" {
		if f.asked != w.name {
			if _, err := m.mask(ctx, f, w); err != nil {
				return err
			}
		}
		if left = m.codesLeft(ctx, f, w); left == 0 {
			return fmt.Errorf("account: %w", ErrCodeQuota)
		}
	}
	form := url.Values{"retry": {"0"}, "icode": {characters}, "_json": {"true"}}
	a, err := m.web.json(ctx, f.jar, m.web.account("/identity/auth/send"+w.verb+"Ticket", m.moment()), form)
	if err != nil {
		return err
	}
	return m.ticketSent(ctx, f, t, a, left, characters != "")
}

// moment is the query that keeps answers from being served from a cache.
func (m *Manager) moment() url.Values {
	return url.Values{"_dc": {strconv.FormatInt(m.opt.World.Now().UnixMilli(), 10)}}
}

func (m *Manager) ticketSent(ctx context.Context, f *flow, t Target, a *answer, left int, withPicture bool) error {
	switch {
	case asksForPicture(a):
		m.show(f, func(s *Step) { s.Target, s.CodesLeft = t, left })
		return m.pictureForTicket(ctx, f, a, withPicture)
	case a.code() == 70022:
		return fmt.Errorf("account: %s: %w", a.says(), ErrCodeQuota)
	case a.code() == 20024:
		return fmt.Errorf("account: %s: %w", a.says(), &limit{ErrLimited, seconds(a.Data.Wait)})
	case a.code() != 0:
		return fmt.Errorf("account: no code was sent: %s: %w", a.says(), mi.ErrProtocol)
	}
	now := m.opt.World.Now()
	if left > 0 {
		left--
	}
	m.move(f, Step{
		Kind: Code, Targets: f.step.Targets, Target: t, SentAt: now, AgainAt: now.Add(sendPause),
		CodesLeft: left, TriesLeft: maxTries, Text: "Sent to " + named(t) + ".",
	})
	return nil
}

func named(t Target) string {
	switch {
	case t.Masked != "":
		return t.Masked
	case t.ID == "email":
		return "your e-mail address"
	}
	return "your phone"
}

// pictureForTicket shows the picture that stands before a code.
func (m *Manager) pictureForTicket(ctx context.Context, f *flow, a *answer, wrong bool) error {
	if a.CaptchaURL != "" {
		f.captcha = a.CaptchaURL
	}
	if f.captcha == "" {
		f.captcha = "/pass/getCode?icodeType=login"
	}
	tries := maxTries
	if wrong {
		tries = f.step.TriesLeft - 1
	}
	return m.showPicture(ctx, f, wrong, tries)
}

// codesLeft asks how many codes Xiaomi still sends today; -1 is unknown.
func (m *Manager) codesLeft(ctx context.Context, f *flow, w way) int {
	form := url.Values{"addressType": {w.address}, "contentType": {"160040"}, "_json": {"true"}}
	a, err := m.web.json(ctx, f.jar, m.web.account("/identity/pass/sms/userQuota", nil), form)
	if err != nil || a.code() != 0 {
		return -1
	}
	n, err := strconv.Atoi(string(a.Info))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// AnswerCode sends the code that came by message or mail.
func (m *Manager) AnswerCode(ctx context.Context, code string) (Step, error) {
	return m.act(ctx, func(ctx context.Context, f *flow) error {
		code = strings.Join(strings.Fields(code), "")
		w, ok := wayOf(f.step.Target.ID)
		if code == "" || len(code) > 16 || !ok {
			return fmt.Errorf("account: %w", errNoCode)
		}
		form := url.Values{"_flag": {w.flag}, "ticket": {code}, "trust": {"false"}, "_json": {"true"}}
		a, err := m.web.json(ctx, f.jar, m.web.account("/identity/auth/verify"+w.verb, m.moment()), form)
		if err != nil {
			return err
		}
		return m.codeAnswered(ctx, f, a)
	}, Code)
}

func (m *Manager) codeAnswered(ctx context.Context, f *flow, a *answer) error {
	switch {
	case a.code() == 0 && a.Location != "":
		return m.afterCode(ctx, f, a.Location)
	case a.code() == 70022:
		return fmt.Errorf("account: %s: %w", a.says(), ErrCodeQuota)
	case a.code() != 70014:
		return fmt.Errorf("account: %s: %w", a.says(), mi.ErrProtocol)
	}
	left := f.step.TriesLeft - 1
	if left <= 0 {
		return fmt.Errorf("account: %d wrong codes: %w", maxTries, errTooMany)
	}
	m.show(f, func(s *Step) {
		s.TriesLeft, s.Err = left, ErrWrongCode
		s.Text = words(ErrWrongCode) + " " + count(left, "try", "tries") + " left."
	})
	m.saveFlow(f)
	return nil
}

// afterCode follows where a good code leads. The session either hides in the
// headers on the way, or comes when the first step is done again.
func (m *Manager) afterCode(ctx context.Context, f *flow, location string) error {
	at, err := m.web.hosts.lead(m.web.hosts.bases[accountHost], location)
	if err != nil {
		return err
	}
	_, s, err := m.web.walk(ctx, f.jar, at)
	if err != nil {
		return err
	}
	if s.passToken == "" {
		s.passToken = f.jar.find("passToken")
	}
	if s.userID == "" {
		s.userID = f.jar.find("userId")
	}
	if s.whole() && s.passToken != "" {
		return m.complete(f, s)
	}
	a, err := m.web.first(ctx, f.jar)
	if err != nil {
		return err
	}
	switch {
	case a.Location != "" && a.Ssecurity != "":
	case s.whole(): // it works until it ends, and cannot be renewed
		return m.complete(f, s)
	default:
		return fmt.Errorf("account: after the code: %s: %w", a.says(), errNotThere)
	}
	if s, err = m.web.serviceToken(ctx, f.jar, a); err != nil {
		return err
	}
	return m.complete(f, s)
}

// errNotThere says that Xiaomi is not satisfied yet.
var errNotThere error = &kind{"Xiaomi still wants a confirmation", ErrVerify}

// AnswerBrowser takes the address on which the browser ended; step Browser.
func (m *Manager) AnswerBrowser(ctx context.Context, address string) (Step, error) {
	return m.act(ctx, func(ctx context.Context, f *flow) error {
		address = strings.TrimSpace(address)
		if u, err := url.Parse(address); err != nil || u.Host == "" || len(address) > 8192 {
			return fmt.Errorf("account: %w", errNoAddress)
		}
		m.learn(address)
		if _, err := m.web.hosts.lead(m.web.hosts.bases[accountHost], address); err != nil {
			return fmt.Errorf("account: not Xiaomi's: %w", errNoAddress)
		}
		err := m.afterCode(ctx, f, address)
		if err != nil && f.hash != "" && final(err) { // the browser has satisfied Xiaomi for this device
			return m.sendPassword(ctx, f, "", maxTries)
		}
		return err
	}, Browser)
}
