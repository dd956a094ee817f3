package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	dialIn    = 10 * time.Second
	requestIn = 30 * time.Second
	maxPage   = 1 << 20  // of an answer of the account servers
	maxAnswer = 16 << 20 // of an answer of the API
	maxHops   = 10
)

// web speaks HTTP with the servers of the account. It follows no redirect by
// itself and has no cookies of its own.
type web struct {
	http  *http.Client
	again *retryablehttp.Client // the same, and once more where no connection was made
	hosts *hosts
	agent string
	log   zerolog.Logger
	now   func() time.Time
	clock func(ahead time.Duration) // is told this machine's clock minus the server's
}

// defaultAgent is what the servers take for their app.
const defaultAgent = "Android-14-10.5.201-Xiaomi 2210132G-136- APP/xiaomi.smarthome APPV/10.5.201"

func newWeb(o *Options, h *hosts) *web {
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dial(o.World.Net), TLSHandshakeTimeout: dialIn,
			MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
			DisableCompression: true,
		},
	}
	w := &web{http: client, hosts: h, agent: o.UserAgent, log: o.Log, now: o.World.Now, clock: func(time.Duration) {}}
	if w.agent == "" {
		w.agent = defaultAgent
	}
	w.again = retryablehttp.NewClient()
	w.again.HTTPClient, w.again.Logger, w.again.RetryMax = client, nil, 1
	w.again.CheckRetry = unsent
	w.again.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return w
}

func dial(n mi.Network) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, done := context.WithTimeout(ctx, dialIn)
		defer done()
		conn, err := n.DialContext(ctx, network, address)
		if err != nil {
			return nil, &unreached{err}
		}
		return conn, nil
	}
}

// unreached is the error of a connection that was never made.
type unreached struct{ error }

func (u *unreached) Unwrap() error { return u.error }

// unsent allows to try again what never left: no connection was made.
func unsent(ctx context.Context, _ *http.Response, err error) (bool, error) {
	_, is := errors.AsType[*unreached](err)
	return is && ctx.Err() == nil, nil
}

func (w *web) close() { w.http.CloseIdleConnections() }

// page is one answer.
type page struct {
	url    *url.URL
	status int
	header http.Header
	body   []byte
}

// ask sends one request to an account server. form nil means GET. The jar gives
// and takes the cookies.
func (w *web) ask(ctx context.Context, j *jar, address *url.URL, form url.Values) (*page, error) {
	ctx, done := context.WithTimeout(ctx, requestIn)
	defer done()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address.String(), strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("account: %s: %w", address.Hostname(), ErrHost)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w.dress(req, j.of(address))
	res, err := w.http.Do(req)
	if err != nil {
		return nil, lost(address.Hostname(), err)
	}
	p, err := w.read(res, maxPage)
	if err != nil {
		return nil, err
	}
	p.url = address
	j.learn(address, res.Header)
	return p, nil
}

// dress makes a request look as the servers want it.
func (w *web) dress(req *http.Request, cookies map[string]string) {
	req.Header.Set("User-Agent", w.agent)
	req.Header.Set("Accept-Encoding", "identity")
	var all []string
	for name, value := range cookies {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	if len(all) > 0 {
		req.Header.Set("Cookie", strings.Join(all, "; "))
	}
}

// read takes the whole answer in, and looks at the server's clock.
func (w *web) read(res *http.Response, limit int64) (*page, error) {
	defer res.Body.Close()
	host := res.Request.URL.Hostname()
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, lost(host, err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("account: %s sends more than %d MiB: %w", host, limit>>20, mi.ErrProtocol)
	}
	if res.Header.Get("Content-Encoding") == "gzip" || bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		if body, err = unpack(body); err != nil {
			return nil, err
		}
	}
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		w.clock(w.now().Sub(at).Round(time.Second))
	}
	return &page{status: res.StatusCode, header: res.Header, body: body}, nil
}

// lost says why no answer came, without the address, which may hold a secret.
func lost(host string, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("account: %s does not answer: %w", host, mi.ErrTimeout)
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("account: %s: %w", host, context.Canceled)
	}
	if u, is := errors.AsType[*unreached](err); is {
		return fmt.Errorf("account: no connection to %s (%w): %w", host, cause(u), mi.ErrOffline)
	}
	return fmt.Errorf("account: %s broke off: %w", host, ErrFault)
}

// cause is the innermost error, which says what a person can mend.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// limit is an answer that asks to slow down.
type limit struct {
	error
	wait time.Duration // 0 when the server does not say
}

func (l *limit) Unwrap() error { return l.error }

// good turns the status of an answer into an error. 401 is left to the reader of
// the body.
func (p *page) good() error {
	switch {
	case p.status == http.StatusTooManyRequests:
		return &limit{fmt.Errorf("account: %s answers 429: %w", p.url.Hostname(), ErrLimited), retryAfter(p.header)}
	case p.status == http.StatusUpgradeRequired:
		return fmt.Errorf("account: %s answers 426: %w", p.url.Hostname(), ErrTooOld)
	case p.status >= 500:
		return fmt.Errorf("account: %s answers %d: %w", p.url.Hostname(), p.status, ErrFault)
	}
	return nil
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// json asks an account server and reads its JSON.
func (w *web) json(ctx context.Context, j *jar, address *url.URL, form url.Values) (*answer, error) {
	p, err := w.ask(ctx, j, address, form)
	if err != nil {
		return nil, err
	}
	if err := p.good(); err != nil {
		return nil, err
	}
	a, err := parseAnswer(p.body)
	if err != nil {
		return nil, fmt.Errorf("account: %s: %w", address.Hostname(), err)
	}
	return a, nil
}

// account returns the address of a path on the account server.
func (w *web) account(path string, query url.Values) *url.URL {
	u := *w.hosts.bases[accountHost]
	u.Path += path
	u.RawQuery = query.Encode()
	return &u
}
