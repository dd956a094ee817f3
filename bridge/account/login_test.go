package account

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

const qrCode = `{"code":0,"qr":"https://account.xiaomi.com/longPolling/qr.png","loginUrl":"https://account.xiaomi.com/longPolling/login?ticket=lp_1&x=y","lp":"https://account.xiaomi.com/longPolling/lp?k=1","timeout":300}`

// hang answers nothing for so long.
func hang(wait time.Duration, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(wait):
			then(w, r)
		case <-r.Context().Done():
		}
	}
}

func TestQRCode(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.list("de", device("1001", ""))
		s.cloud.on("/account/longPolling/loginUrl", says(qrCode))
		s.cloud.on("/account/longPolling/lp", hang(time.Minute, says("{}")), hang(10*time.Second, s.cloud.good()))
		step := s.must(s.StartQR(t.Context()))
		if step.Kind != QRWaiting || !strings.HasPrefix(step.LoginURL.Reveal(), "http://"+cloudAt+"/account/longPolling/login?") {
			t.Fatalf("step %+v", step)
		}
		if left := time.Until(step.Expires); left != 5*time.Minute {
			t.Errorf("expires in %s", left)
		}
		step = s.want(Done)
		if len(step.New) != 1 || step.New[0] != "1001" || step.Account != userID || step.Text != "Europe 1, 6 regions empty." {
			t.Errorf("step %+v", step)
		}
		if got := s.Accounts(); len(got) != 1 || got[0].Condition != OK || got[0].Devices != 1 || got[0].Label != "…3649" {
			t.Errorf("accounts %+v", got)
		}
	})
}

func TestQRCodeIsReplacedAndExpires(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on("/account/longPolling/loginUrl", says(qrCode))
		s.cloud.on("/account/longPolling/lp", hang(time.Hour, says("{}")))
		s.must(s.StartQR(t.Context()))
		time.Sleep(5*time.Minute + time.Second)
		if step := s.want(QRWaiting); step.Codes != 2 {
			t.Errorf("%d more codes", step.Codes)
		}
		time.Sleep(15 * time.Minute)
		s.want(QRExpired)
		if n := s.cloud.count("/account/longPolling/loginUrl"); n != 4 {
			t.Errorf("%d codes were fetched, want 4", n)
		}
		before := s.cloud.accountRequests()
		time.Sleep(24 * time.Hour)
		if n := s.cloud.accountRequests() - before; n != 0 {
			t.Errorf("%d requests after the last code", n)
		}
	})
}

func TestQRCodeIsScannedFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on("/account/longPolling/loginUrl", says(qrCode))
		s.cloud.on("/account/longPolling/lp", says(`{"code":0,"desc":"scanned"}`), hang(10*time.Second, s.cloud.good()))
		s.must(s.StartQR(t.Context()))
		s.want(QRScanned)
		s.want(Done)
	})
}

func TestSignInGoesOnAfterARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on("/account/longPolling/loginUrl", says(qrCode))
		s.cloud.on("/account/longPolling/lp", hang(time.Minute, s.cloud.good()))
		before := s.must(s.StartQR(t.Context()))
		s.restart()
		if step := s.Login(); step.Kind != QRWaiting || step.LoginURL != before.LoginURL {
			t.Fatalf("step %+v", step)
		}
		s.cloud.on("/account/longPolling/lp", s.cloud.good())
		s.want(Done)
		s.restart()
		if step := s.Login(); step.Kind != Idle {
			t.Errorf("step %+v after it was done", step)
		}
	})
}

func TestPassToken(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		step := s.must(s.StartToken(t.Context(), userID, "V1:another-token"))
		if step.Kind != Failed || !errors.Is(step.Err, ErrAuthExpired) {
			t.Errorf("step %+v", step)
		}
		if len(s.Accounts()) != 1 {
			t.Error("the account that works is gone")
		}
		if _, err := s.StartToken(t.Context(), "anna", passToken); err == nil {
			t.Error("a name was taken for a user id")
		}
	})
}

func TestAnswersOutOfPlaceAreRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		for name, do := range map[string]func() (Step, error){
			"captcha": func() (Step, error) { return s.AnswerCaptcha(t.Context(), "x", "") },
			"picture": func() (Step, error) { return s.NewPicture(t.Context()) },
			"send":    func() (Step, error) { return s.SendCode(t.Context(), "phone") },
			"code":    func() (Step, error) { return s.AnswerCode(t.Context(), "123456") },
			"browser": func() (Step, error) { return s.AnswerBrowser(t.Context(), "https://account.xiaomi.com/") },
		} {
			if _, err := do(); !errors.Is(err, ErrWrongStep) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := s.cloud.accountRequests(); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestCancelDropsTheSignIn(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on("/account/longPolling/loginUrl", says(qrCode))
		s.cloud.on("/account/longPolling/lp", hang(20*time.Second, s.cloud.good()))
		s.must(s.StartQR(t.Context()))
		s.CancelLogin()
		time.Sleep(time.Minute)
		synctest.Wait()
		if s.Login().Kind != Idle || len(s.Accounts()) != 0 {
			t.Errorf("step %+v, accounts %+v", s.Login(), s.Accounts())
		}
	})
}

func TestATestNeverTalksToXiaomi(t *testing.T) {
	s := newStage(t)
	s.opt.Hosts.API["ru"] = ""
	if _, err := New(s.opt); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("got %v", err)
	}
}
