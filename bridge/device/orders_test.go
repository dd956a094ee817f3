package device

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestOrderIsShownAndReadBack(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		s.view.take()
		reads := th.readCount()
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(20 * time.Millisecond)
		e.want(t, "ok")
		s.wantLines(s.view.take(), "1 fan/on=true")
		s.after(2 * time.Second)
		if th.readCount() == reads {
			t.Error("the write was not read back within 2 s")
		}
		s.after(20 * time.Second)
		s.wantLines(s.view.take())
		if n := th.readCount() - reads; n < 8 || n > 12 {
			t.Errorf("%d reads in 20 s after a write, want one every 2 s", n)
		}
	})
}

func TestMannerReachesTheDevice(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		slowly := set(propLevel, mi.Int(3))
		slowly.Manner = mi.Manner{Fades: true, Fade: 4 * time.Second}
		s.order(d, slowly)
		s.after(time.Second)
		s.order(d, set(propLevel, mi.Int(4)))
		s.after(time.Second)
		if got := th.manners; len(got) != 1 || got[0] != slowly.Manner {
			t.Errorf("manners %v, want that of the first order alone", got)
		}
	})
}

func TestSliderMergesAndTheLastCounts(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		th.put(func(t *thing) { t.latency = 100 * time.Millisecond })
		ends := make([]*end, 200)
		for i := range ends {
			ends[i] = s.order(d, set(propLevel, mi.Int(int64(i))))
			time.Sleep(10 * time.Millisecond)
		}
		s.after(time.Second)
		wire := th.written()
		if len(wire) > 22 || wire[len(wire)-1] != "set fan/level=199" {
			t.Errorf("%d writes, the last %q; want about 20 and 199", len(wire), wire[len(wire)-1])
		}
		replaced := 0
		for _, e := range ends {
			if e.times != 1 {
				t.Fatalf("an order ended %d times", e.times)
			}
			if errors.Is(e.err, ErrReplaced) {
				replaced++
			}
		}
		if replaced+len(wire) != 200 {
			t.Errorf("%d replaced and %d sent, want 200 together", replaced, len(wire))
		}
	})
}

func TestOrdersThatWaitLeaveTogether(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		first := s.order(d, set(propBeep, mi.Int(1)))
		time.Sleep(time.Millisecond)
		ends := []*end{
			s.order(d, set(propOn, mi.Bool(true))),
			s.order(d, set(propLevel, mi.Int(3))),
			s.order(d, call(actToggle)),
			s.order(d, set(propLevel, mi.Int(4))),
		}
		s.after(time.Second)
		first.want(t, "ok")
		for i, e := range ends {
			if i != 1 { // replaced: the newer level goes after the action, as it was given
				e.want(t, "ok")
			}
		}
		ends[1].want(t, "replaced by a newer order")
		s.wantLines(th.written(), "set alarm/beep=1", "set fan/on=true", "call fan/toggle []", "set fan/level=4")
		if ends[2].out[0] != mi.Int(7) {
			t.Errorf("results = %v, want [7]", ends[2].out)
		}
	})
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		s.order(d, set(propBeep, mi.Int(1)))
		time.Sleep(time.Millisecond)
		s.order(d, set(propOn, mi.Bool(true)))
		s.order(d, set(propLevel, mi.Int(3)))
		s.after(time.Second)
		s.wantLines(th.written(), "set alarm/beep=1", "set fan/on=true fan/level=3")
	})
}

func TestOrderToSilentDeviceFailsByName(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		s.view.take()
		th.put(func(t *thing) { t.cut = true })
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(11 * time.Second)
		e.want(t, "no answer in 10 s")
		if e.took < 9*time.Second || e.took > 10500*time.Millisecond {
			t.Errorf("it took %v, want 10 s", e.took)
		}
		lines := s.view.take()
		if count(lines, "fan/on=false") != 1 || count(lines, "fan/on = true: no answer in 10 s; check that") != 1 {
			t.Errorf("lines = %q, want the old value again and the error", lines)
		}
		th.put(func(t *thing) { t.cut = false })
		s.after(5 * time.Minute)
		s.wantLines(th.written())
	})
}

func TestOrderToHangingDriverFailsByName(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		th.put(func(t *thing) { t.latency = time.Hour })
		waits := s.order(d, call(actToggle))
		s.after(time.Second)
		second := s.order(d, set(propOn, mi.Bool(true)))
		s.after(11 * time.Second)
		waits.want(t, "lan: unknown outcome: the reply was lost: context deadline exceeded")
		second.want(t, "no answer in 10 s")
	})
}

func TestLostReplyIsLookedUp(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		first := th.packetCount()
		th.put(func(t *thing) { t.lose = func(n int) bool { return n == first+2 } }) // the reply
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(5 * time.Second)
		e.want(t, "ok")
		s.wantLines(th.written(), "set fan/on=true")
	})
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		first := th.packetCount()
		th.put(func(t *thing) { t.lose = func(n int) bool { return n == first+1 } }) // the request
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(5 * time.Second)
		e.want(t, "ok")
		s.wantLines(th.written(), "set fan/on=true")
	})
}

func TestActionIsNeverRepeated(t *testing.T) {
	for name, r := range map[string]Request{"action": call(actToggle), "write without reading": set(propBeep, mi.Int(1))} {
		play(t, nil, func(s *stage, d *Device, th *thing) {
			s.after(time.Second)
			first := th.packetCount()
			th.put(func(t *thing) { t.lose = func(n int) bool { return n == first+2 } })
			e := s.order(d, r)
			s.after(20 * time.Second)
			e.want(t, "lan: unknown outcome: the reply was lost: fake: no answer")
			if n := len(th.written()); n != 1 {
				t.Errorf("%s: sent %d times, want once", name, n)
			}
		})
	}
}

func TestDeviceThatDoesNotObey(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		s.view.take()
		th.put(func(t *thing) { t.deaf = true })
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(10 * time.Second)
		e.want(t, "ok")
		lines := s.view.take()
		if len(lines) != 3 || lines[0] != "1 fan/on=true" || lines[1] != "1 fan/on=false" || !strings.Contains(lines[2], "fan/on: the device accepted true and still says false") {
			t.Errorf("lines = %q", lines)
		}
		th.put(func(t *thing) { t.deaf = false })
		s.order(d, set(propOn, mi.Bool(true)))
		s.after(10 * time.Second)
		if st := d.Status(); st.LastError != "" {
			t.Errorf("last error = %q after an order that worked", st.LastError)
		}
	})
}

func TestRefusedBatchIsAnsweredOneByOne(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		th.put(func(t *thing) { t.fail = fmt.Errorf("fake: out of range: %w", mi.ErrInvalid) })
		e := s.order(d, set(propLevel, mi.Int(900)))
		s.after(time.Second)
		e.want(t, "lan: fake: out of range: invalid value")
	})
}

func TestBusyDeviceIsAskedAgain(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		th.put(func(t *thing) { t.fail = fmt.Errorf("fake: %w", mi.ErrBusy) })
		e := s.order(d, call(actToggle))
		s.after(3 * time.Second)
		th.put(func(t *thing) { t.fail = nil })
		s.after(2 * time.Second)
		e.want(t, "ok")
		s.wantLines(th.written(), "call fan/toggle []")
	})
}

func TestOrderWithoutCauseIsRefused(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		e := &end{}
		r := set(propOn, mi.Bool(true))
		r.Done = e.done
		d.Do(r)
		e.want(t, "device: order without a cause: invalid value")
		s.order(d, set(77, mi.Int(1))).want(t, "device: order: no property 77: invalid value")
		s.order(d, call(77)).want(t, "device: order: no action 77: invalid value")
		s.after(time.Second)
		s.wantLines(th.written())
	})
}

func TestOrderDoesNotWaitForASlowPoll(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		first := th.packetCount()
		th.put(func(t *thing) { t.lose = func(n int) bool { return n == first+1 } }) // the poll's first try takes 2 s
		d.Refresh()
		s.after(2 * time.Second)
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(700 * time.Millisecond)
		e.want(t, "ok")
	})
}

func TestOrdersAreBounded(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		th.put(func(t *thing) { t.cut = true })
		s.order(d, call(actToggle))
		s.after(time.Millisecond)
		for range maxOrders {
			s.order(d, call(actToggle))
		}
		s.order(d, call(actToggle)).want(t, "device: 256 orders wait already: busy")
	})
}

func TestEveryOrderEndsWhenTheBridgeStops(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		th.put(func(t *thing) { t.cut = true })
		running := s.order(d, set(propOn, mi.Bool(true)))
		s.after(time.Millisecond)
		waits := s.order(d, set(propLevel, mi.Int(2)))
		s.stop()
		running.want(t, "device: the bridge stops: offline")
		waits.want(t, "device: the bridge stops: offline")
		s.order(d, set(propOn, mi.Bool(true))).want(t, "device: removed: offline")
	})
}

func TestNothingRunsAfterItsDeadline(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		stuck := make(chan struct{})
		th.put(func(t *thing) { t.stuck = stuck })
		first := s.order(d, call(actToggle))
		s.after(time.Second)
		second := s.order(d, set(propOn, mi.Bool(true)))
		s.after(12 * time.Second)
		first.want(t, "unknown outcome: no answer in 10 s")
		second.want(t, "no answer in 10 s")
		if second.took > 10100*time.Millisecond {
			t.Errorf("the order behind a driver that hangs ended after %v", second.took)
		}
		th.put(func(t *thing) { t.stuck = nil })
		close(stuck)
		s.after(5 * time.Minute)
		s.wantLines(th.written())
		first.want(t, "unknown outcome: no answer in 10 s")
	})
}

func TestRetryGivesWayToANewerOrder(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		th.put(func(t *thing) { t.fail = fmt.Errorf("fake: %w", mi.ErrBusy) })
		old := s.order(d, set(propLevel, mi.Int(1)))
		s.after(1500 * time.Millisecond)
		newer := s.order(d, set(propLevel, mi.Int(2)))
		s.after(600 * time.Millisecond)
		old.want(t, "replaced by a newer order")
		th.put(func(t *thing) { t.fail = nil })
		s.after(2 * time.Second)
		newer.want(t, "ok")
		s.wantLines(th.written(), "set fan/level=2")
	})
}

func TestNoWriteWithoutACause(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		err := d.send(t.Context(), nil, &sending{set: []mi.Change{{Prop: propOn, Value: mi.Bool(true)}}})
		if !errors.Is(err, errInternal) {
			t.Errorf("send = %v, want an internal error", err)
		}
	})
}

func TestPushingDeviceIsReadBack(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		th.put(func(t *thing) { t.pushes, t.deaf = true, true })
		s.after(time.Minute)
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(10 * time.Second)
		e.want(t, "ok")
		if v := d.Values(nil)[propOn]; v != mi.Bool(false) {
			t.Errorf("on = %v although the device did not obey", v)
		}
	})
}
