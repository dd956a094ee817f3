// Package diagnosis finds out what is wrong with the bridge and its devices, by what
// can be measured, and keeps an eye on it: since when each problem stands, and which
// are solved. The sentences are those of package problem.
package diagnosis

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Options are what a diagnosis looks at.
type Options struct {
	World  mi.World
	Config *config.Config
	Alone  bool // the bridge looks for nothing on the network
	// Home returns the devices, which tell of what happens and so are built later.
	Home      func() *device.Home
	Topics    Topics
	Accounts  *account.Manager // nil while there are none
	Receivers []mi.Receiver    // that hear Bluetooth devices
	LAN       LAN
	Specs     Specs
	Store     Store
	// Mapping returns what is wrong with the user's mapping files, nil for nothing, and
	// whether only the built-in ones are used; nil where the user has none.
	Mapping func() (builtin bool, err error)
	// Noted, when set, is told after each round what needs somebody, the worst first.
	Noted func([]web.Problem)
}

// Topics tell how things stand with the broker, and with who reads there.
type Topics interface {
	Connection() mqtt.Connection
	Platform() mqtt.Platform
	// SeekPlatform looks for it anew.
	SeekPlatform(ctx context.Context) mqtt.Platform
	// Proven reports whether a device is known to be the user's.
	Proven(id string, info mi.Info) bool
}

// LAN tells how broadcasts fare in the local network.
type LAN interface {
	Unheard() int   // in a row that nobody answered, though devices are there
	Answered() bool // ever since the start
}

// Specs tell how it goes with a model whose spec is not known.
type Specs interface {
	Missing(model string) spec.Missing
}

// Store is the data folder.
type Store interface {
	Failing() error // why the last write failed; nil when it did not
	Try() error     // writes now
}

var (
	_ Topics = (*mqtt.Home)(nil)
	_ Specs  = (*spec.Library)(nil)
)

// Problems lists what is not as it should be, the worst first. Every page counts them,
// and many may be open: they are looked for once a second at most.
func (w *Watch) Problems() []web.Problem {
	if out, ok := w.recent(); ok {
		return out
	}
	out := w.problems()
	w.keep(out)
	return slices.Clone(out)
}

// problems looks for what is not as it should be. One that explains many swallows
// them: devices that only the cloud reaches say nothing while the account is what is
// wrong.
func (w *Watch) problems() []web.Problem {
	out := append([]web.Problem{}, w.ofBridge()...)
	accounts := w.ofAccounts()
	out = append(out, accounts...)
	f := w.facts()
	f.account = slices.ContainsFunc(accounts, func(one web.Problem) bool { return one.Severity == web.Broken || one.ID == "account.limited" })
	for _, d := range w.opt.Home().All() {
		out = append(out, w.ofDevice(d, f)...)
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
