package diagnosis_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/bridgetest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// ward is a home in memory with everything that can go wrong, and the bridge in it.
type ward struct {
	*testing.T
	began  time.Time
	street mi.World          // of the devices
	here   mi.World          // of the bridge
	clock  *bridgetest.Clock // of the bridge
	heaven *bridgetest.Clock // of the cloud
	disk   *world.Disk
	net    *world.Net
	home   *miio.Home    // nil without devices
	cloud  *cloud.Server // nil without one
	broker *bridgetest.Broker
	second paho.Client
	radio  *ble.Radio
	files  fstest.MapFS

	changed    chan struct{} // of files
	television *tv.TV

	v    *bridgetest.Visitor
	runs []func(context.Context) error

	env []string
	opt bridge.Options
}

// newWard makes the network; what the bridge is like may be changed before it runs.
func newWard(t *testing.T) *ward {
	w := &ward{T: t, began: time.Now(), clock: new(bridgetest.Clock), heaven: new(bridgetest.Clock)}
	w.net, w.street, w.here = bridgetest.Street(1)
	w.disk = world.NewDisk(1)
	w.here.Disk, w.here.Now = w.disk, w.clock.Now
	return w
}

// settle puts devices up; it returns the first.
func (w *ward) settle(models ...string) *miio.Device {
	home, err := miio.New(w.street, miio.Options{Models: models, Address: bridgetest.Address, Still: true})
	if err != nil {
		w.Fatal(err)
	}
	w.home, w.runs = home, append(w.runs, home.Run)
	w.opt.Known = home.Infos()
	return home.Devices()[0]
}

// keyless lets the bridge find the devices without knowing them.
func (w *ward) keyless() { w.opt.Known = nil }

// signIn puts a cloud up where somebody is signed in.
func (w *ward) signIn(o cloud.Options, user string) {
	s, err := cloud.New(mi.World{Net: w.here.Net, Now: w.heaven.Now, Seed: 1}, o)
	if err != nil {
		w.Fatal(err)
	}
	w.cloud, w.runs = s, append(w.runs, s.Run)
	u := s.URLs()
	w.opt.Cloud = account.Hosts{Account: u.Account, STS: u.STS, API: u.API}
	id := map[string]string{cloud.User: "6012345678", "nobody@example.com": "2011111111"}[user]
	w.env = append(w.env, config.Prefix+"ACCOUNTS="+id+","+s.Grant(user).Reveal())
}

// run lets the bridge run while f looks.
func (w *ward) run(f func()) {
	env := append(w.env, config.Prefix+"API_TOKEN="+wardToken)
	if w.cloud == nil {
		env = append(env, config.Prefix+"CLOUD=false")
	}
	c, err := config.Load(env, nil)
	if err != nil {
		w.Fatal(err)
	}
	o := w.opt
	o.Config, o.World, o.Version, o.Random, o.Origins = c, w.here, "1.0.0", rand.NewChaCha8([32]byte{}), map[string]string{}
	o.Log = zerolog.New(zerolog.NewTestWriter(w)).Level(zerolog.ErrorLevel)
	if o.Sources == nil {
		o.Sources = []spec.Source{spec.NewFolder(miio.Specs()), spec.NewFolder(cloud.Specs())}
	}
	b, err := bridge.New(o)
	if err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.Context())
	var all sync.WaitGroup
	for _, run := range append(w.runs, b.Run) {
		all.Go(func() {
			if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				w.Error(err)
			}
		})
	}
	w.v = bridgetest.NewVisitor(w.T, w.here.Net)
	time.Sleep(20 * time.Second)
	f()
	stop()
	all.Wait()
}

// hurt lets a fault of the network happen to an address from now on.
func (w *ward) hurt(addr string, k chaos.Kind, d time.Duration) {
	from := time.Since(w.began)
	w.net.Hurt(netip.MustParseAddr(addr), chaos.Fault{Kind: k, From: from, To: from + d, Amount: 100})
}

// problems returns what the API says is wrong.
func (w *ward) problems(id string) (found []web.Problem) {
	w.Helper()
	var all struct{ Items []web.Problem }
	if err := json.Unmarshal([]byte(w.v.Get("api/v1/problems")), &all); err != nil {
		w.Fatal(err)
	}
	for _, one := range all.Items {
		if one.ID == id || id == "" {
			found = append(found, one)
		}
	}
	return found
}

// await waits until the page says a sentence of a problem.
func (w *ward) await(id, text string, within time.Duration) (said web.Problem, ok bool) {
	w.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(step(within)) {
		for _, one := range w.problems(id) {
			if said = one; one.Text == text {
				return said, true
			}
		}
	}
	w.Errorf("within %s nobody says\n%s\nbut of %s\n%s\nof all: %+v", within, text, id, said.Text, w.problems(""))
	return said, false
}

// gone waits until nobody speaks of a problem any more.
func (w *ward) gone(id string, within time.Duration) {
	w.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(step(within)) {
		if len(w.problems(id)) == 0 {
			return
		}
	}
	w.Errorf("after %s it is still there: %+v", within, w.problems(id))
}

func step(within time.Duration) time.Duration { return max(5*time.Second, within/100) }

// order sends an order by the API; how it ends is not looked at.
func (w *ward) order(path, body string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http://127.0.0.1:8099/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+wardToken)
	req.Header.Set("Content-Type", "application/json")
	if status, body := w.v.Do(req); status >= 400 {
		w.Logf("%s: %s", path, body)
	}
}

const wardToken = "a token for programs"

// inWard runs f in a bubble.
func inWard(t *testing.T, f func(w *ward)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newWard(t)) })
}

// userBroker puts a broker of the user's up.
func userBroker(w *ward) {
	w.Helper()
	w.broker = &bridgetest.Broker{Net: w.net.Machine(world.Topology{Prefix: bridgetest.Prefix("10.1.254.1")}), Listen: brokerHere}
	brokerUp(w)
	w.env = append(w.env, config.Prefix+"MQTT_URL=mqtt://"+brokerHere)
	w.runs = append(w.runs, func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(5 * time.Second) // the bridge says goodbye
		w.broker.Down()
		return nil
	})
}

func brokerUp(w *ward) {
	if err := w.broker.Up(); err != nil {
		w.Fatal(err)
	}
}

// guest is a client of the broker besides the bridge.
func (w *ward) guest(id string, again bool) paho.Client {
	o := paho.NewClientOptions().AddBroker("tcp://" + brokerHere).SetClientID(id).SetProtocolVersion(4).
		SetAutoReconnect(again).SetMaxReconnectInterval(time.Second).SetKeepAlive(time.Minute)
	ground := w.net.Machine(world.Topology{Prefix: bridgetest.Prefix("10.1.253.1")})
	o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
		c, err := ground.DialContext(w.Context(), "tcp", brokerHere)
		if err != nil {
			return nil, err
		}
		return bridgetest.Buffered(c), nil
	})
	c := paho.NewClient(o)
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		w.Fatal(token.Error())
	}
	return c
}

// born says what Home Assistant says when it has started.
func (w *ward) born() {
	c := w.guest("home-assistant", false)
	c.Publish("homeassistant/status", 1, false, "online").Wait()
	c.Disconnect(100)
}

// rival is a second program that uses the bridge's own client id.
func (w *ward) rival() { w.second = w.guest(w.client(), true) }

func (w *ward) stopRival() { w.second.Disconnect(100) }

// client returns the bridge's client id, as the broker knows it.
func (w *ward) client() string {
	for _, id := range w.broker.Clients() {
		if strings.HasPrefix(id, "mihome2mqtt-") {
			return id
		}
	}
	w.Fatal("the bridge is not at the broker")
	return ""
}
