package router

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	answerTime = 5 * time.Second // for one request: a busy router takes two or three
	maxBody    = 1 << 20         // of an answer; 250 clients are 120 KB
	deniedRest = time.Minute     // after a refused login; doubles up to deniedMost
	deniedMost = 30 * time.Minute
)

// errStale says that the router does not know the token, or not any more.
var errStale = errors.New("session ended")

// web speaks HTTP with one router. It is safe for concurrent use; one login
// is under way at a time.
type web struct {
	base     string // "http://192.168.31.1/cgi-bin/luci/"
	host     string
	password mi.Secret
	http     *http.Client
	now      func() time.Time

	door   chan struct{} // held by whoever reads or changes the fields below
	random *rand.Rand
	token  mi.Secret
	modern *bool // the hash that worked; nil while none did
	refuse error // of the last login, until retry
	retry  time.Time
	wait   time.Duration

	greeted     bool // hello is of this login
	hello       greeting
	key, device string // of the login page; "" while it is not read
}

func newWeb(w mi.World, c Config) *web {
	host, _ := hostPort(c.Addr)
	return &web{
		base: "http://" + host + "/cgi-bin/luci/", host: host, password: c.Password, now: w.Now,
		http: &http.Client{
			Transport: &http.Transport{
				DialContext: w.Net.DialContext, MaxConnsPerHost: 4, MaxIdleConnsPerHost: 1, IdleConnTimeout: answerTime,
				MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		door:   make(chan struct{}, 1),
		random: w.Rand("router " + host),
	}
}

// hostPort adds the port of HTTP to an address without one.
func hostPort(addr string) (string, bool) {
	addr = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(addr), "http://"), "/")
	if addr == "" {
		return "", false
	}
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr, true
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), "80"), true
}

// rest lets go of idle connections: the router is not asked for a while.
func (w *web) rest() { w.http.CloseIdleConnections() }

// call asks for a path below api/ with the token of the session; form, when set,
// is posted. A session that ended is renewed once.
func (w *web) call(ctx context.Context, path string, form url.Values) ([]byte, error) {
	var token mi.Secret
	for range 2 {
		var err error
		if token, err = w.session(ctx, token); err != nil {
			return nil, fmt.Errorf("log in to %s: %w", w.host, err)
		}
		body, err := w.ask(ctx, ";stok="+token.Reveal()+"/api/"+path, form)
		if err == nil {
			err = parse(body, &struct{}{})
		}
		if !errors.Is(err, errStale) {
			return body, err
		}
	}
	return nil, fmt.Errorf("%s ends every session at once: is another program logging in all the time? %w", w.host, mi.ErrDenied)
}

// session returns a token that is not stale, logging in when there is none.
func (w *web) session(ctx context.Context, stale mi.Secret) (mi.Secret, error) {
	select {
	case w.door <- struct{}{}:
		defer func() { <-w.door }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if w.token != "" && w.token != stale {
		return w.token, nil
	}
	w.token = ""
	if time.Now().Before(w.retry) {
		return "", w.refuse
	}
	err := w.login(ctx)
	if errors.Is(err, mi.ErrDenied) {
		w.wait = min(max(deniedRest, 2*w.wait), deniedMost)
		w.refuse, w.retry = err, time.Now().Add(w.wait)
	}
	if err == nil {
		w.wait = 0
	}
	return w.token, err
}

// login needs the door. The router says which hash it wants; where it refuses
// that, the other is tried once. What was learnt stays for the next try when the
// router falls silent on the way.
func (w *web) login(ctx context.Context) error {
	if err := w.learn(ctx); err != nil {
		return err
	}
	modern := w.hello.modern()
	if w.modern != nil {
		modern = *w.modern
	}
	for _, modern := range []bool{modern, !modern} {
		err := w.prove(ctx, modern)
		if err == nil {
			w.modern = &modern
		}
		if !errors.Is(err, errStale) {
			if !lost(err) {
				w.greeted, w.key = false, ""
			}
			return err
		}
	}
	w.modern, w.greeted, w.key = nil, false, ""
	return fmt.Errorf("the router does not take the password of its admin page: %w", mi.ErrDenied)
}

// learn asks what the proof of the password is made of.
func (w *web) learn(ctx context.Context) error {
	if !w.greeted {
		body, err := w.try(ctx, "api/xqsystem/init_info")
		if lost(err) {
			return err
		}
		var hello greeting
		if parse(body, &hello) == nil { // the oldest firmware does not know it
			w.hello = hello
		}
		w.greeted = true
	}
	if w.key == "" {
		page, err := w.try(ctx, "web")
		if lost(err) {
			return err
		}
		w.key, w.device = parsePage(page)
	}
	return nil
}

// prove sends the proof of the password and takes the token.
func (w *web) prove(ctx context.Context, modern bool) error {
	var body []byte
	err := mi.ErrTimeout
	for n := 0; n < tries && errors.Is(err, mi.ErrTimeout) && ctx.Err() == nil; n++ {
		nonce := fmt.Sprintf("0_%s_%d_%d", w.device, w.now().Unix(), w.random.IntN(10_000_000))
		body, err = w.ask(ctx, "api/xqsystem/login", url.Values{
			"username": {"admin"}, "logtype": {"2"}, "nonce": {nonce}, "password": {loginHash(w.password, w.key, nonce, modern)},
		})
	}
	if err != nil {
		return err
	}
	var in struct {
		Token words `json:"token"`
	}
	if err := parse(body, &in); err != nil {
		return err
	}
	if !tokenLike(string(in.Token)) {
		return fmt.Errorf("the answer has no token: %w", mi.ErrProtocol)
	}
	w.token = mi.Secret(in.Token)
	return nil
}

// tokenLike keeps a token from meaning anything else in the path of a URL.
func tokenLike(s string) bool {
	return s != "" && len(s) <= 128 && strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

// greeting returns what the router said of itself at the last login.
func (w *web) greeting(ctx context.Context) greeting {
	select {
	case w.door <- struct{}{}:
		defer func() { <-w.door }()
		return w.hello
	case <-ctx.Done():
		return greeting{}
	}
}

// lost reports an exchange that brought no answer, whatever it might have said.
func lost(err error) bool {
	return err != nil && !errors.Is(err, mi.ErrProtocol) && !errors.Is(err, errStale) && !errors.Is(err, mi.ErrUnsupported)
}

const tries = 3 // of a request that changes nothing: some routers drop requests when busy

// try is ask for what may be asked again.
func (w *web) try(ctx context.Context, path string) (body []byte, err error) {
	for range tries {
		if body, err = w.ask(ctx, path, nil); !errors.Is(err, mi.ErrTimeout) || ctx.Err() != nil {
			return body, err
		}
	}
	return body, err
}

// read is call for what may be asked again.
func (w *web) read(ctx context.Context, path string) (body []byte, err error) {
	for range tries {
		if body, err = w.call(ctx, path, nil); !errors.Is(err, mi.ErrTimeout) || ctx.Err() != nil {
			return body, err
		}
	}
	return body, err
}

// ask sends one request. Errors never show the address, which holds the token and
// may hold a network's password.
func (w *web) ask(ctx context.Context, path string, form url.Values) ([]byte, error) {
	own, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	method, text := http.MethodGet, ""
	if form != nil {
		method, text = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequestWithContext(own, method, w.base+path, strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("the address %q of the router makes no sense: %w", w.host, mi.ErrInvalid)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return nil, w.failure(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, w.failure(ctx, err)
	}
	return body, w.judge(resp)
}

// judge turns the status of HTTP into an error.
func (w *web) judge(resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return errStale
	case resp.StatusCode >= 500:
		return fmt.Errorf("%s: HTTP status %d: %w", w.host, resp.StatusCode, mi.ErrBusy)
	}
	return fmt.Errorf("%s: HTTP status %d: give the router's own IP address: %w", w.host, resp.StatusCode, mi.ErrProtocol)
}

// failure says of which kind a failed exchange is. ctx is the caller's.
func (w *web) failure(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	for _, gone := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%s: %w: %w", w.host, gone, mi.ErrOffline)
		}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("the name %s is not known here; give the router's IP address: %w", w.host, mi.ErrOffline)
	}
	return fmt.Errorf("%s: %w", w.host, mi.ErrTimeout)
}
