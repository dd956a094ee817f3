package bridge_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
)

// replayer tells the last event of a device again when it comes back.
type replayer struct {
	device.View
	mu   sync.Mutex
	last map[*device.Device]mi.Happening
	away map[*device.Device]bool
}

func (r *replayer) Happened(d *device.Device, h mi.Happening) {
	r.mu.Lock()
	r.last[d] = h
	r.mu.Unlock()
	r.View.Happened(d, h)
}

func (r *replayer) Status(d *device.Device, s device.Status) {
	r.View.Status(d, s)
	r.mu.Lock()
	last, happened := r.last[d]
	again := s.Online && r.away[d] && happened
	r.away[d] = !s.Online
	r.mu.Unlock()
	if again {
		last.At = time.Time{}
		r.View.Happened(d, last)
	}
}

// sulker never believes that a device is back.
type sulker struct {
	device.View
	mu   sync.Mutex
	gone map[*device.Device]bool
}

func (k *sulker) Status(d *device.Device, s device.Status) {
	k.mu.Lock()
	was := d.Status().LastSeen
	k.gone[d] = k.gone[d] || !s.Online && !was.IsZero()
	s.Online = s.Online && !k.gone[d]
	k.mu.Unlock()
	k.View.Status(d, s)
}

// conversation is all that a link of drivers/miio can do.
type conversation interface {
	mi.Link
	mi.Getter
	mi.Setter
	mi.Caller
	mi.Describer
	mi.Mover
	mi.Pusher
}

// wrapped is a driver whose links are made others.
type wrapped struct {
	mi.Driver
	link func(mi.Info, conversation) mi.Link
}

func (w *wrapped) Open(ctx context.Context, i mi.Info, sink mi.Sink) (mi.Link, error) {
	l, err := w.Driver.Open(ctx, i, sink)
	if err != nil {
		return nil, err
	}
	return w.link(i, l.(conversation)), nil
}

func wrap(o *device.Options, link func(mi.Info, conversation) mi.Link) {
	for i := range o.Routes {
		o.Routes[i].Driver = &wrapped{o.Routes[i].Driver, link}
	}
}

// hasty sends an action again when its answer got lost.
type hasty struct{ conversation }

func (h hasty) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	out, err := h.conversation.Call(ctx, action, args)
	if errors.Is(err, mi.ErrTimeout) {
		return h.conversation.Call(ctx, action, args)
	}
	return out, err
}

// TestPlantedDefectsAreFoundAndShrunk plants a defect in the view, the drivers and
// the availability, one at a time: some seed shows each, the plan shrinks to the
// faults that it needs, and without the defect that plan breaks nothing.
func TestPlantedDefectsAreFoundAndShrunk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("some dozens of homes")
	}
	for _, tc := range []struct {
		name, rule string
		from       uint64 // seeds before show nothing
		models     []string
		flaw       func(*device.Options)
	}{
		{"event told again when a device is back", "I1", 0, []string{"dreame.vacuum.p2009", "lumi.curtain.hmcn01"}, func(o *device.Options) {
			o.View = &replayer{View: o.View, last: map[*device.Device]mi.Happening{}, away: map[*device.Device]bool{}}
		}},
		{"order sent again when its answer got lost", "I3", 2, []string{"dreame.vacuum.p2009", "chunmi.cooker.eh402"}, func(o *device.Options) {
			wrap(o, func(_ mi.Info, c conversation) mi.Link { return hasty{c} })
		}},
		{"never back online", "I5", 2, []string{"cuco.plug.cp5pro", "dmaker.fan.p10"}, func(o *device.Options) {
			o.View = &sulker{View: o.View, gone: map[*device.Device]bool{}}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			plant(t, tc.rule, tc.from, tc.models, tc.flaw)
		})
	}
}

func plant(t *testing.T, rule string, from uint64, models []string, flaw func(*device.Options)) {
	sc := scene{models: append(models, models[0]), flaw: flaw, brief: true}
	for seed := from; seed < from+40; seed++ {
		sc.plan = chaos.Draw(seed, 40*time.Minute, slices.Repeat(sc.dids(), 3))
		_, bad := play(t, sc)
		i := indexRule(bad, rule)
		if i < 0 {
			continue
		}
		small := shrunk(t, sc, bad[i])
		if len(small.Faults) > 2 {
			t.Errorf("seed %d: %v shrinks to %v", seed, bad[i], small)
		}
		sc.plan, sc.flaw = small, nil
		if _, bad := play(t, sc); len(bad) > 0 {
			t.Errorf("without the defect: %v", bad)
		}
		t.Logf("seed %d: %v\n%s", seed, bad[i], small)
		return
	}
	t.Error("no seed shows it")
}

func indexRule(bad []history.Violation, rule string) int {
	for i, v := range bad {
		if v.Rule == rule {
			return i
		}
	}
	return -1
}
