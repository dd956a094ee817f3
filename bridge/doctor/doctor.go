// Package doctor judges what was measured, and says in the words of package problem
// what is wrong and what to do.
package doctor

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
)

// Mark says how a check ended.
type Mark string

// The marks of a check.
const (
	Good Mark = "ok"
	Warn Mark = "!"
	Bad  Mark = "x"
)

// Check is one thing that was looked at.
type Check struct {
	Mark Mark   `json:"mark"`
	Name string `json:"name"` // one or two words
	Text string `json:"text"` // what was measured
}

// Finding is a problem that was found.
type Finding struct {
	ID       string           `json:"id"`
	Device   string           `json:"device,omitempty"` // id; "" when it concerns the bridge
	Severity problem.Severity `json:"severity"`
	Text     string           `json:"text"`
	Proof    string           `json:"proof,omitempty"`
	ToDo     string           `json:"todo,omitempty"`
}

// Report is what an examination brought to light.
type Report struct {
	Checks   []Check   `json:"checks"`
	Problems []Finding `json:"problems"` // the worst first

	told func(Check)
}

// New starts an examination. told, when there is one, is told every check as it ends.
func New(told func(Check)) *Report {
	return &Report{Checks: []Check{}, Problems: []Finding{}, told: told}
}

// Good notes a check that ended well.
func (r *Report) Good(name, format string, args ...any) { r.note(Good, name, format, args) }

// Warn notes a check that explains something.
func (r *Report) Warn(name, format string, args ...any) { r.note(Warn, name, format, args) }

// Bad notes a check that failed.
func (r *Report) Bad(name, format string, args ...any) { r.note(Bad, name, format, args) }

func (r *Report) note(mark Mark, name, format string, args []any) {
	r.Note(Check{mark, name, fmt.Sprintf(format, args...)})
}

// Note takes a check down that somebody else has made.
func (r *Report) Note(c Check) {
	r.Checks = append(r.Checks, c)
	if r.told != nil {
		r.told(c)
	}
}

// Found adds a problem of the table; measured is a name of problem.Kind.Else or "",
// pairs are names and values of what was measured. An id that the table lacks is told
// as no answer.
func (r *Report) Found(id, measured string, pairs ...string) {
	kind, ok := problem.Find(id)
	if !ok {
		kind, _ = problem.Find("net.none")
		kind.ID = id
	}
	r.Add(Finding{ID: kind.ID, Severity: kind.Severity, Text: problem.Say(kind.Text(measured), pairs...), ToDo: problem.Say(kind.ToDo, pairs...)})
}

// Add adds a problem that somebody else has found; the same one counts once.
func (r *Report) Add(f Finding) {
	if slices.ContainsFunc(r.Problems, func(g Finding) bool { return g.ID == f.ID && g.Text == f.Text }) {
		return
	}
	r.Problems = append(r.Problems, f)
	order := []problem.Severity{problem.Broken, problem.Warn, problem.Note}
	slices.SortStableFunc(r.Problems, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
}

// Needs reports whether something failed or waits for a person.
func (r *Report) Needs() bool {
	if slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Mark == Bad }) {
		return true
	}
	return slices.ContainsFunc(r.Problems, func(f Finding) bool { return f.Severity != problem.Note })
}
