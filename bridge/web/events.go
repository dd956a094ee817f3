package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	pingEvery  = 15 * time.Second
	slowReader = 90 * time.Second // that takes nothing so long is sent away
)

// hello is the first event of every stream.
type hello struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`
}

// gap tells a reader that he missed events; -1 when nobody knows how many.
type gap struct {
	Dropped int64 `json:"dropped"`
}

func wishOf(r *http.Request) wish {
	q := r.URL.Query()
	return wish{words(q.Get("topics")), words(q.Get("did"))}
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(c rune) bool { return c == ',' })
}

// events streams what happens.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	ended, ok := s.hub.enter()
	if !ok {
		w.Header().Set("Retry-After", "30")
		s.refuse(w, r, http.StatusServiceUnavailable, "slow_down", "Too many pages are open at once.")
		return
	}
	defer s.hub.leave()
	want := wishOf(r)
	mark := r.Header.Get("Last-Event-ID")
	if mark == "" {
		mark = r.URL.Query().Get("since")
	}
	if now := s.hub.lease(want.topics, want.dids); mark == "" {
		mark = now
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache, no-transform")
	w.Header().Set("X-Accel-Buffering", "no")
	fmt.Fprint(w, "retry: 2000\n\n")
	s.send(w, "", "hello", encode(hello{s.opt.Version, s.began.UTC(), s.opt.World.Now().UTC()}))
	s.stream(w, r, want, mark, ended)
}

// stream sends events from a mark on until the reader leaves.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, want wish, mark string, ended <-chan struct{}) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	out := http.NewResponseController(w)
	for {
		found, next, missed, changed := s.hub.since(mark, want)
		if missed != 0 {
			s.send(w, next, "gap", encode(gap{missed}))
		}
		for _, e := range found {
			s.send(w, s.hub.mark(e.id), e.name, e.data)
		}
		mark = next
		extend(w, slowReader)
		if out.Flush() != nil {
			return
		}
		select {
		case <-time.After(flushEvery): // at most so often
		case <-r.Context().Done():
			return
		}
		select {
		case <-changed:
		case <-ping.C:
			s.hub.lease(want.topics, want.dids)
			fmt.Fprint(w, ": still here\n\n")
		case <-ended:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Server) send(w http.ResponseWriter, id, name string, data []byte) {
	if id != "" {
		fmt.Fprintf(w, "id: %s\n", id)
	}
	fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data)
}

// polled is what a page gets that asks instead of listening.
type polled struct {
	Mark    string        `json:"mark"`
	Dropped int64         `json:"dropped"` // not 0 when events were missed
	Hello   hello         `json:"hello"`
	Events  []polledEvent `json:"events"`
}

type polledEvent struct {
	Name string `json:"name"`
	Data any    `json:"data"`
}

// changes answers what happened since a mark, for pages behind proxies that hold
// back streams.
func (s *Server) changes(w http.ResponseWriter, r *http.Request) {
	want := wishOf(r)
	now := s.hub.lease(want.topics, want.dids)
	mark := r.URL.Query().Get("since")
	if mark == "" {
		mark = now
	}
	found, next, missed, _ := s.hub.since(mark, want)
	out := polled{Mark: next, Dropped: missed, Hello: hello{s.opt.Version, s.began.UTC(), s.opt.World.Now().UTC()}, Events: []polledEvent{}}
	for _, e := range found {
		out.Events = append(out.Events, polledEvent{e.name, e.data})
	}
	writeJSON(w, http.StatusOK, out)
}

// live makes a page follow what happens from now on.
func (p *page) live(topics string, dids ...string) {
	p.Topics, p.Dids = topics, strings.Join(dids, ",")
	p.Mark = p.server.hub.lease(words(topics), dids)
}

// Watched reports whether anybody looks, so that changes are worth telling.
func (s *Server) Watched() bool { return s.hub.active.Load() }

// Changed tells that roles of some entities of a device have new values.
func (s *Server) Changed(id string, entities []string) { s.hub.touch(id, entities) }

// Told tells that the state or route of a device changed.
func (s *Server) Told(id string) { s.hub.tell(id) }

// Listed tells that the set of devices, or a name, changed.
func (s *Server) Listed() { s.hub.list() }
