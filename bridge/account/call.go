package account

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	slowest  = time.Hour   // that the pause grows to after the API asked to slow down
	slowFrom = time.Minute // that it begins with
)

// Call sends one signed request to the API of a region and returns what stands
// under result. path has no /app: "/miotspec/prop/get". A session that has ended
// is renewed first where the budget allows it, once for all who wait. A Refusal
// is the server's word on this request alone.
func (m *Manager) Call(ctx context.Context, account, region, path string, params any) (json.RawMessage, error) {
	c, err := m.client(account)
	if err != nil {
		return nil, m.diagnose(err)
	}
	data, err := marshal(params)
	if err != nil {
		return nil, fmt.Errorf("account: %s: %w: %w", path, err, mi.ErrInvalid)
	}
	result, err := m.call(ctx, c, request{region, path, data, false})
	return result, m.diagnose(err)
}

// request is one request to the API.
type request struct {
	region, path, data string
	quiet              bool // it may fail without anything being wrong with the account
}

// call sends a request, and once more after a renewal.
func (m *Manager) call(ctx context.Context, c *client, r request) (json.RawMessage, error) {
	if err := m.ready(c); err != nil {
		return nil, err
	}
	s := c.signed()
	if s.whole() {
		result, err := m.once(ctx, c, s, r)
		if r.quiet || !errors.Is(err, ErrAuthExpired) {
			return result, err
		}
	}
	s, err := m.renew(ctx, c, s, false)
	if err != nil {
		return nil, err
	}
	return m.once(ctx, c, s, r)
}

// ready reports why no request may leave at the moment.
func (m *Manager) ready(c *client) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state.Condition {
	case LoginNeeded:
		return fmt.Errorf("account: sign in again: %w", ErrAuthExpired)
	case Verify:
		return fmt.Errorf("account: confirm the sign-in in a browser: %w", ErrVerify)
	}
	if wait := c.until.Sub(m.opt.World.Now()); wait > 0 {
		return &limit{fmt.Errorf("account: no request for %s: %w", wait.Round(time.Second), ErrLimited), wait}
	}
	return nil
}

// once sends a request and notes how the server took it.
func (m *Manager) once(ctx context.Context, c *client, s session, q request) (json.RawMessage, error) {
	r, err := m.web.api(ctx, s, m.number(), q, m.opt.Plain)
	if err == nil {
		err = r.refused()
	}
	m.took(ctx, c, err, q.quiet)
	if err != nil {
		return nil, fmt.Errorf("%w (%s %s)", err, q.region, q.path)
	}
	return r.Result, nil
}

// took turns the condition after a request to the API.
func (m *Manager) took(ctx context.Context, c *client, err error, quiet bool) {
	_, refusal := errors.AsType[*Refusal](err)
	switch {
	case ctx.Err() != nil: // it was given up on our side
	case err == nil || refusal:
		m.budget.helped(c.id)
		if !quiet {
			m.well(c)
		}
	case errors.Is(err, ErrAuthExpired): // the renewal tells
	case errors.Is(err, ErrLimited) || errors.Is(err, ErrTooOld):
		m.slow(c, err)
		m.turn(c, Limited, err)
	case !quiet:
		m.turn(c, Away, err)
	}
}

// well turns the condition back to OK, unless a person still has to sign in soon.
func (m *Manager) well(c *client) {
	c.mu.Lock()
	c.slowed = 0
	expiring := c.state.Condition == Expiring
	c.mu.Unlock()
	if !expiring {
		m.turn(c, OK, nil)
	}
}

// slow lets no request out for a while, each time twice as long.
func (m *Manager) slow(c *client, err error) {
	wait := slowest
	c.mu.Lock()
	defer c.mu.Unlock()
	if !errors.Is(err, ErrTooOld) {
		wait = min(slowFrom<<min(c.slowed, 6), slowest)
	}
	if l, ok := errors.AsType[*limit](err); ok {
		wait = max(wait, min(l.wait, slowest))
	}
	c.slowed++
	c.until = m.opt.World.Now().Add(wait)
}

// marshal writes params compactly, without HTML escapes.
func marshal(params any) (string, error) {
	if params == nil {
		return "{}", nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(params)
	return strings.TrimRight(b.String(), "\n"), err
}

// api sends one request and reads the answer.
func (w *web) api(ctx context.Context, s session, random uint64, q request, plain bool) (*reply, error) {
	base := w.hosts.bases[regionHost(q.region)]
	if base == nil {
		return nil, fmt.Errorf("account: no region %.10q: %w", q.region, mi.ErrInvalid)
	}
	key, err := newSeal(s.ssecurity, newNonce(random, w.now()))
	if err != nil {
		return nil, err
	}
	form := key.form(http.MethodPost, q.path, q.data)
	if plain {
		form = key.plainForm(q.path, q.data)
	}
	ctx, done := context.WithTimeout(ctx, requestIn)
	defer done()
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, base.String()+"/app"+q.path, []byte(form))
	if err != nil {
		return nil, fmt.Errorf("account: %.60q is no path: %w", q.path, mi.ErrInvalid)
	}
	w.dressAPI(req.Request, s, plain)
	res, err := w.again.Do(req)
	if err != nil {
		return nil, lost(base.Hostname(), err)
	}
	p, err := w.read(res, maxAnswer)
	if err != nil {
		return nil, err
	}
	p.url = req.URL
	return p.reply(key)
}

// dressAPI gives a request the headers and cookies of the session, built anew each
// time: old ones would be refused for ever.
func (w *web) dressAPI(req *http.Request, s session, plain bool) {
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Xiaomi-Protocal-Flag-Cli", "PROTOCAL-HTTP2") //nolint:misspell // as their app writes it
	if !plain {
		req.Header.Set("Miot-Encrypt-Algorithm", "ENCRYPT-RC4")
		req.Header.Set("Miot-Accept-Encoding", "GZIP")
	}
	cookies := map[string]string{
		"userId": s.userID, "serviceToken": s.serviceToken, "yetAnotherServiceToken": s.serviceToken,
		"locale": "en_GB", "timezone": "GMT+00:00", "channel": "MI_APP_STORE",
	}
	if s.cUserID != "" {
		cookies["cUserId"] = s.cUserID
	}
	w.dress(req, cookies)
}

// reply reads an answer of the API.
func (p *page) reply(key *seal) (*reply, error) {
	if err := p.good(); err != nil {
		return nil, err
	}
	r, err := parseReply(p.body, key)
	if p.status == http.StatusUnauthorized && (err != nil || !r.expired()) {
		return nil, fmt.Errorf("account: %s answers 401: %w", p.url.Hostname(), ErrAuthExpired)
	}
	if err != nil {
		return nil, fmt.Errorf("account: %s: %w", p.url.Hostname(), err)
	}
	return r, nil
}
