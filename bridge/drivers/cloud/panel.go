package cloud

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sheet is what a panel has: actions, and what each of them does.
type sheet struct {
	spec  *mi.Spec
	press []func(context.Context) error // as spec.Actions
}

// button is one action of a sheet.
type button struct {
	number int // its aiid: the same for as long as there is the thing behind it
	text   string
	press  func(context.Context) error
}

// newSheet makes a spec of one service out of buttons.
func newSheet(model, kind, service, name, text string, all []button) *sheet {
	s := &sheet{spec: &mi.Spec{
		Model: model, Type: kind, Text: text,
		Services: []mi.Service{{IID: 2, Name: service, Key: service, Vendor: true, Text: text}},
	}}
	for _, b := range all {
		s.spec.Actions = append(s.spec.Actions, mi.Action{
			SIID: 2, AIID: b.number, Key: mi.Key(fmt.Sprintf("%s/%s-%d", service, name, b.number)), Name: name, Vendor: true, Text: b.text,
		})
		s.press = append(s.press, b.press)
	}
	return s
}

// panel is the link of something that only has buttons.
type panel struct {
	s     *session
	look  func(context.Context) (*sheet, error)
	sheet atomic.Pointer[sheet]
}

var (
	_ mi.Link   = (*panel)(nil)
	_ mi.Caller = (*panel)(nil)
	_ mi.Mover  = (*panel)(nil)
)

// Spec implements mi.Link.
func (p *panel) Spec(ctx context.Context) (*mi.Spec, error) {
	sheet, err := p.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("cloud: buttons of %s: %w", p.s.did, err)
	}
	p.sheet.Store(sheet)
	return sheet.spec, nil
}

// Call implements mi.Caller. It sends the press once.
func (p *panel) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	sheet := p.sheet.Load()
	if sheet == nil {
		if _, err := p.Spec(ctx); err != nil {
			return nil, err
		}
		sheet = p.sheet.Load()
	}
	if len(args) > 0 {
		return nil, fmt.Errorf("cloud: press: %d arguments, it takes none: %w", len(args), mi.ErrInvalid)
	}
	err := p.s.within(ctx, ordering, func(ctx context.Context, _ *pool) error { return sheet.press[action](ctx) })
	if err != nil {
		return nil, fmt.Errorf("cloud: %s: %w", sheet.spec.Actions[action].Text, err)
	}
	return nil, nil
}

// Move implements mi.Mover.
func (p *panel) Move(info mi.Info) { p.s.Move(info) }

// Close implements mi.Link.
func (p *panel) Close() error { return p.s.Close() }

// numbers gives things that the cloud names by long ids the small numbers of a spec.
// They outlive restarts: what hangs on a number must not change.
type numbers struct {
	memory mi.Memory

	mu  sync.Mutex                // guards all
	all map[string]map[string]int // did → id → number
}

// numbersName is where they are kept.
const numbersName = "cloud-numbers"

func loadNumbers(m mi.Memory) *numbers {
	n := &numbers{memory: m, all: map[string]map[string]int{}}
	if m != nil {
		m.Load(numbersName, &n.all)
	}
	return n
}

// of returns the numbers of ids, new ones from the highest on.
func (n *numbers) of(did string, ids []string) []int {
	n.mu.Lock()
	defer n.mu.Unlock()
	mine := n.all[did]
	if mine == nil {
		mine = map[string]int{}
	}
	highest, news := 0, false
	for _, k := range mine {
		highest = max(highest, k)
	}
	out := make([]int, len(ids))
	for i, id := range ids {
		if mine[id] == 0 {
			highest++
			mine[id], news = highest, true
		}
		out[i] = mine[id]
	}
	n.all[did] = mine
	if news && n.memory != nil {
		n.memory.Save(numbersName, n.copied())
	}
	return out
}

// copied needs n.mu.
func (n *numbers) copied() map[string]map[string]int {
	out := map[string]map[string]int{}
	for did, mine := range n.all {
		out[did] = maps.Clone(mine)
	}
	return out
}
