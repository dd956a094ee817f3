package device

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestGoneAndBackWithinBounds(t *testing.T) {
	var log bytes.Buffer
	play(t, func(o *Options) { o.Log = zerolog.New(&log) }, func(s *stage, d *Device, th *thing) {
		s.after(5 * time.Minute)
		s.view.take()
		log.Reset()
		for outage := range 20 {
			th.put(func(t *thing) { t.cut = true })
			s.after(59 * time.Second)
			if !d.Status().Online && time.Since(d.Status().LastSeen) < time.Minute {
				t.Errorf("outage %d: gone before a minute of silence", outage)
			}
			s.after(36 * time.Second)
			if d.Status().Online {
				t.Errorf("outage %d: online after 95 s", outage)
			}
			s.after(time.Duration(outage) * 17 * time.Second)
			th.put(func(t *thing) { t.cut = false })
			s.after(60 * time.Second)
			if !d.Status().Online {
				t.Errorf("outage %d: not back after 60 s", outage)
			}
			s.after(time.Minute)
		}
		lines := s.view.take()
		if off, on := count(lines, "online=false"), count(lines, "online=true"); off != 20 || on < 20 || on > 40 {
			t.Errorf("%d times offline, %d times online told in 20 outages", off, on)
		}
		if n := strings.Count(log.String(), `"level":"warn"`); n != 20 {
			t.Errorf("%d warnings in 20 outages", n)
		}
	})
}

func TestValidPacketBringsBackAtOnce(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		th.put(func(t *thing) { t.cut = true })
		s.after(5 * time.Minute)
		if d.Status().Online {
			t.Fatal("still online")
		}
		th.put(func(t *thing) { t.cut = false; t.values[propLevel] = mi.Int(9) })
		th.sinks()[0].Seen()
		s.after(100 * time.Millisecond)
		if !d.Status().Online {
			t.Error("not online after a valid packet")
		}
		s.after(6 * time.Second) // a probe that was lost may still be under way
		if v := d.Values(nil)[propLevel]; v != mi.Int(9) {
			t.Errorf("level = %v, want what changed meanwhile", v)
		}
	})
}

func TestNeverOnlineBeforeTheFirstPacket(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		th.put(func(t *thing) { t.cut = true })
		s.after(10 * time.Minute)
		if st := d.Status(); st.Online || !strings.Contains(st.LastError, "no answer; check that the device has power") {
			t.Errorf("status = %+v", st)
		}
		th.mu.Lock()
		if n := len(th.reads); n < 10 || n > 20 {
			t.Errorf("%d tries in 10 minutes, want about one a minute", n)
		}
		th.mu.Unlock()
	})
}

func TestHeardBeforeItsSpecIsNotGone(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		th.put(func(t *thing) { t.noSpec = fmt.Errorf("spec: being fetched: %w", mi.ErrUnsupported) })
		s.after(time.Second)
		th.links[0].sink.Seen()
		s.after(30 * time.Second)
		if lines := s.view.take(); count(lines, "online=true") == 0 || !d.Status().Online {
			t.Errorf("not online 30 s after its first packet: %q", lines)
		}
	})
}

func TestLossOfTwentyPercentShowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		things := map[string]*thing{}
		for i := range 50 {
			th := newThing()
			seed := mix(uint64(i))
			th.lose = func(n int) bool { return mix(seed+uint64(n))%5 == 0 }
			things[fmt.Sprint(i)] = th
		}
		s := newStage(t, things, nil)
		s.after(30 * time.Second)
		s.view.take()
		s.after(10 * time.Minute)
		if n := count(s.view.take(), "online=false"); n != 0 {
			t.Errorf("%d availability changes in 10 minutes of 20 %% loss", n)
		}
		s.stop()
	})
}

func TestReadsStayFreshWithLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		things := map[string]*thing{}
		for i := range 50 {
			th := newThing()
			seed := mix(uint64(i) + 1000)
			th.lose = func(n int) bool { return mix(seed+uint64(n))%5 == 0 }
			things[fmt.Sprint(i)] = th
		}
		s := newStage(t, things, nil)
		s.after(time.Minute)
		stale, samples := 0, 0
		for range 100 {
			s.after(6 * time.Second)
			for _, d := range s.All() {
				samples++
				if time.Since(d.Status().LastSeen) > time.Minute {
					stale++
				}
			}
		}
		if stale*100 > samples {
			t.Errorf("%d of %d samples older than two periods, want at most 1 %%", stale, samples)
		}
		s.stop()
	})
}

func TestDeniedTokenIsOneClearState(t *testing.T) {
	asked := 0
	var log bytes.Buffer
	play(t, func(o *Options) {
		o.Denied = func(mi.Info) { asked++ }
		o.Log = zerolog.New(&log)
	}, func(s *stage, d *Device, th *thing) {
		th.put(func(t *thing) { t.fail = fmt.Errorf("fake: %w", mi.ErrDenied) })
		s.after(10 * time.Minute)
		if n := th.readCount(); n > 11 {
			t.Errorf("%d tries in 10 minutes with a refused token, want one a minute", n)
		}
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(11 * time.Second)
		if e.times != 1 || e.err == nil || !strings.Contains(e.err.Error(), "token refused") {
			t.Errorf("order ended with %v", e.err)
		}
		if st := d.Status(); st.Online || !strings.Contains(st.LastError, "take the device's current token") || asked != 1 {
			t.Errorf("status = %+v, asked for a token %d times", st, asked)
		}
		if n := strings.Count(log.String(), "refuses its token"); n < 1 || strings.Count(log.String(), `"level":"warn"`) > 2 {
			t.Errorf("log:\n%s", log.String())
		}
		th.put(func(t *thing) { t.fail = nil })
		s.Found("lan", mi.Info{DID: "1", Token: "00112233445566778899aabbccddeeff"})
		s.after(time.Second)
		if st := d.Status(); !st.Online {
			t.Errorf("status = %+v with the new token", st)
		}
	})
}

func TestClassesOfSilence(t *testing.T) {
	for _, tc := range []struct {
		class  string
		tuning mi.Tuning
		online time.Duration // still
		gone   time.Duration // 0: never
	}{
		{class: ClassBLE, online: 64 * time.Minute, gone: 66 * time.Minute},
		{class: ClassZigbeeMains, online: 34 * time.Minute, gone: 36 * time.Minute},
		{class: ClassSleepy, online: 24 * time.Hour},
		{class: ClassBLE, tuning: mi.Tuning{GoneAfter: 5 * time.Minute}, online: 4 * time.Minute, gone: 6 * time.Minute},
		{class: ClassBLE, tuning: mi.Tuning{Sleepy: true}, online: 24 * time.Hour},
	} {
		t.Run(fmt.Sprint(tc.class, tc.tuning.GoneAfter, tc.tuning.Sleepy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th := newThing()
				th.spec.Tuning = tc.tuning
				radio := &advert{thing: th, class: tc.class}
				s := newStage(t, map[string]*thing{"1": th}, func(o *Options) {
					o.Routes = []Route{{Name: "bluetooth", Driver: radio}}
				})
				d := s.Device("1")
				s.after(time.Hour)
				if d.Status().Online {
					t.Error("online before the first packet")
				}
				radio.sink.Changed([]mi.Change{{Prop: propTemp, Value: mi.Float(20)}})
				s.after(tc.online)
				if !d.Status().Online || d.Status().Connection != "bluetooth" {
					t.Errorf("status = %+v after %v of silence", d.Status(), tc.online)
				}
				if tc.gone > 0 {
					s.after(tc.gone - tc.online)
					if d.Status().Online {
						t.Errorf("online after %v of silence", tc.gone)
					}
				}
				s.stop()
			})
		})
	}
}

func TestRarelyPolledDeviceIsNotGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThing()
		th.spec.Tuning.Interval = 10 * time.Minute
		s := newStage(t, map[string]*thing{"1": th}, nil)
		s.after(time.Minute)
		s.view.take()
		s.after(3 * time.Hour)
		if n := count(s.view.take(), "online="); n != 0 {
			t.Errorf("%d changes of a device that answers every poll", n)
		}
		s.stop()
	})
}

func TestRefusedTokenIsTriedAgain(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		th.put(func(t *thing) { t.fail = fmt.Errorf("fake: %w", mi.ErrDenied) })
		s.after(5 * time.Minute)
		th.put(func(t *thing) { t.fail = nil })
		s.after(2 * time.Minute)
		if st := d.Status(); !st.Online || st.LastError != "" {
			t.Errorf("status = %+v, want online once the token is accepted", st)
		}
	})
}
