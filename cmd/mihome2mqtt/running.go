package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	helloWithin = 5 * time.Second  // the running bridge answers at once, on a busy machine too
	orderWithin = 75 * time.Second // a little longer than the bridge lets an order take
	maxAnswer   = 32 << 20         // bytes
)

// running is the bridge that runs on this machine, asked over its API.
type running struct {
	base     string // address of its pages, with a slash at the end
	client   *http.Client
	token    mi.Secret
	password mi.Secret
	form     string // token that orders carry when there is no other
}

// errNone tells that no bridge runs here.
var errNone = errors.New("no bridge runs")

// running finds the bridge that runs with these settings. Where none does, the
// error is errNone.
func (p *process) running(ctx context.Context) (*running, error) {
	c, err := p.settings(nil)
	if err != nil {
		return nil, err
	}
	r := &running{base: c.Web.URL(), token: c.APIToken, password: c.Web.Password}
	if r.base == "" {
		return nil, fmt.Errorf("%w that can be asked, as %sWEB_LISTEN is off", errNone, config.Prefix)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	r.client = &http.Client{Jar: jar, Transport: &http.Transport{DialContext: host.Network().DialContext, MaxIdleConns: 1}}
	ctx, cancel := context.WithTimeout(ctx, helloWithin)
	defer cancel()
	return r, r.hello(ctx)
}

// hello makes sure that it is a bridge that answers, and unlocks it.
func (r *running) hello(ctx context.Context) error {
	var status struct{ Version string }
	err := r.get(ctx, "status", &status)
	if locked(err) && r.password != "" {
		if err = r.unlock(ctx); err == nil {
			err = r.get(ctx, "status", &status)
		}
	}
	refused, isAnswer := errors.AsType[*refusal](err)
	switch {
	case locked(err):
		return &failure{exitAway, fmt.Errorf("the bridge at %s wants to know who asks. Set %sAPI_TOKEN as it has it", r.base, config.Prefix)}
	case isAnswer && refused.Code != "":
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{exitAway, fmt.Errorf("what listens at %s does not answer. If it is the bridge, its machine is very busy: try again", r.base)}
	case err != nil || status.Version == "":
		return fmt.Errorf("%w at %s", errNone, strings.TrimSuffix(strings.TrimPrefix(r.base, "http://"), "/"))
	}
	return nil
}

func locked(err error) bool {
	refused, ok := errors.AsType[*refusal](err)
	return ok && refused.Code == "locked"
}

// unlock opens a session with the password of the pages.
func (r *running) unlock(ctx context.Context) error {
	if err := r.learnForm(ctx, "unlock"); err != nil {
		return err
	}
	fields := url.Values{"form": {r.form}, "password": {r.password.Reveal()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"unlock", strings.NewReader(fields.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err = r.send(req)
	r.form = ""
	return err
}

var formToken = regexp.MustCompile(`name="form-token" content="([^"]+)"`)

// learnForm takes the token for orders from a page: it proves that we can read what
// the bridge answers us.
func (r *running) learnForm(ctx context.Context, page string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+page, nil)
	if err != nil {
		return err
	}
	body, err := r.send(req)
	if err != nil {
		return err
	}
	found := formToken.FindSubmatch(body)
	if found == nil {
		return fmt.Errorf("the bridge at %s is of another version", r.base)
	}
	r.form = string(found[1])
	return nil
}

// get asks for something below api/v1/.
func (r *running) get(ctx context.Context, path string, out any) error {
	return r.do(ctx, http.MethodGet, path, nil, out)
}

// post gives an order below api/v1/.
func (r *running) post(ctx context.Context, path string, in, out any) error {
	return r.do(ctx, http.MethodPost, path, in, out)
}

func (r *running) do(ctx context.Context, method, path string, in, out any) error {
	if method != http.MethodGet && r.token == "" && r.form == "" {
		if err := r.learnForm(ctx, "more"); err != nil {
			return err
		}
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+"api/v1/"+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.form != "" {
		req.Header.Set("X-Form-Token", r.form)
	}
	answer, err := r.send(req)
	if err != nil || out == nil || len(answer) == 0 {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the answer of the bridge is not understood: %w", err)
	}
	return nil
}

// send returns the body of an answer that is no refusal.
func (r *running) send(req *http.Request) ([]byte, error) {
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token.Reveal())
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, &failure{exitAway, fmt.Errorf("the bridge: %w", err)}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, &failure{exitAway, fmt.Errorf("the bridge: %w", err)}
	}
	if res.StatusCode < http.StatusBadRequest {
		return body, nil
	}
	refused := &refusal{Status: res.StatusCode}
	if json.Unmarshal(body, refused) != nil {
		refused.Detail = fmt.Sprintf("the bridge answers %s", res.Status)
	}
	return nil, refused
}

// refusal is a failure that the bridge tells (RFC 9457).
type refusal struct {
	Status  int      `json:"status"`
	Code    string   `json:"code"`
	Title   string   `json:"title"`
	Detail  string   `json:"detail"`
	Field   string   `json:"field"`
	Allowed []string `json:"allowed"`
}

// Error implements error.
func (r *refusal) Error() string { return cmp.Or(r.Detail, r.Title, r.Code) }

// exit is the exit code of a refusal.
func (r *refusal) exit() int {
	switch r.Code {
	case "bad_value", "confirm":
		return exitWrongUse
	case "no_device", "no_such_role":
		return exitNotFound
	case "device_offline":
		return exitNoAnswer
	case "device_refused", "device_denied", "device_error", "forbidden", "slow_down":
		return exitRefused
	case "login_needed", "account_login":
		return exitSignIn
	case "locked", "starting":
		return exitAway
	}
	return exitFailed
}
