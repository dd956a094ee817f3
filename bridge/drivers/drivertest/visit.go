package drivertest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Visitor is a device that is read in short visits while it is near, with what
// hears it and connects to it.
type Visitor struct {
	Driver mi.Driver
	DID    string
	Call   func()      // makes the device advertise once, if it is near
	Leave  func()      // takes it away
	Return func()      // brings it back
	Free   func() bool // reports that nobody is connected to it
	Here   []mi.Change // some of what it shows at first
	Later  []mi.Change // and after it came back
}

// Visit lets a device appear, be read, leave and come back, in real time.
func Visit(t *testing.T, v Visitor) {
	t.Helper()
	link, end := v.meet(t)
	defer end()
	v.until(t, link, "first", func(got []mi.Change, err error) bool { return err == nil && holds(got, v.Here) })
	if !v.Free() {
		t.Error("somebody stays connected after a visit")
	}
	v.Leave()
	v.until(t, link, "away", func(_ []mi.Change, err error) bool { return errors.Is(err, mi.ErrOffline) })
	v.Return()
	v.until(t, link, "back", func(got []mi.Change, err error) bool { return err == nil && holds(got, v.Later) })
	if !v.Free() {
		t.Error("somebody stays connected after the last visit")
	}
}

// meet waits until the driver finds the device, and opens it.
func (v Visitor) meet(t *testing.T) (link mi.Link, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	met, over := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		over <- v.Driver.Find(ctx, func(i mi.Info) {
			if i.DID == v.DID {
				select {
				case met <- struct{}{}:
				default:
				}
			}
		})
	}()
	v.wait(t, "found", func() bool { return len(met) > 0 })
	link, err := v.Driver.Open(ctx, mi.Info{DID: v.DID}, &Sink{})
	if err != nil {
		t.Fatal(err)
	}
	return link, func() {
		_ = link.Close()
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
}

// until reads everything until that is as it should be.
func (v Visitor) until(t *testing.T, link mi.Link, what string, ok func([]mi.Change, error) bool) {
	t.Helper()
	var got []mi.Change
	var err error
	v.wait(t, what, func() bool {
		got, err = v.read(t.Context(), link)
		return ok(got, err)
	})
	t.Logf("%s: %d values, %v", what, len(got), err)
}

func (v Visitor) read(ctx context.Context, link mi.Link) ([]mi.Change, error) {
	spec, err := link.Spec(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]int, len(spec.Props))
	for i := range all {
		all[i] = i
	}
	return link.(mi.Getter).Get(ctx, all, nil)
}

// wait lets the device call until ok says so.
func (v Visitor) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	Await(t, what, func() bool { v.Call(); return ok() })
}

func holds(got, want []mi.Change) bool {
	return !slices.ContainsFunc(want, func(c mi.Change) bool { return !slices.Contains(got, c) })
}
