package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestFirstContact(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		s.wantLines(s.view.take(),
			"1 opened Fan",
			`1 online=false by= error="" reason=""`,
			"1 fan/on=false", "1 fan/level=1", "1 environment/temperature=21.5", "1 filter/life=80",
			`1 online=true by=lan error="" reason=""`)
		s.after(time.Minute)
		if got := d.Info(); got.MAC != "aa:bb:cc:dd:ee:ff" || got.Firmware != "1.0" {
			t.Errorf("info = %+v, want what the device says of itself", got)
		}
		if st := d.Status(); time.Since(st.LastSeen) > 30*time.Second {
			t.Errorf("last seen %v ago", time.Since(st.LastSeen))
		}
	})
}

func TestPollingKeepsItsPlace(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(10 * time.Minute)
		th.mu.Lock()
		defer th.mu.Unlock()
		for i := 3; i < len(th.reads); i++ {
			if gap := th.reads[i] - th.reads[i-1]; gap < 29*time.Second || gap > 31*time.Second {
				t.Errorf("read %d came after %v, want 30 s", i, gap)
			}
		}
		slow := 0
		for _, p := range th.asked {
			if slices.Contains(p, propFilter) {
				slow++
			}
		}
		if slow < 2 || slow > 4 {
			t.Errorf("slow properties were read %d times in 10 minutes, want 2 to 4", slow)
		}
	})
}

func TestReportsAreCoercedAndDropped(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		s.view.take()
		sink := th.sinks()[0]
		sink.Changed([]mi.Change{{Prop: propOn, Value: mi.Text("on")}, {Prop: propLevel, Value: mi.Float(1)}, {Prop: 99, Value: mi.Int(1)}})
		s.after(time.Millisecond)
		sink.Happened(mi.Happening{Event: evClick, Args: []mi.Value{mi.Int(2)}})
		s.after(time.Millisecond)
		s.wantLines(s.view.take(), "1 fan/on=true", "1 event 0 [2]")
		if n := s.Counters().Invalid; n != 1 {
			t.Errorf("invalid = %d, want 1", n)
		}
	})
}

func TestFloodOfReportsKeepsTheNewest(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		s.view.take()
		sink := th.sinks()[0]
		for i := range 2000 {
			sink.Changed([]mi.Change{{Prop: propLevel, Value: mi.Int(int64(i))}})
			sink.Happened(mi.Happening{Event: evClick})
			time.Sleep(time.Millisecond)
		}
		s.after(time.Second)
		lines := s.view.take()
		if n := count(lines, "fan/level"); n > 80 {
			t.Errorf("%d reports in 2 s went through, want about 20 a second", n)
		}
		if n := count(lines, "event"); n > 80 {
			t.Errorf("%d events in 2 s went through, want about 20 a second", n)
		}
		if v := d.Values(nil)[propLevel]; v != mi.Int(1999) {
			t.Errorf("level = %v, want the newest, 1999", v)
		}
	})
}

func TestMovingIsFollowed(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.view.put(func(w *watcher) { w.moving = true })
		s.after(time.Minute)
		before := th.readCount()
		s.after(20 * time.Second)
		if n := th.readCount() - before; n < 9 || n > 11 {
			t.Errorf("%d reads in 20 s of motion, want 10", n)
		}
	})
}

func TestPushingDeviceIsLeftAlone(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		th.put(func(t *thing) { t.pushes = true })
		s.after(time.Minute)
		sink := th.sinks()[0]
		before := th.readCount()
		for range 24 {
			sink.Seen()
			s.after(10 * time.Second)
		}
		if n := th.readCount() - before; n > 2 {
			t.Errorf("%d reads in 4 minutes of a device that talks, want at most 2", n)
		}
		th.put(func(t *thing) { t.cut = true })
		s.after(100 * time.Second)
		if d.Status().Online {
			t.Error("a pushing device that fell silent is still online after 100 s")
		}
	})
}

func TestRefusedPropertiesArePutAside(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		th.put(func(t *thing) { t.refuse = map[int]bool{propTemp: true} })
		s.after(5 * time.Minute)
		th.mu.Lock()
		asked := 0
		for _, p := range th.asked {
			if slices.Contains(p, propTemp) {
				asked++
			}
		}
		th.refuse = nil
		th.mu.Unlock()
		if asked != maxStrikes {
			t.Errorf("a refused property was asked for %d times, want %d", asked, maxStrikes)
		}
		d.Refresh()
		s.after(5 * time.Second)
		if v := d.Values(nil)[propTemp]; v != mi.Float(21.5) {
			t.Errorf("temperature = %v after a refresh, want 21.5", v)
		}
	})
}

func TestPanicOfDriverStaysWithTheDevice(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		th.put(func(t *thing) { t.panics = true })
		s.after(3 * time.Minute)
		if st := d.Status(); st.Online || !strings.Contains(st.LastError, "internal error") {
			t.Errorf("status = %+v, want offline with an internal error", st)
		}
		if n := s.Counters().Panics; n < 3 || n > 10 {
			t.Errorf("%d panics in 3 minutes, want a back-off", n)
		}
		th.put(func(t *thing) { t.panics = false })
		s.after(61 * time.Second)
		if st := d.Status(); !st.Online || st.LastError != "" {
			t.Errorf("status = %+v, want online", st)
		}
	})
}

func TestPanicOfViewStaysWithTheDevice(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.view.put(func(w *watcher) { w.panics = true })
		s.after(time.Minute)
		if st := d.Status(); !st.Online || s.Counters().Panics != 1 {
			t.Errorf("status = %+v after %d panics, want online after one", st, s.Counters().Panics)
		}
	})
}

func TestSpecIsAwaited(t *testing.T) {
	missing := func(o *Options) {
		o.Routes[0].Driver.(*wires).things["1"].noSpec = fmt.Errorf("spec: acme.fan.one is not here yet: %w", mi.ErrUnsupported)
	}
	play(t, missing, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		if st := d.Status(); !strings.Contains(st.Reason, "acme.fan.one is not here yet") || d.Spec() != nil {
			t.Errorf("status = %+v, want the reason", st)
		}
		s.order(d, set(propOn, mi.Bool(true))).want(t, "device: what it can do is not known yet: not supported")
		th.put(func(t *thing) { t.noSpec = nil })
		s.SpecArrived("acme.fan.one")
		s.after(time.Second)
		if st := d.Status(); st.Reason != "" || !st.Online {
			t.Errorf("status = %+v, want online without a reason", st)
		}
	})
}

// TestSpecThatComesInAMomentIsNoTrouble: with a folder of specs every start would warn
// of every device.
func TestSpecThatComesInAMomentIsNoTrouble(t *testing.T) {
	var said bytes.Buffer
	missing := func(o *Options) {
		o.Routes[0].Driver.(*wires).things["1"].noSpec = fmt.Errorf("spec: it is looked for: %w", mi.ErrUnsupported)
		o.Log = zerolog.New(&said).Level(zerolog.WarnLevel)
	}
	play(t, missing, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		if st := d.Status(); said.Len() > 0 || st.Reason == "" {
			t.Errorf("at first: %+v, and the log says %s", st, &said)
		}
		s.SpecArrived("acme.fan.one")
		s.after(time.Second)
		if !strings.Contains(said.String(), "device is not understood yet") {
			t.Errorf("looked for in vain, but the log says %q", &said)
		}
	})
}

func TestNewFirmwareBringsNewSpec(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		s.view.take()
		th.put(func(t *thing) {
			t.cut = true
			t.version = "2.0"
			t.spec = fakeSpec()
			t.spec.Props = slices.Delete(t.spec.Props, propOn, propOn+1)
		})
		s.view.put(func(w *watcher) { w.plan = &Plan{Fast: []int{0}} })
		s.after(3 * time.Minute)
		th.put(func(t *thing) { t.cut = false })
		s.after(2 * time.Minute)
		if n := count(s.view.take(), "opened"); n != 2 {
			t.Errorf("opened %d times, want for the firmware and for the spec", n)
		}
		if got := d.Values(nil); len(got) != 4 || got[1] != mi.Float(21.5) {
			t.Errorf("values = %v, want those of the old spec moved by iid", got)
		}
	})
}

func TestRenameAndRemove(t *testing.T) {
	var lists [][]mi.Info
	keep := func(o *Options) { o.Changed = func(l []mi.Info) { lists = append(lists, l) } }
	play(t, keep, func(s *stage, d *Device, th *thing) {
		s.after(time.Second)
		s.view.take()
		_ = d.Choose(func(c *Choice) { c.Name = "Lüfter" })
		s.after(2 * time.Second)
		s.wantLines(s.view.take(), "1 opened Lüfter")
		s.Found("lan", mi.Info{DID: "1", Name: "App name", Room: "Bath"})
		s.after(2 * time.Second)
		s.wantLines(s.view.take(), "1 opened Lüfter")
		e := s.order(d, set(propOn, mi.Bool(true)))
		if !s.Remove("1") || s.Remove("1") {
			t.Error("Remove reports wrongly whether there was such a device")
		}
		s.after(2 * time.Second)
		e.want(t, "device: removed: offline")
		if lines := s.view.take(); lines[len(lines)-1] != "1 removed" {
			t.Errorf("lines = %q, want removed at the end", lines)
		}
		s.Found("lan", mi.Info{DID: "1"})
		if len(s.All()) != 0 || len(th.sinks()) != 0 {
			t.Error("a sighting brought the removed device back")
		}
		s.Found("lan", mi.Info{DID: "1", Token: "00112233445566778899aabbccddeeff"})
		if len(s.All()) != 1 {
			t.Error("the device was paired again and is not back")
		}
		s.after(2 * time.Second)
		if last := lists[len(lists)-1]; len(last) != 1 || last[0].DID != "1" {
			t.Errorf("last list = %+v", last)
		}
	})
}

func TestNewDevicesAreLimited(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		for i := range 10000 {
			s.Found("lan", mi.Info{DID: fmt.Sprint("x", i)})
		}
		if n := len(s.All()); n != 1+newPerMinute {
			t.Errorf("%d devices after a flood, want %d", n, 1+newPerMinute)
		}
		s.after(time.Minute)
		for i := range 10000 {
			s.Found("lan", mi.Info{DID: fmt.Sprint("x", i)})
		}
		if n := len(s.All()); n != 1+2*newPerMinute {
			t.Errorf("%d devices a minute later, want %d", n, 1+2*newPerMinute)
		}
	})
}

func TestStrangeDIDsAreNoDevices(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		for _, did := range []string{"", "../../x", "a/b", "a#", "a+", "a\x00", "a b", "ä", strings.Repeat("1", 65)} {
			s.Found("lan", mi.Info{DID: did})
		}
		s.Found("lan", mi.Info{DID: "lumi.158d0001a2b3c4"})
		if n := len(s.All()); n != 2 {
			t.Errorf("%d devices, want 2", n)
		}
	})
}

func TestFindIsRestarted(t *testing.T) {
	runs := 0
	play(t, func(o *Options) {
		o.Routes[0].Driver.(*wires).find = func(ctx context.Context, found func(mi.Info)) error {
			switch runs++; runs {
			case 1:
				return errors.New("fake: port taken")
			case 2:
				panic("bad packet")
			}
			found(mi.Info{DID: "2"})
			<-ctx.Done()
			return nil
		}
	}, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		if runs != 3 || s.Device("2") == nil {
			t.Errorf("Find ran %d times, want 3", runs)
		}
	})
}

func TestReportDuringReadWins(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		s.view.take()
		th.put(func(t *thing) { t.latency = 200 * time.Millisecond })
		d.Refresh()
		before := th.readCount()
		for th.readCount() == before {
			s.after(10 * time.Millisecond)
		}
		// The reply under way still says 1; the device has moved on and said so.
		th.put(func(t *thing) { t.values[propLevel] = mi.Int(2) })
		th.sinks()[0].Changed([]mi.Change{{Prop: propLevel, Value: mi.Int(2)}})
		s.after(5 * time.Second)
		s.wantLines(s.view.take(), "1 fan/level=2")
		if n := th.readCount() - before; n != 2 {
			t.Errorf("%d reads, want the doubtful one and another", n)
		}
	})
}

func TestRebootOfDeviceShowsNothing(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(5 * time.Minute)
		s.view.take()
		th.put(func(t *thing) { t.cut = true })
		s.after(20 * time.Second)
		th.put(func(t *thing) { t.cut = false })
		s.after(2 * time.Minute)
		s.wantLines(s.view.take())
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(time.Second)
		e.want(t, "ok")
	})
}

func TestSameSeedSameHistory(t *testing.T) {
	var runs [2][]string
	for i := range runs {
		play(t, func(o *Options) { o.Intervals.Tick = 1 }, func(s *stage, d *Device, th *thing) {
			th.put(func(t *thing) { t.lose = func(n int) bool { return mix(uint64(n))%2 == 0 } })
			for n := range 30 {
				s.order(d, set(propLevel, mi.Int(int64(n))))
				s.after(20 * time.Second)
				runs[i] = append(append(runs[i], s.view.take()...), fmt.Sprint(th.packetCount()))
			}
		})
	}
	if !slices.Equal(runs[0], runs[1]) {
		t.Errorf("two runs differ:\n%q\n%q", runs[0], runs[1])
	}
}
