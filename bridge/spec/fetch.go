package spec

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	listName   = "specs/list"
	listAge    = 7 * 24 * time.Hour // the list is asked again after
	retryAge   = time.Hour          // a model that could not be fetched is tried again after
	refreshAge = 24 * time.Hour     // between two looks for newer specs
	maxList    = 16 << 20
	requestIn  = 30 * time.Second
	maxWanted  = 1024
)

// errUnlisted says that the vendor has published no spec of a model.
var errUnlisted = errors.New("miot-spec.org does not list it; please report the model")

// fetcher asks miot-spec.org for specs, one at a time.
type fetcher struct {
	http *retryablehttp.Client
	host string
	kept diskSource
	log  zerolog.Logger
	now  func() time.Time
	got  func(model string, s *mi.Spec)

	list *list // only while there is something to fetch; only run touches it

	mu     sync.Mutex // guards asked
	asked  map[string]attempt
	wanted chan string
}

// attempt is how asking for a model went; err is nil while it is under way.
type attempt struct {
	at  time.Time
	err error
}

func newFetcher(w mi.World, o Options, kept diskSource) *fetcher {
	client := retryablehttp.NewClient()
	client.HTTPClient = &http.Client{
		Timeout: requestIn, CheckRedirect: stay,
		Transport: &http.Transport{
			DialContext: w.Net.DialContext, TLSHandshakeTimeout: 10 * time.Second, MaxIdleConns: 2, IdleConnTimeout: time.Minute,
		},
	}
	client.Logger = nil
	client.RetryMax = 3
	return &fetcher{
		http: client, host: cmp.Or(o.Host, "https://miot-spec.org"), kept: kept, log: o.Log, now: w.Now,
		got:   func(string, *mi.Spec) {},
		asked: map[string]attempt{}, wanted: make(chan string, maxWanted),
	}
}

// stay refuses to be sent to another host.
func stay(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme || len(via) > 5 {
		return fmt.Errorf("sent to %s", req.URL.Host)
	}
	return nil
}

// ask queues a model. The error tells how it went when it was asked for already.
func (f *fetcher) ask(model string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.asked[model]
	if ok && (a.err == nil || f.now().Sub(a.at) < retryAge) {
		return a.err
	}
	select {
	case f.wanted <- model:
		f.asked[model] = attempt{at: f.now()}
	default: // so many at once: it is asked for again
	}
	return nil
}

// missing says how the last try went, and when the next one is.
func (f *fetcher) missing(model string) Missing {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.asked[model]
	return Missing{Unlisted: errors.Is(a.err, errUnlisted), Err: a.err, Again: max(0, a.at.Add(retryAge).Sub(f.now()))}
}

// run fetches one model after another until ctx ends, and looks for newer specs
// of those that are kept now and then.
func (f *fetcher) run(ctx context.Context) {
	defer f.http.HTTPClient.CloseIdleConnections()
	newer := time.NewTicker(refreshAge)
	defer newer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-newer.C:
			f.refresh(ctx)
		case model := <-f.wanted:
			s, err := f.one(ctx, model)
			f.done(model, s, err)
		}
		if len(f.wanted) == 0 {
			f.list = nil // twenty thousand models are not worth their memory
		}
	}
}

func (f *fetcher) done(model string, s *mi.Spec, err error) {
	f.mu.Lock()
	f.asked[model] = attempt{f.now(), err}
	if err == nil {
		delete(f.asked, model)
	}
	f.mu.Unlock()
	if err != nil {
		f.log.Warn().Err(err).Str("model", model).Msg("no spec fetched")
	} else {
		f.log.Info().Str("model", model).Msg("spec fetched")
	}
	f.got(model, s)
}

// one fetches the instance of a model and keeps it. A model that an old list
// lacks is looked for in a new one.
func (f *fetcher) one(ctx context.Context, model string) (*mi.Spec, error) {
	if f.list == nil {
		f.list = f.kept.keptList()
	}
	if f.list == nil || f.list.URNs[model] == "" {
		if err := f.refreshList(ctx); err != nil {
			return nil, err
		}
	}
	urn := f.list.URNs[model]
	if urn == "" {
		return nil, errUnlisted
	}
	return f.fetch(ctx, model, urn)
}

func (f *fetcher) fetch(ctx context.Context, model, urn string) (*mi.Spec, error) {
	raw, err := f.get(ctx, "/miot-spec-v2/instance?type="+url.QueryEscape(urn), MaxSize)
	if err != nil {
		return nil, err
	}
	s, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	s.Model = model
	if err := f.kept.write(keptName(model), raw); err != nil {
		f.log.Warn().Err(err).Str("model", model).Msg("the spec is not kept and has to be fetched again after a restart")
	}
	return s, nil
}

// refresh fetches what was published anew of the specs that are kept. It counts
// from the next start, because a device does not change under way.
func (f *fetcher) refresh(ctx context.Context) {
	f.list = f.kept.keptList()
	if f.list != nil && f.now().Sub(f.list.At).Abs() < listAge {
		return
	}
	if err := f.refreshList(ctx); err != nil {
		f.log.Debug().Err(err).Msg("no look for newer specs")
		return
	}
	for _, model := range f.kept.models() {
		urn := f.list.URNs[model]
		if urn == "" || urn == f.kept.keptURN(model) {
			continue
		}
		if _, err := f.fetch(ctx, model, urn); err != nil {
			f.log.Debug().Err(err).Str("model", model).Msg("newer spec not fetched")
			return
		}
		f.log.Info().Str("model", model).Str("spec", urn).Msg("a newer spec is used from the next start on")
	}
}

// refreshList asks for the list of all specs. A list of less than an hour is
// not asked for again: what it lacks is not published.
func (f *fetcher) refreshList(ctx context.Context) error {
	if f.list != nil && f.now().Sub(f.list.At).Abs() < retryAge {
		return nil
	}
	raw, err := f.get(ctx, "/miot-spec-v2/instances?status=all", maxList)
	if err != nil {
		return err
	}
	fresh, err := readList(raw, f.now())
	if err != nil {
		return err
	}
	f.list = fresh
	out, err := json.Marshal(fresh)
	if err == nil {
		err = f.kept.write(listName, out)
	}
	if err != nil {
		f.log.Warn().Err(err).Msg("the list of specs is not kept")
	}
	return nil
}

// cause is the innermost error, which says what a person can mend.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

func (f *fetcher) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, f.host+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := f.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("miot-spec.org cannot be reached (%w): %w", cause(err), mi.ErrOffline)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("miot-spec.org answers %s: %w", res.Status, mi.ErrOffline)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("miot-spec.org broke off: %w", mi.ErrOffline)
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("miot-spec.org sends more than %d bytes: %w", limit, mi.ErrProtocol)
	}
	return raw, nil
}
