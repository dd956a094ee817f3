package device

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// reach has the device reached by that way only.
func reach(s *stage, d *Device, word string) {
	s.Helper()
	if err := d.Choose(func(c *Choice) { c.Reach = word }); err != nil {
		s.Error(err)
	}
	s.after(2 * time.Second)
}

func TestDeviceIsReachedAsTheUserChose(t *testing.T) {
	inTable(t, func(lan, _ *thing) { lan.pushes = true }, func(s *stage, d *Device, lan, cloud *thing) {
		reach(s, d, ReachCloud)
		if c := d.Status().Connection; c != "cloud" {
			t.Errorf("connection = %q, want the cloud at once", c)
		}
		if n := len(lan.sinks()); n != 0 {
			t.Errorf("%d links are open by the LAN", n)
		}
		asked := lan.packetCount()
		e := s.order(d, set(propLevel, mi.Int(2)))
		s.after(5 * time.Minute)
		e.want(t, "ok")
		s.wantLines(cloud.written(), "set fan/level=2")
		if n := lan.packetCount() - asked; n != 0 || !d.Status().Online {
			t.Errorf("%d packets by the LAN, status %+v", n, d.Status())
		}
		reach(s, d, ReachAny)
		if c := d.Status().Connection; c != "lan" {
			t.Errorf("connection = %q, want lan again", c)
		}
	})
}

func TestDeviceOfTheLANNeverGoesByCloud(t *testing.T) {
	inTable(t, nil, func(s *stage, d *Device, lan, cloud *thing) {
		reach(s, d, ReachLocal)
		asked := cloud.packetCount()
		lan.put(func(t *thing) { t.cut = true })
		e := s.order(d, set(propLevel, mi.Int(2)))
		s.after(5 * time.Minute)
		e.want(t, "no answer in 10 s")
		if n := cloud.packetCount() - asked; n != 0 || d.Status().Online {
			t.Errorf("%d packets by the cloud, status %+v", n, d.Status())
		}
		var off []string
		for _, w := range d.Ways() {
			if w.Off {
				off = append(off, w.Route)
			}
		}
		s.wantLines(off, "cloud")
		reach(s, d, ReachAny)
		s.after(time.Minute)
		if st := d.Status(); !st.Online || st.Connection != "cloud" {
			t.Errorf("status %+v, want the cloud", st)
		}
	})
}

func TestDeviceWhoseSilenceIsNormalStays(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		_ = d.Choose(func(c *Choice) { c.Asleep = true })
		th.put(func(t *thing) { t.cut = true })
		s.after(24 * time.Hour)
		if st := d.Status(); !st.Online || !d.Sleepy() {
			t.Errorf("after a day of silence: %+v", st)
		}
		_ = d.Choose(func(c *Choice) { c.Asleep = false })
		s.after(5 * time.Minute)
		if d.Status().Online || d.Sleepy() {
			t.Error("it is still there though its silence is not normal any more")
		}
	})
}

func TestDeviceWithoutAWayThatIsAllowedSaysSo(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, _ *thing) {
		s.after(time.Second)
		reach(s, d, ReachCloud)
		s.after(5 * time.Minute)
		if st := d.Status(); st.Online || !strings.Contains(st.LastError, `"cloud" is all that its options allow`) {
			t.Errorf("status %+v", st)
		}
	})
}

func TestWhatTheUserChoseIsCheckedAndKept(t *testing.T) {
	kept := map[string]Choice{}
	keep := func(o *Options) {
		o.Choices = map[string]Choice{"1": {Name: "Loft", Hidden: true}}
		o.Chosen = func(did string, c Choice) { kept[did] = c }
	}
	play(t, keep, func(s *stage, d *Device, _ *thing) {
		if got := d.Info().Name; got != "Loft" || !d.Choice().Hidden {
			t.Errorf("name = %q, choice %+v", got, d.Choice())
		}
		err := d.Choose(func(c *Choice) { c.Detail = "some" })
		if !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), `detail can be default, minimal, normal, all, not "some"`) {
			t.Errorf("a wrong detail: %v", err)
		}
		s.after(time.Second)
		s.view.take()
		if err := d.Choose(func(c *Choice) { c.Detail, c.Reach, c.Name = "all", ReachAny, "" }); err != nil {
			t.Error(err)
		}
		s.after(time.Second)
		s.wantLines(s.view.take(), "1 opened Fan")
		if want := (Choice{Hidden: true, Detail: "all"}); kept["1"] != want || d.Choice() != want {
			t.Errorf("kept %+v, want %+v", kept["1"], want)
		}
	})
}

func TestDeviceWithoutANameIsCalledWhatItIs(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		th.put(func(t *thing) { t.spec.Text = "Fan of Acme" })
		d.info.Name = ""
		for _, want := range []string{"acme.fan.one", "Fan of Acme"} {
			if got := d.Name(); got != want {
				t.Errorf("Name() = %q, want %q", got, want)
			}
			s.after(time.Second)
		}
	})
}
