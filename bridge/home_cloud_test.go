package bridge_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/bridgetest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	driver "github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	virtualmiio "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// diary is a View that writes down what people would see of connections.
type diary struct {
	mu     sync.Mutex
	lines  []string
	opened map[string]int
}

func (w *diary) Opened(d *device.Device, spec *mi.Spec) (plan device.Plan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened[d.ID()]++
	for i, p := range spec.Props {
		if p.Access&mi.Read != 0 {
			plan.Fast = append(plan.Fast, i)
		}
	}
	return plan
}

func (w *diary) Changed(*device.Device, []mi.Change) bool { return false }
func (w *diary) Happened(*device.Device, mi.Happening)    {}
func (w *diary) Removed(*device.Device)                   {}
func (w *diary) Status(d *device.Device, s device.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%s online=%v by=%s", d.ID(), s.Online, s.Connection))
}

// take returns the lines of one device since the last take, without repeats.
func (w *diary) take(id string) (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		if strings.HasPrefix(l, id+" ") && (len(out) == 0 || out[len(out)-1] != l) {
			out = append(out, l)
		}
	}
	w.lines = nil
	return out
}

// loft is a home with LAN and cloud, signed in.
type loft struct {
	*testing.T
	began   time.Time
	net     *world.Net
	virtual *virtualmiio.Home
	cloud   *cloud.Server
	account *account.Manager
	home    *device.Home
	diary   *diary
}

// live runs f in a home that has been up for two minutes.
func live(t *testing.T, f func(l *loft)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net, street, here := bridgetest.Street(7)
		l := &loft{T: t, began: time.Now(), net: net, diary: &diary{opened: map[string]int{}}}
		var err error
		models := []string{"cuco.plug.cp5pro", "yeelink.light.color5", "zhimi.humidifier.ca4", "xiaomi.tv.eaffh1"}
		if l.virtual, err = virtualmiio.New(street, virtualmiio.Options{Models: models, Address: bridgetest.Address, Still: true}); err != nil {
			t.Fatal(err)
		}
		if l.cloud, err = cloud.New(here, cloud.Options{Home: l.virtual, Away: virtualmiio.Options{Still: true}}); err != nil {
			t.Fatal(err)
		}
		u := l.cloud.URLs()
		l.account, err = account.New(account.Options{World: here, Log: zerolog.Nop(), Hosts: account.Hosts{Account: u.Account, STS: u.STS, API: u.API}})
		if err != nil {
			t.Fatal(err)
		}
		l.furnish(here)
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, run := range []func(context.Context) error{l.virtual.Run, l.cloud.Run, l.account.Run, l.home.Run} {
			all.Go(func() { _ = run(ctx) })
		}
		l.signIn()
		time.Sleep(2 * time.Minute)
		f(l)
		stop()
		all.Wait()
	})
}

func (l *loft) furnish(w mi.World) {
	specs := spec.New(w, spec.Options{Sources: []spec.Source{spec.NewFolder(virtualmiio.Specs())}, Offline: true, Log: zerolog.Nop()})
	l.home = device.New(device.Options{
		World: w, View: l.diary, Log: zerolog.Nop(),
		Routes: []device.Route{
			{Name: "lan", Driver: miio.New(w, miio.Options{Specs: specs, Log: zerolog.Nop(), Known: l.virtual.Infos})},
			{Name: "cloud", Trusted: true, Driver: driver.New(w, driver.Options{
				Account: bridge.CloudAccount(l.account), Specs: specs, Log: zerolog.Nop(),
				Changed: func(model string) { l.home.SpecArrived(model) },
			})},
		},
	})
}

func (l *loft) signIn() {
	l.Helper()
	if _, err := l.account.StartPassword(l.Context(), cloud.User, cloud.Password); err != nil {
		l.Fatal(err)
	}
	time.Sleep(10 * time.Second)
	if n := len(l.account.Known().Devices); n < 5 {
		l.Fatalf("the account knows %d devices; the sign-in is at %+v", n, l.account.Login())
	}
}

// pull takes the bridge's LAN away for a while from now on.
func (l *loft) pull(d time.Duration) {
	from := time.Since(l.began)
	l.net.Hurt(netip.MustParseAddr(bridgetest.Here), chaos.Fault{Kind: chaos.Cut, From: from, To: from + d})
}

// device returns the device of a model in the LAN.
func (l *loft) device(model string) *device.Device {
	l.Helper()
	for _, i := range l.virtual.Infos() {
		if i.Model == model {
			if d := l.home.Device(i.DID); d != nil {
				return d
			}
		}
	}
	l.Fatalf("no %s", model)
	return nil
}

// write orders a property and returns how long that took.
func (l *loft) write(d *device.Device, siid, piid int, v mi.Value) (time.Duration, error) {
	begin, ended := time.Now(), make(chan error, 1)
	d.Do(device.Request{
		Order: mi.Order{Set: []mi.Change{{Prop: d.Spec().Prop(siid, piid), Value: v}}},
		Cause: "test", Done: func(_ []mi.Value, err error) { ended <- err },
	})
	err := <-ended
	return time.Since(begin), err
}

func (l *loft) want(d *device.Device, route string) {
	l.Helper()
	if s := d.Status(); s.Connection != route || !s.Online {
		l.Errorf("%s: %+v, want by %s", d.Info().Model, s, route)
	}
}

// TestCloudServesWhileTheLANIsPulled: orders go by cloud within one order's timeout,
// the LAN is in use again within a minute, and nobody sees a device go.
func TestCloudServesWhileTheLANIsPulled(t *testing.T) {
	live(t, func(l *loft) {
		d := l.device("cuco.plug.cp5pro")
		l.want(d, "lan")
		lamp := l.device("yeelink.light.color5")
		toggle := lamp.Spec().Action(2, 1)
		for _, v := range l.virtual.Infos() {
			l.want(l.home.Device(v.DID), "lan")
		}
		l.diary.take(d.ID())
		before := l.cloud.Counts()["/miotspec/prop/get"]
		time.Sleep(5 * time.Minute)
		if n := l.cloud.Counts()["/miotspec/prop/get"] - before; n > 2*(5*2+1) {
			t.Errorf("%d reads by cloud in five minutes; two regions have devices without a LAN", n)
		}
		for round := range 3 {
			for time.Since(lamp.Status().LastSeen) < 6*time.Second {
				time.Sleep(time.Second)
			}
			l.pull(3 * time.Minute)
			l.press(lamp, toggle)
			on := mi.Bool(round%2 == 0)
			for _, wait := range []time.Duration{0, 20 * time.Second, time.Minute} {
				time.Sleep(wait)
				if took, err := l.write(d, 2, 1, on); err != nil || took >= 10*time.Second {
					t.Errorf("round %d, %v after the last: %v after %v", round, wait, err, took)
				}
			}
			l.want(d, "cloud")
			if got := l.virtual.Device(d.Info().DID).Prop(2, 1); got != on {
				t.Errorf("the plug is %v, want %v", got, on)
			}
			time.Sleep(100*time.Second + time.Minute)
			l.want(d, "lan")
			if took, err := l.write(d, 2, 1, on); err != nil || took > time.Second {
				t.Errorf("round %d with the LAN back: %v after %v", round, err, took)
			}
			lines := l.diary.take(d.ID())
			for _, line := range lines {
				if strings.Contains(line, "online=false") {
					t.Errorf("round %d: %q", round, lines)
				}
			}
		}
		if n := l.diary.opened[d.ID()]; n > 3 {
			t.Errorf("the entities were made %d times", n)
		}
	})
}

// TestDevicesWithoutALAN are read, written and told to be away by the cloud; scenes
// run and remotes press.
func TestDevicesWithoutALAN(t *testing.T) {
	live(t, func(l *loft) {
		away := 0
		for _, known := range l.account.Known().Devices {
			d := l.home.Device(known.DID)
			if l.virtual.Device(known.DID) != nil || known.Model != "cuco.plug.cp5pro" {
				continue
			}
			away++
			l.want(d, "cloud")
			if took, err := l.write(d, 2, 1, mi.Bool(true)); err != nil || took > 2*time.Second {
				t.Errorf("%s: %v after %v", known.Name, err, took)
			}
		}
		plug := l.device("cuco.plug.cp5pro")
		meter := l.home.Device(plug.Info().DID + ".energy")
		l.want(meter, "cloud")
		if v := meter.Values(nil); !v[0].Known() || !v[1].Known() || meter.Info().Parent != plug.Info().DID {
			t.Errorf("energy of the plug: %v, %+v", v, meter.Info())
		}
		if away != 2 {
			t.Errorf("%d plugs without a LAN, want 2", away)
		}
		l.press(l.home.Device("home."+l.account.Known().Scenes[0].Home), 0)
		l.press(l.home.Device(cloud.RemoteDID), 1)
		if ran, pressed := l.cloud.Ran(), l.cloud.Pressed(); len(ran) != 1 || len(pressed) != 1 {
			t.Errorf("ran %q, pressed %q", ran, pressed)
		}
	})
}

// TestATelevisionByLANAndCloud: a TV that MIoT knows takes its orders and what it is
// told to say or do by LAN, and by cloud while the LAN is pulled.
func TestATelevisionByLANAndCloud(t *testing.T) {
	live(t, func(l *loft) {
		d := l.device("xiaomi.tv.eaffh1")
		tv := l.virtual.Device(d.Info().DID)
		post := d.Spec().Action(5, 1)
		for i, route := range []string{"lan", "cloud"} {
			volume, text := mi.Int(int64(20+i)), mi.Text("dinner by "+route)
			if _, err := l.write(d, 4, 1, volume); err != nil || tv.Prop(4, 1) != volume {
				t.Errorf("by %s: volume %v, %v", route, tv.Prop(4, 1), err)
			}
			l.press(d, post, text)
			l.press(d, d.Spec().Action(2, 1))
			if tv.Value("said") != text || tv.Value("screen") != mi.Bool(false) {
				t.Errorf("by %s: the TV was told %v, its screen is %v", route, tv.Value("said"), tv.Value("screen"))
			}
			l.want(d, route)
			l.press(d, d.Spec().Action(6, 1))
			if tv.Value("screen") != mi.Bool(true) {
				t.Errorf("by %s: it stays off", route)
			}
			l.pull(3 * time.Minute)
			time.Sleep(time.Minute)
		}
	})
}

func (l *loft) press(d *device.Device, action int, args ...mi.Value) {
	l.Helper()
	if d == nil || d.Spec() == nil {
		l.Error("nothing to press")
		return
	}
	ended := make(chan error, 1)
	d.Do(device.Request{Order: mi.Order{Calls: []mi.Call{{Action: action, Args: args}}}, Cause: "test", Done: func(_ []mi.Value, err error) { ended <- err }})
	if err := <-ended; err != nil {
		l.Error(err)
	}
}

// TestCloudInTroubleLeavesTheLANAlone: whatever the cloud does, orders by LAN take
// no longer, and few requests leave.
func TestCloudInTroubleLeavesTheLANAlone(t *testing.T) {
	for name, weather := range map[string]cloud.Weather{
		"slow": {Slow: 30 * time.Second}, "500": {Status: 500}, "HTML": {HTML: true}, "lies": {Lies: true}, "cut": {Cut: true},
		"limited": {Limited: true}, "expired": {Expired: true}, "stale": {Stale: true},
	} {
		t.Run(name, func(t *testing.T) {
			live(t, func(l *loft) {
				d := l.device("yeelink.light.color5")
				l.cloud.Change(cloud.Mood{API: weather})
				before := len(l.cloud.Requests())
				for i := range 30 {
					if took, err := l.write(d, 2, 1, mi.Bool(i%2 == 0)); err != nil || took > 100*time.Millisecond {
						t.Errorf("order %d: %v after %v", i, err, took)
					}
					time.Sleep(20 * time.Second)
				}
				l.want(d, "lan")
				all := l.cloud.Requests()[before:]
				if len(all) > 60 {
					t.Errorf("%d requests in ten minutes", len(all))
				}
			})
		})
	}
}

// TestTheAccountGivesBluetoothKeys: what a sensor's adverts are sealed with comes as
// the token of its device, so that a sign-in needs no restart.
func TestTheAccountGivesBluetoothKeys(t *testing.T) {
	live(t, func(l *loft) {
		want := map[string]mi.Secret{}
		for _, listed := range l.cloud.Listings() {
			if listed.Beacon != "" {
				want[listed.DID] = listed.Beacon
			}
		}
		for _, d := range bridge.CloudAccount(l.account).Known().Devices {
			if key := want[d.DID]; key != "" && d.Token != key {
				t.Errorf("%s has another key", d.DID)
			}
			delete(want, d.DID)
		}
		if len(want) > 0 {
			t.Errorf("%d Bluetooth devices are not known", len(want))
		}
	})
}

// TestDeviceRemovedFromTheAccountIsGone: what only the cloud reached says that it was
// removed; what the LAN reaches goes on. Both are served again when they come back.
func TestDeviceRemovedFromTheAccountIsGone(t *testing.T) {
	live(t, func(l *loft) {
		near := l.device("cuco.plug.cp5pro")
		var far *device.Device
		for _, known := range l.account.Known().Devices {
			if known.Model == "cuco.plug.cp5pro" && l.virtual.Device(known.DID) == nil {
				far = l.home.Device(known.DID)
			}
		}
		l.want(far, "cloud")
		list := func(hidden bool) {
			for _, d := range []*device.Device{near, far} {
				l.cloud.Hide(d.Info().DID, hidden)
			}
			time.Sleep(2 * time.Minute)
			l.account.RefreshAll()
			time.Sleep(3 * time.Minute)
		}
		list(true)
		if s := far.Status(); s.Online || !strings.Contains(s.LastError, "the account does not have the device any more") {
			t.Errorf("removed, it is %+v", s)
		}
		l.want(near, "lan")
		list(false)
		l.want(far, "cloud")
		l.want(near, "lan")
	})
}

// TestTheAccountTellsTheLogOfEvents, with the times at which they happened.
func TestTheAccountTellsTheLogOfEvents(t *testing.T) {
	live(t, func(l *loft) {
		l.cloud.Happen(cloud.MotionDID, "event", "2.1", "[]")
		now := time.Now()
		for key, want := range map[string]int{"2.1": 1, "15": 3, "2.2": 0} {
			got, err := bridge.CloudAccount(l.account).History(l.Context(), cloud.MotionDID, "event", key, now.AddDate(0, 0, -7), now, 5)
			if err != nil || len(got) != want {
				t.Errorf("event %s: %v, %v, want %d", key, got, err, want)
			}
		}
	})
}
