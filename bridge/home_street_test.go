package bridge_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// town is a bridge with everything that it knows, in memory: a home of miIO devices,
// lamps, gateways, TVs, a router with phones, and the cloud.
type town struct {
	*testing.T
	net     *world.Net
	street  *virtual.Street
	sky     *cloud.Server
	history *history.History
	client  *client
	bridge  *bridge.Bridge

	mu    sync.Mutex
	shown map[string]string // newest message of each topic
	gone  map[string]int    // how often a device went offline
	told  map[string]int    // events by did
}

// inTown runs f in a town that has been up for three minutes.
func inTown(t *testing.T, f func(w *town)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &town{T: t, net: world.NewNet(3), history: &history.History{}, shown: map[string]string{}, gone: map[string]int{}, told: map[string]int{}}
		here := mi.World{Net: w.net.Machine(world.Topology{Prefix: netip.MustParsePrefix("10.1.0.1/16")}), Disk: world.NewDisk(3), Now: time.Now, Seed: 3}
		w.bridge = w.build(here)
		ctx, stop := context.WithCancel(context.Background())
		var all sync.WaitGroup
		for _, run := range []func(context.Context) error{w.street.Run, w.sky.Run, w.bridge.Run} {
			all.Go(func() {
				if err := run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Second)
		var err error
		if w.client, err = connect(ctx, here.Net.DialContext, inside, "person", w.heard); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		f(w)
		w.client.close()
		stop()
		all.Wait()
	})
}

// build furnishes the town and makes its bridge.
func (w *town) build(here mi.World) *bridge.Bridge {
	var err error
	if w.street, err = virtual.NewStreet(here, virtual.Options{Options: miio.Options{Models: some, Recorder: w.history, Still: true}}); err != nil {
		w.Fatal(err)
	}
	if w.sky, err = cloud.New(here, cloud.Options{Home: w.street.Home, Deaf: true, Lasting: true}); err != nil {
		w.Fatal(err)
	}
	c, err := config.Load([]string{"MIHOME2MQTT_SPECS_ONLINE=false", "MIHOME2MQTT_WEB_LISTEN=off"}, nil)
	if err != nil {
		w.Fatal(err)
	}
	s, u := w.street, w.sky.URLs()
	c.TVs = append(c.TVs, config.TV{Host: s.TV.Addr(), MAC: s.TV.MAC(), Name: s.TV.Name()})
	c.AndroidTVs = append(c.AndroidTVs, config.TV{Host: s.AndroidTV.Addr(), MAC: s.AndroidTV.MAC(), Name: s.AndroidTV.Name()})
	c.Multimode = append(c.Multimode, config.Gateway{Host: "127.0.0.1", Name: "Gateway"})
	c.Routers = mi.Secret(s.Router.Addr() + "," + virtual.RouterPassword.Reveal() + ",Router")
	c.GatewayKeys = mi.Secret(s.Lumi.SID() + "," + s.Lumi.Key().Reveal())
	c.Presence = config.List{"all"}
	c.Accounts = mi.Secret(fmt.Sprintf("%d,%s", cloud.AnnaID, w.sky.Grant(cloud.User).Reveal()))
	b, err := bridge.New(bridge.Options{
		Config: c, Version: "1.0", Host: "town", Log: zerolog.Nop(), World: here, Alone: true, Known: s.Infos(),
		Cloud: account.Hosts{Account: u.Account, STS: u.STS, API: u.API}, Guest: s.Multimode.Connect,
		Radio: bridge.Radio{Receivers: s.Receivers()}, WakePort: s.TV.WakePort(),
		Sources: []spec.Source{spec.NewFolder(miio.Specs()), spec.NewFolder(cloud.Specs())},
	})
	if err != nil {
		w.Fatal(err)
	}
	return b
}

func (w *town) heard(m message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := w.shown[m.topic]; old == "online" && m.payload == "offline" {
		w.gone[m.topic]++
	}
	w.shown[m.topic] = m.payload
	if strings.HasSuffix(m.topic, "/event") {
		did, _, _ := strings.Cut(strings.TrimPrefix(m.topic, base), "/")
		w.told[did]++
	}
}

// departures returns who went offline since the last call.
func (w *town) departures() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for topic := range w.gone {
		out = append(out, topic)
	}
	clear(w.gone)
	slices.Sort(out)
	return out
}

// switching switches the plug on and off for a while, and returns how long the
// slowest order in a hundred took until the plug obeyed.
func (w *town) switching(orders int) time.Duration {
	w.Helper()
	plug := w.street.Home.Devices()[0].Info().DID
	before := len(w.history.Entries())
	given := make([]time.Time, orders)
	for i := range orders {
		given[i] = time.Now()
		if err := w.client.publish(base+plug+"/switch_2/state/set", []string{"OFF", "ON"}[i%2], 1, false); err != nil {
			w.Fatal(err)
		}
		time.Sleep(3*time.Second + time.Duration(i)*137*time.Microsecond)
	}
	var took []time.Duration
	for _, e := range w.history.Entries()[before:] {
		if e.What == history.Executed && e.DID == plug && len(took) < orders {
			took = append(took, e.At.Sub(given[len(took)]))
		}
	}
	if len(took) != orders {
		w.Fatalf("%d of %d orders were carried out", len(took), orders)
	}
	slices.Sort(took)
	return took[orders*99/100]
}

// TestTroubleOfOthersDelaysNobody is I11 for what is not miIO: TVs that hang, a
// router that answers every third request and a cloud that takes half a minute cost
// a plug nothing, and are not asked in a storm.
func TestTroubleOfOthersDelaysNobody(t *testing.T) {
	t.Parallel()
	inTown(t, func(w *town) {
		well := w.switching(100)
		w.departures()
		set, router, sky := w.street.TV.State().Calls, w.street.Router.Counters(), len(w.sky.Requests())
		w.street.TV.Hurt(tv.Trouble{Hangs: true})
		w.street.AndroidTV.Hurt(androidtv.Trouble{Hangs: true})
		w.street.Router.Answer(3)
		w.sky.Change(cloud.Mood{API: cloud.Weather{Slow: 30 * time.Second}})
		ill := w.switching(100)
		t.Logf("the slowest order in a hundred: %v, and %v with trouble", well, ill)
		if ill > well*6/5 {
			t.Errorf("orders took %v instead of %v", ill, well)
		}
		if n := w.street.TV.State().Calls - set; n < 1 || n > 60 {
			t.Errorf("the TV got %d calls in five minutes", n)
		}
		if n := w.street.Router.Counters().Requests - router.Requests; n < 1 || n > 150 {
			t.Errorf("the router got %d requests in five minutes", n)
		}
		if n := len(w.sky.Requests()) - sky; n < 1 || n > 60 {
			t.Errorf("the cloud got %d requests in five minutes", n)
		}
		for _, topic := range w.departures() {
			if did := strings.TrimSuffix(strings.TrimPrefix(topic, base), "/availability"); w.local(did) {
				t.Errorf("%s seemed gone", did)
			}
		}
	})
}

// local reports whether a device needs none of those that were hurt.
func (w *town) local(did string) bool {
	return slices.ContainsFunc(w.street.Infos(), func(i mi.Info) bool { return i.DID == did })
}

// sample adds up what the metrics tell under a name, of one label if value is given.
func (w *town) sample(name, value string) (sum float64) {
	for _, s := range w.bridge.Samples() {
		if s.Name == name && (value == "" || slices.ContainsFunc(s.Labels, func(l web.Label) bool { return l.Value == value })) {
			sum += s.Value
		}
	}
	return sum
}

// flood lets do happen again and again while somebody uses the plug, and returns how
// often it happened and how long orders took.
func (w *town) flood(every time.Duration, do func(n int)) (n int, took time.Duration) {
	w.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var flooding sync.WaitGroup
	flooding.Go(func() {
		for ; wait(ctx, every); n++ {
			do(n)
		}
	})
	took = w.switching(60)
	stop()
	flooding.Wait()
	time.Sleep(time.Minute)
	return n, took
}

// TestAFloodHurtsNobodyElse has one device tell fifty events a second, another report
// two hundred changes, and a person send three hundred orders in one: others are
// served as before, no queue is fuller than it may be, what is left out is counted,
// and the newest value survives.
func TestAFloodHurtsNobodyElse(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("tens of thousands of reports")
	}
	inTown(t, func(w *town) {
		vacuum, lamp := w.street.Home.Devices()[3], w.street.Home.Devices()[9]
		well := w.switching(60)
		w.departures()
		lost := func() int {
			return int(w.sample("dropped_total", "") + w.sample("broker_events_lost_total", "") + w.sample("refused_total", "flood"))
		}
		told, dropped := w.events(vacuum), lost()
		happened, took := w.flood(20*time.Millisecond+time.Nanosecond, func(int) { vacuum.Happen(3, 1, nil) })
		if got, left := w.events(vacuum)-told, lost()-dropped; got+left != happened || got < 100 || took > well*6/5 {
			t.Errorf("%d events: %d told, %d counted as left out; orders took %v, %v without", happened, got, left, took, well)
		}
		reported, took := w.flood(5*time.Millisecond+time.Nanosecond, func(n int) { vacuum.Press("3.1", mi.Int(int64(n%100))) })
		if took > well*6/5 {
			t.Errorf("with %d reports orders took %v, %v without", reported, took, well)
		}
		if got, want := w.seen(vacuum, "p3_1/state"), fmt.Sprint((reported-1)%100); got != want {
			t.Errorf("its battery is at %s, want %s", got, want)
		}
		for i := range 300 {
			if err := w.client.publish(base+lamp.Info().DID+"/light_2/brightness/set", fmt.Sprint(1+i%200), 1, false); err != nil {
				t.Fatal(err)
			}
		}
		if took := w.switching(60); took > well*6/5 {
			t.Errorf("after 300 orders to a lamp orders took %v, %v without", took, well)
		}
		for _, q := range w.bridge.Queues() {
			if q.Most > q.Room {
				t.Errorf("%s: %d of %d", q.Name, q.Most, q.Room)
			}
		}
		if gone := w.departures(); len(gone) > 0 {
			t.Errorf("seemed gone: %v", gone)
		}
	})
}

// events returns how many of a device were told.
func (w *town) events(d *miio.Device) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told[d.Info().DID]
}

// seen returns the newest message of a device's topic.
func (w *town) seen(d *miio.Device, topic string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown[base+d.Info().DID+"/"+topic]
}
