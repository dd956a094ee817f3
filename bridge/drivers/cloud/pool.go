package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	maxProps    = 150                    // in one request, as the vendor's client sends at most
	maxReaders  = 2                      // goroutines that ask for properties
	window      = 150 * time.Millisecond // in which reads come together, and a bit
	shake       = 100 * time.Millisecond
	callTimeout = 10 * time.Second
)

// place is an account and one of its regions: what one request can be about.
type place struct{ account, region string }

// pool is what all devices of a place share: the fuse and the queue of reads. The
// budgets are the whole account's.
type pool struct {
	d *Driver
	place
	buckets *[endpoints]*bucket // of the account
	fuse    fuse

	mu      sync.Mutex // guards the fields below, and the reads
	queue   []item     // to be asked, first come first served
	readers int        // that work on the queue
	apart   map[string]bool
	sights  map[string]sight // by did
	swept   time.Time        // when somebody last began to look who is there
}

// item is one property that a read waits for.
type item struct {
	r    *read
	prop int
}

// newPool needs d.mu.
func newPool(d *Driver, at place) *pool {
	return &pool{d: d, place: at, buckets: d.budget(at.account), apart: map[string]bool{}, sights: map[string]sight{}}
}

// call sends one request within the budget. A refusal of this request alone comes
// as *refusal.
func (p *pool) call(ctx context.Context, e endpoint, path string, params any) (result json.RawMessage, err error) {
	err = p.within(ctx, e, func(ctx context.Context) (err error) {
		result, err = p.d.o.Account.Call(ctx, p.account, p.region, path, params)
		return err
	})
	return result, err
}

// within has the account make one request.
func (p *pool) within(ctx context.Context, e endpoint, request func(context.Context) error) error {
	if err := p.fuse.blown(e); err != nil {
		return err
	}
	if err := p.buckets[e].take(ctx); err != nil {
		return err
	}
	defer p.buckets[e].give()
	if err := p.fuse.pass(e); err != nil { // it may have blown since
		return err
	}
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return p.judge(ctx, e, request(limited))
}

// judge notes how a request went. Whether the answer to a read makes sense is seen
// later.
func (p *pool) judge(ctx context.Context, e endpoint, err error) error {
	refusal := refused(err)
	switch {
	case err == nil && e == reading:
		return nil
	case err == nil:
		p.fuse.worked()
		return nil
	case refusal != nil:
		p.fuse.answered()
		return refusal
	case ctx.Err() != nil:
		p.fuse.abandon()
		return err
	}
	return p.blame(err)
}

// blame notes that the cloud itself fails.
func (p *pool) blame(err error) error {
	why := explain(err)
	p.fuse.failed(why, p.d.jitter)
	return why.told()
}

// ask queues a read. Its done is called once, from any goroutine, unless the read
// is forgotten before.
func (p *pool) ask(ctx context.Context, r *read, props []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.left, r.base = len(props), len(r.into)
	for _, prop := range props {
		p.queue = append(p.queue, item{r, prop})
	}
	if p.readers == 0 || p.readers < maxReaders && len(p.queue) > maxProps {
		p.readers++
		go p.serve(ctx)
	}
}

// serve asks for what is in the queue until nothing is left.
func (p *pool) serve(ctx context.Context) {
	err := pauseFor(ctx, window+p.d.jitter(shake))
	for {
		batch := p.take(err != nil)
		if batch == nil {
			p.sweep(ctx)
			return
		}
		if err != nil {
			p.failed(batch, err)
			continue
		}
		p.get(ctx, batch)
		err = ctx.Err()
	}
}

// take returns the items of the next request; nil ends the reader. A device that
// spoilt a request goes alone.
func (p *pool) take(all bool) (batch []item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var rest []item
	for i, it := range p.queue {
		if len(batch) == maxProps && !all {
			rest = append(rest, p.queue[i:]...)
			break
		}
		switch {
		case it.r.over:
		case all || len(batch) == 0 || p.fits(batch[0].r.s.did, it.r.s.did):
			batch = append(batch, it)
		default:
			rest = append(rest, it)
		}
	}
	if p.queue = rest; batch == nil {
		p.readers--
	}
	return batch
}

// fits reports whether two devices may share a request. It needs p.mu.
func (p *pool) fits(a, b string) bool {
	return a == b || !p.apart[a] && !p.apart[b]
}

var errRefusesAll = &trouble{"Mi Home refuses every request", "it may be out of order; the bridge tries again by itself", mi.ErrOffline, longRest, "cloud.away"}

// trial is one batch and what came of its parts.
type trial struct {
	worked bool     // some request was answered
	poor   []string // devices whose requests the cloud refuses as a whole
}

// hopeless reports that the cloud refuses everything, not one device.
func (t *trial) hopeless() bool { return !t.worked && len(t.poor) > 1 }

// get makes one request. When the cloud refuses it as a whole, one device may be
// the reason: it is found, and asked apart from then on.
func (p *pool) get(ctx context.Context, batch []item) {
	var t trial
	p.try(ctx, batch, &t)
	switch {
	case t.hopeless():
		p.fuse.failed(errRefusesAll, p.d.jitter)
	case t.worked:
		p.setApart(t.poor)
	}
}

func (p *pool) try(ctx context.Context, batch []item, t *trial) {
	result, err := p.call(ctx, reading, pathGet, getParams(unique(batch)))
	var all []answer
	if err == nil {
		if all, err = parseAnswers(result); err != nil {
			err = p.blame(err)
		}
	}
	_, whole := errors.AsType[*refusal](err)
	cut := devicesEnd(batch)
	switch {
	case err == nil:
		p.fuse.worked()
		t.worked = true
		p.answered(batch, all)
	case !whole:
		p.failed(batch, err)
	case cut == len(batch):
		t.poor = append(t.poor, batch[0].r.s.did)
		p.failed(batch, err)
	default:
		p.try(ctx, batch[:cut], t)
		if t.hopeless() {
			p.failed(batch[cut:], err)
			return
		}
		p.try(ctx, batch[cut:], t)
	}
}

// unique lists the properties of a batch, each once.
func unique(batch []item) []iid {
	out := make([]iid, 0, len(batch))
	seen := make(map[iid]bool, len(batch))
	for _, it := range batch {
		if id := it.iid(); !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

func (it item) iid() iid {
	p := &it.r.spec.Props[it.prop]
	return iid{it.r.s.did, p.SIID, p.PIID}
}

// devicesEnd returns where a batch can be cut near its middle without parting a
// device; its length when there is one device only.
func devicesEnd(batch []item) int {
	did := func(i int) string { return batch[i].r.s.did }
	half := max(1, len(batch)/2)
	for i := half; i < len(batch); i++ {
		if did(i) != did(i-1) {
			return i
		}
	}
	for i := half - 1; i > 0; i-- {
		if did(i) != did(i-1) {
			return i
		}
	}
	return len(batch)
}

func (p *pool) setApart(dids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, did := range dids {
		p.apart[did] = true
	}
}

// answered hands the answers to whom they are for.
func (p *pool) answered(batch []item, all []answer) {
	byID := make(map[iid]*answer, len(all))
	for i := range all {
		byID[all[i].iid] = &all[i]
	}
	p.settle(batch, func(it item) {
		delete(p.apart, it.r.s.did)
		it.r.hear(it.prop, byID[it.iid()])
	})
}

// failed ends the reads of a batch without an answer.
func (p *pool) failed(batch []item, err error) {
	p.settle(batch, func(it item) { it.r.broken = err })
}

// settle notes the outcome of every item and tells the reads that are complete.
func (p *pool) settle(batch []item, outcome func(item)) {
	var ended []*read
	p.mu.Lock()
	for _, it := range batch {
		if it.r.over {
			continue
		}
		outcome(it)
		if it.r.left--; it.r.left == 0 {
			it.r.over = true
			ended = append(ended, it.r)
		}
	}
	p.mu.Unlock()
	for _, r := range ended {
		r.done(r.verdict())
	}
}
