package account

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	secondID   = "3000000001"
	secondPass = "V1:second+token/zYxWvUt=="
)

// secondAccount lets a second person in, with a region of her own.
func (s *stage) secondAccount() {
	s.cloud.on("/account/pass/serviceLogin", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("passToken"); err == nil && c.Value == secondPass {
			says(`{"code":0,"userId":%s,"passToken":%q,"ssecurity":%q,"nonce":9007199254740993,"location":"https://sts.api.io.mi.com/sts?second=1"}`, secondID, secondPass, ssecurity)(w, r)
			return
		}
		s.cloud.first(w, r)
	})
}

func TestSeveralAccounts(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.secondAccount()
		shared := strings.Replace(device("1001", ""), deviceToken, "", 1)
		s.cloud.list("cn", shared)
		s.signIn()
		s.cloud.list("cn")
		s.cloud.list("de", device("1001", ""), device("1005", ""))
		s.cloud.on("/sts/sts", func(w http.ResponseWriter, _ *http.Request) { s.cloud.grantTo(w, secondID) })
		s.must(s.StartToken(t.Context(), secondID, secondPass))
		step := s.want(Done)
		if len(step.New) != 1 || step.New[0] != "1005" {
			t.Errorf("new %v", step.New)
		}
		if got := s.Accounts(); len(got) != 2 || got[0].ID != userID || got[1].ID != secondID {
			t.Fatalf("accounts %+v", got)
		}
		k := s.Known()
		if len(k.Devices) != 2 || k.Devices[0].Account != secondID || k.Devices[0].Token != deviceToken {
			t.Errorf("devices %+v", k.Devices)
		}
		if err := s.SignOut(secondID); err != nil {
			t.Fatal(err)
		}
		if k := s.Known(); len(k.Devices) != 1 || k.Devices[0].Account != userID {
			t.Errorf("devices after sign-out %+v", k.Devices)
		}
		s.restart()
		if got := s.Accounts(); len(got) != 1 || got[0].ID != userID {
			t.Errorf("accounts %+v", got)
		}
	})
}

func TestWatchersHear(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		heard := 0
		ctx, cancel := contextOf(t)
		go s.Watch(ctx, func() { heard++ })
		synctest.Wait()
		s.signIn()
		if heard == 0 {
			t.Error("nothing was heard")
		}
		cancel()
		synctest.Wait()
		before := heard
		s.CancelLogin()
		time.Sleep(time.Second)
		if heard != before {
			t.Error("heard after the end")
		}
	})
}

func TestADeadRegionDoesNotMakeTheCloudAway(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.list("de", device("1001", ""))
		for _, path := range []string{"home/device_list", "v2/homeroom/gethome_merged"} {
			s.cloud.on("/api/ru/app/"+path, func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(10 * time.Second) // it fails last
				w.WriteHeader(502)
			})
		}
		s.signIn()
		if st := s.Accounts()[0]; st.Condition != OK {
			t.Errorf("state %+v", st)
		}
		s.cloud.on("/api/de/app/v2/homeroom/gethome_merged", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) })
		s.RefreshAll()
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := s.Accounts()[0]; st.Condition != Away {
			t.Errorf("state %+v", st)
		}
	})
}
