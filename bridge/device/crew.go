package device

import (
	"context"
	"sync/atomic"
)

// maxIdle is how many goroutines stay for the next exchange. Starting one costs
// little, growing its stack anew each time costs more than the exchange.
const maxIdle = 64

// crew runs exchanges, each at once in a goroutine of its own.
type crew struct {
	work chan func()
	idle atomic.Int32
}

// do runs f now. The goroutine may stay for other work until ctx ends.
func (c *crew) do(ctx context.Context, f func()) {
	select {
	case c.work <- f:
	default:
		go c.serve(ctx, f)
	}
}

func (c *crew) serve(ctx context.Context, f func()) {
	for {
		f()
		if c.idle.Add(1) > maxIdle {
			c.idle.Add(-1)
			return
		}
		select {
		case f = <-c.work:
			c.idle.Add(-1)
		case <-ctx.Done():
			c.idle.Add(-1)
			return
		}
	}
}
