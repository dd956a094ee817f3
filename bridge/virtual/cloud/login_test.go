package cloud

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestPasswordLetsIn(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		a := s.knock(User, Password.Reveal())
		if a.code() != "0" || a.str("userId") != strconv.FormatInt(AnnaID, 10) {
			t.Fatalf("login: %s", a.text)
		}
		if n, err := strconv.ParseInt(a.str("nonce"), 10, 64); err != nil || n < 1<<53 {
			t.Errorf("nonce %s fits into a float64: clients that lose digits go unnoticed", a.str("nonce"))
		}
		g := s.enter(a)
		status, text := g.call("/home/device_list", "{}")
		if status != 200 {
			t.Fatalf("list: %d %s", status, text)
		}
		s.want(text, `"did":"460000000"`, `"name":"Garage plug"`, s.home.Infos()[0].Token.Reveal())
		if again := s.send(a.str("location"), nil); again.status != 401 {
			t.Errorf("a ticket was taken twice: %d %s", again.status, again.text)
		}
	})
}

func TestPasswordIsRefused(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		for _, tc := range []struct{ name, user, password, code string }{
			{"wrong password", User, "no", "70016"},
			{"unknown user", "eve@example.com", "no", "20003"},
			{"another's password", "otto@example.com", Password.Reveal(), "70016"},
		} {
			if a := s.knock(tc.user, tc.password); a.code() != tc.code || a.str("location") != "" {
				t.Errorf("%s: %s, want code %s", tc.name, a.text, tc.code)
			}
		}
		s.cloud.Change(Mood{Distrust: true})
		if a := s.knock(User, Password.Reveal()); a.code() != "70016" {
			t.Errorf("a distrustful cloud says %s", a.text)
		}
		if a := s.send("/pass/serviceLoginAuth2", url.Values{"sid": {"xiaomiio"}, "user": {User}}); a.code() != "10017" {
			t.Errorf("without the first step: %s", a.text)
		}
	})
}

func TestClientSignIsChecked(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		a := s.knock(User, Password.Reveal())
		n, _ := strconv.ParseInt(a.str("nonce"), 10, 64)
		rounded := int64(float64(n))
		if got := s.send(a.str("location")+"&clientSign="+url.QueryEscape(clientSign(rounded+1, a.str("ssecurity"))), nil); got.status != 401 {
			t.Errorf("a wrong clientSign is taken: %d", got.status)
		}
		if got := s.send(a.str("location")+"&clientSign="+url.QueryEscape(clientSign(n, a.str("ssecurity"))), nil); got.text != "ok" {
			t.Errorf("the right clientSign: %d %s", got.status, got.text)
		}
	})
}

func TestCaptcha(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		s.cloud.Change(Mood{Captcha: true})
		a := s.knock(User, Password.Reveal())
		if a.code() != "87001" || a.str("captchaUrl") == "" {
			t.Fatalf("without a captcha: %s", a.text)
		}
		show := func() string {
			p := s.send(a.str("captchaUrl"), nil)
			if !strings.HasPrefix(p.text, "\x89PNG") {
				t.Fatalf("the picture is %.40q", p.text)
			}
			return s.cloud.Captcha()
		}
		if a = s.knock(User, Password.Reveal(), "captCode", strings.ToLower(show())+"x"); a.code() != "87001" {
			t.Errorf("with a wrong text: %s", a.text)
		}
		if a = s.knock(User, Password.Reveal(), "captCode", s.cloud.Captcha()); a.code() != "87001" {
			t.Errorf("with the picture of before: %s", a.text)
		}
		if a = s.knock(User, Password.Reveal(), "captCode", show()); a.code() != "0" {
			t.Errorf("with the right text: %s", a.text)
		}
	})
}

// open begins an identity check and returns the code that was sent by way.
func (s *stage) open(way string) string {
	s.Helper()
	a := s.knock(User, Password.Reveal())
	if a.str("location") != "" || a.str("notificationUrl") == "" || a.str("securityStatus") != "16" {
		s.Fatalf("no check: %s", a.text)
	}
	list := s.send(strings.Replace(a.str("notificationUrl"), "/fe/service/identity/authStart", "/identity/list", 1), nil)
	s.want(list.text, `"options":[4,8]`)
	if got := s.send("/identity/auth/verify"+way+"?_flag="+flag(way)+"&_json=true", nil); got.code() != "0" || !strings.Contains(got.text, `***`) {
		s.Fatalf("verify: %s", got.text)
	}
	if got := s.send("/identity/auth/send"+way+"Ticket", url.Values{"retry": {"0"}, "icode": {""}, "_json": {"true"}}); got.code() != "0" {
		s.Fatalf("send: %s", got.text)
	}
	mails := s.cloud.Mails()
	return mails[len(mails)-1].Code
}

func flag(way string) string {
	if way == "Email" {
		return "8"
	}
	return "4"
}

func TestIdentityCheckHidesTheSecretInAHop(t *testing.T) {
	for _, way := range []string{"Phone", "Email"} {
		t.Run(way, func(t *testing.T) {
			bubble(t, Options{}, func(s *stage) {
				s.cloud.Change(Mood{Identity: true, Nags: way == "Email"})
				code := s.open(way)
				try := func(code string) answered {
					return s.send("/identity/auth/verify"+way+"?_dc=1", url.Values{"_flag": {flag(way)}, "ticket": {code}, "trust": {"false"}, "_json": {"true"}})
				}
				if got := try("x" + code); got.code() != "70014" {
					t.Errorf("a wrong code: %s", got.text)
				}
				got := try(code)
				at, secret := got.str("location"), ""
				if got.code() != "0" || at == "" {
					t.Fatalf("the right code: %s", got.text)
				}
				for range 8 {
					hop := s.send(at, nil)
					if x := hop.header.Get("Extension-Pragma"); x != "" {
						secret = x
					}
					if at = hop.header.Get("Location"); strings.Contains(at, "skipUrl=") {
						u, _ := url.Parse(at)
						at = u.Query().Get("skipUrl")
					}
					if at == "" {
						got = hop
						break
					}
				}
				if got.text != "ok" || !strings.Contains(secret, "ssecurity") {
					t.Errorf("the chain ends with %d %s, secret %q", got.status, got.text, secret)
				}
				if again := s.send("/pass/serviceLogin?_json=true&sid=xiaomiio", nil); again.code() != "0" {
					t.Errorf("the cookies do not let in: %s", again.text)
				}
			})
		})
	}
}

func TestCodesRunOut(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		s.cloud.Change(Mood{Identity: true, Quota: 2})
		s.open("Phone")
		s.open("Phone")
		if got := s.send("/identity/pass/sms/userQuota", url.Values{"addressType": {"PH"}}); got.str("info") != "0" {
			t.Errorf("quota: %s", got.text)
		}
		got := s.send("/identity/auth/sendEmailTicket", url.Values{"retry": {"0"}})
		if got.code() != "70022" || got.str("tips") == "" || len(s.cloud.Mails()) != 2 {
			t.Errorf("a third code: %s, %d sent", got.text, len(s.cloud.Mails()))
		}
		s.cloud.Refill()
		s.cloud.Change(Mood{SendCaptcha: true})
		send := func(icode string) answered {
			return s.send("/identity/auth/sendEmailTicket", url.Values{"retry": {"0"}, "icode": {icode}})
		}
		if got = send(""); got.code() != "87001" {
			t.Fatalf("without a captcha: %s", got.text)
		}
		s.send(got.str("captchaUrl"), nil)
		if got = send(s.cloud.Captcha()); got.code() != "0" || s.cloud.Mails()[2].To != User {
			t.Errorf("with it: %s, mails %v", got.text, s.cloud.Mails())
		}
	})
}

func TestWaryCloudKnowsDevicesAgain(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		s.login() // without a device id: that is known now
		s.forget()
		s.cloud.Change(Mood{Wary: true})
		if a := s.knock(User, Password.Reveal()); a.code() != "0" || a.str("location") == "" {
			t.Errorf("the same device: %s", a.text)
		}
		s.forget("deviceId", "ANOTHERDEVICE123")
		if a := s.knock(User, Password.Reveal()); a.str("notificationUrl") == "" {
			t.Errorf("another device: %s", a.text)
		}
		s.cloud.Change(Mood{Chore: true})
		if a := s.knock(User, Password.Reveal()); !strings.Contains(a.str("notificationUrl"), "BindAppealOrSafePhone") {
			t.Errorf("a chore: %s", a.text)
		}
		s.cloud.Change(Mood{Identity: true, Relative: true})
		if a := s.knock(User, Password.Reveal()); !strings.HasPrefix(a.str("notificationUrl"), "/fe/") {
			t.Errorf("a relative address: %s", a.text)
		}
	})
}

func TestPassTokenRenews(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		first := s.knock(User, Password.Reveal())
		renew := func() answered { return s.send("/pass/serviceLogin?_json=true&sid=xiaomiio", nil) }
		a := renew()
		if a.code() != "0" || a.str("passToken") != first.str("passToken") || a.str("ssecurity") == first.str("ssecurity") {
			t.Fatalf("renewal: %s", a.text)
		}
		if g := s.enter(a); g.token == "" {
			t.Error("no service token")
		}
		s.cloud.Change(Mood{Taciturn: true})
		if a = renew(); a.code() != "0" || a.str("passToken") != "" {
			t.Errorf("a taciturn cloud: %s", a.text)
		}
		s.cloud.Change(Mood{Rotates: true})
		if a = renew(); a.code() != "0" || a.str("passToken") == first.str("passToken") {
			t.Errorf("a rotating cloud: %s", a.text)
		}
		s.cloud.Change(Mood{Forgets: true})
		if a = renew(); a.code() != "70016" {
			t.Errorf("a forgetful cloud: %s", a.text)
		}
		s.cloud.Change(Mood{})
		s.cloud.Forget()
		if a = renew(); a.code() != "70016" {
			t.Errorf("a dead passToken: %s", a.text)
		}
	})
}

// scan asks for a QR code.
func (s *stage) scan() answered {
	s.Helper()
	a := s.send("/longPolling/loginUrl?_qrsize=240&sid=xiaomiio&qs=%253Fsid%253Dxiaomiio&callback="+url.QueryEscape("https://sts.api.io.mi.com/sts"), nil)
	if a.code() != "0" || a.str("lp") == "" || len(s.cloud.Scans()) == 0 {
		s.Fatalf("no code: %s", a.text)
	}
	return a
}

func TestScanLetsIn(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		a := s.scan()
		ticket := s.cloud.Scans()[0]
		if p := s.send(a.str("loginUrl"), nil); !strings.Contains(p.text, "id=confirm") || !s.cloud.Scanned(ticket) {
			t.Errorf("the page: %s", p.text)
		}
		confirmed := make(chan error, 1)
		go func() {
			time.Sleep(40 * time.Second) // the poll waits
			_, err := s.try(a.str("loginUrl"), url.Values{"do": {"confirm"}})
			confirmed <- err
		}()
		start := time.Now()
		got := s.send(a.str("lp"), nil)
		if err := <-confirmed; err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); got.code() != "0" || waited < 40*time.Second {
			t.Fatalf("after %v: %s", waited, got.text)
		}
		_, text := s.enter(got).call("/home/device_list", "{}")
		s.want(text, "460000000")
		if len(s.cloud.Scans()) != 0 {
			t.Error("the code still waits")
		}
		if err := s.cloud.Confirm(ticket, ""); err == nil {
			t.Error("a code was used twice")
		}
	})
}

func TestScanDeniedAndExpired(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		a := s.scan()
		if err := s.cloud.Deny(s.cloud.Scans()[0]); err != nil {
			t.Fatal(err)
		}
		if got := s.send(a.str("lp"), nil); got.code() != "70016" {
			t.Errorf("denied: %s", got.text)
		}
		s.cloud.Change(Mood{ScanLife: 90 * time.Second})
		a = s.scan()
		start := time.Now()
		got := s.send(a.str("lp"), nil)
		if waited := time.Since(start).Round(time.Second); a.str("timeout") != "90" || got.code() != "70031" || waited != 90*time.Second {
			t.Errorf("expired after %v: %s", waited, got.text)
		}
		if p := s.send(a.str("loginUrl"), nil); p.status != 410 {
			t.Errorf("the page of an old code: %d", p.status)
		}
		a = s.scan()
		if err := s.cloud.Confirm(s.cloud.Scans()[0], "otto@example.com"); err != nil {
			t.Fatal(err)
		}
		if got = s.send(a.str("lp"), nil); got.str("userId") != strconv.FormatInt(OttoID, 10) {
			t.Errorf("Otto confirmed: %s", got.text)
		}
	})
}
