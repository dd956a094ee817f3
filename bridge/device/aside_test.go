package device

import (
	"fmt"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// A property that had a value exists: silence about it is the network's fault, and
// it is asked for again soon.
func TestPropertyThatHadAValueIsAskedForAgain(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		th.put(func(t *thing) { t.refuse = map[int]bool{propTemp: true} })
		s.after(10 * time.Minute)
		th.put(func(t *thing) {
			t.refuse = nil
			t.values[propTemp] = mi.Float(23)
		})
		s.after(asideAgain + time.Minute)
		if v := d.Values(nil)[propTemp]; v != mi.Float(23) {
			t.Errorf("temperature = %v, want 23", v)
		}
	})
}

// A refused token is tried again soon, for it may be an accident; then the device
// is gone as soon as a silent one is, and is left in peace.
func TestTokenRefusedTwiceMakesADeviceGone(t *testing.T) {
	play(t, nil, func(s *stage, d *Device, th *thing) {
		s.after(time.Minute)
		th.put(func(t *thing) { t.fail = fmt.Errorf("fake: %w", mi.ErrDenied) })
		before := th.readCount()
		s.after(90 * time.Second)
		if st := d.Status(); st.Online {
			t.Errorf("online 90 s after the token was changed: %+v", st)
		}
		if n := th.readCount() - before; n > 3 {
			t.Errorf("%d tries in 90 s", n)
		}
	})
}
