package mi

import "sync/atomic"

// Queue is how full a bounded queue was at its fullest.
type Queue struct {
	Name string
	Most int // entries at one time since the start
	Room int // entries that it may hold
}

// Mark is the highest of the numbers that it was given. It may be used from any
// goroutine.
type Mark struct{ most atomic.Int64 }

// Reach notes n.
func (m *Mark) Reach(n int) {
	for {
		old := m.most.Load()
		if int64(n) <= old || m.most.CompareAndSwap(old, int64(n)) {
			return
		}
	}
}

// Most returns the highest number so far; 0 without any.
func (m *Mark) Most() int { return int(m.most.Load()) }
