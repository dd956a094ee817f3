package miio

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	usualBatch = 10   // properties in one get_properties
	maxRequest = 1400 // bytes of a request's text: a datagram that is not cut
	maxEntry   = 60   // bytes of one property in it, its did of 20 digits included
	maxPlans   = 16   // of a kind that are kept
	strikes    = 2    // failures of a full chunk whose halves work, before the halves become the rule
)

// limit is how many properties the devices of a model and firmware take in one
// request.
type limit struct {
	mu      sync.Mutex // guards the fields below
	size    int
	strikes int
	save    func(size int)
	plans   []*plan // the newest last
}

// limits holds the limit of every model and firmware.
type limits struct {
	memory mi.Memory

	mu   sync.Mutex // guards the fields below
	all  map[string]*limit
	kept map[string]int // sizes that were learnt, by kind
}

// load fills in what was learnt before.
func (l *limits) load(memory mi.Memory) {
	l.memory, l.all = memory, map[string]*limit{}
	if memory != nil {
		memory.Load(batchName, &l.kept)
	}
	if l.kept == nil {
		l.kept = map[string]int{}
	}
}

// batchName is where the learnt sizes are kept.
const batchName = "miio-batch"

// of returns the limit that all devices of a kind share; start is where it begins
// when nothing is remembered.
func (l *limits) of(kind string, start int) *limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.all[kind]; known != nil {
		return known
	}
	size := l.kept[kind]
	if size < 1 || size > start {
		size = start
	}
	out := &limit{size: size, save: func(n int) { l.keep(kind, n) }}
	l.all[kind] = out
	return out
}

// keep remembers the size of a kind for the next start.
func (l *limits) keep(kind string, size int) {
	l.mu.Lock()
	l.kept[kind] = size
	kept := maps.Clone(l.kept)
	l.mu.Unlock()
	if l.memory != nil {
		l.memory.Save(batchName, kept)
	}
}

func (l *limit) get() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// worked notes that a chunk of n was answered in full.
func (l *limit) worked(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n >= l.size {
		l.strikes = 0
	}
}

// failed notes that a chunk of n failed and its parts worked.
func (l *limit) failed(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > l.size {
		return
	}
	if l.strikes++; l.strikes >= strikes {
		l.strikes, l.size = 0, max(1, n/2)
		l.save(l.size)
	}
}

// plan is how a set of properties is read. It is immutable, and kept: polls repeat,
// and the devices of a kind are read alike.
type plan struct {
	spec   *mi.Spec
	props  []int
	size   int
	chunks []chunk
}

// chunk is the properties of one request.
type chunk []int

// plan returns how to read props.
func (l *limit) plan(spec *mi.Spec, props []int) *plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.plans {
		if p.spec == spec && p.size == l.size && slices.Equal(p.props, props) {
			return p
		}
	}
	if len(l.plans) == maxPlans {
		l.plans = slices.Delete(l.plans, 0, 1)
	}
	p := planOf(spec, props, l.size)
	l.plans = append(l.plans, p)
	return p
}

// planOf cuts props into chunks. Long texts travel alone.
func planOf(spec *mi.Spec, props []int, size int) *plan {
	p := &plan{spec: spec, props: slices.Clone(props), size: size}
	var group, alone chunk
	for _, i := range p.props {
		if i < 0 || i >= len(spec.Props) {
			continue
		}
		if prop := &spec.Props[i]; prop.Format == mi.FormatText && len(prop.List) == 0 {
			alone = append(alone, i)
			continue
		}
		if len(group) == min(size, maxRequest/maxEntry) {
			p.chunks = append(p.chunks, group)
			group = nil
		}
		group = append(group, i)
	}
	if len(group) > 0 {
		p.chunks = append(p.chunks, group)
	}
	for i := range alone {
		p.chunks = append(p.chunks, alone[i:i+1])
	}
	return p
}

// appendRead appends what a request to read the chunk has behind its id.
func (c chunk) appendRead(b []byte, spec *mi.Spec, did string) []byte {
	b = append(b, `,"method":"get_properties","params":[`...)
	for n, i := range c {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(appendIIDs(b, did, spec.Props[i].SIID, "piid", spec.Props[i].PIID), '}')
	}
	return append(b, "]}"...)
}

// appendIIDs begins an object that names a property or action.
func appendIIDs(b []byte, did string, siid int, kind string, iid int) []byte {
	b = append(b, `{"did":"`...)
	b = append(b, did...)
	b = append(b, `","siid":`...)
	b = strconv.AppendInt(b, int64(siid), 10)
	b = append(b, `,"`...)
	b = append(b, kind...)
	b = append(b, `":`...)
	return strconv.AppendInt(b, int64(iid), 10)
}

// collect appends what a result says of the chunk's properties to into. It tells
// how many of them the device spoke of, well or ill.
func (c chunk) collect(spec *mi.Spec, result []byte, into []mi.Change) ([]mi.Change, int, error) {
	base, spoken := len(into), 0
	take := func(i int, e element) {
		prop := c.match(spec, i, e)
		if prop < 0 {
			return
		}
		spoken++
		if e.code == 0 && e.hasValue {
			into = append(into, mi.Change{Prop: prop, Value: e.value})
		}
	}
	if pullElements(result, take) {
		return into, spoken, nil
	}
	into, spoken = into[:base], 0
	all, err := slowElements(result)
	if err != nil {
		return into, 0, err
	}
	for i, e := range all {
		take(i, e)
	}
	return into, spoken, nil
}

// match finds the property of the i-th element of a result: by its ids, or by its
// place when the device leaves them out. It returns -1 for what was not asked.
func (c chunk) match(spec *mi.Spec, i int, e element) int {
	if e.siid == 0 && e.piid == 0 {
		if i < len(c) {
			return c[i]
		}
		return -1
	}
	if i < len(c) {
		if p := &spec.Props[c[i]]; p.SIID == e.siid && p.PIID == e.piid {
			return c[i]
		}
	}
	for _, prop := range c {
		if p := &spec.Props[prop]; p.SIID == e.siid && p.PIID == e.piid {
			return prop
		}
	}
	return -1
}

// tooMuch reports whether an error may go away when less is asked at once.
func tooMuch(err error) bool {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.verdict().split
	}
	silent, ok := errors.AsType[*silence](err)
	return ok && silent.greeted && errors.Is(err, mi.ErrTimeout)
}

// oneCode reads a result that is one number for all, as simulators answer
// set_properties, or the words ok.
func oneCode(result []byte) (err error, ok bool) {
	var code int
	if json.Unmarshal(result, &code) == nil {
		if code == 0 || code == 1 {
			return nil, true
		}
		return &refusal{code: code}, true
	}
	switch string(result) {
	case `"ok"`, `["ok"]`, `[0]`:
		return nil, true
	}
	return nil, false
}
