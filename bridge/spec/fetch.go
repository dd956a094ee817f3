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
	listName  = "specs/instances.list"
	listAge   = 7 * 24 * time.Hour // the list is asked again after
	retryAge  = time.Hour          // a model that could not be fetched is tried again after
	maxList   = 16 << 20
	requestIn = 30 * time.Second
)

// errUnlisted says that the vendor has published no spec of a model.
var errUnlisted = errors.New("miot-spec.org does not list it; please report the model")

// entry is one line of the list of all published specs.
type entry struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	Type    string `json:"type"`
	Status  string `json:"status"`
}

// fetcher asks miot-spec.org for specs, one at a time.
type fetcher struct {
	http *retryablehttp.Client
	host string
	kept diskSource
	log  zerolog.Logger
	now  func() time.Time
	got  func(model string)

	list   map[string]entry // only run touches it
	listAt time.Time

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
	client.HTTPClient = &http.Client{Timeout: requestIn, Transport: &http.Transport{
		DialContext: w.Net.DialContext, TLSHandshakeTimeout: 10 * time.Second, MaxIdleConns: 2, IdleConnTimeout: time.Minute,
	}}
	client.Logger = nil
	client.RetryMax = 3
	return &fetcher{
		http: client, host: cmp.Or(o.Host, "https://miot-spec.org"), kept: kept, log: o.Log, now: w.Now,
		asked: map[string]attempt{}, wanted: make(chan string, 1024),
	}
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

// run fetches one model after another until ctx ends.
func (f *fetcher) run(ctx context.Context) {
	defer f.http.HTTPClient.CloseIdleConnections()
	for {
		select {
		case <-ctx.Done():
			return
		case model := <-f.wanted:
			err := f.one(ctx, model)
			f.done(model, err)
		}
	}
}

func (f *fetcher) done(model string, err error) {
	f.mu.Lock()
	f.asked[model] = attempt{f.now(), err}
	if err == nil {
		delete(f.asked, model)
	}
	f.mu.Unlock()
	if err != nil {
		f.log.Warn().Err(err).Str("model", model).Msg("no spec fetched")
		return
	}
	f.log.Info().Str("model", model).Msg("spec fetched")
	f.got(model)
}

// one fetches the instance of a model and keeps it.
func (f *fetcher) one(ctx context.Context, model string) error {
	if err := f.refreshList(ctx); err != nil {
		return err
	}
	e, ok := f.list[model]
	if !ok {
		return errUnlisted
	}
	if _, ok := parseURN(e.Type); !ok {
		return fmt.Errorf("the list names %.80q, which is no spec: %w", e.Type, mi.ErrProtocol)
	}
	raw, err := f.get(ctx, "/miot-spec-v2/instance?type="+url.QueryEscape(e.Type), MaxSize)
	if err != nil {
		return err
	}
	if _, err := Parse(raw); err != nil {
		return err
	}
	return f.kept.write(keptName(model), raw)
}

// refreshList makes sure that there is a list, and that it is not too old.
func (f *fetcher) refreshList(ctx context.Context) error {
	if f.list == nil {
		if raw, err := f.kept.read(listName); err == nil {
			f.list = readList(raw)
		}
	}
	if f.list != nil && f.now().Sub(f.listAt) < listAge {
		return nil
	}
	raw, err := f.get(ctx, "/miot-spec-v2/instances?status=all", maxList)
	if err != nil {
		if f.list != nil {
			return nil // an old list is better than none
		}
		return err
	}
	list := readList(raw)
	if len(list) == 0 {
		return fmt.Errorf("the list of specs is empty or no JSON: %w", mi.ErrProtocol)
	}
	f.list, f.listAt = list, f.now()
	if err := f.kept.write(listName, raw); err != nil {
		f.log.Warn().Err(err).Msg("the list of specs is not kept")
	}
	return nil
}

// readList keeps the best spec of each model: released before preview before
// debug, then the highest version.
func readList(raw []byte) map[string]entry {
	var in struct {
		Instances []entry `json:"instances"`
	}
	if json.Unmarshal(raw, &in) != nil {
		return nil
	}
	best := make(map[string]entry, len(in.Instances))
	for _, e := range in.Instances {
		old, ok := best[e.Model]
		if !ok || cmp.Or(cmp.Compare(rank(e.Status), rank(old.Status)), cmp.Compare(e.Version, old.Version)) > 0 {
			best[e.Model] = e
		}
	}
	return best
}

func rank(status string) int {
	switch status {
	case "released":
		return 2
	case "preview":
		return 1
	}
	return 0
}

func (f *fetcher) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, f.host+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := f.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("miot-spec.org cannot be reached: %w", mi.ErrOffline)
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
