package device

import (
	"testing"
	"time"
)

func TestSlotKeepsToItsGrid(t *testing.T) {
	const interval = 30 * time.Second
	for hash := range uint64(500) {
		hash = mix(hash)
		now := spread(mix(hash), time.Hour)
		next := slot(now, interval, hash)
		if gap := next - now; gap < interval/2 || gap >= interval*3/2 {
			t.Fatalf("slot(%v) is %v away", now, gap)
		}
		if again := slot(next+3*time.Millisecond, interval, hash); again != next+interval {
			t.Fatalf("the slot after %v is %v, want an interval later", next, again)
		}
	}
}

func TestBackoffIsCapped(t *testing.T) {
	i := Intervals{}.orDefault()
	for n, want := range []time.Duration{5, 10, 20, 40, 60, 60, 60} {
		want *= time.Second
		for hash := range uint64(100) {
			if got := i.backoff(n, mix(hash)); got > want || got < want*4/5 {
				t.Errorf("backoff(%d) = %v, want at most %v and not a fifth less", n, got, want)
			}
		}
	}
}

func TestWheelWakesInOrderAndOnce(t *testing.T) {
	now := time.Duration(0)
	w := newWheel(func() time.Duration { return now }, time.Millisecond)
	all := make([]*Device, 300)
	for i := range all {
		all[i] = &Device{hash: mix(uint64(i)), wakeAt: never, queuedAt: never}
		w.set(all[i], time.Duration(mix(uint64(i))%1000)*time.Millisecond+time.Hour)
		w.set(all[i], time.Duration(mix(uint64(i+7))%1000)*time.Millisecond) // earlier counts
		w.set(all[i], time.Duration(mix(uint64(i))%1000)*time.Millisecond+time.Second)
	}
	w.set(all[0], never)
	seen := map[*Device]int{}
	last := time.Duration(0)
	for now < 3*time.Hour {
		due, wait := w.pop(nil)
		for _, d := range due {
			seen[d]++
			last = now
		}
		now += wait
	}
	if len(seen) != len(all)-1 || seen[all[0]] != 0 {
		t.Errorf("%d devices woke, want all but the one taken out", len(seen))
	}
	for d, n := range seen {
		if n != 1 {
			t.Errorf("device %x woke %d times", d.hash, n)
		}
	}
	if last < time.Second || last >= 2*time.Second {
		t.Errorf("the last woke at %v, want in the second it was moved to", last)
	}
}

func TestGateLetsThroughInOrder(t *testing.T) {
	g := gate{free: 2}
	devices := make([]*Device, 5)
	for i := range devices {
		devices[i] = &Device{}
		if got := g.enter(devices[i]); got != (i < 2) {
			t.Errorf("enter(%d) = %v", i, got)
		}
	}
	devices[2].in.closed = true // it ended while it waited
	g.leave()
	if !devices[3].in.admitted || devices[4].in.admitted {
		t.Error("the place went to the wrong device")
	}
	g.leave()
	g.leave()
	if !devices[4].in.admitted || g.free != 1 {
		t.Errorf("free = %d, want 1", g.free)
	}
}
