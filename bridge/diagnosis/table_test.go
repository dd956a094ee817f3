package diagnosis_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bridgetest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// ill is one way in which something goes wrong.
type ill struct {
	id     string
	text   string // the whole sentence
	before func(w *ward)
	fall   func(w *ward) // nil when it is wrong from the start
	within time.Duration
	heal   func(w *ward) // nil when only another start heals
	over   time.Duration // until nobody speaks of it any more
}

const (
	plugModel  = "cuco.plug.cp5pro"
	brokerHere = "10.1.254.1:1883"
)

// TestEveryProblem lets everything go wrong in a home in memory, and reads what the
// pages say, word by word. Nothing is raised but by what happens.
func TestEveryProblem(t *testing.T) {
	seen := map[string]bool{}
	for _, one := range slices.Concat(networkIlls(), keyIlls(), deviceIlls(), accountIlls(), airIlls(), wholeIlls()) {
		seen[one.id] = true
		name := one.id
		t.Run(name, func(t *testing.T) { inWard(t, one.play) })
	}
	for _, kind := range problem.All() {
		if !seen[kind.ID] {
			t.Errorf("nobody lets %s happen", kind.ID)
		}
	}
}

func (one ill) play(w *ward) {
	one.before(w)
	w.run(func() {
		if one.fall != nil {
			if found := w.problems(one.id); len(found) > 0 {
				w.Errorf("there before anything went wrong: %+v", found)
			}
			one.fall(w)
		}
		said, ok := w.await(one.id, one.text, one.within)
		if !ok {
			return
		}
		if kind, _ := problem.Find(one.id); kind.Whole != (said.Device == "") {
			w.Errorf("it is about %q", said.Device)
		}
		if page := w.v.Get("problems"); !strings.Contains(unescape(page), one.text) {
			w.Error("the page of problems does not say it")
		}
		if one.heal == nil {
			return
		}
		one.heal(w)
		w.gone(one.id, one.over)
	})
}

var unescape = strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&amp;", "&", "&lt;", "<", "&gt;", ">").Replace

// strict lets the first device hear nobody any more but those of its own network.
func hurtFirst(t miio.Trouble) func(w *ward) {
	return func(w *ward) { w.home.Devices()[0].Hurt(t) }
}

func onePlug(w *ward) { w.settle(plugModel) }

func networkIlls() []ill {
	silent, well := hurtFirst(miio.Trouble{Silent: true}), hurtFirst(miio.Trouble{})
	cut := func(w *ward) { w.hurt("10.1.0.10", chaos.Cut, 10*time.Minute) }
	rest := func(*ward) {}
	return []ill{
		{id: "net.foreign_subnet", text: "Desk plug answers a ping, but not the bridge. It is at 10.1.0.10, the bridge at 10.2.0.2. Many Xiaomi devices only talk to their own network.",
			before: func(w *ward) {
				onePlug(w)
				w.here.Net = w.net.Machine(world.Topology{Prefix: bridgetest.Prefix("10.2.0.2")})
			}, fall: silent, within: 3 * time.Minute, heal: well, over: 2 * time.Minute},
		{id: "net.bridge_network", text: "The bridge runs in a container network of its own, so it cannot hear devices calling. Devices whose address it knows still work.",
			before: func(w *ward) {
				onePlug(w)
				w.here.Net = w.net.Machine(world.Topology{Prefix: bridgetest.Prefix("172.17.0.2"), NAT: netip.MustParseAddr(bridgetest.Here)})
			}, within: time.Minute},
		{id: "net.no_broadcast", text: "Your network does not pass broadcasts to the bridge. Known devices work; new ones are not found by themselves.",
			before: onePlug, fall: func(w *ward) { w.hurt(bridgetest.Here, chaos.Isolated, 10*time.Minute) }, within: 6 * time.Minute, heal: rest, over: 12 * time.Minute},
		{id: "net.none", text: "Nobody in the network hears Desk plug. It is most likely without power or Wi-Fi.",
			before: onePlug, fall: cut, within: 3 * time.Minute, heal: rest, over: 12 * time.Minute},
		{id: "net.none", text: "Nobody hears Desk plug: not the network, not Xiaomi's cloud. It is most likely without power or Wi-Fi.",
			before: func(w *ward) {
				onePlug(w)
				w.signIn(cloud.Options{Home: w.home}, cloud.User)
			}, fall: func(w *ward) {
				w.cloud.Online(w.home.Infos()[0].DID, false)
				cut(w)
			}, within: 4 * time.Minute, heal: func(w *ward) { w.cloud.Online(w.home.Infos()[0].DID, true) }, over: 12 * time.Minute},
		{id: "net.moved", text: "Desk plug has a new address, 10.1.100.10. Already in use, nothing to do.",
			before: onePlug, fall: func(w *ward) {
				if err := w.home.Devices()[0].Move(w.Context(), "10.1.100.10:54321"); err != nil {
					w.Fatal(err)
				}
			}, within: 4 * time.Minute, heal: rest, over: 7 * time.Hour},
		{id: "net.port_blocked", text: "Desk plug is on, but its port 54321 (UDP) does not answer. A firewall or client isolation may be in between.",
			before: onePlug, fall: silent, within: 3 * time.Minute, heal: well, over: 2 * time.Minute},
	}
}

func keyIlls() []ill {
	return []ill{
		{id: "token.wrong", text: "Desk plug hears the bridge but does not understand it. Its key has most likely changed; that happens when it was added to Mi Home again.",
			before: onePlug, fall: func(w *ward) { w.retoken("00112233445566778899aabbccddeeff") }, within: 8 * time.Minute,
			heal: func(w *ward) { w.retoken(w.opt.Known[0].Token) }, over: 5 * time.Minute},
		{id: "token.wrong", text: "Desk plug hears the bridge but does not understand it. Its key has most likely changed; that happens when it was added to Mi Home again.",
			before: func(w *ward) { // the cloud serves it, and knows the key of before
				onePlug(w)
				w.signIn(cloud.Options{Home: w.home}, cloud.User)
			}, fall: func(w *ward) { w.retoken("00112233445566778899aabbccddeeff") }, within: 8 * time.Minute,
			heal: func(w *ward) { w.retoken(w.opt.Known[0].Token) }, over: 8 * time.Minute},
		{id: "token.missing", text: "460000000 was found, but its key is missing.",
			before: func(w *ward) {
				onePlug(w)
				w.keyless()
				w.signIn(cloud.Options{}, cloud.User)
			}, within: 2 * time.Minute},
		{id: "token.hidden", text: "460000000 keeps its key to itself (they all do once they are set up). The account has it.",
			before: func(w *ward) {
				onePlug(w)
				w.keyless()
			}, within: 2 * time.Minute},
	}
}

func (w *ward) retoken(token mi.Secret) {
	w.Helper()
	if err := w.home.Devices()[0].Retoken(token); err != nil {
		w.Fatal(err)
	}
}

func deviceIlls() []ill {
	rest := func(*ward) {}
	return []ill{
		{id: "device.asleep", text: "Kettle switches its Wi-Fi off when idle. That is normal.",
			before: func(w *ward) { w.settle("yunmi.kettle.r3") }, fall: func(w *ward) { w.hurt("10.1.0.10", chaos.Cut, time.Hour) }, within: 20 * time.Minute, heal: rest, over: 90 * time.Minute},
		{id: "device.busy", text: "Desk plug is overloaded and answers every 2nd question. Asking less often.",
			before: onePlug, fall: func(w *ward) {
				for range 10 {
					hurtFirst(miio.Trouble{Busy: true})(w)
					time.Sleep(40 * time.Second)
					hurtFirst(miio.Trouble{})(w)
					time.Sleep(40 * time.Second)
				}
			}, within: time.Minute, heal: rest, over: 20 * time.Minute},
		{id: "device.refused", text: "Desk plug refused power: it accepted false and still says true.",
			before: onePlug, fall: func(w *ward) {
				hurtFirst(miio.Trouble{Ignores: true})(w)
				w.order("devices/460000000/set", `{"2.1": false}`)
			}, within: time.Minute, heal: func(w *ward) {
				hurtFirst(miio.Trouble{})(w)
				w.order("devices/460000000/set", `{"2.1": true}`)
			}, over: time.Minute},
		{id: "device.spec_missing", text: "What cuco.plug.cp5pro can do is not known yet, and the list could not be fetched. Trying again in 60 minutes.",
			before: func(w *ward) {
				onePlug(w)
				w.opt.Sources = nothing()
			}, within: 5 * time.Minute},
		{id: "device.cloud_only", text: "Door camera can only be reached by Xiaomi's cloud.",
			before: func(w *ward) { w.signIn(cloud.Options{}, cloud.User) }, within: 5 * time.Minute},
		{id: "tv.wake", text: "Living room TV can be switched off but not on: no way to wake it is known.",
			before: func(w *ward) { w.putTV() }, fall: func(w *ward) { w.turn(false) }, within: 3 * time.Minute,
			heal: func(w *ward) { w.turn(true) }, over: 3 * time.Minute},
	}
}

func accountIlls() []ill {
	friendly := func(w *ward) { w.cloud.Change(cloud.Mood{}) }
	signed := func(w *ward) { w.signIn(cloud.Options{}, cloud.User) }
	mood := func(m cloud.Mood) func(w *ward) {
		return func(w *ward) {
			w.cloud.Change(m)
			w.cloud.Expire(false)
		}
	}
	return []ill{
		{id: "account.login", text: "Xiaomi has ended the sign-in. 1 local devices are not affected; 7 are.",
			before: func(w *ward) {
				onePlug(w)
				signed(w)
			}, fall: mood(cloud.Mood{Forgets: true}), within: 30 * time.Minute, heal: signInAgain, over: 5 * time.Minute},
		{id: "account.expiring", text: "Your Xiaomi sign-in ends soon.",
			before: signed, fall: func(w *ward) {
				w.cloud.Change(cloud.Mood{Forgets: true})
				w.clock.Step(4 * 24 * time.Hour) // sessions are renewed after some days
				w.heaven.Step(4 * 24 * time.Hour)
			}, within: 8 * time.Hour, heal: signInAgain, over: 5 * time.Minute},
		{id: "account.verify", text: "Xiaomi wants you to confirm the sign-in in a browser. The bridge has stopped trying so that the account is not locked.",
			before: signed, fall: mood(cloud.Mood{Chore: true, Suspects: true}), within: 30 * time.Minute, heal: signInAgain, over: 5 * time.Minute},
		{id: "account.empty", text: "You are signed in, but this account has no devices in any of the 7 regions. Are they in another account, or shared with this one under an invitation not yet accepted?",
			before: func(w *ward) {
				w.signIn(cloud.Options{People: []cloud.Person{
					{ID: cloud.AnnaID, Email: cloud.User, Name: "Anna", Password: cloud.Password}, {ID: 2_011_111_111, Email: "nobody@example.com", Name: "Nobody", Password: "Nobody's cloud 9!"},
					{ID: cloud.OttoID, Email: "otto@example.com", Name: "Otto", Password: "Otto's cloud 8!"},
				}}, "nobody@example.com")
			}, within: 5 * time.Minute},
		{id: "account.limited", text: "Xiaomi asks us to slow down. Cloud devices update every 60 seconds until 00:01.",
			before: signed, fall: mood(cloud.Mood{API: cloud.Weather{Limited: true}, Account: cloud.Weather{Limited: true}}), within: 30 * time.Minute, heal: friendly, over: time.Hour},
		{id: "cloud.away", text: "Xiaomi's cloud does not answer (since 00:00). Local devices are not affected.",
			before: signed, fall: func(w *ward) {
				w.cloud.Change(cloud.Mood{API: cloud.Weather{Status: 500}, Account: cloud.Weather{Status: 500}})
			}, within: 30 * time.Minute, heal: friendly, over: time.Hour},
		{id: "clock.wrong", text: "This machine's clock is 3 hours off. Sign-in fails with a wrong clock.",
			before: signed, fall: func(w *ward) { w.clock.Step(3 * time.Hour) }, within: 10 * time.Minute, heal: func(w *ward) { w.clock.Step(-3 * time.Hour) }, over: 10 * time.Minute},
	}
}

// signInAgain signs in with the password, as the page does it.
func signInAgain(w *ward) {
	w.cloud.Change(cloud.Mood{})
	w.v.Get("login")
	w.v.Post("login/begin", "method", "password", "user", cloud.User, "password", cloud.Password.Reveal())
}

func airIlls() []ill {
	quiet := func(deaf bool) func(w *ward) { return func(w *ward) { w.radio.Mute(0, deaf) } }
	closed := []mi.Info{
		{DID: "990000001", Model: "lumi.gateway.mgl03", Name: "Hall gateway", Token: "00112233445566778899aabbccddeeff"},
		{DID: "lumi.158d0001020304", Model: "lumi.sensor_magnet.v2", Name: "Door", Parent: "990000001"},
	}
	return []ill{
		{id: "ble.no_receiver", text: "Hall motion speaks Bluetooth, and no receiver is there.",
			before: func(w *ward) {
				w.signIn(cloud.Options{}, cloud.User)
				w.hear(true)
			}, fall: func(w *ward) { w.deafen(true) }, within: 5 * time.Minute, heal: func(w *ward) { w.deafen(false) }, over: 5 * time.Minute},
		{id: "ble.receiver_silent", text: "The receiver virtual radio upstairs has gone quiet. Devices heard by others are not affected.",
			before: func(w *ward) { w.hear(true) }, fall: func(w *ward) {
				time.Sleep(10 * time.Minute)
				quiet(true)(w)
			}, within: 10 * time.Minute, heal: quiet(false), over: 5 * time.Minute},
		{id: "ble.key_missing", text: "isa.magnet.dw2hl sends encrypted; its key is missing.",
			before: func(w *ward) { w.hear(false) }, within: 20 * time.Minute},
		{id: "gateway.key", text: "The gateway Gateway wants its LAN key to obey.",
			before: func(w *ward) { w.putGateway() }, fall: func(w *ward) { w.order("devices/lumi_34ce00a1b2c3/set", `{"light/on": true}`) }, within: 2 * time.Minute},
		{id: "gateway.closed", text: "Hall gateway offers no local access with this firmware. Its devices come by the cloud.",
			before: func(w *ward) { w.signIn(cloud.Options{Listed: closed}, cloud.User) }, within: 10 * time.Minute},
	}
}

// deafen switches both receivers off, or on.
func (w *ward) deafen(off bool) {
	w.radio.Mute(0, off)
	w.radio.Mute(1, off)
}

// hear puts a radio up, with the keys of its devices or without.
func (w *ward) hear(keys bool) {
	w.radio = ble.NewRadio(w.street)
	w.runs = append(w.runs, w.radio.Run)
	w.opt.Radio.Receivers = w.radio.Receivers()
	if !keys {
		return
	}
	var all []string
	for addr, key := range w.radio.Keys() {
		all = append(all, addr+","+key.Reveal())
	}
	slices.Sort(all)
	w.env = append(w.env, config.Prefix+"BLE_KEYS="+strings.Join(all, ";"))
}

func (w *ward) putTV() {
	w.Helper()
	set, err := tv.New(w.street, tv.Options{Addr: "10.1.3.1:6095", Shy: true})
	if err != nil {
		w.Fatal(err)
	}
	w.television = set
	w.env = append(w.env, config.Prefix+"TVS=10.1.3.1")
	w.runs = append(w.runs, func(ctx context.Context) error {
		<-ctx.Done()
		return set.Close()
	})
}

func (w *ward) turn(on bool) {
	w.Helper()
	if err := w.television.Switch(on); err != nil {
		w.Fatal(err)
	}
}

func (w *ward) putGateway() {
	w.Helper()
	ground := w.street
	ground.Net = w.net.Machine(world.Topology{Prefix: bridgetest.Prefix("10.1.4.1")})
	l, err := lumi.New(ground, lumi.Options{Address: "10.1.4.1:9898", Still: true})
	if err != nil {
		w.Fatal(err)
	}
	w.runs = append(w.runs, l.Run)
}

func wholeIlls() []ill {
	return []ill{
		{id: "mqtt.away", text: "No connection to the broker mqtt://10.1.254.1:1883: nothing listens at the broker's address. No values wait.",
			before: userBroker, fall: func(w *ward) { w.broker.Down() }, within: 2 * time.Minute, heal: brokerUp, over: 3 * time.Minute},
		{id: "mqtt.takeover", text: "Another program uses the name mihome2mqtt-3e5b2b38 at the broker. Is a second bridge running?",
			before: userBroker, fall: func(w *ward) { w.rival() }, within: 10 * time.Minute, heal: func(w *ward) { w.stopRival() }, over: 5 * time.Minute},
		{id: "ha.not_seen", text: "Home Assistant has not been seen at this broker. Is its MQTT integration on, at the same broker?",
			before: userBroker, within: 15 * time.Minute, heal: func(w *ward) { w.born() }, over: time.Minute},
		{id: "disk.readonly", text: "The data folder cannot be written (read-only file system). The bridge goes on, but forgets new keys at the next start.",
			before: onePlug, fall: func(w *ward) {
				w.disk.Protect(true)
				w.v.Get("devices/460000000")
				w.v.Post("devices/460000000/options", "name", "Lamp plug")
			}, within: 3 * time.Minute, heal: func(w *ward) { w.disk.Protect(false) }, over: 3 * time.Minute},
		{id: "map.invalid", text: "models/mine.yaml:2:3: unknown field \"uint\". The built-in mapping is used.",
			before: func(w *ward) { w.mapping("- models: [\"a.b.c\"]\n  uint: x\n") }, within: time.Minute,
			heal: func(w *ward) { w.rewrite("- models: [\"a.b.c\"]\n  sleepy: true\n") }, over: time.Minute},
		{id: "map.invalid", text: "models/mine.yaml:2:3: unknown field \"uint\". The mapping of before stays in use.",
			before: func(w *ward) { w.mapping("- models: [\"a.b.c\"]\n  sleepy: true\n") }, fall: func(w *ward) { w.rewrite("- models: [\"a.b.c\"]\n  uint: x\n") }, within: time.Minute,
			heal: func(w *ward) { w.rewrite("- models: [\"a.b.c\"]\n  sleepy: true\n") }, over: time.Minute},
		{id: "config.open", text: "The pages are shut from outside because no password is set.",
			before: func(w *ward) { w.env = append(w.env, config.Prefix+"WEB_LISTEN=0.0.0.0:8099") }, within: time.Minute},
	}
}

// mapping gives the bridge a mapping file of the user's.
func (w *ward) mapping(text string) {
	w.files = fstest.MapFS{}
	w.files["models/mine.yaml"] = &fstest.MapFile{Data: []byte(text)}
	w.changed = make(chan struct{})
	w.opt.Files.Mappings = w.files
	w.opt.Files.Watch = func(ctx context.Context) (<-chan struct{}, error) {
		out := make(chan struct{})
		go func() {
			defer close(out)
			for {
				select {
				case <-w.changed:
					out <- struct{}{}
				case <-ctx.Done():
					return
				}
			}
		}()
		return out, nil
	}
}

func (w *ward) rewrite(text string) {
	w.files["models/mine.yaml"] = &fstest.MapFile{Data: []byte(text)}
	w.changed <- struct{}{}
}

// nothing is no source of specs at all, which is not the same as the usual ones.
func nothing() []spec.Source { return []spec.Source{} }
