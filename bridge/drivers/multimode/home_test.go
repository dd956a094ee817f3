package multimode_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/multimode"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/multimode"
)

// record remembers what a device says, in words.
type record struct {
	mu   sync.Mutex
	spec *mi.Spec
	said []string
}

func (r *record) Changed(c []mi.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range c {
		r.said = append(r.said, string(r.spec.Props[one.Prop].Key)+"="+one.Value.String())
	}
}
func (r *record) Happened(h mi.Happening) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, "!"+string(r.spec.Events[h.Event].Key))
}
func (*record) Seen() {}

// take returns what was said and forgets it.
func (r *record) take() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.said, " ")
	r.said = nil
	return text
}

func listen(t *testing.T, d mi.Driver, info mi.Info) (*record, mi.Link) {
	t.Helper()
	r := &record{}
	link, err := d.Open(t.Context(), info, r)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := link.Spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.spec = spec
	r.mu.Unlock()
	synctest.Wait()
	return r, link
}

func TestMotionIsClearedAndAHeartbeatIsNoMotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := home(mi.World{Now: time.Now})
		r, link := listen(t, d, child(m, virtual.Motion))
		defer link.Close()
		m.Stir(17)
		if got := r.take(); got != "illumination-sensor/illumination=17 motion-sensor/motion-state=true" {
			t.Errorf("said %q", got)
		}
		time.Sleep(80 * time.Second)
		m.Stir(18)
		time.Sleep(80 * time.Second)
		if got := r.take(); strings.Contains(got, "false") {
			t.Errorf("the motion that was renewed was cleared: %q", got)
		}
		time.Sleep(11 * time.Second)
		if got := r.take(); got != "motion-sensor/motion-state=false" {
			t.Errorf("after the clear time said %q", got)
		}
		m.Beat()
		if got := r.take(); got != "battery/battery-level=61" {
			t.Errorf("a heartbeat said %q", got)
		}
	})
}

func TestChildrenAreFoundWithTheirGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := home(mi.World{Now: time.Now})
		seen := map[string]mi.Info{}
		done := make(chan struct{})
		ctx, cancel := contextFor(t)
		go func() {
			defer close(done)
			_ = d.Find(ctx, func(i mi.Info) { seen[i.DID] = i })
		}()
		synctest.Wait()
		m.Beat()
		m.Say("zigbee/send", `{"cmd":"report","did":"lumi.158d00ff00ff00","params":[{"res_name":"3.1.85","value":1}]}`)
		synctest.Wait()
		cancel()
		<-done
		for _, c := range m.Children() {
			if got := seen[c.DID]; got.Model != c.Model || got.Parent != gatewayDID {
				t.Errorf("%s was found as %+v", c.DID, got)
			}
		}
		if seen[gatewayDID].Name != "Landing" {
			t.Errorf("the gateway is %+v", seen[gatewayDID])
		}
		if len(seen) != len(m.Children())+1 {
			t.Errorf("found %d devices: one whose model nobody knows is none", len(seen))
		}
	})
}

func TestOrdersReachTheLampAndRefusalsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := home(mi.World{Now: time.Now})
		r, link := listen(t, d, child(m, virtual.Lamp))
		defer link.Close()
		set := func(prop int, v mi.Value) error {
			return link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: prop, Value: v}})
		}
		for prop, v := range []mi.Value{mi.Bool(false), mi.Int(12), mi.Int(3000)} {
			if err := set(prop, v); err != nil {
				t.Errorf("%s: %v", r.spec.Props[prop].Key, err)
			}
		}
		if got := m.Lamp(); got != "off, 12 %, 3000 K" {
			t.Errorf("the lamp is %s", got)
		}
		if err := set(1, mi.Int(400)); err == nil {
			t.Error("a brightness of 400 % was taken")
		}
		m.Say("miio/report", `{"method":"properties_changed","params":[{"did":"`+virtual.Lamp+`","siid":2,"piid":2,"value":55}]}`)
		if got := r.take(); got != "light/brightness=55" {
			t.Errorf("said %q", got)
		}
	})
}

func TestABluetoothSensorIsHeardThroughTheGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := mi.World{Now: time.Now}
		gateway, m := home(w)
		d := ble.New(w, ble.Options{Receivers: gateway.Receivers(), Log: zerolog.Nop()})
		ctx, cancel := contextFor(t)
		done := make(chan struct{})
		seen := make(chan mi.Info, 16)
		go func() {
			defer close(done)
			_ = d.Find(ctx, func(i mi.Info) { seen <- i })
		}()
		synctest.Wait()
		m.Sound()
		time.Sleep(5 * time.Second)
		r, link := listen(t, d, <-seen)
		defer link.Close()
		time.Sleep(2 * time.Second) // what was heard before is told again
		r.take()
		m.Sound()
		if got := r.take(); !strings.Contains(got, "motion-sensor/motion-state=true") || strings.Count(got, "!") != 1 {
			t.Errorf("said %q", got)
		}
		cancel()
		<-done
	})
}

// TestAMeshDeviceThatTwoGatewaysHearIsToldOnce lets one gateway speak for it until
// it has been silent.
func TestAMeshDeviceThatTwoGatewaysHearIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := mi.World{Now: time.Now}
		one, two := virtual.New(w), virtual.New(w)
		d := multimode.New(w, multimode.Options{
			Gateways: []multimode.Gateway{{Host: "192.168.7.9"}, {Host: "192.168.7.10"}},
			Connect: func(ctx context.Context, to string) (mi.Bus, error) {
				if to == "192.168.7.9:1883" {
					return one.Connect(ctx, to)
				}
				return two.Connect(ctx, to)
			},
			Known: one.Children, Log: zerolog.Nop(),
		})
		ctx, cancel := contextFor(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = d.Find(ctx, func(mi.Info) {})
		}()
		synctest.Wait()
		r, link := listen(t, d, child(one, virtual.Lamp))
		defer link.Close()
		const report = `{"method":"properties_changed","params":[{"did":"` + virtual.Lamp + `","siid":2,"piid":2,"value":55}]}`
		one.Say("miio/report", report)
		two.Say("miio/report", report)
		if got := r.take(); got != "light/brightness=55" {
			t.Errorf("said %q", got)
		}
		one.Mute()
		time.Sleep(6 * time.Minute)
		for range 2 {
			two.Say("miio/report", report)
		}
		if got := r.take(); got != "light/brightness=55 light/brightness=55" {
			t.Errorf("after the first went silent said %q", got)
		}
		if err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: 1, Value: mi.Int(20)}}); err != nil || two.Lamp() != "on, 20 %, 4000 K" {
			t.Errorf("Set = %v, the lamp is %s", err, two.Lamp())
		}
		cancel()
		<-done
	})
}

func contextFor(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
