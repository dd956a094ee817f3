package device

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// advert is a driver whose links only listen.
type advert struct {
	thing *thing
	class string
	deaf  bool // does not hear the device yet
	sink  mi.Sink
}

func (a *advert) Find(ctx context.Context, _ func(mi.Info)) error { <-ctx.Done(); return nil }
func (a *advert) Open(_ context.Context, _ mi.Info, sink mi.Sink) (mi.Link, error) {
	if a.deaf {
		return nil, mi.ErrUnsupported
	}
	a.sink = sink
	return silentLink{a}, nil
}

type silentLink struct{ a *advert }

func (l silentLink) Spec(context.Context) (*mi.Spec, error) { return l.a.thing.spec, nil }
func (l silentLink) Close() error                           { return nil }
func (l silentLink) Class() string                          { return l.a.class }

// twoWays is a device on the LAN and in the cloud, where its spec has another order.
func twoWays(t *testing.T, f func(s *stage, d *Device, lan, cloud *thing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lan, cloud := newThing(), newThing()
		slices.Reverse(cloud.spec.Props)
		s := newStage(t, map[string]*thing{"1": lan}, func(o *Options) {
			o.Routes = append(o.Routes, Route{Name: "cloud", Driver: &wires{things: map[string]*thing{"1": cloud}}})
		})
		s.after(time.Minute)
		s.view.take()
		f(s, s.Device("1"), lan, cloud)
		s.stop()
	})
}

func TestCloudStepsInAndLANComesBack(t *testing.T) {
	twoWays(t, func(s *stage, d *Device, lan, cloud *thing) {
		if c := d.Status().Connection; c != "lan" || cloud.readCount() != 0 {
			t.Fatalf("connection = %q, %d reads by the cloud", c, cloud.readCount())
		}
		lan.put(func(t *thing) { t.cut = true })
		e := s.order(d, set(propLevel, mi.Int(5)))
		s.after(10 * time.Second)
		e.want(t, "ok")
		s.wantLines(cloud.written(), "set fan/level=5")
		cloud.put(func(t *thing) { t.values[propLevel] = mi.Int(6) })
		s.after(5 * time.Minute)
		if v := d.Values(nil)[propLevel]; v != mi.Int(6) {
			t.Errorf("level = %v, want 6 as the cloud says", v)
		}
		lines := s.view.take()
		if n := count(lines, "online=false"); n != 0 {
			t.Errorf("%d times offline while the cloud served", n)
		}
		if n := count(lines, "by=cloud"); n < 1 || n > 3 {
			t.Errorf("lines = %q, want one change to the cloud", lines)
		}
		lan.put(func(t *thing) { t.cut = false })
		s.after(61 * time.Second)
		if c := d.Status().Connection; c != "lan" {
			t.Errorf("connection = %q a minute after the LAN works again", c)
		}
		if n := count(s.view.take(), "by=lan"); n != 1 {
			t.Errorf("told %d times of the way back", n)
		}
	})
}

func TestOrdersUseTheWorkingRouteAtOnce(t *testing.T) {
	twoWays(t, func(s *stage, d *Device, lan, cloud *thing) {
		lan.put(func(t *thing) { t.cut = true })
		s.after(2 * time.Minute)
		e := s.order(d, call(actToggle))
		s.after(700 * time.Millisecond)
		e.want(t, "ok")
		s.wantLines(cloud.written(), "call fan/toggle []")
	})
}

func TestLostActionNeverGoesByAnotherRoute(t *testing.T) {
	twoWays(t, func(s *stage, d *Device, lan, cloud *thing) {
		lan.put(func(t *thing) { t.cut = true })
		e := s.order(d, call(actToggle))
		s.after(10 * time.Second)
		e.want(t, "lan: unknown outcome: the reply was lost: fake: no answer")
		s.wantLines(cloud.written())
	})
}

func TestUnsupportedMovesOneOrderOnly(t *testing.T) {
	twoWays(t, func(s *stage, d *Device, lan, cloud *thing) {
		lan.put(func(t *thing) { t.fail = fmt.Errorf("fake: %w", mi.ErrUnsupported) })
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(100 * time.Millisecond)
		e.want(t, "ok")
		lan.put(func(t *thing) { t.fail = nil })
		s.after(3 * time.Second)
		if c := d.Status().Connection; c != "lan" {
			t.Errorf("connection = %q, want lan again", c)
		}
	})
}

func TestOnlyRouteOfTheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan, cloud := newThing(), newThing()
		lan.spec.Tuning.Route = "cloud"
		cloud.spec = lan.spec
		s := newStage(t, map[string]*thing{"1": lan}, func(o *Options) {
			o.Routes = append(o.Routes, Route{Name: "cloud", Driver: &wires{things: map[string]*thing{"1": cloud}}})
		})
		s.after(time.Minute)
		if c := s.Device("1").Status().Connection; c != "cloud" || lan.readCount() != 0 {
			t.Errorf("connection = %q, %d reads by LAN", c, lan.readCount())
		}
		s.stop()
	})
}

func TestMovedDeviceIsReopened(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		for range 3 {
			s.Found("lan", mi.Info{DID: "1", Addr: "10.0.0.7:54321"})
		}
		s.after(time.Minute)
		if s.lan.opened != 2 || len(th.sinks()) != 1 {
			t.Errorf("opened %d times, %d links open; want once more and one", s.lan.opened, len(th.sinks()))
		}
	})
}

func TestStatelessDeviceTakesOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThing()
		for i := range th.spec.Props {
			th.spec.Props[i].Access = mi.Write
		}
		s := newStage(t, map[string]*thing{"1": th}, func(o *Options) { o.View.(*watcher).plan = &Plan{} })
		d := s.Device("1")
		s.after(time.Hour)
		if !d.Status().Online {
			t.Error("a device without state is not online")
		}
		e := s.order(d, call(actToggle))
		s.after(time.Second)
		e.want(t, "ok")
		s.stop()
	})
}

// slow is a driver that finds a device while it is being asked for it, too late for
// that answer.
type slow struct {
	wires
	asked, answer chan struct{}
}

func (w *slow) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	select {
	case w.asked <- struct{}{}:
		<-w.answer
		return nil, mi.ErrUnsupported
	default:
		return w.wires.Open(ctx, info, sink)
	}
}

func TestRouteThatFoundTheDeviceMeanwhileIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := &slow{wires: wires{things: map[string]*thing{"1": newThing()}}, asked: make(chan struct{}, 1), answer: make(chan struct{})}
		s := newStage(t, map[string]*thing{"1": nil}, func(o *Options) { o.Routes = []Route{{Name: "gateway", Driver: late}} })
		s.after(time.Second)
		s.Found("gateway", mi.Info{DID: "1", Parent: "gateway"})
		s.after(time.Second)
		close(late.answer)
		s.after(time.Minute)
		if st := s.Device("1").Status(); !st.Online {
			t.Errorf("status %+v", st)
		}
		s.stop()
	})
}
