package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

type loginCmd struct {
	QR   string `name:"qr" enum:"auto,small,large,ascii,none" default:"auto" help:"How to draw the QR code: auto, small, large, ascii or none. The link always says the same."`
	User string `help:"Sign in with a password instead: e-mail, phone or number of the account. The password is asked for, or taken from the variable XIAOMI_PASSWORD." placeholder:"NAME"`
}

// passwordVariable holds the password for who cannot type it.
const passwordVariable = "XIAOMI_PASSWORD"

// Run signs in to a Xiaomi account: in the running bridge, or for its next start.
func (c *loginCmd) Run(p *process) error {
	r, err := p.running(p.ctx)
	switch {
	case errors.Is(err, errNone):
		p.hint("%s: signing in for its next start.", sentence(err.Error()))
		return c.alone(p, account.Hosts{})
	case err != nil:
		return err
	}
	s := c.session(p, remoteLogin{r})
	if err := s.signIn(p.ctx); err != nil || p.JSON {
		return err
	}
	return s.reach(p.ctx, r)
}

// alone signs in with the data folder alone, at some servers.
func (c *loginCmd) alone(p *process, at account.Hosts) error {
	d, run, err := p.accounts(at)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(p.ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	err = c.session(p, localLogin{d}).signIn(ctx)
	stop()
	if err = errors.Join(err, <-ended); err == nil {
		p.hint("Next: mihome2mqtt, or mihome2mqtt devices")
	}
	return err
}

func (c *loginCmd) session(p *process, who signer) *session {
	return &session{p: p, who: who, cmd: c, person: p.newPrompter(p.in)}
}

// signer carries out the steps of a sign-in.
type signer interface {
	login(context.Context) (web.Login, error)
	begin(context.Context, web.Begin) (web.Login, error)
	answer(context.Context, web.Answer) (web.Login, error)
	accounts(context.Context) ([]web.Account, error)
}

// remoteLogin signs in through the running bridge.
type remoteLogin struct{ r *running }

func (l remoteLogin) login(ctx context.Context) (out web.Login, err error) {
	err = told(l.r.get(ctx, "login", &out))
	return out, err
}

func (l remoteLogin) begin(ctx context.Context, b web.Begin) (out web.Login, err error) {
	in := map[string]string{"method": b.Method, "user": b.User, "password": b.Password.Reveal()}
	err = told(l.r.post(ctx, "login", in, &out))
	return out, err
}

func (l remoteLogin) answer(ctx context.Context, a web.Answer) (out web.Login, err error) {
	in := map[string]string{"kind": a.Kind, "text": a.Text, "password": a.Password.Reveal()}
	err = told(l.r.post(ctx, "login/answer", in, &out))
	return out, err
}

func (l remoteLogin) accounts(ctx context.Context) ([]web.Account, error) {
	all, err := collect[web.Account](ctx, l.r, "accounts")
	return all, told(err)
}

// localLogin signs in by ourselves.
type localLogin struct{ all web.Accounts }

func (l localLogin) login(context.Context) (web.Login, error) { return l.all.Login(), nil }

func (l localLogin) begin(ctx context.Context, b web.Begin) (web.Login, error) {
	return l.all.Begin(ctx, b)
}

func (l localLogin) answer(ctx context.Context, a web.Answer) (web.Login, error) {
	return l.all.Answer(ctx, a)
}

func (l localLogin) accounts(context.Context) ([]web.Account, error) { return l.all.Accounts(), nil }

// session is one sign-in of a person.
type session struct {
	p      *process
	who    signer
	cmd    *loginCmd
	person *prompter
	shown  string // link that was shown last
	waits  *progress
}

// lookEvery is how often the state of a sign-in is looked at.
const lookEvery = 300 * time.Millisecond

// signIn leads a person through a sign-in. One that is under way is gone on with.
func (s *session) signIn(ctx context.Context) error {
	now, err := s.who.login(ctx)
	if err != nil {
		return err
	}
	if s.cmd.User != "" || !underWay(now.State) {
		now, err = s.begin(ctx)
	} else {
		s.p.hint("Going on with the sign-in that is under way.")
	}
	for err == nil {
		if s.p.JSON {
			err = json.NewEncoder(s.p.raw).Encode(now) // with the link
		}
		if now.State == web.LoginDone {
			return errors.Join(err, s.done(ctx, now))
		}
		if err == nil {
			now, err = s.step(ctx, now)
		}
	}
	s.waits.end()
	return err
}

func underWay(state string) bool {
	switch state {
	case web.LoginQR, web.LoginScanned, web.LoginCaptcha, web.LoginCodeChoice, web.LoginCode, web.LoginBrowser, web.LoginRegions:
		return true
	}
	return false
}

func (s *session) begin(ctx context.Context) (web.Login, error) {
	if s.cmd.User == "" {
		return s.who.begin(ctx, web.Begin{Method: "qr"})
	}
	password, err := s.password(ctx)
	if err != nil {
		return web.Login{}, err
	}
	return s.who.begin(ctx, web.Begin{Method: "password", User: s.cmd.User, Password: password})
}

// password comes from the environment, or is typed unseen. It is never kept.
func (s *session) password(ctx context.Context) (mi.Secret, error) {
	if text := config.Lookup(s.p.environ, passwordVariable); text != "" {
		os.Unsetenv(passwordVariable)
		s.p.secrets.Add(mi.Secret(text))
		return mi.Secret(text), nil
	}
	return s.person.secret(ctx, "Password of "+s.cmd.User)
}

// step does what a state asks for, and returns what comes next.
func (s *session) step(ctx context.Context, now web.Login) (web.Login, error) {
	if now.Wrong && now.Text != "" && now.State != web.LoginFailed {
		s.p.hint("%s %s", s.p.side.mark(markWarn), now.Text)
	}
	switch now.State {
	case web.LoginQR, web.LoginScanned, web.LoginRegions:
		return s.wait(ctx, now)
	case web.LoginQRExpired:
		if _, err := s.person.ask(ctx, "This code is too old. Enter for a new one"); err != nil {
			return now, err
		}
		return s.who.begin(ctx, web.Begin{Method: "qr"})
	case web.LoginCaptcha:
		return s.captcha(ctx, now)
	case web.LoginCodeChoice:
		return s.choose(ctx, now)
	case web.LoginCode:
		return s.code(ctx, now)
	case web.LoginBrowser:
		s.say("Xiaomi wants this sign-in confirmed in a browser. Open this link there:\n  %s\n", now.BrowserURL)
		text, err := s.person.ask(ctx, "Address that you end up on")
		if err != nil {
			return now, err
		}
		return s.who.answer(ctx, web.Answer{Kind: "browser", Text: text})
	}
	return now, &failure{exitSignIn, errors.New(strings.TrimSuffix(orWord(now.Text, "the sign-in has ended"), "."))}
}

// say writes what would be masked elsewhere: the link that only this person may see.
func (s *session) say(format string, args ...any) {
	if s.p.JSON {
		return
	}
	_ = s.p.out.Flush() // the end of the process reports what cannot be written
	fmt.Fprintf(s.p.raw, format, args...)
}
