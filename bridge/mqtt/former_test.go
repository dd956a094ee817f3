package mqtt

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// announced counts the lines that begin with a discovery prefix.
func announced(tree []string, prefix string) (n int) {
	for _, line := range tree {
		if strings.HasPrefix(line, "!"+prefix+"/") && strings.Contains(line, "/config {") {
			n++
		}
	}
	return n
}

func TestBridgesOfOneBrokerLeaveEachOtherAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		first := newHouse(t, w, 2, external)
		time.Sleep(10 * time.Second)
		second := newHouse(t, w, 1, func(o *Options) {
			external(o)
			o.Base = "attic"
		})
		time.Sleep(3 * time.Minute)
		tree := first.tree()
		for _, topic := range []string{"mihome2mqtt_bridge", "mihome2mqtt_bridge_attic", "mihome2mqtt_d2"} {
			if !slices.ContainsFunc(tree, func(l string) bool { return strings.HasPrefix(l, "!homeassistant/device/"+topic+"/config {") }) {
				t.Errorf("%s is not announced any more", topic)
			}
		}
		first.stop()
		second.stop()
		b.down()
	})
}

func TestPrefixThatIsLeftOutIsCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := testWorld(), &shelf{}
		b := newForeign(t, w)
		house := func(targets ...Target) *house {
			return newHouse(t, w, 2, func(o *Options) {
				external(o)
				o.Memory, o.Targets = kept, targets
			})
		}
		for i, tc := range []struct {
			targets     []Target
			home, other int
		}{
			{[]Target{{"homeassistant", "device"}, {"domoticz", "single"}}, 3, 21},
			{[]Target{{"homeassistant", "device"}}, 3, 0},
			{nil, 0, 0},
			{[]Target{{"domoticz", "device"}}, 0, 3},
		} {
			s := house(tc.targets...)
			time.Sleep(3 * time.Minute)
			tree := s.tree()
			if home, other := announced(tree, "homeassistant"), announced(tree, "domoticz"); home != tc.home || other != tc.other {
				t.Errorf("run %d: %d and %d announcements, want %d and %d", i, home, other, tc.home, tc.other)
			}
			s.stop()
		}
		b.down()
	})
}

// A bridge that moves to another base topic takes back what it announced of devices
// that vanished meanwhile, unless somebody else lives at the old one now.
func TestBaseTopicThatIsLeftIsCleared(t *testing.T) {
	for _, tc := range []struct {
		name     string
		instance string // retained at the old base topic; "" is nothing
		want     []string
	}{
		{"free", "", []string{"bridge_attic", "d1"}},
		{"taken", `{"id":"somebody else"}`, []string{"bridge", "bridge_attic", "d1", "d2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, kept := testWorld(), &shelf{}
				b := newForeign(t, w)
				first := newHouse(t, w, 2, func(o *Options) {
					external(o)
					o.Memory = kept
				})
				time.Sleep(3 * time.Minute)
				first.stop()
				if tc.instance != "" {
					u := mustConnect(t, w, "somebody")
					u.say("mihome2mqtt/bridge/instance", tc.instance, true)
					u.bye()
				}
				second := newHouse(t, w, 1, func(o *Options) {
					external(o)
					o.Memory, o.Base = kept, "attic"
				})
				time.Sleep(3 * time.Minute)
				if got := announcedDevices(second.tree()); !slices.Equal(got, tc.want) {
					t.Errorf("announced are %v, want %v", got, tc.want)
				}
				second.stop()
				b.down()
			})
		})
	}
}

// announcedDevices returns whose announcements stand below homeassistant, sorted.
func announcedDevices(tree []string) (all []string) {
	for _, line := range tree {
		rest, ours := strings.CutPrefix(line, "!homeassistant/device/mihome2mqtt_")
		if device, _, is := strings.Cut(rest, "/config {"); ours && is {
			all = append(all, device)
		}
	}
	slices.Sort(all)
	return all
}
