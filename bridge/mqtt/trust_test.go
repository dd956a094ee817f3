package mqtt

import (
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// shelf is a mi.Memory that outlives a Home.
type shelf struct{ kept sync.Map }

func (s *shelf) Load(name string, v any) bool {
	text, ok := s.kept.Load(name)
	return ok && json.Unmarshal(text.([]byte), v) == nil
}

func (s *shelf) Save(name string, v any) {
	text, _ := json.Marshal(v)
	s.kept.Store(name, text)
}

// TestProvenDeviceStaysAnnounced: a button says nothing for weeks, and restarts must
// not take it away.
func TestProvenDeviceStaysAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &shelf{}
		run := func(status device.Status, end func(h *Home, d *device.Device)) bool {
			s := newHouse(t, testWorld(), 0, func(o *Options) { o.Memory = kept })
			defer s.stop()
			button := device.New(device.Options{World: s.world, View: s.home, Routes: []device.Route{{Name: "bluetooth", Driver: s.lamps}}, Known: []mi.Info{{DID: "b1", Model: "acme.light.one"}}}).Device("b1")
			s.home.Opened(button, sharedLamp)
			s.home.Status(button, status)
			time.Sleep(10 * time.Second)
			defer end(s.home, button)
			return among(s.tree(), "_b1/config")
		}
		stay := func(*Home, *device.Device) {}
		for _, step := range []struct {
			when   string
			status device.Status
			end    func(*Home, *device.Device)
			want   bool
		}{
			{"before it said anything", device.Status{}, stay, false},
			{"when it speaks", device.Status{Online: true}, stay, true},
			{"silent after a restart", device.Status{}, (*Home).Removed, true},
			{"after it was removed", device.Status{}, stay, false},
		} {
			if got := run(step.status, step.end); got != step.want {
				t.Errorf("%s: announced is %v, want %v", step.when, got, step.want)
			}
		}
	})
}
