package account

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(host string) *url.URL { return &url.URL{Scheme: "https", Host: host, Path: "/x"} }

func TestJar(t *testing.T) {
	j := &jar{}
	j.learn(at("account.xiaomi.com"), http.Header{"Set-Cookie": {
		"own=1", "wide=2; Domain=.xiaomi.com", "all=3; Domain=com", "other=4; Domain=example.org", "odd=a/b+c==",
	}})
	want := map[string]string{"own": "1", "wide": "2", "all": "3", "other": "4", "odd": "a/b+c=="}
	if diff := cmp.Diff(want, j.of(at("account.xiaomi.com"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"wide": "2"}, j.of(at("i.xiaomi.com"))); diff != "" {
		t.Error(diff)
	}
	if got := j.of(at("evilxiaomi.com")); len(got) != 0 {
		t.Errorf("a stranger gets %v", got)
	}
	j.learn(at("account.xiaomi.com"), http.Header{"Set-Cookie": {"own=EXPIRED", "wide=; Domain=xiaomi.com", "odd=x; Max-Age=0"}})
	if diff := cmp.Diff(map[string]string{"all": "3", "other": "4"}, j.of(at("account.xiaomi.com"))); diff != "" {
		t.Error(diff)
	}
	back := &jar{}
	for _, c := range j.kept() {
		back.put(c)
	}
	if diff := cmp.Diff(j.kept(), back.kept()); diff != "" {
		t.Error(diff)
	}
}

// TestALateRefusalOfTheOldSession arrives when the new one is there already.
func TestALateRefusalOfTheOldSession(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }
		s.cloud.on("/api/de/app"+probe, hang(20*time.Second, refuse), refuse, s.cloud.api)
		before := s.cloud.accountRequests()
		late := make(chan error, 1)
		go func() { late <- s.call() }()
		synctest.Wait()
		s.cloud.expire()
		if err := s.call(); err != nil {
			t.Fatal(err)
		}
		if err := <-late; err != nil {
			t.Error(err)
		}
		if n := s.cloud.accountRequests() - before; n != 1 {
			t.Errorf("%d renewals", n)
		}
	})
}

func TestRequestsLookAsTheirAppsDo(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		s.cloud.on("/api/de/app"+probe, func(w http.ResponseWriter, r *http.Request) {
			for name, want := range map[string]string{
				"User-Agent": defaultAgent, "X-Xiaomi-Protocal-Flag-Cli": "PROTOCAL-HTTP2", "Miot-Encrypt-Algorithm": "ENCRYPT-RC4", //nolint:misspell // as their app writes it
				"Accept-Encoding": "identity", "Content-Type": "application/x-www-form-urlencoded",
			} {
				if r.Header.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, r.Header.Get(name), want)
				}
			}
			if c, err := r.Cookie("userId"); err != nil || c.Value != userID || r.PostForm.Get("ssecurity") != "" {
				t.Errorf("cookies %v, form %v", r.Cookies(), r.PostForm)
			}
			s.cloud.api(w, r)
		})
		if err := s.call(); err != nil {
			t.Error(err)
		}
	})
}
