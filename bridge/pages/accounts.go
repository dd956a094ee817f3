package pages

import (
	"context"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Accounts are the Xiaomi accounts as the pages see them.
type Accounts struct{ *account.Manager }

var _ web.Accounts = Accounts{}

// Accounts implements web.Accounts.
func (a Accounts) Accounts() []web.Account {
	out := []web.Account{}
	for _, s := range a.Manager.Accounts() {
		out = append(out, web.Account{
			ID: s.ID, Label: s.Label, State: string(s.Condition), Since: s.Since, Until: s.Until, Text: s.Text,
			Verify: s.VerifyURL.Reveal(), Regions: shownRegions(s.Regions), Devices: s.Devices,
		})
	}
	return out
}

func shownRegions(all []account.Region) []web.Region {
	out := []web.Region{}
	for _, r := range all {
		out = append(out, web.Region{ID: r.ID, Name: r.Name, Asked: r.Asked, Devices: r.Devices, Text: r.Text})
	}
	return out
}

// Login implements web.Accounts.
func (a Accounts) Login() web.Login { return shownStep(a.Manager.Login()) }

func shownStep(s account.Step) web.Login {
	out := web.Login{
		State: string(s.Kind), Method: s.Method, Account: s.Account, Text: s.Text, Wrong: s.Err != nil,
		URL: s.LoginURL.Reveal(), Expires: s.Expires, More: s.Codes, Picture: s.Picture, PictureType: s.PictureType, NeedPassword: s.NeedPassword,
		SentAt: s.SentAt, AgainAt: s.AgainAt, CodesLeft: s.CodesLeft, TriesLeft: s.TriesLeft,
		BrowserURL: s.BrowserURL.Reveal(), Regions: shownRegions(s.Regions), New: len(s.New),
	}
	if s.Kind == account.Idle {
		out.State = web.LoginIdle
	}
	for _, t := range s.Targets {
		out.Targets = append(out.Targets, web.Target(t))
	}
	if s.Target.ID != "" {
		t := web.Target(s.Target)
		out.Target = &t
	}
	return out
}

// Begin implements web.Accounts.
func (a Accounts) Begin(ctx context.Context, b web.Begin) (web.Login, error) {
	switch b.Method {
	case "qr":
		return step(a.StartQR(ctx))
	case "password":
		return step(a.StartPassword(ctx, b.User, b.Password))
	case "token":
		return step(a.StartToken(ctx, b.User, b.Password))
	}
	return web.Login{}, fmt.Errorf("a sign-in is by qr, password or token, not by %q: %w", b.Method, mi.ErrInvalid)
}

// Answer implements web.Accounts.
func (a Accounts) Answer(ctx context.Context, in web.Answer) (web.Login, error) {
	switch in.Kind {
	case "captcha":
		return step(a.AnswerCaptcha(ctx, in.Text, in.Password))
	case "picture":
		return step(a.NewPicture(ctx))
	case "send":
		return step(a.SendCode(ctx, in.Text))
	case "code":
		return step(a.AnswerCode(ctx, in.Text))
	case "browser":
		return step(a.AnswerBrowser(ctx, in.Text))
	}
	return web.Login{}, fmt.Errorf("an answer is to captcha, picture, send, code or browser, not to %q: %w", in.Kind, mi.ErrInvalid)
}

func step(s account.Step, err error) (web.Login, error) { return shownStep(s), err }

// Cancel implements web.Accounts.
func (a Accounts) Cancel() { a.CancelLogin() }
