package mqtt

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
)

// TestBrokerThatKeepsNoAnnouncementIsNamed has a broker whose access list denies one
// of two prefixes, without a word.
func TestBrokerThatKeepsNoAnnouncementIsNamed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		denied func(topic string, write bool) bool
		want   int
	}{
		{"nothing is denied", nil, 0},
		{"writing is denied", func(topic string, write bool) bool { return write && strings.HasPrefix(topic, "homeassistant/device/") }, 1},
		{"reading is denied", func(topic string, write bool) bool { return !write && strings.HasPrefix(topic, "homeassistant/") }, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testWorld()
				b := newForeign(t, w)
				b.hook.denied = tc.denied
				s := newHouse(t, w, 1, func(o *Options) {
					external(o)
					o.Targets = append(o.Targets, Target{"domoticz", homeassistant.SingleForm})
				})
				time.Sleep(time.Hour)
				if n := s.log.count("does not give back"); n != tc.want {
					t.Errorf("named %d times, want %d: %v", n, tc.want, s.log.lines)
				}
				if n := s.log.count(`"topic":"homeassistant/device/mihome2mqtt_bridge/config"`); n != tc.want {
					t.Errorf("the topic is named %d times, want %d", n, tc.want)
				}
				s.stop()
				b.down()
			})
		})
	}
}
