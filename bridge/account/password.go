package account

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	maxTries   = 3
	maxPicture = 1 << 20
)

// StartPassword begins a sign-in by password. The password is forgotten with the
// sign-in and never kept.
func (m *Manager) StartPassword(ctx context.Context, user string, password mi.Secret) (Step, error) {
	user = strings.TrimSpace(user)
	if user == "" || len(user) > 200 || password == "" || len(password) > 200 {
		return m.Login(), fmt.Errorf("account: a name and a password are needed: %w", mi.ErrInvalid)
	}
	m.learn(password.Reveal(), passwordHash(password))
	return m.start(ctx, byPassword, func(ctx context.Context, f *flow) error {
		f.user, f.hash = user, passwordHash(password)
		a, err := m.web.first(ctx, f.jar)
		if err != nil {
			return err
		}
		f.begun = *a
		return m.sendPassword(ctx, f, "", maxTries)
	})
}

// sendPassword is the second step, with what the picture shows where one was shown.
func (m *Manager) sendPassword(ctx context.Context, f *flow, characters string, tries int) error {
	form := url.Values{
		"_json": {"true"}, "sid": {f.begun.SID}, "callback": {f.begun.Callback}, "_sign": {f.begun.Sign}, "qs": {f.begun.QS},
		"user": {f.user}, "hash": {f.hash},
	}
	if f.begun.ServiceParam != "" {
		form.Set("serviceParam", f.begun.ServiceParam)
	}
	query := url.Values{}
	if characters != "" {
		form.Set("captCode", characters)
		query.Set("_dc", strconv.FormatInt(m.opt.World.Now().UnixMilli(), 10))
	}
	a, err := m.web.json(ctx, f.jar, m.web.account("/pass/serviceLoginAuth2", query), form)
	if err != nil {
		return err
	}
	return m.passwordAnswered(ctx, f, a, characters != "", tries)
}

func (m *Manager) passwordAnswered(ctx context.Context, f *flow, a *answer, withPicture bool, tries int) error {
	switch {
	case a.Location != "":
		s, err := m.web.serviceToken(ctx, f.jar, a)
		if err != nil {
			return err
		}
		return m.complete(f, s)
	case a.CaptchaURL != "":
		if withPicture {
			tries--
		}
		f.captcha = a.CaptchaURL
		return m.showPicture(ctx, f, withPicture, tries)
	case a.NotificationURL != "":
		return m.startIdentity(ctx, f, a.NotificationURL)
	}
	return fmt.Errorf("account: %s: %w", a.says(), passwordRefused(a))
}

// passwordRefused is the kind of an answer that is none of the good ones.
func passwordRefused(a *answer) error {
	switch a.code() {
	case 20003, 70002:
		return ErrBadCredentials
	case 70016:
		return ErrRiskControl
	case 87001:
		return ErrCaptcha
	case 81003:
		return ErrVerify
	case 20024:
		return &limit{ErrLimited, seconds(a.Data.Wait)}
	case 70014:
		return ErrWrongCode
	case 70022:
		return ErrCodeQuota
	}
	return mi.ErrProtocol
}

// showPicture fetches a picture and shows it. wrong means that the one before was
// answered wrongly.
func (m *Manager) showPicture(ctx context.Context, f *flow, wrong bool, tries int) error {
	if tries <= 0 {
		return fmt.Errorf("account: %d wrong answers to the picture: %w", maxTries, errTooMany)
	}
	at, err := m.web.hosts.lead(m.web.hosts.bases[accountHost], f.captcha)
	if err != nil {
		return err
	}
	p, err := m.web.ask(ctx, f.jar, at, nil)
	if err != nil {
		return err
	}
	if err := p.good(); err != nil {
		return err
	}
	kind := pictureType(p.body)
	if kind == "" || len(p.body) > maxPicture {
		return fmt.Errorf("account: no picture came (%s): %w", start(p.body), ErrHTML)
	}
	next := Step{Kind: Captcha, Picture: p.body, PictureType: kind, TriesLeft: tries, Text: words(ErrCaptcha)}
	next.Targets, next.Target, next.CodesLeft = f.step.Targets, f.step.Target, f.step.CodesLeft
	next.NeedPassword = f.hash == "" && f.identity == ""
	if wrong {
		next.Err, next.Text = ErrCaptcha, fmt.Sprintf("Those were not the characters in the picture. %s left. Your password was not refused.", count(tries, "try", "tries"))
	}
	m.move(f, next)
	return nil
}

// errTooMany ends a sign-in in which an answer was wrong too often.
var errTooMany error = &kind{"too many wrong answers", mi.ErrDenied}

// pictureType looks at the bytes, whatever the server calls them.
func pictureType(body []byte) string {
	switch kind := http.DetectContentType(body); kind {
	case "image/png", "image/jpeg", "image/gif":
		return kind
	}
	return ""
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// NewPicture fetches another picture; step Captcha.
func (m *Manager) NewPicture(ctx context.Context) (Step, error) {
	return m.act(ctx, func(ctx context.Context, f *flow) error {
		return m.showPicture(ctx, f, false, f.step.TriesLeft)
	}, Captcha)
}

// AnswerCaptcha sends what the picture shows, and the password where
// Step.NeedPassword asks for it.
func (m *Manager) AnswerCaptcha(ctx context.Context, characters string, password mi.Secret) (Step, error) {
	return m.act(ctx, func(ctx context.Context, f *flow) error {
		characters = strings.TrimSpace(characters)
		if characters == "" || len(characters) > 32 {
			return fmt.Errorf("account: no characters: %w", errNoCharacters)
		}
		if f.identity != "" {
			return m.sendTicket(ctx, f, f.step.Target, characters)
		}
		if f.hash == "" {
			if password == "" {
				return fmt.Errorf("account: no password: %w", errNoPassword)
			}
			m.learn(password.Reveal(), passwordHash(password))
			f.hash = passwordHash(password)
		}
		return m.sendPassword(ctx, f, characters, f.step.TriesLeft)
	}, Captcha)
}

// The kinds of answers that say nothing.
var (
	errNoCharacters error = &kind{"no characters", mi.ErrInvalid}
	errNoPassword   error = &kind{"no password", mi.ErrInvalid}
	errNoCode       error = &kind{"no code", mi.ErrInvalid}
	errNoAddress    error = &kind{"no address", mi.ErrInvalid}
	errNoTarget     error = &kind{"no such target", mi.ErrInvalid}
	errTooSoon      error = &kind{"too soon", mi.ErrInvalid}
)

// asksForPicture reports whether an answer wants a picture read.
func asksForPicture(a *answer) bool { return a.CaptchaURL != "" || a.code() == 87001 }
