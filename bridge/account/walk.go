package account

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// session is what signs requests: the secret and the token belong together.
type session struct {
	userID, cUserID string
	passToken       string
	ssecurity       string
	serviceToken    string
}

func (s *session) whole() bool {
	return s.userID != "" && s.ssecurity != "" && s.serviceToken != ""
}

// lay lays what other knows over s.
func (s *session) lay(other session) {
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&s.userID, other.userID}, {&s.cUserID, other.cUserID}, {&s.passToken, other.passToken},
		{&s.ssecurity, other.ssecurity}, {&s.serviceToken, other.serviceToken},
	} {
		if f.from != "" {
			*f.to = f.from
		}
	}
}

// walk follows redirects by hand, because the session hides in their headers and
// cookies. It returns the last page and what was found on the way.
func (w *web) walk(ctx context.Context, j *jar, at *url.URL) (*page, session, error) {
	var found session
	skipped := false
	for range maxHops {
		p, err := w.ask(ctx, j, at, nil)
		if err != nil {
			return nil, found, err
		}
		found.lay(p.session())
		next := ""
		switch {
		case p.status >= 300 && p.status < 400:
			next = p.header.Get("Location")
		case strings.Contains(at.Path, "/fe/") && !skipped:
			next, skipped = at.Query().Get("skipUrl"), true // a page that only wants to be clicked away
		}
		if next == "" {
			return p, found, p.good()
		}
		if at, err = w.hosts.lead(at, next); err != nil {
			return nil, found, err
		}
	}
	return nil, found, fmt.Errorf("account: sent on more than %d times: %w", maxHops, ErrHTML)
}

// session returns what one answer tells of the session.
func (p *page) session() (s session) {
	s.ssecurity = pragma(p.header.Get("Extension-Pragma"))
	for _, c := range setCookies(p.header) {
		if gone(c) {
			continue
		}
		switch c.Name {
		case "userId":
			s.userID = c.Value
		case "cUserId":
			s.cUserID = c.Value
		case "passToken":
			s.passToken = c.Value
		case "serviceToken":
			s.serviceToken = c.Value
		}
	}
	return s
}

// pragma reads the secret out of a header of a redirect.
func pragma(header string) string {
	var p struct {
		Ssecurity string `json:"ssecurity"`
	}
	if header == "" || json.Unmarshal([]byte(header), &p) != nil {
		return ""
	}
	if _, err := base.DecodeString(p.Ssecurity); err != nil {
		return ""
	}
	return p.Ssecurity
}

// serviceToken turns a good login answer into a session.
func (w *web) serviceToken(ctx context.Context, j *jar, a *answer) (session, error) {
	s := session{userID: string(a.UserID), cUserID: string(a.CUserID), passToken: a.PassToken, ssecurity: a.Ssecurity}
	at, err := w.hosts.lead(w.hosts.bases[accountHost], a.Location)
	if err != nil {
		return s, err
	}
	if a.Nonce != "" && a.Ssecurity != "" {
		sign := "clientSign=" + url.QueryEscape(clientSign(string(a.Nonce), a.Ssecurity))
		at.RawQuery = strings.TrimPrefix(at.RawQuery+"&"+sign, "&")
	}
	p, found, err := w.walk(ctx, j, at)
	if err != nil {
		return s, err
	}
	if p.status == http.StatusUnauthorized || p.status == http.StatusForbidden {
		return s, fmt.Errorf("account: %s answers %d: %w", p.url.Hostname(), p.status, ErrRiskControl)
	}
	s.lay(found)
	if s.userID == "" {
		s.userID = j.find("userId")
	}
	if s.passToken == "" {
		s.passToken = j.find("passToken")
	}
	if !s.whole() {
		return s, fmt.Errorf("account: %s gives no token: %w", p.url.Hostname(), ErrHTML)
	}
	return s, nil
}
