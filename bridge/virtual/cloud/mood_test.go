package cloud

import (
	"strings"
	"testing"
	"time"
)

func TestExpiredTokens(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		g := s.login()
		s.cloud.Expire(true)
		status, text := g.call("/home/device_list", "{}")
		if status != 200 || text != `{"code":0,"message":"SERVICETOKEN_EXPIRED"}` {
			t.Errorf("softly: %d %s", status, text)
		}
		s.cloud.Expire(false)
		if status, text = g.call("/home/device_list", "{}"); status != 401 || text != `{"code":3,"message":"auth error"}` {
			t.Errorf("hard: %d %s", status, text)
		}
		g = s.enter(s.send("/pass/serviceLogin?_json=true&sid=xiaomiio", nil))
		if status, _ = g.call("/home/device_list", "{}"); status != 200 {
			t.Errorf("renewed: %d", status)
		}
	})
}

func TestRequestsAreVerified(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		fine := s.login()
		for _, tc := range []struct {
			name   string
			change func(g *guest)
			says   string
		}{
			{"another secret", func(g *guest) { g.ssecurity = encode(make([]byte, 16)) }, "invalid signature"},
			{"another secret, plain", func(g *guest) { g.ssecurity, g.plain = encode(make([]byte, 16)), true }, "invalid signature"},
			{"another user", func(g *guest) { g.userID = "2087654321" }, "auth error"},
			{"no token", func(g *guest) { g.token = "" }, "auth error"},
			{"a slow clock", func(g *guest) { g.late = 20 * time.Minute }, "nonce"},
			{"a fast clock", func(g *guest) { g.late = -20 * time.Minute }, "nonce"},
		} {
			g := *fine
			tc.change(&g)
			if status, text := g.call("/home/device_list", "{}"); status != 401 || !strings.Contains(text, tc.says) {
				t.Errorf("%s: %d %.200s", tc.name, status, text)
			}
		}
		s.cloud.Change(Mood{OtherHash: true})
		if status, text := fine.call("/home/device_list", "{}"); status != 401 || !strings.Contains(text, "invalid signature") {
			t.Errorf("another hash rule: %d %s", status, text)
		}
		s.cloud.Change(Mood{})
		if status, _ := fine.call("/home/device_list", "{}"); status != 200 {
			t.Errorf("the real rule: %d", status)
		}
	})
}

func TestWeatherOfTheAPI(t *testing.T) {
	for _, tc := range []struct {
		name   string
		mood   Mood
		status int // 0 is no answer
		says   string
		after  time.Duration
	}{
		{"HTML", Mood{API: Weather{HTML: true}}, 200, "<html>", 0},
		{"502", Mood{API: Weather{Status: 502}}, 502, "", 0},
		{"too many", Mood{API: Weather{Limited: true}}, 429, "too many", 0},
		{"lies", Mood{API: Weather{Lies: true}}, 200, `"code":"0"`, 0},
		{"expired", Mood{API: Weather{Expired: true}}, 401, `"code":3`, 0},
		{"stale", Mood{API: Weather{Stale: true}}, 200, `SERVICETOKEN_EXPIRED`, 0},
		{"slow", Mood{API: Weather{Slow: 30 * time.Second}}, 200, plugDID, 30 * time.Second},
		{"cut", Mood{API: Weather{Cut: true}}, 0, "", 0},
		{"region down", Mood{Down: []string{"de"}}, 0, "", 0},
		{"another region down", Mood{Down: []string{"cn", "account"}}, 200, plugDID, 0},
		{"bad account", Mood{Account: Weather{Status: 500}}, 200, plugDID, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, Options{}, func(s *stage) {
				g := s.login()
				s.cloud.Change(tc.mood)
				start := time.Now()
				status, text, err := g.attempt("/home/device_list", "{}")
				if waited := time.Since(start).Round(time.Second); waited != tc.after {
					t.Errorf("it took %v, want %v", waited, tc.after)
				}
				if (err != nil) != (tc.status == 0) || err == nil && (status != tc.status || !strings.Contains(text, tc.says)) {
					t.Errorf("%d %.300s, %v", status, text, err)
				}
			})
		})
	}
}

func TestWeatherOfTheAccount(t *testing.T) {
	const step = "/pass/serviceLogin?_json=true&sid=xiaomiio"
	for _, tc := range []struct {
		name string
		mood Mood
		says string // "" is no answer
	}{
		{"HTML", Mood{Account: Weather{HTML: true}}, "<html>"},
		{"503", Mood{Account: Weather{Status: 503}}, "wrong"},
		{"too many", Mood{Account: Weather{Limited: true}}, `"wt":60`},
		{"lies", Mood{Account: Weather{Lies: true}}, `"code":{}`},
		{"down", Mood{Down: []string{"account"}}, ""},
		{"bad API", Mood{API: Weather{Status: 500}}, `"_sign"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, Options{}, func(s *stage) {
				s.cloud.Change(tc.mood)
				a, err := s.try(step, nil)
				if (err != nil) != (tc.says == "") || !strings.Contains(a.text, tc.says) {
					t.Errorf("%d %s, %v", a.status, a.text, err)
				}
			})
		})
	}
}

func TestSecretsAreAllNamed(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		a := s.knock(User, Password.Reveal())
		g := s.enter(a)
		named := map[string]bool{}
		for _, x := range s.cloud.Secrets() {
			named[x.Reveal()] = true
		}
		for what, text := range map[string]string{
			"password": Password.Reveal(), "passToken": a.str("passToken"), "serviceToken": g.token, "ssecurity": g.ssecurity,
			"token": s.home.Infos()[0].Token.Reveal(),
		} {
			if !named[text] {
				t.Errorf("%s is not among the secrets", what)
			}
		}
	})
}
