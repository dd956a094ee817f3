package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// inTable runs f with a device on the LAN and in the cloud, as in the bridge's own
// table: the account tells of the device, and routes that are none stand between.
func inTable(t *testing.T, change func(lan, cloud *thing), f func(s *stage, d *Device, lan, cloud *thing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lan, cloud := newThing(), newThing()
		if change != nil {
			change(lan, cloud)
		}
		s := newStage(t, map[string]*thing{"1": lan}, func(o *Options) {
			none := Route{Name: "gateway", Driver: &wires{}}
			account := &wires{things: map[string]*thing{"1": cloud}, find: func(ctx context.Context, found func(mi.Info)) error {
				found(mi.Info{DID: "1", Model: "acme.fan.one", Name: "Fan"})
				<-ctx.Done()
				return nil
			}}
			o.Routes = []Route{none, o.Routes[0], none, none, {Name: "cloud", Driver: account, Trusted: true}}
		})
		s.after(time.Minute)
		f(s, s.Device("1"), lan, cloud)
		s.stop()
	})
}

// orderEvery gives an order of each kind again and again; it returns how many failed
// and the slowest.
func orderEvery(s *stage, d *Device, pause time.Duration, times int) (failed []error, slowest time.Duration) {
	for i := range times {
		r := set(propLevel, mi.Int(int64(i%2)))
		if i%2 == 1 {
			r = call(actToggle)
		}
		e := s.order(d, r)
		s.after(max(pause, d.home.opt.OrderTimeout+time.Second))
		e.mu.Lock()
		if e.err != nil || e.times != 1 {
			failed = append(failed, fmt.Errorf("order %d: %w", i, e.err))
		}
		slowest = max(slowest, e.took)
		e.mu.Unlock()
	}
	return failed, slowest
}

func TestEveryOrderArrivesWhileTheLANIsPulledAndGivenBack(t *testing.T) {
	inTable(t, nil, func(s *stage, d *Device, lan, cloud *thing) {
		s.view.take()
		for round := range 5 {
			s.after(time.Duration(round) * 7 * time.Second)
			lan.put(func(t *thing) { t.cut = true })
			failed, slowest := orderEvery(s, d, 40*time.Second, 6)
			if len(failed) > 0 || slowest >= 10*time.Second {
				t.Errorf("round %d without LAN: %v, slowest %v", round, failed, slowest)
			}
			if n := len(cloud.written()); n != 6 {
				t.Errorf("round %d: %d orders by cloud, want 6: %q", round, n, cloud.written())
			}
			lan.put(func(t *thing) { t.cut = false; t.wire = nil })
			cloud.put(func(t *thing) { t.wire = nil })
			s.after(60 * time.Second)
			if c := d.Status().Connection; c != "lan" {
				t.Errorf("round %d: connection = %q 60 s after the LAN is back", round, c)
			}
			failed, slowest = orderEvery(s, d, time.Second, 2)
			if len(failed) > 0 || slowest > time.Second || len(lan.written()) != 2 {
				t.Errorf("round %d with LAN: %v, slowest %v, %q", round, failed, slowest, lan.written())
			}
			lan.put(func(t *thing) { t.wire = nil })
		}
		lines := s.view.take()
		if n := count(lines, "online=false"); n != 0 {
			t.Errorf("%d times offline", n)
		}
		if n := count(lines, "opened"); n != 0 {
			t.Errorf("the entities were made anew %d times", n)
		}
	})
}

// quiet lets the time pass until the LAN was silent for 10 s.
func quiet(s *stage, lan *thing) {
	for n := lan.readCount(); lan.readCount() == n; {
		s.after(time.Second)
	}
	s.after(10 * time.Second)
}

func TestButtonGoesByCloudWhenTheLANJustWent(t *testing.T) {
	inTable(t, nil, func(s *stage, d *Device, lan, cloud *thing) {
		quiet(s, lan)
		lan.put(func(t *thing) { t.cut = true })
		e := s.order(d, call(actToggle))
		s.after(10 * time.Second)
		e.want(t, "ok")
		s.wantLines(cloud.written(), "call fan/toggle []")
		s.wantLines(lan.written())
	})
}

func TestButtonWhoseReplyIsLostIsNotPressedAgainByCloud(t *testing.T) {
	inTable(t, nil, func(s *stage, d *Device, lan, cloud *thing) {
		quiet(s, lan)
		base := lan.packetCount()
		lan.put(func(t *thing) { t.lose = func(p int) bool { return p == base+4 } }) // the sign of life passes
		e := s.order(d, call(actToggle))
		s.after(10 * time.Second)
		e.want(t, "lan: unknown outcome: the reply was lost: fake: no answer")
		s.wantLines(lan.written(), "call fan/toggle []")
		s.wantLines(cloud.written())
	})
}

func TestBothRoutesGoneIsGone(t *testing.T) {
	inTable(t, nil, func(s *stage, d *Device, lan, cloud *thing) {
		lan.put(func(t *thing) { t.cut = true })
		cloud.put(func(t *thing) { t.fail = fmt.Errorf("cloud: %w", mi.ErrOffline) })
		s.after(3 * time.Minute)
		if d.Status().Online {
			t.Error("online with both routes gone")
		}
		lan.put(func(t *thing) { t.cut = false })
		s.after(61 * time.Second)
		if st := d.Status(); !st.Online || st.Connection != "lan" {
			t.Errorf("status %+v", st)
		}
	})
}

// TestPreferredRouteHasTheSayAboutTheSpec: the account knows the device first; on the
// LAN it has more, and counts in another way.
func TestPreferredRouteHasTheSayAboutTheSpec(t *testing.T) {
	richer := func(lan, _ *thing) {
		lan.cut = true
		lan.noSpec = fmt.Errorf("fake: %w", mi.ErrTimeout)
		lan.spec.Actions = append(lan.spec.Actions, mi.Action{SIID: 9, AIID: 1, Key: "fan/only-here"})
	}
	inTable(t, richer, func(s *stage, d *Device, lan, cloud *thing) {
		if d.Spec() != cloud.spec {
			t.Fatal("the spec is not the cloud's")
		}
		lan.put(func(t *thing) { t.cut, t.noSpec = false, nil })
		s.after(2 * time.Minute)
		if d.Spec() != lan.spec {
			t.Fatal("the LAN works and its spec is not taken")
		}
		s.view.take()
		lan.put(func(t *thing) { t.cut, t.noSpec = true, fmt.Errorf("fake: %w", mi.ErrTimeout) })
		s.SpecArrived("acme.fan.one")
		s.after(3 * time.Minute)
		if d.Spec() != lan.spec {
			t.Error("the cloud's spec took something away")
		}
		e := s.order(d, set(propLevel, mi.Int(9)))
		s.after(10 * time.Second)
		e.want(t, "ok")
		s.wantLines(cloud.written(), "set fan/level=9")
		if n := count(s.view.take(), "opened"); n != 0 {
			t.Errorf("the entities were made anew %d times", n)
		}
		again := *lan.spec
		lan.put(func(t *thing) { t.cut, t.noSpec, t.spec = false, nil, &again })
		s.after(2 * time.Minute)
		if d.Spec() != &again {
			t.Error("the LAN is back and was not asked for its spec, which changed")
		}
	})
}

// TestListenerHasTheSayAboutTheSpec: a sensor that the account knows is heard later by
// a receiver, which knows its events.
func TestListenerHasTheSayAboutTheSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, heard := newThing(), newThing()
		cloud.spec.Events = nil
		ear := &advert{thing: heard, deaf: true}
		s := newStage(t, map[string]*thing{"1": cloud}, func(o *Options) {
			o.Routes = []Route{{Name: "bluetooth", Driver: ear}, {Name: "cloud", Driver: o.Routes[0].Driver}}
		})
		s.after(time.Minute)
		if d := s.Device("1"); d.Spec() != cloud.spec {
			t.Fatal("the spec is not the cloud's")
		}
		ear.deaf = false
		s.Found("bluetooth", mi.Info{DID: "1"})
		s.after(2 * time.Minute)
		if d := s.Device("1"); d.Spec() != heard.spec || !d.Status().Online {
			t.Fatal("the receiver's spec is not taken")
		}
		s.view.take()
		ear.sink.Happened(mi.Happening{Event: evClick})
		cloud.put(func(t *thing) { t.values[propLevel] = mi.Int(77) })
		s.after(time.Minute)
		if lines := s.view.take(); count(lines, "event 0") != 1 || count(lines, "fan/level=77") != 1 || count(lines, "opened") != 0 {
			t.Errorf("lines %q", lines)
		}
		s.stop()
	})
}

func TestEqualIDsWithAnotherMeaningAreNotMixed(t *testing.T) {
	device, link := fakeSpec(), fakeSpec()
	link.Props[propOn] = mi.Property{SIID: 2, PIID: 1, Key: "fan/mode", Name: "mode", Format: mi.FormatInt}
	link.Props = append(link.Props, mi.Property{SIID: 7, PIID: 7, Key: "fan/on", Format: mi.FormatBool})
	link.Props[propLevel].List = []mi.Choice{{Value: mi.Int(3)}}
	link.Actions[actToggle].In = []int{propOn}
	d := newDict(device, link)
	if got := d.toLink([]int{propOn, propLevel, propTemp}); !slices.Equal(got, []int{5, propTemp}) {
		t.Errorf("asked %v", got)
	}
	if d.prop(propOn) != -1 || d.prop(5) != propOn || d.action(actToggle) != -1 || d.event(evClick) != evClick {
		t.Errorf("%+v", d)
	}
}

// pooled is a driver whose links are polled together.
type pooled struct{ wires }

type pooledLink struct{ *link }

func (pooledLink) Pool() string { return "one" }

func (p *pooled) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	l, err := p.wires.Open(ctx, info, sink)
	if err != nil {
		return nil, err
	}
	return pooledLink{l.(*link)}, nil
}

func TestDevicesOfAPoolArePolledAtTheSameMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		things := map[string]*thing{}
		for i := range 20 {
			things[fmt.Sprint(i)] = newThing()
		}
		s := newStage(t, things, func(o *Options) {
			o.Routes[0].Driver = &pooled{wires{things: things}}
		})
		s.after(3 * time.Minute)
		last := map[time.Duration]bool{}
		for _, th := range things {
			last[th.reads[len(th.reads)-1].Round(100*time.Millisecond)] = true
		}
		if len(last) != 1 {
			t.Errorf("the last polls were at %d different moments", len(last))
		}
		s.stop()
	})
}

// account is an error that knows what helps.
type accountTrouble struct{}

func (accountTrouble) Error() string  { return "the account needs a login" }
func (accountTrouble) Advice() string { return "log in again" }
func (accountTrouble) Unwrap() error  { return mi.ErrOffline }

func TestErrorsBringTheirOwnAdvice(t *testing.T) {
	err := fmt.Errorf("cloud: %w", accountTrouble{})
	if got := words(err); got != "the account needs a login; log in again" || !errors.Is(err, mi.ErrOffline) {
		t.Errorf("words = %q", got)
	}
}
