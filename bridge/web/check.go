package web

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// checkWithin is how long looking at everything may take.
const checkWithin = 20 * time.Second

// Check is one thing that was looked at.
type Check struct {
	Mark string `json:"mark"` // ok, ! or x
	Name string `json:"name"` // one or two words
	Text string `json:"text"` // what was measured
}

// Shape returns colour and symbol of how a check ended.
func (c Check) Shape() shape {
	switch c.Mark {
	case "ok":
		return shape{"is-ok", "check"}
	case "x":
		return shape{"is-bad", "stop"}
	}
	return shape{"is-warn", "warn"}
}

// Title is the name as a page begins a line with it.
func (c Check) Title() string {
	if c.Name == "" {
		return ""
	}
	return strings.ToUpper(c.Name[:1]) + c.Name[1:]
}

// Checked is how far looking at everything is.
type Checked struct {
	Job     int       `json:"job"` // grows with each; 0 when there was none
	Running bool      `json:"running"`
	Done    int       `json:"done"`
	Total   int       `json:"total"` // steps; each may bring several checks, or none
	Began   time.Time `json:"began,omitzero"`
	Checks  []Check   `json:"checks"`
}

// exam looks at everything when it is asked to, one look at a time.
type exam struct {
	bridge Bridge
	hub    *hub
	now    func() time.Time

	mu    sync.Mutex // guards what follows
	state Checked
}

// begin looks at everything, unless that is under way. It returns how far it is.
func (e *exam) begin(ctx context.Context) Checked {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.state.Running {
		e.state = Checked{Job: e.state.Job + 1, Running: true, Began: e.now().UTC(), Checks: []Check{}}
		go e.run(ctx)
	}
	return e.copy()
}

func (e *exam) run(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkWithin)
	defer cancel()
	e.bridge.Examine(ctx, e.progress)
	e.change(func(c *Checked) { c.Running = false })
}

// progress takes a check down; one without a name only says how far things are.
func (e *exam) progress(done, total int, c Check) {
	e.change(func(s *Checked) {
		s.Done, s.Total = done, total
		if c.Name != "" {
			s.Checks = append(s.Checks, c)
		}
	})
}

func (e *exam) change(how func(*Checked)) {
	e.mu.Lock()
	how(&e.state)
	now := e.copy()
	e.mu.Unlock()
	e.hub.check(now)
}

// get returns how far things are.
func (e *exam) get() Checked {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.copy()
}

// copy needs e.mu.
func (e *exam) copy() Checked {
	out := e.state
	out.Checks = append([]Check{}, e.state.Checks...)
	return out
}

// liveCheck tells that a look at everything goes on; the checks are asked for.
type liveCheck struct {
	Job     int    `json:"job"`
	Running bool   `json:"running"`
	Done    int    `json:"done"`
	Total   int    `json:"total"`
	Last    *Check `json:"last,omitempty"` // check
}

// check sends how far a look at everything is, if somebody follows it.
func (h *hub) check(c Checked) {
	if !h.active.Load() {
		return
	}
	out := liveCheck{c.Job, c.Running, c.Done, c.Total, nil}
	if n := len(c.Checks); n > 0 {
		out.Last = &c.Checks[n-1]
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held(topicProblems) {
		h.add(topicProblems, "", "check", out)
		h.wake()
	}
}

func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	s.exam.begin(r.Context())
	see(w, r, "problems#checks")
}

func (s *Server) apiCheck(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusAccepted, s.exam.begin(r.Context()))
}

func (s *Server) apiChecked(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.exam.get())
}
