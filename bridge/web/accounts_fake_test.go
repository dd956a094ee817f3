package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// desk is where a sign-in stands, for tests.
type desk struct {
	mu       sync.Mutex
	at       Login
	accounts []Account
	said     []string
	err      error
}

func (d *desk) note(what string) (Login, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = append(d.said, what)
	return d.at, d.err
}

func (d *desk) heard() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.said, "; ")
}

func (d *desk) Accounts() []Account { return d.accounts }

func (d *desk) Login() Login {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *desk) Begin(_ context.Context, b Begin) (Login, error) {
	return d.note(fmt.Sprintf("begin %s %s %s", b.Method, b.User, b.Password.Reveal()))
}

func (d *desk) Answer(_ context.Context, a Answer) (Login, error) {
	return d.note(fmt.Sprintf("answer %s %s", a.Kind, a.Text))
}

func (d *desk) Cancel() { _, _ = d.note("cancel") }

func (d *desk) SignOut(account string) error {
	_, err := d.note("out " + account)
	return err
}

func (d *desk) Watch(ctx context.Context, _ func()) { <-ctx.Done() }

var regions = []Region{{ID: "de", Name: "Europe", Asked: true, Devices: 41}, {ID: "cn", Name: "China", Asked: true, Devices: 2}, {ID: "us", Name: "United States", Text: "no answer within 30 s"}}

// steps are all states that a sign-in can be in.
func steps() map[string]Login {
	const link = "https://account.example.org/longPolling/loginUrl?ticket=lp_0123456789ABCDEF&dc=c3&sid=xiaomiio&ts=1700000000"
	return map[string]Login{
		"idle": {State: LoginIdle}, "qr": {State: LoginQR, Method: "qr", URL: link, Expires: noon.Add(4 * time.Minute), More: 2},
		"scanned": {State: LoginScanned, Method: "qr", URL: link, Expires: noon.Add(3 * time.Minute)}, "expired": {State: LoginQRExpired, Method: "qr"},
		"captcha": {
			State: LoginCaptcha, Method: "password", Text: "Those characters were not right. 2 tries left.", Wrong: true, TriesLeft: 2, NeedPassword: true, PictureType: "image/gif",
			Picture: []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"),
		},
		"choice":  {State: LoginCodeChoice, Method: "password", Targets: []Target{{"email", "e…@e….org"}, {"phone", "…42"}}, CodesLeft: 3},
		"code":    {State: LoginCode, Method: "password", Target: &Target{"email", "e…@e….org"}, SentAt: noon.Add(-time.Minute), AgainAt: noon.Add(20 * time.Second), CodesLeft: 2, Text: "That code was not right or is too old.", Wrong: true, TriesLeft: 2},
		"browser": {State: LoginBrowser, Method: "password", BrowserURL: "https://account.example.org/identity"},
		"regions": {State: LoginRegions, Method: "qr", Account: "4321", Regions: regions},
		"done":    {State: LoginDone, Method: "qr", Account: "4321", Regions: regions, New: 3},
		"failed":  {State: LoginFailed, Method: "password", Text: "Xiaomi says the password is not right. It counts tries: after a few it asks for a picture.", Wrong: true},
	}
}

func account() Account {
	return Account{ID: "4321", Label: "an…@example.org", State: "expiring", Text: "Your Xiaomi sign-in ends soon.", Regions: regions, Devices: 43}
}

func TestEveryStepOfASignInIsShown(t *testing.T) {
	d := &desk{accounts: []Account{account()}}
	s := serve(t, newHouse(5), func(o *Options) { o.Accounts = d })
	for name, want := range map[string][]string{
		"idle": {"Show the QR code", "Ends soon", "Sign in again", "Sign in with another account", `type="password"`}, "qr": {"<svg role=\"img\"", "account.example.org", "New code in", `data-count="240">4:00<`, "Sign in on this phone"},
		"scanned": {"Now tap Confirm"}, "expired": {"New code"},
		"captcha": {"data:image/gif;base64,", "Your password was not refused", "2 tries left", "New picture", "once more"}, "choice": {"e…@e….org", `value="phone"`},
		"code": {`autocomplete="one-time-code"`, "not right or is too old", "possible in", ">0:20<", "2 more today"}, "browser": {"paste here the address"},
		"regions": {"2 of 3 regions", "Europe"}, "done": {"Done. 43 devices", "3 of them are new", "See my devices"}, "failed": {"password is not right"},
	} {
		d.at = steps()[name]
		w := asked{path: "/login"}.of(s)
		for _, text := range want {
			if !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s lacks %q", name, text)
			}
		}
	}
	d.at = Login{State: LoginCaptcha, Picture: []byte("<svg onload=alert(1)>"), PictureType: "image/svg+xml"}
	if body := (asked{path: "/login"}.of(s)).Body.String(); strings.Contains(body, "data:image/svg") || strings.Contains(body, "<img") {
		t.Error("a picture that is none is shown")
	}
}

func TestSignInGoesOnByForms(t *testing.T) {
	d := &desk{}
	s := serve(t, newHouse(5), func(o *Options) { o.Accounts = d })
	for _, form := range []struct{ path, fields string }{
		{"begin", "method=qr"}, {"begin", "method=password&user=anna&password=hunter2"}, {"answer", "kind=captcha&text=abcd"}, {"answer", "kind=send&text=email"},
		{"answer", "kind=code&text=123456"}, {"answer", "kind=browser&text=https%3A%2F%2Fx"}, {"cancel", "a=b"}, {"out", "account=4321"},
	} {
		w := asked{method: "POST", path: "/login/" + form.path, form: form.fields + "&form=" + formOf(s)}.of(s)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "../login#step" {
			t.Errorf("%s gives %d to %q", form.path, w.Code, w.Header().Get("Location"))
		}
	}
	want := "begin qr  ; begin password anna hunter2; answer captcha abcd; answer send email; answer code 123456; answer browser https://x; cancel; out 4321"
	if got := d.heard(); got != want {
		t.Errorf("heard %s", got)
	}
	d.err = fmt.Errorf("the cloud does not answer: %w", mi.ErrTimeout)
	if w := (asked{method: "POST", path: "/login/begin", form: "method=qr&form=" + formOf(s)}.of(s)); w.Code != http.StatusGatewayTimeout {
		t.Errorf("a silent cloud gives %d", w.Code)
	}
	auth := asked{method: "POST", path: "/api/v1/login", json: `{"method":"qr"}`, header: map[string]string{"X-Form-Token": formOf(s)}}
	d.err, d.at = nil, steps()["qr"]
	if w := auth.of(s); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"state":"qr_waiting"`) {
		t.Errorf("the API gives %d %s", w.Code, w.Body)
	}
}
