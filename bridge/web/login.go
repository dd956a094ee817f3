package web

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// loginData is what the page of the sign-in shows.
type loginData struct {
	Login
	Accounts []Account
	Missing  bool // there is no sign-in in this bridge
	Typing   bool // somebody wants to type devices in
	QR       template.HTML
	Left     int // seconds of the code
	Of       int
	Picture  template.URL
	Again    int // seconds until another code can be sent
	Asked    int // regions that have answered
	Total    int // devices in all regions
}

// errNoAccounts is for bridges that run without accounts.
var errNoAccounts = fmt.Errorf("this bridge knows no accounts: %w", mi.ErrUnsupported)

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "login", "Xiaomi account")
	data := loginData{Missing: s.opt.Accounts == nil, Typing: r.URL.Query().Has("list")}
	if s.opt.Accounts != nil {
		data.Login, data.Accounts = s.opt.Accounts.Login(), s.opt.Accounts.Accounts()
		if data.Typing && data.State == LoginDone {
			data.Login = Login{State: LoginIdle}
		}
		s.dress(&data)
	}
	p.live(topicLogin)
	p.Data = data
	s.show(w, http.StatusOK, "login", p)
}

// dress works out what the page shows of a sign-in.
func (s *Server) dress(d *loginData) {
	now := s.opt.World.Now()
	if d.URL != "" {
		d.QR = qrCode(d.URL)
		d.Of = 300
		d.Left = min(d.Of, max(0, int(d.Expires.Sub(now)/time.Second)))
	}
	// The kind of picture is one of a list, and its bytes are text by now.
	if slices.Contains([]string{"image/png", "image/jpeg", "image/gif"}, d.PictureType) {
		d.Picture = template.URL("data:" + d.PictureType + ";base64," + base64.StdEncoding.EncodeToString(d.Login.Picture)) //nolint:gosec // see above
	}
	d.Again = max(0, int(d.AgainAt.Sub(now)/time.Second))
	for _, region := range d.Regions {
		if region.Asked {
			d.Asked++
		}
		d.Total += region.Devices
	}
}

// loginBegin starts a sign-in from a page.
func (s *Server) loginBegin(w http.ResponseWriter, r *http.Request) {
	s.loginStep(w, r, func() error {
		_, err := s.opt.Accounts.Begin(r.Context(), Begin{
			Method: r.PostFormValue("method"), User: r.PostFormValue("user"), Password: mi.Secret(r.PostFormValue("password")),
		})
		return err
	})
}

// loginAnswer goes on with a sign-in from a page.
func (s *Server) loginAnswer(w http.ResponseWriter, r *http.Request) {
	s.loginStep(w, r, func() error {
		_, err := s.opt.Accounts.Answer(r.Context(), Answer{
			Kind: r.PostFormValue("kind"), Text: r.PostFormValue("text"), Password: mi.Secret(r.PostFormValue("password")),
		})
		return err
	})
}

func (s *Server) loginCancel(w http.ResponseWriter, r *http.Request) {
	s.loginStep(w, r, func() error {
		s.opt.Accounts.Cancel()
		return nil
	})
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	s.loginStep(w, r, func() error { return leave(s.opt.Accounts, r.PostFormValue("account")) })
}

// leave signs an account out. A sign-in that ended well is over then.
func leave(a Accounts, account string) error {
	err := a.SignOut(account)
	if err == nil && a.Login().State == LoginDone {
		a.Cancel()
	}
	return err
}

// loginStep does something to the sign-in and shows where it stands then: every
// step is kept by the bridge, so to load the page again shows it again.
func (s *Server) loginStep(w http.ResponseWriter, r *http.Request, do func() error) {
	err := errNoAccounts
	if s.opt.Accounts != nil {
		err = do()
	}
	if err != nil && !errors.Is(err, mi.ErrInvalid) { // a step too late: the page shows the one that it is at
		s.fail(w, r, err)
		return
	}
	see(w, r, "login#step")
}

func (s *Server) loginEndpoints() []endpoint {
	return []endpoint{
		{method: "GET", path: "login", does: "Where the sign-in stands", out: Login{}, handle: s.apiLogin},
		{method: "POST", path: "login", does: "Begin a sign-in by qr, password or token", in: Begin{}, out: Login{}, handle: s.apiLoginBegin},
		{method: "POST", path: "login/answer", does: "Go on with what the state asks for", in: Answer{}, out: Login{}, handle: s.apiLoginAnswer},
		{method: "POST", path: "login/cancel", does: "Drop the sign-in", out: Login{}, handle: s.apiLoginCancel},
		{method: "GET", path: "accounts", does: "How things stand with each account", out: list[Account]{}, handle: s.apiAccounts},
		{method: "DELETE", path: "accounts/{id}", does: "Sign out", out: accepted{}, handle: s.apiSignOut},
	}
}

// accounts returns the accounts; it answers by itself when there are none to be had.
func (s *Server) accounts(w http.ResponseWriter) Accounts {
	if s.opt.Accounts == nil {
		writeProblem(w, failed(errNoAccounts))
		return nil
	}
	return s.opt.Accounts
}

func (s *Server) apiLogin(w http.ResponseWriter, _ *http.Request) {
	if a := s.accounts(w); a != nil {
		writeJSON(w, http.StatusOK, a.Login())
	}
}

func (s *Server) apiLoginBegin(w http.ResponseWriter, r *http.Request) {
	var in Begin
	if a := s.accounts(w); a != nil && s.read(w, r, &in) {
		out, err := a.Begin(r.Context(), in)
		s.answer(w, out, err)
	}
}

func (s *Server) apiLoginAnswer(w http.ResponseWriter, r *http.Request) {
	var in Answer
	if a := s.accounts(w); a != nil && s.read(w, r, &in) {
		out, err := a.Answer(r.Context(), in)
		s.answer(w, out, err)
	}
}

func (s *Server) apiLoginCancel(w http.ResponseWriter, _ *http.Request) {
	if a := s.accounts(w); a != nil {
		a.Cancel()
		writeJSON(w, http.StatusOK, a.Login())
	}
}

func (s *Server) apiAccounts(w http.ResponseWriter, _ *http.Request) {
	if a := s.accounts(w); a != nil {
		all := a.Accounts()
		writeJSON(w, http.StatusOK, list[Account]{Items: append([]Account{}, all...), Total: len(all)})
	}
}

func (s *Server) apiSignOut(w http.ResponseWriter, r *http.Request) {
	if a := s.accounts(w); a != nil {
		s.answer(w, accepted{true}, leave(a, r.PathValue("id")))
	}
}
