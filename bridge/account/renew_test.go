package account

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const probe = "/v2/message/v2/check_new_msg"

// call asks something harmless.
func (s *stage) call() error {
	_, err := s.Call(s.t.Context(), userID, "de", probe, map[string]int64{"begin_at": 1})
	return err
}

func TestRenewalIsOneForAllWhoWait(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		s.cloud.expire()
		before := s.cloud.accountRequests()
		time.Sleep(between)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := s.call(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := s.cloud.accountRequests() - before; n != 1 {
			t.Errorf("%d requests to the account server, want 1", n)
		}
		if got := s.Accounts()[0].Condition; got != OK {
			t.Errorf("condition %s", got)
		}
		s.restart()
		if err := s.call(); err != nil {
			t.Errorf("with the kept session: %v", err)
		}
	})
}

func TestExpiredSessionsComeInManyForms(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"401": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(401)
			fmt.Fprint(w, `{"code":3,"message":"auth error"}`)
		},
		"page": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401); fmt.Fprint(w, "<html>") },
		"code 0": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"code":0,"message":"SERVICETOKEN_EXPIRED"}`)
		},
		"code 2": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"code":2,"message":"x"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage) {
				s.signIn()
				s.cloud.on("/api/de/app"+probe, h, s.cloud.api)
				before := s.cloud.accountRequests()
				if err := s.call(); err != nil {
					t.Fatal(err)
				}
				if n := s.cloud.accountRequests() - before; n != 1 {
					t.Errorf("%d renewals", n)
				}
			})
		})
	}
}

// TestBudget lets a session end again and again: the account server is asked once
// in ten minutes at most, and more and more rarely.
func TestBudget(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		s.cloud.on("/api/de/app"+probe, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"code":3,"message":"auth error"}`) })
		before := s.cloud.accountRequests()
		for range 24 * 60 {
			if err := s.call(); err == nil {
				t.Fatal("worked")
			}
			time.Sleep(time.Minute)
		}
		// at 0, then 20, 40, 80, 160, 320 and 360 minutes apart; the list keeps working and
		// takes the pause back to ten minutes each six hours
		if n := s.cloud.accountRequests() - before; n < 4 || n > 24 {
			t.Errorf("%d requests to the account server in a day", n)
		}
		if st := s.Accounts()[0]; st.Condition != Limited || st.Until.IsZero() {
			t.Errorf("state %+v", st)
		}
	})
}

func TestBudgetSurvivesRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		s.cloud.on("/account/pass/serviceLogin", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
		s.cloud.expire()
		before := s.cloud.accountRequests()
		for range 30 {
			if err := s.call(); err == nil {
				t.Fatal("worked")
			}
			time.Sleep(20 * time.Second)
			s.restart()
		}
		if n := s.cloud.accountRequests() - before; n != 1 {
			t.Errorf("%d requests to the account server in ten minutes of restarts, want 1", n)
		}
	})
}

func TestBudgetWithoutADiskWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		s.cloud.expire()
		s.disk.Protect(true)
		s.disk.Put("account/budget.json", nil)
		s.disk.Put("account/budget.json.prev", nil)
		s.restart()
		before := s.cloud.accountRequests()
		if err := s.call(); !errors.Is(err, ErrLimited) {
			t.Errorf("at once: %v", err)
		}
		time.Sleep(between)
		if err := s.call(); err != nil {
			t.Errorf("after ten minutes: %v", err)
		}
		if n := s.cloud.accountRequests() - before; n != 1 {
			t.Errorf("%d requests", n)
		}
		s.disk.Protect(false)
	})
}

func TestRenewalsThatAreRefusedEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   Condition
		kind   error
	}{
		"70016":   {says(`{"code":70016,"desc":"login verification failed"}`), LoginNeeded, ErrAuthExpired},
		"87001":   {says(`{"code":87001,"captchaUrl":"/pass/getCode"}`), LoginNeeded, ErrCaptcha},
		"confirm": {says(`{"code":0,"securityStatus":16,"notificationUrl":%q}`, verify2), Verify, ErrVerify},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage) {
				s.signIn()
				s.cloud.on("/account/pass/serviceLogin", tc.answer)
				s.cloud.expire()
				before := s.cloud.accountRequests()
				err := s.call()
				st := s.Accounts()[0]
				if !errors.Is(err, tc.kind) || !errors.Is(err, mi.ErrDenied) || mi.Problem(err) != st.Problem || st.Problem == "" {
					t.Errorf("got %v (%s), want %v", err, mi.Problem(err), tc.kind)
				}
				if st.Condition != tc.want || st.Text == "" || (st.VerifyURL != "") != (tc.want == Verify) {
					t.Errorf("state %+v", st)
				}
				s.restart()
				api := s.cloud.count("/api/")
				for range 100 {
					time.Sleep(time.Hour)
					if err := s.call(); err == nil {
						t.Fatal("worked")
					}
				}
				if n := s.cloud.accountRequests() - before; n != 1 {
					t.Errorf("%d tries, want 1", n)
				}
				if n := s.cloud.count("/api/") - api; n != 0 {
					t.Errorf("%d requests to the API with a dead session", n)
				}
				if got := s.Accounts()[0]; got.Condition != tc.want || !got.Since.Equal(st.Since) {
					t.Errorf("after the restart %+v", got)
				}
				if err := s.Retry(t.Context(), userID); !errors.Is(err, tc.kind) || s.Accounts()[0].Condition != tc.want {
					t.Errorf("retry: %v, %+v", err, s.Accounts())
				}
				s.cloud.on("/account/pass/serviceLogin", s.cloud.first)
				if tc.want == Verify { // it was confirmed
					if err := s.Retry(t.Context(), userID); err != nil {
						t.Error(err)
					}
				} else {
					s.signIn()
				}
				if err := s.call(); err != nil || s.Accounts()[0].Condition != OK {
					t.Errorf("after a new sign-in: %v, %+v", err, s.Accounts())
				}
			})
		})
	}
}

func TestSomebodyHearsInTimeThatASignInEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.list("de", device("1001", ""))
		s.signIn()
		s.cloud.on("/account/pass/serviceLogin", says(`{"code":70016}`))
		time.Sleep(3 * 24 * time.Hour)
		synctest.Wait()
		if st := s.Accounts()[0]; st.Condition != Expiring || st.Text != "Your Xiaomi sign-in ends soon. Sign in again." {
			t.Errorf("state %+v", st)
		}
		if err := s.call(); err != nil {
			t.Errorf("the session still works: %v", err)
		}
		s.cloud.expire()
		if err := s.call(); !errors.Is(err, ErrAuthExpired) {
			t.Error(err)
		}
		if st := s.Accounts()[0]; st.Condition != LoginNeeded {
			t.Errorf("state %+v", st)
		}
	})
}

func TestSessionsAreRenewedInTime(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		before := s.cloud.accountRequests()
		time.Sleep(10 * 24 * time.Hour)
		synctest.Wait()
		if n := s.cloud.accountRequests() - before; n < 4 || n > 5 {
			t.Errorf("%d renewals in ten days", n)
		}
	})
}

func TestCloudThatIsAwayLiesOrLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   Condition
		kind   error
	}{
		"502":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, Away, ErrFault},
		"page":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>sorry") }, Away, ErrHTML},
		"slow":  {hang(40*time.Second, says("{}")), Away, mi.ErrTimeout},
		"noise": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"cod`) }, Away, mi.ErrProtocol},
		"429":   {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "120"); w.WriteHeader(429) }, Limited, mi.ErrBusy},
		"426":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(426) }, Limited, ErrTooOld},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage) {
				s.signIn()
				s.cloud.on("/api/de/app"+probe, tc.answer)
				if err := s.call(); !errors.Is(err, tc.kind) {
					t.Errorf("got %v, want %v", err, tc.kind)
				}
				st := s.Accounts()[0]
				if st.Condition != tc.want || st.Cause == "" {
					t.Errorf("state %+v", st)
				}
				if tc.want == Limited {
					before := s.cloud.count("/api/")
					if err := s.call(); err == nil || s.cloud.count("/api/") != before {
						t.Error("asked although the server wants it not")
					}
					time.Sleep(time.Until(st.Until) + time.Second)
				}
				s.cloud.on("/api/de/app" + probe)
				if err := s.call(); err != nil || s.Accounts()[0].Condition != OK {
					t.Errorf("afterwards %v, %+v", err, s.Accounts())
				}
			})
		})
	}
}

func TestRefusalsAreNotTheAccountsFault(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		s.cloud.on("/api/de/app"+probe, func(w http.ResponseWriter, r *http.Request) {
			s.cloud.answer(w, r, `{"code":-704042011,"message":"device offline"}`)
		})
		err := s.call()
		if r, ok := errors.AsType[*Refusal](err); !ok || r.Code() != -704042011 || !errors.Is(err, mi.ErrOffline) {
			t.Errorf("got %v", err)
		}
		if st := s.Accounts()[0]; st.Condition != OK {
			t.Errorf("state %+v", st)
		}
		if _, err := s.Call(t.Context(), "nobody", "de", probe, nil); !errors.Is(err, ErrNoAccount) {
			t.Error(err)
		}
		if _, err := s.Call(t.Context(), userID, "mars", probe, nil); !errors.Is(err, mi.ErrInvalid) {
			t.Error(err)
		}
	})
}

func TestACallThatIsGivenUpEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		s.cloud.on("/api/de/app"+probe, hang(time.Hour, says("{}")))
		ctx, cancel := contextOf(t)
		time.AfterFunc(2*time.Second, cancel)
		started := time.Now()
		if _, err := s.Call(ctx, userID, "de", probe, nil); err == nil || time.Since(started) != 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(started))
		}
		if st := s.Accounts()[0]; st.Condition != OK {
			t.Errorf("state %+v", st)
		}
	})
}

func TestClockThatIsWrong(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.on("/api/de/app"+probe, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			s.cloud.api(w, r)
		})
		s.signIn()
		if err := s.call(); err != nil {
			t.Fatal(err)
		}
		if got := s.Accounts()[0].ClockOff; (got - time.Hour).Abs() > time.Minute {
			t.Errorf("off by %s", got)
		}
	})
}

func TestAccountsOfTheSettingsAreTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.opt.Given = []Given{{UserID: userID, PassToken: passToken}, {UserID: "nonsense", PassToken: "x"}}
		s.start()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.Accounts(); len(got) != 1 || got[0].Condition != OK {
			t.Fatalf("accounts %+v", got)
		}
		before := s.cloud.accountRequests()
		s.restart()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := s.cloud.accountRequests() - before; n != 0 {
			t.Errorf("%d requests for a pair that was tried", n)
		}
		s.stop()
		if !strings.Contains(s.log.String(), "left out") {
			t.Error("nothing is said of the pair that makes no sense")
		}
		s.clean()
	})
}
