package pages_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/bridgetest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// open lets a bridge run with its pages for a home of the models, and a visitor look.
func open(t *testing.T, models []string, look func(v *bridgetest.Visitor, home *miio.Home, net *world.Net)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net, there, here := bridgetest.Street(1)
		home, err := miio.New(there, miio.Options{Models: models, Address: bridgetest.Address, Still: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Load([]string{config.Prefix + "CLOUD=false"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bridge.New(bridge.Options{
			Config: c, World: here, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel), Version: "1.0.0",
			Sources: []spec.Source{spec.NewFolder(miio.Specs())}, Known: home.Infos(), Random: rand.NewChaCha8([32]byte{}), Origins: map[string]string{},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 2)
		go func() { ended <- home.Run(ctx) }()
		go func() { ended <- b.Run(ctx) }()
		time.Sleep(20 * time.Second)
		v := bridgetest.NewVisitor(t, here.Net)
		look(v, home, net)
		stop()
		for range 2 {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
}

func TestPagesShowTheHome(t *testing.T) {
	open(t, []string{"cuco.plug.cp5pro", "dmaker.airpurifier.f20", "yeelink.light.color5"}, func(v *bridgetest.Visitor, home *miio.Home, net *world.Net) {
		for path, want := range map[string][]string{
			"":                  {"All 3 devices answer.", "Inside the bridge, at 127.0.0.1:1883", "LAN: 3"},
			"devices":           {"PM2.5", "cuco.plug.cp5pro", "1–3 of 3"},
			"devices/460000001": {"Favorite", "g/m³", "urn:miot-spec-v2:device:air-purifier", "mihome2mqtt/460000001/#"},
			"devices/460000000": {"A card for a dashboard", "- type: entities"},
			"routes":            {"10.1.0.0/24"},
			"problems":          {"Nothing needs you."},
			"settings":          {"MIHOME2MQTT_WEB_LISTEN", "127.0.0.1:8099"},
			"metrics":           {`mihome2mqtt_polls_total{result="answered"}`, `mihome2mqtt_refused_total{driver="miio",reason="spoofed"} 0`, `mihome2mqtt_devices{route="lan",state="online"} 3`},
			"about/report":      {"&lt;did 2&gt;", "10.1.0"},
		} {
			page := v.Get(path)
			for _, text := range want {
				if strings.Contains(page, text) == (text == "10.1.0" && path == "about/report") {
					t.Errorf("/%s: %q is not as it should be", path, text)
				}
			}
		}
		if problems, err := promlint.New(strings.NewReader(v.Get("metrics"))).Lint(); err != nil || len(problems) > 0 {
			t.Errorf("metrics: %v %v", problems, err)
		}
		// The lamp loses its network.
		net.Hurt(netip.MustParseAddr("10.1.0.12"), chaos.Fault{Kind: chaos.Cut, To: time.Hour})
		time.Sleep(3 * time.Minute)
		if page := v.Get(""); !strings.Contains(page, "2 of 3 devices answer") || !strings.Contains(page, "Nobody in the network hears") {
			t.Errorf("with a lamp that is away: %s", page)
		}
	})
}

func TestPagesHideADeviceAndChooseItsEntities(t *testing.T) {
	open(t, []string{"dmaker.airpurifier.f20"}, func(v *bridgetest.Visitor, _ *miio.Home, _ *world.Net) {
		const page = "devices/460000000"
		enabled := func() int {
			time.Sleep(5 * time.Second)
			return strings.Count(v.Get("api/v1/"+page), `"enabled":true`)
		}
		usual := enabled()
		v.Get(page)
		if shown := v.Post(page+"/options", "hidden", "yes"); usual < 5 || enabled() != 0 || strings.Contains(v.Get("devices"), "460000000") {
			t.Errorf("hidden, it shows %d of %d entities: %s", enabled(), usual, shown)
		}
		if shown := v.Get(page); !strings.Contains(shown, "It is hidden") || !strings.Contains(shown, "Show again") {
			t.Errorf("its page is %s", shown)
		}
		v.Post(page+"/options", "hidden", "no")
		if n := enabled(); n != usual || !strings.Contains(v.Get(page), "PM2.5") {
			t.Errorf("shown again, it has %d of %d entities", n, usual)
		}
		v.Post(page+"/options", "detail", "all")
		if n := enabled(); n <= usual {
			t.Errorf("of all its entities %d are on, usually %d", n, usual)
		}
		if shown := v.Post(page+"/options", "detail", "everything"); !strings.Contains(shown, "Detail can be default, minimal, normal, all") {
			t.Errorf("a detail that there is not gives %s", shown)
		}
	})
}

func TestPagesGiveOrders(t *testing.T) {
	open(t, []string{"cuco.plug.cp5pro", "dmaker.airpurifier.f20", "virtual.valve.v1"}, func(v *bridgetest.Visitor, home *miio.Home, _ *world.Net) {
		v.Get("devices/460000001")
		page := v.Post("devices/460000001/set", "key", "fan_2/preset_mode", "value", "Sleep")
		if !strings.Contains(page, `<option value="Sleep" selected>`) || !strings.Contains(page, "Done:") {
			t.Errorf("after the order the page shows %s", page)
		}
		if page = v.Post("devices/460000001/set", "key", "fan_2/percentage", "value", "900"); !strings.Contains(page, "Not done:") {
			t.Error("a speed that cannot be is taken")
		}
		if page = v.Post("devices/460000001/set", "key", "8.1", "value", "true"); !strings.Contains(page, "Done:") {
			t.Error("a property cannot be written")
		}
		v.Post("devices/460000001/options", "name", "Purifier <b>", "room", "Attic")
		time.Sleep(5 * time.Second)
		var d struct{ Name, Room string }
		if err := json.Unmarshal([]byte(v.Get("api/v1/devices/460000001")), &d); err != nil || d.Name != "Purifier <b>" || d.Room != "Attic" {
			t.Errorf("renamed to %+v (%v)", d, err)
		}
		// What can do harm is asked once more.
		page = v.Post("devices/460000002/set", "key", "valve_2/state", "value", "OPEN")
		if !strings.Contains(page, "Are you sure?") {
			t.Errorf("a gas valve opens without a question: %s", page)
		}
		if page = v.Post("devices/460000002/set", "key", "valve_2/state", "value", "OPEN", "confirmed", "yes"); !strings.Contains(page, "Done:") {
			t.Errorf("confirmed, it does not open: %s", page)
		}
		page = v.Post("import", "list", "999/10.1.9.9, 00112233445566778899aabbccddeeff, cuco.plug.cp5pro; 10.1.9.8, 00112233445566778899aabbccddeeff")
		if !strings.Contains(page, "One device is new.") || !strings.Contains(page, "its did is not given") || !strings.Contains(v.Get("devices"), "999") {
			t.Errorf("a list of devices gives %s", page)
		}
		if page = v.Post("import", "list", "nonsense"); !strings.Contains(page, "Entry 1") {
			t.Errorf("nonsense gives %s", page)
		}
		if page = v.Post("devices/460000002/remove", "confirmed", "yes"); strings.Contains(page, "460000002") {
			t.Error("a removed device is still there")
		}
	})
}

// TestPagesOfManyDevices measures what a page costs with a home of that size.
func TestPagesOfManyDevices(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	models := make([]string, 300)
	for i := range models {
		models[i] = "cuco.plug.cp5pro"
	}
	open(t, models, func(v *bridgetest.Visitor, _ *miio.Home, _ *world.Net) {
		if page := v.Get("devices?page=2"); !strings.Contains(page, fmt.Sprintf("201–300 of %d", len(models))) {
			t.Errorf("page %s", page)
		}
	})
}
