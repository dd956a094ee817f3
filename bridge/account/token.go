package account

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sid names the service whose token is wanted: the API of Mi Home.
const sid = "xiaomiio"

// newJar returns the cookies that every sign-in of this installation begins with.
func (m *Manager) newJar(more ...cookie) *jar {
	j := &jar{}
	for _, c := range append([]cookie{{Name: "deviceId", Value: m.deviceID}, {Name: "sdkVersion", Value: "4.2.29"}}, more...) {
		c.Host = m.web.hosts.bases[accountHost].Hostname()
		j.put(c)
	}
	return j
}

// first is the first step of every sign-in: with the cookies of a living passToken
// its answer is already good.
func (w *web) first(ctx context.Context, j *jar) (*answer, error) {
	return w.json(ctx, j, w.account("/pass/serviceLogin", url.Values{"_json": {"true"}, "sid": {sid}}), nil)
}

// tokenJar returns the cookies of somebody who has a passToken.
func (m *Manager) tokenJar(s session) *jar {
	more := []cookie{{Name: "userId", Value: s.userID}, {Name: "passToken", Value: s.passToken}}
	if s.cUserID != "" {
		more = append(more, cookie{Name: "cUserId", Value: s.cUserID})
	}
	return m.newJar(more...)
}

// byToken signs in with a passToken. The errors that end automatic tries are
// ErrAuthExpired, ErrVerify, ErrCaptcha and ErrRiskControl.
func (m *Manager) byToken(ctx context.Context, j *jar, s session) (session, error) {
	a, err := m.web.first(ctx, j)
	if err != nil {
		return session{}, err
	}
	if a.code() != 0 || a.Location == "" || a.Ssecurity == "" {
		return session{}, tokenRefused(a)
	}
	fresh, err := m.web.serviceToken(ctx, j, a)
	if err != nil {
		return session{}, err
	}
	if fresh.userID != s.userID {
		return session{}, fmt.Errorf("account: another user answers: %w", ErrAuthExpired)
	}
	return fresh, nil
}

// tokenRefused says why a passToken was not good enough.
func tokenRefused(a *answer) error {
	switch {
	case a.NotificationURL != "" || a.code() == 81003:
		return &verify{fmt.Errorf("account: %s: %w", a.says(), ErrVerify), a.NotificationURL}
	case a.CaptchaURL != "" || a.code() == 87001:
		return fmt.Errorf("account: %s: %w", a.says(), ErrCaptcha)
	case a.code() == 20024:
		return &limit{fmt.Errorf("account: %s: %w", a.says(), ErrLimited), seconds(a.Data.Wait)}
	}
	return fmt.Errorf("account: %s: %w", a.says(), ErrAuthExpired)
}

// verify is an answer that sends the person to a browser.
type verify struct {
	error
	address string
}

func (v *verify) Unwrap() error { return v.error }

// parseToken reads what people copy from a browser: "userId:passToken".
func parseToken(userID string, passToken mi.Secret) (session, error) {
	userID = strings.TrimSpace(userID)
	token := strings.Trim(strings.TrimSpace(passToken.Reveal()), `"`)
	if !decimal(userID) {
		return session{}, fmt.Errorf("account: the user id is a number of 5 to 20 digits: %w", mi.ErrInvalid)
	}
	if len(token) < 8 || len(token) > 4096 || strings.ContainsAny(token, "; \t\r\n\",\\") {
		return session{}, fmt.Errorf("account: this is no passToken: %w", mi.ErrInvalid)
	}
	return session{userID: userID, passToken: token}, nil
}

func decimal(s string) bool {
	return len(s) >= 5 && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}
