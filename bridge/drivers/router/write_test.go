package router_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/router"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

func set(t testing.TB, link mi.Link, key string, v mi.Value) error {
	t.Helper()
	s, err := link.Spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: prop(t, s, key), Value: v}})
}

func TestNetworksAreOnlySetWhereThatIsAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, nil)
		link := h.open(t, own(), nil)
		s, err := link.Spec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Props {
			if p.Access&mi.Write != 0 && p.Key != "indicator-light/on" {
				t.Errorf("%s can be written", p.Key)
			}
		}
		if err := set(t, link, "wifi/on", mi.Bool(false)); !errors.Is(err, mi.ErrInvalid) {
			t.Errorf("Set wifi/on = %v, want ErrInvalid", err)
		}
		if !h.router.Network("wl1").On {
			t.Error("the network was switched off")
		}
		_ = link.Close()
	})
}

func TestOrdersKeepWhatElseIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(_ *virtual.Options, o *router.Options) { o.Writes = true })
		link := h.open(t, own(), nil)
		before := h.router.Network("wl0")
		for _, order := range []struct {
			key   string
			value mi.Value
		}{
			{"wifi/on", mi.Bool(false)}, {"wifi-2/wifi-channel", mi.Int(149)}, {"guest-wifi/on", mi.Bool(true)}, {"indicator-light/on", mi.Bool(false)},
		} {
			if err := set(t, link, order.key, order.value); err != nil {
				t.Fatalf("Set %s = %v", order.key, err)
			}
			if got := read(t, link, order.key); got != order.value {
				t.Errorf("%s = %v after it was set to %v", order.key, got, order.value)
			}
		}
		before.Channel = 149
		if got := h.router.Network("wl0"); got != before {
			t.Errorf("the 5 GHz network is %+v, want %+v", got, before)
		}
		if got := h.router.Network("wl14"); !got.On || got.SSID != "Virtual guests" || got.Password != "virtual guest secret" {
			t.Errorf("the guest network is %+v", got)
		}
		if h.router.Network("wl1").On || h.router.LED() {
			t.Error("the 2.4 GHz network or the light is still on")
		}
		if _, err := link.(mi.Caller).Call(t.Context(), 0, nil); err != nil || h.router.Counters().Reboots != 1 {
			t.Errorf("restart = %v, %d times", err, h.router.Counters().Reboots)
		}
		_ = link.Close()
	})
}

func TestMeshNodesAreDevicesOfTheRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(_ *virtual.Options, o *router.Options) { o.Presence = []string{"all"} })
		found, stop := h.look(t.Context())
		synctest.Wait()
		node := found()["miwifi.5acb52000100"]
		if node.Parent != ownDID || node.Model != "xiaomi.router.ra82" || node.Name != "Mesh 1" || node.MAC != "5a:cb:52:00:01:00" {
			t.Errorf("the node is %+v", node)
		}
		if r := found()[ownDID]; r.Model != "xiaomi.router.rd03" || r.Firmware != "1.0.90" || r.Name != "Virtual router" || r.Addr != address {
			t.Errorf("the router is %+v", r)
		}
		link := h.open(t, node, nil)
		if got := read(t, link, "router/connected"); got != mi.Bool(true) {
			t.Errorf("connected = %v", got)
		}
		if got := read(t, link, "router/connected-device-number"); got != mi.Int(1) {
			t.Errorf("connected-device-number = %v, want 1", got)
		}
		if _, ok := link.(mi.Setter); ok {
			t.Error("a node takes orders")
		}
		client := h.open(t, phone(h.router.Clients()[1]), nil)
		if got := read(t, client, "network-client/access-point"); got != mi.Text("Mesh 1") {
			t.Errorf("access point = %v, want Mesh 1", got)
		}
		h.router.Lose(0, true)
		time.Sleep(time.Minute)
		if got := read(t, link, "router/connected"); got != mi.Bool(false) {
			t.Errorf("connected = %v after the node was lost", got)
		}
		stop()
		_ = link.Close()
		_ = client.Close()
	})
}

// What people see of all this.
func TestEntities(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(_ *virtual.Options, o *router.Options) { o.Writes, o.Presence = true, []string{"all"} })
		_, stop := h.look(t.Context())
		synctest.Wait()
		for _, tc := range []struct {
			info  mi.Info
			shown []string // what is enabled
			rest  []string // what is there if somebody asks
		}{
			{own(), []string{
				"sensor Download speed", "sensor Upload speed", "sensor Download traffic", "sensor Upload traffic", "binary_sensor Internet connected",
				"sensor Connected devices", "sensor Temperature", "binary_sensor Firmware update", "switch WIFI 2.4G", "switch WIFI 5G", "switch Guest wifi",
				"light Indicator light",
			}, []string{"button Restart", "sensor CPU usage", "sensor Memory usage", "select WIFI 2.4G wifi channel", "sensor Latest firmware version", "sensor Mode"}},
			{phone(h.router.Clients()[0]), []string{"device_tracker ", "sensor Access point", "sensor Network"}, []string{"sensor IP address"}},
		} {
			link := h.open(t, tc.info, &drivertest.Sink{})
			s, err := link.Spec(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			have := map[string]bool{}
			for _, e := range rules.Build(s, entity.Options{}).Entities {
				have[e.Component+" "+e.Name] = e.Enabled
			}
			for _, name := range tc.shown {
				if !have[name] {
					t.Errorf("%s: %q is not shown", s.Type, name)
				}
			}
			for _, name := range tc.rest {
				if shown, ok := have[name]; !ok || shown {
					t.Errorf("%s: %q is there: %v, is shown: %v", s.Type, name, ok, shown)
				}
			}
			_ = link.Close()
		}
		stop()
	})
}
