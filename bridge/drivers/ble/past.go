package ble

import "time"

const (
	ringSize   = 16               // frames that are known to have been heard
	ringAge    = time.Minute      // after which the same bytes may be another frame
	pause      = 4 * time.Second  // of silence, for frames that have no counter
	grace      = 10 * time.Second // after a start that was no clean one, in which a first frame may be an old one
	freshRun   = 3                // frames in order that prove a counter that began anew
	freshRest  = time.Minute      // and the silence before them
	pressPause = 10 * time.Second // in which one counter is one press
)

// past is what was heard of a device.
type past struct {
	ring    [ringSize]echo
	next    int
	newest  uint64 // hash of the newest frame
	counter uint32 // the highest that was proved
	counted bool   // there is one
	at      time.Duration
	heard   bool // something was, in this run
	record  bool // an earlier run left a record

	run     int // frames of a counter that began anew
	runLast uint32

	pressed   bool // there was a press in this run
	pressNo   uint32
	pressedAt time.Duration

	pressNarrow bool // of pressNo only the lowest byte is known
}

// echo is a frame that was heard.
type echo struct {
	hash     uint64
	at       time.Duration // 0 is none
	believed bool
}

// hash is the identity of a frame, the same in every run (FNV-1a).
func hash(uuid uint16, data []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range data {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return (h ^ uint64(uuid)) * 1099511628211
}

// again reports a frame that was heard already, by any receiver, and whether it
// was believed.
func (p *past) again(h uint64, now time.Duration) (heard, believed bool) {
	for i := range p.ring {
		e := &p.ring[i]
		if e.hash == h && e.at != 0 && now-e.at < ringAge {
			if now-e.at < pause {
				e.at = now
			}
			return true, e.believed
		}
	}
	return false, false
}

// keep notes a frame.
func (p *past) keep(h uint64, now time.Duration, believed bool) {
	p.ring[p.next] = echo{h, max(1, now), believed}
	p.next = (p.next + 1) % ringSize
	if believed {
		p.newest = h
	}
}

// verdict is what a counter says of a frame.
type verdict byte

const (
	news   verdict = iota
	old            // heard before, or replayed
	reborn         // the device lost its counter, and this is a new one
)

// judge looks at a counter that was proved and only grows.
func (p *past) judge(counter uint32, now time.Duration) verdict {
	step := int32(counter - p.counter)
	switch {
	case !p.counted || step > 0:
		p.run = 0
		return news
	case step == 0 || now-p.at < freshRest && p.at != 0:
		return old
	}
	if p.run > 0 && int32(counter-p.runLast) <= 0 {
		p.run = 0
		return old
	}
	p.run++
	p.runLast = counter
	if p.run < freshRun {
		return old
	}
	p.run = 0
	return reborn
}

// silent reports whether the presses of a frame must not be told: they may have
// happened before this run, or were told already. doubtful says that the record of
// the last run may lack what it heard at its end.
func (p *past) silent(k *packet, now time.Duration, doubtful bool) bool {
	first := !p.heard && (!p.record || doubtful) && !k.vouched
	same := k.counted && p.pressed && p.pressedBy(k) && now-p.pressedAt < pressPause
	return first || same
}

// pressedBy reports whether the last press that was told came with the counter of
// k. A receiver that opens seals knows the lowest byte of it.
func (p *past) pressedBy(k *packet) bool {
	if k.vouched || p.pressNarrow {
		return byte(p.pressNo) == byte(k.counter)
	}
	return p.pressNo == k.counter
}

// press notes that a press was told.
func (p *past) press(k *packet, now time.Duration) {
	p.pressed, p.pressNo, p.pressNarrow, p.pressedAt = true, k.counter, k.vouched, now
}

// fault is why a device is heard and not understood.
type fault byte

const (
	noFault fault = iota
	keyMissing
	keyWrong
)

// wrongAfter is how many different frames in a row must not open before the key
// is called wrong; a device that was heard with this key gets more credit, for
// anybody can send in its name.
const (
	wrongAfter       = 2
	wrongAfterProved = 8
)

// trust is what the seals of a device say of its key.
type trust struct {
	proved   bool // it sealed something with its key
	failures int  // frames in a row that the key did not open
	fault    fault
	vouched  time.Duration // when a receiver last opened a seal itself; 0 is never
}

// helped reports whether some receiver opens what the device seals, so that the
// bridge needs no key of its own.
func (t *trust) helped(now time.Duration) bool { return t.vouched != 0 && now-t.vouched < proofAge }

// opened notes that the key fits; it reports whether that is news.
func (t *trust) opened(proof bool) bool {
	was := t.fault
	t.failures, t.fault = 0, noFault
	t.proved = t.proved || proof
	return was != noFault
}

// lacking notes a sealed frame without a key.
func (t *trust) lacking(now time.Duration) bool {
	if t.helped(now) {
		return false
	}
	was := t.fault
	t.fault = keyMissing
	return was != keyMissing
}

// refused notes a frame that the key does not open.
func (t *trust) refused(now time.Duration) bool {
	if t.helped(now) {
		return false
	}
	t.failures++
	limit := wrongAfter
	if t.proved {
		limit = wrongAfterProved
	}
	if t.failures < limit || t.fault == keyWrong {
		return false
	}
	t.fault = keyWrong
	return true
}
