package web

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keptEvents    = 1024                   // for readers that were away or are slow
	flushEvery    = 250 * time.Millisecond // changes are collected so long
	overviewEvery = 2 * time.Second
	problemsEvery = 2 * time.Second
	leaseFor      = 40 * time.Second // after which nobody looks any more
	maxReaders    = 32
	maxWatched    = 5000 // devices that are looked at
)

// The topics of live events.
const (
	topicDevices  = "devices"
	topicOverview = "overview"
	topicProblems = "problems"
	topicLogs     = "logs"
	topicLogin    = "login"
)

// event is one thing that happened, ready to be sent.
type event struct {
	id    uint64
	topic string
	did   string // id of the device; "" is of interest to all
	name  string
	data  json.RawMessage
}

// hub makes events of what changes, and keeps the last of them. It works only while
// somebody looks: pages and readers take leases on what they show. Readers take from
// the ring at their own pace, so a slow one costs nobody anything.
type hub struct {
	bridge Bridge
	now    func() time.Time
	epoch  string
	kick   chan struct{}
	active atomic.Bool // somebody holds a lease

	mu       sync.Mutex
	ring     []event
	last     uint64
	changed  chan struct{} // closed when there are new events, replaced then
	ended    chan struct{} // closed when all readers have to leave, replaced then
	readers  int
	leases   map[string]time.Time       // by topic, or by device as "did <id>"
	dirty    map[string]map[string]bool // device → entities
	states   map[string]bool            // devices whose state or route changed
	listed   bool
	stirred  bool // something changed that the overview shows
	stirAt   time.Time
	problems map[string]Problem
	lookAt   time.Time // problems are looked at again
	shown    uint64    // sum of the list of devices; only for run
}

func newHub(b Bridge, now func() time.Time) *hub {
	return &hub{
		bridge: b, now: now, epoch: strconv.FormatInt(now().Unix(), 36), kick: make(chan struct{}, 1), changed: make(chan struct{}), ended: make(chan struct{}),
		leases: map[string]time.Time{}, dirty: map[string]map[string]bool{}, states: map[string]bool{},
	}
}

func lease(did string) string { return "did " + did }

// lease notes that somebody looks at topics and devices, and returns the id of the
// last event until then.
func (h *hub) lease(topics, dids []string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	until := time.Now().Add(leaseFor)
	for _, t := range topics {
		h.leases[t] = until
	}
	for _, did := range dids {
		if len(h.leases) < maxWatched {
			h.leases[lease(did)] = until
		}
	}
	h.active.Store(len(h.leases) > 0)
	return h.mark(h.last)
}

func (h *hub) mark(id uint64) string { return h.epoch + "-" + strconv.FormatUint(id, 10) }

// held needs h.mu.
func (h *hub) held(what string) bool {
	_, ok := h.leases[what]
	return ok
}

// touch notes new values of a device.
func (h *hub) touch(did string, entities []string) {
	if !h.active.Load() {
		return
	}
	h.mu.Lock()
	h.stirred = true
	if h.held(lease(did)) {
		all := h.dirty[did]
		if all == nil {
			all = map[string]bool{}
			h.dirty[did] = all
		}
		for _, e := range entities {
			all[e] = true
		}
	}
	h.mu.Unlock()
	h.rouse()
}

// tell notes that state or route of a device changed.
func (h *hub) tell(did string) {
	if !h.active.Load() {
		return
	}
	h.mu.Lock()
	h.stirred = true
	if h.held(lease(did)) {
		h.states[did] = true
	}
	h.mu.Unlock()
	h.rouse()
}

// list notes that the set of devices changed.
func (h *hub) list() {
	if !h.active.Load() {
		return
	}
	h.mu.Lock()
	h.listed, h.stirred = true, true
	h.mu.Unlock()
	h.rouse()
}

// log sends a line of the log, if somebody follows it.
func (h *hub) log(l Line) {
	if !h.active.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held(topicLogs) {
		h.add(topicLogs, l.Device, "log", l)
		h.wake()
	}
}

// login tells that something about the accounts changed.
func (h *hub) login() {
	if !h.active.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stirred = true
	if h.held(topicLogin) {
		h.add(topicLogin, "", "login", struct{}{})
		h.wake()
	}
}

func (h *hub) rouse() {
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

// run turns changes into events until ctx ends.
func (h *hub) run(ctx context.Context) {
	tick := time.NewTicker(problemsEvery)
	defer tick.Stop()
	for {
		select {
		case <-h.kick:
		case <-tick.C:
			h.expire()
		case <-ctx.Done():
			h.drop()
			return
		}
		if !h.active.Load() {
			continue
		}
		h.flush()
		select {
		case <-time.After(flushEvery):
		case <-ctx.Done():
		}
	}
}

// expire ends leases that nobody renewed.
func (h *hub) expire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for what, until := range h.leases {
		if now.After(until) {
			delete(h.leases, what)
		}
	}
	h.active.Store(len(h.leases) > 0)
}

// flush makes the events of what changed since the last time.
func (h *hub) flush() {
	h.mu.Lock()
	dirty, states, listed := h.dirty, h.states, h.listed
	h.dirty, h.states, h.listed = map[string]map[string]bool{}, map[string]bool{}, false
	now := time.Now()
	stir := h.stirred && h.held(topicOverview) && now.Sub(h.stirAt) >= overviewEvery
	if stir {
		h.stirred, h.stirAt = false, now
	}
	look := h.held(topicProblems) && now.Sub(h.lookAt) >= problemsEvery
	if look {
		h.lookAt = now
	}
	h.mu.Unlock()
	made := h.make(dirty, states)
	if listed && h.another() {
		made = append(made, event{topic: topicDevices, name: "devices", data: encode(struct{}{})})
	}
	if stir {
		made = append(made, event{topic: topicOverview, name: "overview", data: encode(struct{}{})})
	}
	if look {
		made = append(made, h.compare(h.bridge.Problems())...)
	}
	if len(made) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range made {
		h.put(e)
	}
	h.wake()
}

// another reports whether the list of devices is another one than before. Only run
// calls it.
func (h *hub) another() bool {
	sum := fnv.New64a()
	for _, d := range h.bridge.Devices() {
		fmt.Fprintln(sum, d.ID, d.Name, d.Room, d.Hidden)
	}
	before := h.shown
	h.shown = sum.Sum64()
	return before != 0 && before != h.shown
}

// add needs h.mu.
func (h *hub) add(topic, did, name string, data any) {
	h.put(event{topic: topic, did: did, name: name, data: encode(data)})
}

// put needs h.mu.
func (h *hub) put(e event) {
	h.last++
	e.id = h.last
	if len(h.ring) == keptEvents {
		copy(h.ring, h.ring[1:])
		h.ring = h.ring[:len(h.ring)-1]
	}
	h.ring = append(h.ring, e)
}

// wake needs h.mu.
func (h *hub) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// drop sends every reader away.
func (h *hub) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.ended)
	h.ended = make(chan struct{})
}

// enter lets a reader in, unless there are too many.
func (h *hub) enter() (ended <-chan struct{}, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers >= maxReaders {
		return nil, false
	}
	h.readers++
	return h.ended, true
}

func (h *hub) leave() {
	h.mu.Lock()
	h.readers--
	h.mu.Unlock()
}

// wish is what a reader wants to hear of.
type wish struct {
	topics, dids []string
}

func (w wish) takes(e *event) bool {
	if !slices.Contains(w.topics, e.topic) {
		return false
	}
	return e.topic != topicDevices || e.did == "" || slices.Contains(w.dids, e.did)
}

// since returns the events after a mark that a reader wants, and the mark to go on
// from. missed is how many are lost to him; -1 is not known.
func (h *hub) since(mark string, w wish) (found []event, next string, missed int64, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed = h.changed
	epoch, number, _ := strings.Cut(mark, "-")
	after, err := strconv.ParseUint(number, 10, 64)
	if epoch != h.epoch || err != nil || after > h.last {
		return nil, h.mark(h.last), -1, changed
	}
	for i := range h.ring {
		e := &h.ring[i]
		if i == 0 && e.id > after+1 {
			return nil, h.mark(h.last), int64(e.id - after - 1), changed
		}
		if e.id > after && w.takes(e) {
			found = append(found, *e)
		}
	}
	return found, h.mark(h.last), 0, changed
}
