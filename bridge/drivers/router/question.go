package router

import (
	"context"
	"strconv"
	"time"
)

// channelsPath is spelt as the router does.
const channelsPath = "xqnetwork/avaliable_channels?wifiIndex=" //nolint:misspell // not ours

// question is one thing to ask the router for.
type question struct {
	path  string
	every time.Duration
	must  bool   // without it there is nothing to show
	shape bool   // what the router has depends on the answer
	spare string // only asked where that one is not known
	take  func(*router, []byte) error
}

// into makes a question's take of a place in the state.
func into[T any](place func(*state) *T) func(*router, []byte) error {
	return func(r *router, body []byte) error {
		var in T
		if err := parse(body, &in); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		*place(&r.s) = in
		return nil
	}
}

// questions lists what a round asks for, the most important first.
func questions() []question {
	const diag = "xqnetwork/wifi_diag_detail_all" // with the guest network
	return []question{
		{path: "misystem/status", must: true, take: into(func(s *state) *status { return &s.status })},
		{path: "misystem/devicelist", must: true, take: (*router).takeClients},
		{path: "xqnetwork/wan_info", take: into(func(s *state) *uplink { return &s.uplink })},
		{path: diag, every: 2 * time.Minute, shape: true, take: (*router).takeRadios},
		{path: "xqnetwork/wifi_detail_all", every: 2 * time.Minute, shape: true, spare: diag, take: (*router).takeRadios},
		{path: "misystem/led", every: 2 * time.Minute, shape: true, take: (*router).takeLED},
		{path: "xqnetwork/mode", every: time.Hour, take: (*router).takeMode},
		{path: "misystem/topo_graph", every: 10 * time.Minute, take: (*router).takeGraph},
		{path: "xqsystem/check_rom_update", every: 6 * time.Hour, take: into(func(s *state) *rom { return &s.rom })},
	}
}

func (r *router) takeClients(body []byte) error {
	list, err := parseClients(body)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.arrive(list, time.Now(), r.leave)
	return nil
}

func (r *router) takeRadios(body []byte) error {
	radios, err := parseRadios(body)
	if err != nil {
		return err
	}
	for name, one := range radios {
		one.raw = nil // nobody needs the passwords now
		radios[name] = one
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.radios = radios
	return nil
}

func (r *router) takeLED(body []byte) error {
	var in struct {
		Status number `json:"status"`
	}
	err := parse(body, &in)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.led = in.Status
	return err
}

func (r *router) takeMode(body []byte) error {
	var in struct {
		Mode number `json:"mode"`
	}
	err := parse(body, &in)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.mode = in.Mode
	return err
}

func (r *router) takeGraph(body []byte) error {
	graph, err := parseGraph(body)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.graph = graph
	return nil
}

func (r *router) wanted(q question) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.spared(q) && !time.Now().Before(r.due[q.path])
}

// spared reports that a better question was answered. It needs the mutex.
func (r *router) spared(q question) bool {
	return q.spare != "" && r.said[q.spare] && !r.refused(q.spare)
}

// refused reports a question that the router does not know. It needs the mutex.
func (r *router) refused(path string) bool { return time.Until(r.due[path]) > offTime/2 }

// put asks one question and notes when to ask it again.
func (r *router) put(ctx context.Context, q question) error {
	body, err := r.web.read(ctx, q.path)
	if err == nil {
		err = q.take(r, body)
	}
	if ctx.Err() != nil && err != nil {
		return err
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case q.must:
	case err == nil:
		r.due[q.path], r.said[q.path] = now.Add(q.every), true
	case lost(err):
		r.due[q.path] = now.Add(max(q.every, time.Minute))
	default:
		r.due[q.path], r.said[q.path] = now.Add(offTime), true
		r.log.Debug().Str("path", q.path).Err(err).Msg("the router does not know this question")
	}
	return err
}

// learnChannels asks once which channels there are, where they can be set.
func (r *router) learnChannels(ctx context.Context) error {
	if !r.writes {
		return nil
	}
	for i, name := range bands() {
		r.mu.Lock()
		_, have := r.s.radios[name]
		_, known := r.s.channels[name]
		r.mu.Unlock()
		if !have || known {
			continue
		}
		body, err := r.web.read(ctx, channelsPath+strconv.Itoa(i+1))
		if lost(err) {
			return r.soft(ctx)
		}
		channels, _ := parseChannels(body)
		r.mu.Lock()
		r.s.channels[name] = channels
		r.mu.Unlock()
	}
	return nil
}
