package mqtt

import (
	"math"
	"slices"
	"sync"
)

// weighed is how long a text is, in bytes, that might be too large for a broker.
const weighed = 64 << 10

// page holds the newest text of every retained topic of one device, or of the
// bridge itself. Topics are made when they are sent: a slot costs 24 bytes and its
// text.
type page struct {
	out    *outbox
	sure   int    // this many slots are sent with QoS 1
	head   string // "<base>/<device>/"
	place  int    // in outbox.all, guarded by its mutex
	queued bool   // guarded by outbox.mu

	mu    sync.Mutex
	names []string // last part of each slot's topic, shared by all devices of a model
	cells []cell
	clear []string // topics to be emptied at the broker
}

type cell struct {
	text  string
	known bool // has been set: an empty text is a text
	dirty bool
}

func newPage(out *outbox, head string, names []string, sure int) *page {
	p := &page{out: out, sure: sure, head: head, names: names, cells: make([]cell, len(names))}
	out.add(p)
	return p
}

// put sets a slot's text and reports whether that is new. What no broker would take
// is not known to anybody.
func (p *page) put(slot int, text string) bool {
	if len(text) > weighed && !p.fits(slot, text) {
		text = "None"
	}
	p.mu.Lock()
	c := &p.cells[slot]
	news := !c.known || c.text != text
	if news {
		*c = cell{text, true, true}
	}
	p.mu.Unlock()
	if news {
		p.out.touched(p)
	}
	return news
}

func (p *page) fits(slot int, text string) bool {
	p.mu.Lock()
	name := p.names[slot]
	p.mu.Unlock()
	return p.out.scale.fits(p.head, name, text)
}

// repeat sends the slots [from, to) again as they are, as far as there are any.
func (p *page) repeat(from, to int) {
	p.mu.Lock()
	for i := from; i < min(to, len(p.cells)); i++ {
		p.cells[i].dirty = p.cells[i].known
	}
	p.mu.Unlock()
	p.out.touched(p)
}

// has reports whether a slot has that name.
func (p *page) has(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.names, name)
}

func (p *page) redo() { p.repeat(0, math.MaxInt) }

// rename gives the page other slots. Texts of the first keep slots stay; topics
// that are gone are emptied at the broker.
func (p *page) rename(names []string, keep int) {
	p.mu.Lock()
	have := make(map[string]bool, len(names))
	for _, n := range names {
		have[n] = true
	}
	for i, n := range p.names {
		if p.cells[i].known && !have[n] {
			p.clear = append(p.clear, n)
		}
	}
	cells := make([]cell, len(names))
	copy(cells, p.cells[:keep])
	p.names, p.cells = names, cells
	p.mu.Unlock()
	p.out.touched(p)
}

// empty removes every topic of the page from the broker and forgets the page.
func (p *page) empty() {
	p.rename(nil, 0)
	p.out.forget(p)
}

// take appends at most limit messages and reports whether more are left.
func (p *page) take(into []message, limit int) ([]message, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.clear) > 0 && limit > 0 {
		into = append(into, message{topic: p.head + p.clear[0], retained: true, sure: true})
		p.clear = p.clear[1:]
		limit--
	}
	for i := range p.cells {
		c := &p.cells[i]
		if !c.dirty {
			continue
		}
		if limit == 0 {
			return into, true
		}
		c.dirty = false
		into = append(into, message{topic: p.head + p.names[i], payload: c.text, retained: true, sure: i < p.sure})
		limit--
	}
	return into, len(p.clear) > 0
}
