// Package chaos plans what goes wrong: faults of devices, of the network and of the
// world, drawn from one seed, written in one line and shrunk to those that matter.
package chaos

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// Kind is a kind of fault.
type Kind string

// The kinds of faults. Amount means percent unless said otherwise.
const (
	Cut     Kind = "cut"     // nothing goes in or out
	Mute    Kind = "mute"    // hears, and is not heard: one-way loss
	Loss    Kind = "loss"    // Amount of datagrams, each way
	Double  Kind = "double"  // Amount arrive twice
	Reorder Kind = "reorder" // Amount are up to 500 ms late
	Slow    Kind = "slow"    // all are Amount tenths of a second late
	Corrupt Kind = "corrupt" // Amount are damaged

	Isolated Kind = "isolated" // its broadcasts and multicasts reach nobody

	Reboot  Kind = "reboot"  // at From
	Move    Kind = "move"    // at From, to another address
	Retoken Kind = "retoken" // at From, to another token; at To back
	Busy    Kind = "busy"    // answers -9999
	Garbage Kind = "garbage" // answers what is no JSON
	Absurd  Kind = "absurd"  // tells values outside its spec
	Ignore  Kind = "ignore"  // accepts orders and does nothing

	BrokerGone   Kind = "broker-gone"
	DiskFull     Kind = "disk-full"
	DiskReadOnly Kind = "disk-readonly"
	Kill         Kind = "kill"  // the bridge, at From
	ClockStep    Kind = "clock" // at From, by Amount hours

	DiskSlow Kind = "disk-slow" // every call takes Amount tenths of a second; never drawn, for a start takes a minute then
	Address  Kind = "address"   // the bridge's machine has another
	Sleep    Kind = "sleep"     // the bridge's machine sleeps, at From, for Amount hours of everybody else
	Birth    Kind = "birth"     // Home Assistant starts, at From
)

// deviceKinds and worldKinds are what a plan draws from; the order is part of
// what a seed means.
var (
	deviceKinds = [...]Kind{Cut, Mute, Loss, Double, Reorder, Slow, Corrupt, Reboot, Move, Retoken, Busy, Garbage, Absurd, Ignore}
	worldKinds  = [...]Kind{BrokerGone, DiskFull, DiskReadOnly, Kill, ClockStep, Address, Sleep, Birth}
)

// World is the subject of faults that are no device's.
const World = "world"

// Fault is one thing that goes wrong with a subject, a did or World, for a while.
// Times count from the start of the run.
type Fault struct {
	Kind     Kind
	Subject  string
	From, To time.Duration
	Amount   int
}

// Covers reports whether the fault goes on at that time.
func (f Fault) Covers(at time.Duration) bool { return at >= f.From && at < f.To }

// String returns the fault as ParsePlan reads it: "loss:460000001:10m0s-1h0m0s:30".
func (f Fault) String() string {
	return fmt.Sprintf("%s:%s:%s-%s:%d", f.Kind, f.Subject, f.From, f.To, f.Amount)
}

// Plan is everything that goes wrong in one run. From three quarters of the span
// on all is well, so that the home must come to rest.
type Plan struct {
	Seed   uint64
	Span   time.Duration
	Faults []Fault
}

// Quiet is when the faults end.
func (p Plan) Quiet() time.Duration { return p.Span * 3 / 4 }

// Of returns the plan's faults of one subject.
func (p Plan) Of(subject string) []Fault {
	return slices.DeleteFunc(slices.Clone(p.Faults), func(f Fault) bool { return f.Subject != subject })
}

// Draw makes the plan of a seed: first which kinds exist at all, each with even
// odds, then about one fault for every two subjects.
func Draw(seed uint64, span time.Duration, dids []string) Plan {
	p := Plan{Seed: seed, Span: span}
	draw := func(about string, n ...uint64) uint64 { return nature.Roll(seed, "plan "+about, n...) }
	exist := func(kinds []Kind) []Kind {
		return slices.DeleteFunc(slices.Clone(kinds), func(k Kind) bool { return draw("exists "+string(k))%2 == 0 })
	}
	if kinds := exist(deviceKinds[:]); len(kinds) > 0 {
		for i := range uint64(len(dids)+1) / 2 {
			did := dids[draw("who", i)%uint64(len(dids))]
			p.Faults = append(p.Faults, p.fault(i, kinds[draw("kind", i)%uint64(len(kinds))], did))
		}
	}
	for i, k := range exist(worldKinds[:]) {
		p.Faults = append(p.Faults, p.fault(uint64(1000+i), k, World))
	}
	return p
}

// longest is how long a fault lasts at most.
const longest = 2 * time.Hour

func (p Plan) fault(i uint64, k Kind, subject string) Fault {
	quiet := uint64(p.Quiet())
	from := time.Duration(nature.Roll(p.Seed, "plan from", i) % quiet)
	to := from + time.Duration(nature.Roll(p.Seed, "plan to", i)%uint64(longest))
	return Fault{Kind: k, Subject: subject, From: from, To: min(to, p.Quiet()), Amount: 5 + int(nature.Roll(p.Seed, "plan amount", i)%60)}
}

// String returns the plan in one line, as ParsePlan reads it.
func (p Plan) String() string {
	parts := []string{"seed=" + strconv.FormatUint(p.Seed, 10), "span=" + p.Span.String()}
	for _, f := range p.Faults {
		parts = append(parts, f.String())
	}
	return strings.Join(parts, " ")
}

// ParsePlan reads what String wrote.
func ParsePlan(line string) (Plan, error) {
	var p Plan
	for word := range strings.FieldsSeq(line) {
		var err error
		if v, ok := strings.CutPrefix(word, "seed="); ok {
			p.Seed, err = strconv.ParseUint(v, 10, 64)
		} else if v, ok := strings.CutPrefix(word, "span="); ok {
			p.Span, err = time.ParseDuration(v)
		} else {
			var f Fault
			f, err = parseFault(word)
			p.Faults = append(p.Faults, f)
		}
		if err != nil {
			return Plan{}, fmt.Errorf("virtual: plan: %q: %w", word, err)
		}
	}
	return p, nil
}

func parseFault(word string) (Fault, error) {
	part := strings.Split(word, ":")
	if len(part) != 4 {
		return Fault{}, errors.New("kind:subject:from-to:amount is needed")
	}
	f := Fault{Kind: Kind(part[0]), Subject: part[1]}
	if !slices.Contains(deviceKinds[:], f.Kind) && !slices.Contains(worldKinds[:], f.Kind) && f.Kind != DiskSlow {
		return Fault{}, fmt.Errorf("there is no fault %q", part[0])
	}
	from, to, _ := strings.Cut(part[2], "-")
	var errs [3]error
	f.From, errs[0] = time.ParseDuration(from)
	f.To, errs[1] = time.ParseDuration(to)
	f.Amount, errs[2] = strconv.Atoi(part[3])
	return f, cmp.Or(errs[0], errs[1], errs[2])
}

// Shrink takes away what a failing plan does not need, by halves and then one by
// one, then rounds times to minutes; fails runs a plan and reports whether the
// same thing goes wrong. It returns how often it ran.
func Shrink(p Plan, fails func(Plan) bool) (Plan, int) {
	runs := 0
	try := func(faults []Fault) bool {
		runs++
		return fails(Plan{p.Seed, p.Span, faults})
	}
	for step := max(1, len(p.Faults)/2); step >= 1; {
		cut := false
		for i := 0; i+step <= len(p.Faults); {
			less := slices.Concat(p.Faults[:i], p.Faults[i+step:])
			if try(less) {
				p.Faults, cut = less, true
				continue
			}
			i += step
		}
		if !cut || step > len(p.Faults) {
			step /= 2
		}
	}
	for i, f := range p.Faults {
		f.From, f.To = f.From.Round(time.Minute), f.To.Round(time.Minute)
		rounded := slices.Clone(p.Faults)
		rounded[i] = f
		if f != p.Faults[i] && try(rounded) {
			p.Faults = rounded
		}
	}
	return p, runs
}
