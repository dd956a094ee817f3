package mqtt

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	birthFirst = 500 * time.Millisecond // after a home platform has started
	birthLast  = 3 * time.Second
	birthRest  = 30 * time.Second // between two answers
)

// birth answers home platforms that start: by publishing everything once more,
// after a moment of its own and not too often.
type birth struct {
	random *rand.Rand // only for run
	answer func()
	heard  chan struct{}
}

func newBirth(random *rand.Rand, answer func()) *birth {
	return &birth{random: random, answer: answer, heard: make(chan struct{}, 1)}
}

// arrived takes a message on a status topic. Retained ones tell of the past, and
// offline is no reason for anything.
func (b *birth) arrived(a arrival) {
	if a.retained || string(a.payload) != "online" {
		return
	}
	select {
	case b.heard <- struct{}{}:
	default:
	}
}

func (b *birth) run(ctx context.Context) {
	for {
		select {
		case <-b.heard:
		case <-ctx.Done():
			return
		}
		moment := birthFirst + time.Duration(b.random.Int64N(int64(birthLast-birthFirst)))
		if !sleep(ctx, moment) {
			return
		}
		select { // what was heard meanwhile is answered as well
		case <-b.heard:
		default:
		}
		b.answer()
		if !sleep(ctx, birthRest) {
			return
		}
	}
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-late.C:
		return true
	case <-ctx.Done():
		return false
	}
}
