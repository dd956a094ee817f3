package bridge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Problems implements web.Bridge. Every page counts them, and many may be open: they
// are looked for once a second at most.
func (p *pages) Problems() []web.Problem {
	if out, ok := p.watch.recent(); ok {
		return out
	}
	out := p.problems()
	p.watch.keep(out)
	return slices.Clone(out)
}

// problems lists what is not as it should be, the worst first. One that explains many
// swallows them: devices that only the cloud reaches say nothing while the account is
// what is wrong.
func (p *pages) problems() []web.Problem {
	out := append([]web.Problem{}, p.ofBridge()...)
	accounts := p.ofAccounts()
	out = append(out, accounts...)
	f := p.facts()
	f.account = slices.ContainsFunc(accounts, func(one web.Problem) bool { return one.Severity == web.Broken || one.ID == "account.limited" })
	for _, d := range p.b.home.All() {
		out = append(out, p.ofDevice(d, f)...)
	}
	order := []string{web.Broken, web.Warn, web.Note}
	slices.SortStableFunc(out, func(a, b web.Problem) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	return out
}

// finding is a problem before it is put into words.
type finding struct {
	id       string
	measured string // of problem.Kind.Else
	since    time.Time
	proof    string
	pairs    []string // names and values of what was measured
	mild     bool     // something else serves meanwhile
}

// said is a problem in the words of the table.
func said(f finding) web.Problem {
	kind, ok := problem.Find(f.id)
	if !ok { // a driver names a cause that the table lacks
		kind = problem.Kind{ID: f.id, Severity: problem.Broken, Sentence: "{name} does not answer."}
	}
	return web.Problem{
		ID: f.id, Severity: string(kind.Severity), Text: problem.Say(kind.Text(f.measured), f.pairs...), ToDo: problem.Say(kind.ToDo, f.pairs...),
		Proof: f.proof, Since: f.since,
		Sentence: kind.Text(f.measured), Remedy: kind.ToDo, Measured: f.pairs,
	}
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// lasting says how long something takes, as people say it.
func lasting(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return plural(int(d.Round(time.Second)/time.Second), "second")
	case d < 2*time.Hour:
		return plural(int(d.Round(time.Minute)/time.Minute), "minute")
	}
	return plural(int(d.Round(time.Hour)/time.Hour), "hour")
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
