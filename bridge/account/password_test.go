package account

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	auth2   = "/account/pass/serviceLoginAuth2"
	verify2 = "https://account.xiaomi.com/fe/service/identity/authStart?sid=xiaomiio&context=CTX"
)

// draw answers with a picture and the cookie that belongs to it.
func draw(ick string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "ick", Value: ick})
		fmt.Fprint(w, picture)
	}
}

func TestPassword(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on(auth2, s.cloud.good())
		s.must(s.StartPassword(t.Context(), " "+user, password))
		s.want(Done)
		form, _ := url.ParseQuery(s.cloud.body(auth2))
		for name, want := range map[string]string{
			"user": user, "hash": passwordHash(password), "qs": "%3Fsid%3Dxiaomiio", "_sign": "SIGN=", "callback": "https://sts.api.io.mi.com/sts", "sid": "xiaomiio", "_json": "true",
		} {
			if form.Get(name) != want {
				t.Errorf("%s = %q, want %q", name, form.Get(name), want)
			}
		}
		if got := s.Accounts()[0].Label; got != "an…@example.org" {
			t.Errorf("label %s", got)
		}
	})
}

func TestPasswordRefusals(t *testing.T) {
	for code, want := range map[int]error{70016: ErrRiskControl, 20003: ErrBadCredentials, 70002: ErrBadCredentials, 87001: ErrCaptcha, 81003: ErrVerify, 20024: ErrLimited, 12345: mi.ErrProtocol} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage) {
				s.cloud.on(auth2, says(`{"code":%d,"desc":"no","data":{"wt":90}}`, code))
				step := s.must(s.StartPassword(t.Context(), user, password))
				if step.Kind != Failed || !errors.Is(step.Err, want) || step.Text == "" {
					t.Fatalf("step %+v", step)
				}
				if wrong := strings.Contains(step.Text, "Xiaomi says the password is not right"); wrong != errors.Is(want, ErrBadCredentials) {
					t.Errorf("text %q", step.Text)
				}
				before := s.cloud.accountRequests()
				time.Sleep(7 * 24 * time.Hour)
				synctest.Wait()
				if n := s.cloud.accountRequests() - before; n != 0 {
					t.Errorf("%d tries without a person", n)
				}
			})
		})
	}
}

func TestCaptcha(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		wanted := says(`{"code":87001,"captchaUrl":"/pass/getCode?icodeType=login"}`)
		s.cloud.on(auth2, wanted, wanted, func(w http.ResponseWriter, r *http.Request) {
			c, err := r.Cookie("ick")
			if err != nil || c.Value != "third" || r.PostForm.Get("captCode") != "AbC3" {
				t.Errorf("ick %v, captCode %s", c, r.PostForm.Get("captCode"))
			}
			s.cloud.good()(w, r)
		})
		s.cloud.on("/account/pass/getCode", draw("first"), draw("second"), draw("third"))
		step := s.must(s.StartPassword(t.Context(), user, password))
		if step.Kind != Captcha || string(step.Picture) != picture || step.PictureType != "image/png" || step.TriesLeft != 3 || step.Err != nil {
			t.Fatalf("step %+v", step)
		}
		step = s.must(s.AnswerCaptcha(t.Context(), "wrong", ""))
		if step.Kind != Captcha || !errors.Is(step.Err, ErrCaptcha) || step.TriesLeft != 2 || !strings.Contains(step.Text, "2 tries left") {
			t.Fatalf("step %+v", step)
		}
		step = s.must(s.AnswerCaptcha(t.Context(), " ", ""))
		if step.Kind != Captcha || step.TriesLeft != 2 {
			t.Fatalf("step %+v after no answer", step)
		}
		if step = s.must(s.NewPicture(t.Context())); step.TriesLeft != 2 {
			t.Fatalf("step %+v after a new picture", step)
		}
		s.must(s.AnswerCaptcha(t.Context(), "AbC3", ""))
		s.want(Done)
	})
}

func TestCaptchaEndsAfterThreeWrongAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on(auth2, says(`{"code":87001,"captchaUrl":"/pass/getCode"}`))
		s.cloud.on("/account/pass/getCode", draw("x"))
		s.must(s.StartPassword(t.Context(), user, password))
		for range 2 {
			if step := s.must(s.AnswerCaptcha(t.Context(), "no", "")); step.Kind != Captcha {
				t.Fatalf("step %+v", step)
			}
		}
		if step := s.must(s.AnswerCaptcha(t.Context(), "no", "")); step.Kind != Failed || !strings.Contains(step.Text, "Three wrong answers") {
			t.Errorf("step %+v", step)
		}
	})
}

func TestCaptchaAfterARestartWantsThePassword(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on(auth2, says(`{"code":87001,"captchaUrl":"/pass/getCode"}`), s.cloud.good())
		s.cloud.on("/account/pass/getCode", draw("kept"))
		s.must(s.StartPassword(t.Context(), user, password))
		s.restart()
		step := s.Login()
		if step.Kind != Captcha || !step.NeedPassword || string(step.Picture) != picture {
			t.Fatalf("step %+v", step)
		}
		if step = s.must(s.AnswerCaptcha(t.Context(), "AbC3", "")); step.Kind != Captcha || !strings.Contains(step.Text, "password again") {
			t.Fatalf("step %+v", step)
		}
		s.must(s.AnswerCaptcha(t.Context(), "AbC3", password))
		s.want(Done)
	})
}

func TestAWebPageIsNoCaptcha(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on(auth2, says(`{"code":87001,"captchaUrl":"/pass/getCode"}`))
		s.cloud.on("/account/pass/getCode", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			fmt.Fprint(w, "<svg onload=alert(1)>")
		})
		if step := s.must(s.StartPassword(t.Context(), user, password)); step.Kind != Failed || !errors.Is(step.Err, ErrHTML) {
			t.Errorf("step %+v", step)
		}
	})
}

// identity makes the cloud ask for a code.
func (s *stage) identity() {
	s.cloud.on(auth2, says(`{"code":0,"location":"","securityStatus":16,"notificationUrl":%q}`, verify2))
	s.cloud.on("/account/identity/list", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "identity_session", Value: "id/session+1="})
		says(`{"code":2,"flag":4,"options":[4,8]}`)(w, r)
	})
	s.cloud.on("/account/identity/auth/verifyPhone", s.checked("phone"))
	s.cloud.on("/account/identity/auth/verifyEmail", s.checked("email"))
	s.cloud.on("/account/identity/pass/sms/userQuota", says(`{"code":0,"info":"4"}`))
	s.cloud.on("/account/identity/auth/sendEmailTicket", says(`{"code":0}`))
	s.cloud.on("/account/identity/auth/sendPhoneTicket", says(`{"code":0}`))
}

// checked answers the question for the masked address, and the code.
func (s *stage) checked(string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("identity_session"); err != nil || c.Value != "id/session+1=" {
			s.t.Errorf("identity_session %v", c)
		}
		switch {
		case r.Method == http.MethodGet:
			says(`{"code":0,"maskedPhone":"+49****42","maskedEmail":"e…@e….org"}`)(w, r)
		case r.PostForm.Get("ticket") == "123456" && r.PostForm.Get("trust") == "false":
			says(`{"code":0,"location":"https://account.xiaomi.com/identity/result/check?sid=xiaomiio"}`)(w, r)
		default:
			says(`{"code":70014,"tips":"wrong"}`)(w, r)
		}
	}
}

func redirect(to string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

func TestCodeWithTheSessionInTheHeaders(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.identity()
		s.cloud.on("/account/identity/result/check", redirect("/account/pass/serviceLoginAuth2/end?x=1",
			"Set-Cookie", "passToken="+passToken+"; Path=/", "Set-Cookie", "userId="+userID))
		s.cloud.on("/account/account/pass/serviceLoginAuth2/end", redirect("https://sts.api.io.mi.com/sts?auth=1", "extension-pragma", `{"ssecurity":"`+ssecurity+`"}`))
		s.cloud.on("/sts/sts", func(w http.ResponseWriter, _ *http.Request) { s.cloud.grant(w) })
		s.codeSent(t)
		if step := s.must(s.AnswerCode(t.Context(), "111111")); step.Kind != Code || step.TriesLeft != 2 || step.Text != "That code was not right or is too old. 2 tries left." {
			t.Fatalf("step %+v", step)
		}
		s.must(s.AnswerCode(t.Context(), "123 456"))
		s.want(Done)
		if s.cloud.count("/account/pass/serviceLogin") != 2 { // with Auth2
			t.Errorf("asked %v", s.cloud.asked)
		}
	})
}

// codeSent goes as far as a code by mail.
func (s *stage) codeSent(t *testing.T) {
	t.Helper()
	step := s.must(s.StartPassword(t.Context(), user, password))
	if step.Kind != CodeChoice || len(step.Targets) != 2 || step.Targets[0] != (Target{"phone", "+49****42"}) || step.Targets[1].ID != "email" {
		t.Fatalf("step %+v", step)
	}
	step = s.must(s.SendCode(t.Context(), "email"))
	if step.Kind != Code || step.Target.ID != "email" || step.CodesLeft != 3 || step.TriesLeft != 3 || step.Text != "Sent to e…@e….org." {
		t.Fatalf("step %+v", step)
	}
}

func TestCodeWithTheSessionFromTheFirstStep(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.identity()
		s.cloud.on("/account/identity/result/check", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "passToken", Value: passToken})
			http.SetCookie(w, &http.Cookie{Name: "userId", Value: userID})
			fmt.Fprint(w, "ok")
		})
		s.codeSent(t)
		s.must(s.AnswerCode(t.Context(), "123456"))
		s.want(Done)
	})
}

func TestCodeGoesOnAfterARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.identity()
		s.cloud.on("/account/identity/result/check", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "passToken", Value: passToken})
			http.SetCookie(w, &http.Cookie{Name: "userId", Value: userID})
		})
		s.codeSent(t)
		s.restart()
		if step := s.Login(); step.Kind != Code || step.Target.Masked != "e…@e….org" || step.CodesLeft != 3 {
			t.Fatalf("step %+v", step)
		}
		s.must(s.AnswerCode(t.Context(), "123456"))
		s.want(Done)
	})
}

func TestCodesAreSavedWhereXiaomiSendsFew(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.identity()
		s.codeSent(t)
		if step := s.must(s.SendCode(t.Context(), "email")); step.Kind != Code || !strings.Contains(step.Text, "less than a minute ago") {
			t.Errorf("step %+v", step)
		}
		time.Sleep(time.Minute)
		s.cloud.on("/account/identity/pass/sms/userQuota", says(`{"code":0,"info":"0"}`))
		if step := s.must(s.SendCode(t.Context(), "email")); !errors.Is(step.Err, ErrCodeQuota) || step.Text != "Xiaomi sends no more codes today. The QR code still works." {
			t.Errorf("step %+v", step)
		}
		if n := s.cloud.count("/account/identity/auth/sendEmailTicket"); n != 1 {
			t.Errorf("%d codes were sent", n)
		}
	})
}

func TestPassTokenThatHasToBeConfirmed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.identity()
		s.cloud.on("/account/pass/serviceLogin", says(`{"code":0,"securityStatus":16,"notificationUrl":%q}`, verify2), s.cloud.first)
		s.cloud.on("/account/identity/result/check", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
		step := s.must(s.StartToken(t.Context(), userID, passToken))
		if step.Kind != CodeChoice {
			t.Fatalf("step %+v", step)
		}
		s.must(s.SendCode(t.Context(), "phone"))
		s.must(s.AnswerCode(t.Context(), "123456"))
		s.want(Done)
	})
}

func TestPictureBeforeACode(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.identity()
		s.cloud.on("/account/identity/auth/sendPhoneTicket", says(`{"code":87001,"captchaUrl":"/pass/getCode"}`), func(w http.ResponseWriter, r *http.Request) {
			if c, err := r.Cookie("ick"); err != nil || c.Value != "before" || r.PostForm.Get("icode") != "xyz" {
				t.Errorf("ick %v, icode %s", c, r.PostForm.Get("icode"))
			}
			says(`{"code":0}`)(w, r)
		})
		s.cloud.on("/account/pass/getCode", draw("before"))
		s.must(s.StartPassword(t.Context(), user, password))
		if step := s.must(s.SendCode(t.Context(), "phone")); step.Kind != Captcha || step.NeedPassword {
			t.Fatalf("step %+v", step)
		}
		if step := s.must(s.AnswerCaptcha(t.Context(), "xyz", "")); step.Kind != Code || step.Target.ID != "phone" {
			t.Fatalf("step %+v", step)
		}
	})
}

func TestConfirmationInABrowser(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on(auth2, says(`{"code":0,"securityStatus":16,"notificationUrl":"/pass/SetEmail?callback=x"}`), s.cloud.good())
		step := s.must(s.StartPassword(t.Context(), user, password))
		if step.Kind != Browser || !strings.HasSuffix(step.BrowserURL.Reveal(), "/account/pass/SetEmail?callback=x") {
			t.Fatalf("step %+v", step)
		}
		if step = s.must(s.AnswerBrowser(t.Context(), "https://evil.example/?ticket=1")); step.Kind != Browser || step.Err == nil {
			t.Fatalf("step %+v", step)
		}
		s.cloud.on("/account/end", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>thanks</html>") })
		s.must(s.AnswerBrowser(t.Context(), "https://account.xiaomi.com/end"))
		s.want(Done)
	})
}

func TestSignInToAnAttacker(t *testing.T) {
	for name, to := range map[string]string{
		"other host": "https://evil.example/sts", "file": "file:///etc/passwd", "this machine": "http://127.0.0.1:22/",
		"user": "https://account.xiaomi.com@evil.example/", "other port": "https://account.xiaomi.com:444/", "look-alike": "https://evilxiaomi.com/",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage) {
				s.cloud.on(auth2, says(`{"code":0,"userId":1,"ssecurity":%q,"location":%q}`, ssecurity, to))
				if step := s.must(s.StartPassword(t.Context(), user, password)); step.Kind != Failed || !errors.Is(step.Err, ErrHost) {
					t.Errorf("step %+v", step)
				}
				s.cloud.on(auth2, s.cloud.good())
				s.cloud.on("/sts/sts", redirect(to))
				if step := s.must(s.StartPassword(t.Context(), user, password)); step.Kind != Failed || !errors.Is(step.Err, ErrHost) {
					t.Errorf("redirect: step %+v", step)
				}
			})
		})
	}
}

func TestSignInWithoutInternet(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on(auth2, hang(time.Hour, says("{}")))
		step := s.must(s.StartPassword(t.Context(), user, password))
		if step.Kind != Failed || !errors.Is(step.Err, mi.ErrTimeout) || !strings.Contains(step.Text, "Nothing is wrong with your password") {
			t.Errorf("step %+v", step)
		}
		s.cloud.on(auth2, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) })
		if step = s.must(s.StartPassword(t.Context(), user, password)); !errors.Is(step.Err, ErrFault) {
			t.Errorf("step %+v", step)
		}
		s.cloud.on(auth2, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>blocked") })
		if step = s.must(s.StartPassword(t.Context(), user, password)); !errors.Is(step.Err, ErrHTML) {
			t.Errorf("step %+v", step)
		}
	})
}
