//go:build browser

package pages_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/redact"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// desk is somebody with a browser in front of a bridge whose home and cloud are
// virtual. All that the bridge says is kept, and searched for secrets at the end.
type desk struct {
	*testing.T
	ctx   context.Context // of the browser's tab
	root  string          // the address of the first page, as the browser knows it
	local string          // the same on the bridge's own port
	home  *miio.Home
	shed  *miio.Home // a device that the account does not know
	sky   *cloud.Server
	lan   *cable

	mu   sync.Mutex // guards said
	said map[string]*bytes.Buffer
}

// way is how the browser reaches the bridge.
type way struct {
	name    string
	environ []string
	locked  bool                                                    // behind the bridge's password
	front   func(back string) (handler http.Handler, prefix string) // nil is the bridge itself
}

// patience is how long anything may take on a machine that has much to do.
const patience = time.Minute

const pagesPassword = `the pages' "password" & more`

// newDesk lets home, cloud, bridge and browser run until the test ends.
func newDesk(t *testing.T, w way, people ...cloud.Person) *desk {
	program := os.Getenv("CHROMIUM")
	if program == "" {
		t.Skip("CHROMIUM names no browser")
	}
	d := &desk{T: t, lan: &cable{Network: host.Network()}, said: map[string]*bytes.Buffer{}}
	world := mi.World{Net: host.Network(), Now: time.Now, Seed: 3}
	d.home = d.furnish(world, "cuco.plug.cp5pro", "yeelink.light.color5")
	world.Seed = 4
	d.shed = d.furnish(world, "zhimi.humidifier.ca4")
	var err error
	if d.sky, err = cloud.New(world, cloud.Options{Home: d.home, Away: miio.Options{Still: true}, People: people}); err != nil {
		t.Fatal(err)
	}
	pages, broker := d.port(), d.port()
	if w.locked {
		w.environ = append(w.environ, config.Prefix+"WEB_PASSWORD="+pagesPassword)
	}
	b := d.bridge(append([]string{config.Prefix + "WEB_LISTEN=" + pages, config.Prefix + "BROKER_LISTEN=" + broker, config.Prefix + "POLL=2s", config.Prefix + "GONE_WIFI=10s"}, w.environ...))
	d.local = "http://" + pages + "/"
	d.root = d.mount(w)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 4)
	for _, run := range []func(context.Context) error{d.home.Run, d.shed.Run, d.sky.Run, b.Run} {
		go func() { ended <- run(ctx) }()
	}
	d.until("the broker listens", func() bool { return d.overhear(broker) })
	d.browser(program)
	t.Cleanup(func() {
		d.everything()
		stop()
		for range cap(ended) {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		d.search()
	})
	return d
}

// overhear takes down everything that a broker hands out.
func (d *desk) overhear(broker string) bool {
	ear := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + broker).SetClientID("ear").SetAutoReconnect(false))
	if hello := ear.Connect(); hello.Wait() && hello.Error() != nil {
		return false
	}
	all := ear.Subscribe("#", 0, func(_ paho.Client, m paho.Message) { d.hear("topics", m.Topic()+" "+string(m.Payload())+"\n") })
	return all.Wait() && all.Error() == nil
}

func (d *desk) furnish(w mi.World, models ...string) *miio.Home {
	d.Helper()
	home, err := miio.New(w, miio.Options{Models: models, Still: true, First: w.Seed * 100_000_000})
	if err != nil {
		d.Fatal(err)
	}
	return home
}

// port returns a free one of this machine.
func (d *desk) port() string {
	d.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		d.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// bridge builds the bridge: its log is masked as that of the program.
func (d *desk) bridge(environ []string) *bridge.Bridge {
	d.Helper()
	c, err := config.Load(environ, nil)
	if err != nil {
		d.Fatal(err)
	}
	secrets := &redact.Secrets{}
	var hear atomic.Pointer[func(zerolog.Level, []byte)]
	log := zerolog.New(secrets.Writer(voice(func(line string) {
		d.hear("log", line)
		if f := hear.Load(); f != nil && *f != nil {
			(*f)(zerolog.InfoLevel, []byte(line))
		}
	}))).Level(zerolog.TraceLevel)
	u := d.sky.URLs()
	b, err := bridge.New(bridge.Options{
		Config: c, World: mi.World{Net: d.lan, Disk: world.NewDisk(3), Now: time.Now, Seed: 3}, Log: log, Version: "1.0.0", Alone: true, Random: rand.NewChaCha8([32]byte{}),
		Sources: []spec.Source{spec.NewFolder(miio.Specs()), spec.NewFolder(cloud.Specs())}, Cloud: account.Hosts{Account: u.Account, STS: u.STS, API: u.API},
		Known: d.nearby(), Learnt: secrets.Add, Clean: secrets.Clean, Heard: func(f func(zerolog.Level, []byte)) { hear.Store(&f) },
	})
	if err != nil {
		d.Fatal(err)
	}
	return b
}

// nearby are the devices of the home as the network shows them: without name and key.
func (d *desk) nearby() (all []mi.Info) {
	for _, one := range d.home.Infos() {
		all = append(all, mi.Info{DID: one.DID, Addr: one.Addr})
	}
	return all
}

// voice is a writer that says what is written to it.
type voice func(string)

func (v voice) Write(p []byte) (int, error) {
	v(string(p))
	return len(p), nil
}

// cable is a network whose datagrams can be held up, which is the LAN of the
// devices; streams to cloud, broker and browser go on.
type cable struct {
	mi.Network
	pulled atomic.Bool
}

func (c *cable) ListenUDP(ctx context.Context, address string) (mi.PacketConn, error) {
	conn, err := c.Network.ListenUDP(ctx, address)
	if err != nil {
		return nil, err
	}
	return &socketOf{conn, c}, nil
}

type socketOf struct {
	mi.PacketConn
	cable *cable
}

func (s *socketOf) ReadBatch(p []mi.Packet) (int, error) {
	for {
		n, err := s.PacketConn.ReadBatch(p)
		if err != nil || !s.cable.pulled.Load() {
			return n, err
		}
	}
}

func (s *socketOf) WriteBatch(p []mi.Packet) error {
	if s.cable.pulled.Load() {
		return nil
	}
	return s.PacketConn.WriteBatch(p)
}

// browser opens one that is in English.
func (d *desk) browser(program string) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.Flag("lang", "en"))
	ctx, leave := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, shut := chromedp.NewContext(ctx)
	d.ctx = ctx
	d.Cleanup(func() {
		shut()
		leave()
	})
	d.until("the pages are there", func() bool { return chromedp.Run(d.ctx, chromedp.Navigate(d.root)) == nil })
}

// hear keeps what the bridge has said.
func (d *desk) hear(where, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.said[where] == nil {
		d.said[where] = &bytes.Buffer{}
	}
	d.said[where].WriteString(text)
}

// heard counts how often the bridge has said something.
func (d *desk) heard(where, text string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.said[where] == nil {
		return 0
	}
	return strings.Count(d.said[where].String(), text)
}

// until waits for a condition.
func (d *desk) until(what string, holds func() bool) {
	d.Helper()
	again, over := time.NewTicker(100*time.Millisecond), time.After(patience)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-over:
			d.Fatalf("%s: never", what)
		}
	}
}

// do does something in the browser, and keeps the page.
func (d *desk) do(what string, actions ...chromedp.Action) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	var page string
	err := chromedp.Run(ctx, append(actions, chromedp.OuterHTML("html", &page))...)
	d.hear("the page after "+what, page)
	if err != nil {
		d.shot("failed")
		d.Fatalf("%s: %v", what, err)
	}
}

// holds waits until an expression is true. A page that goes away meanwhile is no
// reason to give up.
func holds(expression string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		again := time.NewTicker(100 * time.Millisecond)
		defer again.Stop()
		for {
			var yes bool
			if chromedp.Evaluate(expression, &yes).Do(ctx) == nil && yes {
				return nil
			}
			select {
			case <-again.C:
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", expression, ctx.Err())
			}
		}
	})
}

// says waits until the page says something.
func says(text string) chromedp.Action {
	return holds("!!document.querySelector('main') && document.querySelector('main').innerText.includes(`" + text + "`)")
}

// unsaid waits until the page does not say something any more.
func unsaid(text string) chromedp.Action {
	return holds("!!document.querySelector('main') && !document.querySelector('main').innerText.includes(`" + text + "`)")
}

// press presses the button or link that says something.
func press(text string) chromedp.Action {
	return chromedp.Click(`//main//*[self::a or self::button or self::summary][contains(., "`+text+`")]`, chromedp.BySearch)
}

// page opens one of the bridge's pages.
func (d *desk) page(path string) chromedp.Action { return chromedp.Navigate(d.root + path) }

// shot keeps a picture where SHOTS names a folder.
func (d *desk) shot(name string) {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	var png []byte
	err := chromedp.Run(d.ctx, chromedp.EmulateViewport(1280, 800), chromedp.FullScreenshot(&png, 100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(d.Name(), "/", "-")+"-"+name+".png"), png, 0o600)
	}
	if err != nil {
		d.Error(err)
	}
}
