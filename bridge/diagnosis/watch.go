package diagnosis

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

const (
	watchEvery  = 30 * time.Second
	knockAgain  = time.Minute // a knock tells for so long who is there
	knocksAside = 16          // at the same time
	keptSolved  = 20
	solvedFor   = 24 * time.Hour
	recentFor   = time.Second
)

// Watch keeps an eye on problems: since when each stands, which were solved, and who
// is at the address of a device that does not answer.
type Watch struct {
	opt   Options
	kick  chan struct{} // something fell silent
	began time.Time

	mu     sync.Mutex // guards the fields below
	open   map[string]web.Problem
	solved []web.Problem    // newest first
	knocks map[string]knock // by device id
	last   []web.Problem    // as they were looked for at lastAt
	lastAt time.Time
}

// New makes a diagnosis. Nothing is looked at by itself before Run.
func New(o Options) *Watch {
	return &Watch{opt: o, began: time.Now(), kick: make(chan struct{}, 1), open: map[string]web.Problem{}, knocks: map[string]knock{}}
}

// Run looks after the problems until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.kick:
			select {
			case <-time.After(time.Second): // others fall silent at the same time
			case <-ctx.Done():
				return
			}
		}
	}
}

// round knocks where nobody knows who is there, and notes which problems came and
// went.
func (w *Watch) round(ctx context.Context) {
	w.knockAll(ctx, w.silent(time.Now().Add(-knockAgain)))
	all := w.problems()
	w.note(all)
	if w.opt.Noted != nil {
		w.opt.Noted(w.needing(all))
	}
}

// needing returns the problems with which something is to be done, with since when each
// stands.
func (w *Watch) needing(all []web.Problem) (out []web.Problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range all {
		if one.Severity != web.Note {
			out = append(out, w.open[keyOf(one)])
		}
	}
	return out
}

func keyOf(p web.Problem) string { return p.ID + " " + p.Device }

// note takes down which problems came and went.
func (w *Watch) note(all []web.Problem) {
	now := w.opt.World.Now()
	fresh := make(map[string]web.Problem, len(all))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastAt = time.Time{}
	for _, one := range all {
		if before, ok := w.open[keyOf(one)]; ok && one.Since.IsZero() {
			one.Since = before.Since
		} else if one.Since.IsZero() {
			one.Since = now
		}
		fresh[keyOf(one)] = one
	}
	still := map[string]bool{} // devices with a problem: another one is no solution
	for _, one := range fresh {
		still[one.Device] = still[one.Device] || one.Device != "" && one.Severity != web.Note
	}
	for _, key := range slices.Sorted(maps.Keys(w.open)) {
		if one := w.open[key]; fresh[key].ID == "" && one.Severity != web.Note && !still[one.Device] {
			one.Since = now
			w.solved = slices.Insert(w.solved, 0, one)
		}
	}
	w.open = fresh
	w.solved = slices.DeleteFunc(w.solved, func(one web.Problem) bool { return fresh[keyOf(one)].ID != "" || now.Sub(one.Since) > solvedFor })
	w.solved = w.solved[:min(len(w.solved), keptSolved)]
}

// recent returns the problems as they were a moment ago.
func (w *Watch) recent() ([]web.Problem, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.last), !w.lastAt.IsZero() && time.Since(w.lastAt) < recentFor
}

// keep keeps the problems for a moment, and fills in since when those stand that do
// not say it themselves.
func (w *Watch) keep(all []web.Problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.lastAt = all, time.Now()
	for i := range all {
		if all[i].Since.IsZero() {
			all[i].Since = w.open[keyOf(all[i])].Since
		}
	}
}

// Solved returns what is as it should be again since lately, newest first; Since is
// when it was solved.
func (w *Watch) Solved() []web.Problem {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.solved)
}
