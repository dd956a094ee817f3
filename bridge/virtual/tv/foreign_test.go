package tv_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
)

// tvClients drives two foreign clients and prints what they heard.
const tvClients = `
import asyncio, json, sys
from xiaomitv import XiaomiTV
from pymitv import Control, TV
from pymitv.discover import Discover

host = sys.argv[1]

async def first():
    tv = XiaomiTV(host)
    try:
        state, info = await tv.async_get_system_state(), await tv.async_get_system_info()
        apps = await tv.async_get_apps()
        volume = await tv.async_get_volume()
        await tv.async_set_volume(volume + 3)
        await tv.async_change_source("hdmi2")
        await tv.async_start_app(apps[-1].id)
        await tv.async_press_key("menu")
        return dict(name=state.name, platform=state.platform, mac=info.eth_mac, apps=[a.name for a in apps],
                    volume=volume, later=await tv.async_get_volume())
    finally:
        await tv.async_close()

heard = asyncio.run(first())
heard["found"] = Discover().check_ip(host)
tv = TV(host, assume_state=False)
heard["old_volume"], heard["on"] = tv.volume, tv.is_on
heard["sent"] = [tv.up(), tv.volume_down(), tv.change_source("hdmi1"), tv.turn_off()]
print(json.dumps(heard))
`

// tvTrouble asks for the volume and whether the TV is there, by each client's ways.
const tvTrouble = `
import asyncio, sys
from xiaomitv import XiaomiTV
from pymitv import Control
from pymitv.discover import Discover

async def ask(what):
    tv = XiaomiTV(sys.argv[1], timeout=1)
    try:
        return await getattr(tv, what)()
    finally:
        await tv.async_close()

def seen(f, *args):
    try:
        return f(*args)
    except Exception as e:
        return type(e).__name__

state = seen(lambda: asyncio.run(ask("async_get_system_state")))
print(seen(lambda: asyncio.run(ask("async_get_volume"))), state if type(state) is str else "answers",
      seen(Control.check_state, sys.argv[1]), seen(Discover.check_ip, sys.argv[1]), seen(Control.get_volume, sys.argv[1]), end="")
`

// TestForeignTVClientFinds lets pymitv search a network of our own for the TV.
func TestForeignTVClientFinds(t *testing.T) {
	python := os.Getenv("TV_PYTHON")
	if python == "" || os.Getenv("FOREIGN_NET") == "" {
		t.Skip("set TV_PYTHON to a Python with pymitv, and FOREIGN_NET to a network in which 6095 is free")
	}
	_, host6095 := tvFor(t)
	out, err := exec.CommandContext(t.Context(), python, "-c", "import sys\nfrom pymitv.discover import Discover\nprint(*Discover().scan(base_ip=sys.argv[1]), end='')", os.Getenv("FOREIGN_NET")).CombinedOutput()
	if err != nil || string(out) != host6095 {
		t.Errorf("it finds %s, %v", out, err)
	}
}

// tvFor puts up a TV for clients that know only port 6095.
func tvFor(t *testing.T) (set *tv.TV, name string) {
	t.Helper()
	addr := "127.60.95.1:6095"
	if network := os.Getenv("FOREIGN_NET"); network != "" {
		addr = network + ".10:6095"
	}
	set, err := tv.New(mi.World{Net: host.Network(), Now: time.Now}, tv.Options{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	name, _, _ = net.SplitHostPort(addr)
	return set, name
}

// TestForeignTVClients lets xiaomitv 0.9.2 and pymitv 1.5.0 from PyPI use a TV;
// TV_PYTHON names a Python that has them. They know only port 6095.
func TestForeignTVClients(t *testing.T) {
	python := os.Getenv("TV_PYTHON")
	if python == "" {
		t.Skip("set TV_PYTHON to a Python with xiaomitv and pymitv")
	}
	set, host6095 := tvFor(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, python, "-c", tvClients, host6095).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var heard struct {
		Name, Mac               string
		Platform, Volume, Later int
		Apps                    []string
		Found, On               bool
		OldVolume               int `json:"old_volume"`
		Sent                    []bool
	}
	if err := json.Unmarshal(out, &heard); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if heard.Name != set.Name() || heard.Mac != set.MAC() || heard.Platform != 606 || len(heard.Apps) != 5 || !heard.Found || !heard.On ||
		heard.Volume != 20 || heard.Later != 23 || heard.OldVolume != 23 || !slices.Equal(heard.Sent, []bool{true, true, true, true}) {
		t.Errorf("they heard %+v", heard)
	}
	s := set.State()
	keys := []string{"volumeup", "volumeup", "volumeup", "menu", "up", "volumedown", "power"}
	if s.Volume != 22 || s.Source != "hdmi1" || s.App != "org.xbmc.kodi" || !slices.Equal(s.Keys, keys) || set.On() {
		t.Errorf("the TV does %+v, on: %v", s, set.On())
	}
}

// TestForeignTVClientsSeeTrouble asks the same clients about a TV that is off or
// hangs: that must look to them as a real one does.
func TestForeignTVClientsSeeTrouble(t *testing.T) {
	python := os.Getenv("TV_PYTHON")
	if python == "" {
		t.Skip("set TV_PYTHON to a Python with xiaomitv and pymitv")
	}
	set, host6095 := tvFor(t)
	state := func() string {
		out, err := exec.CommandContext(t.Context(), python, "-c", tvTrouble, host6095).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	for _, tc := range []struct {
		name    string
		trouble tv.Trouble
		off     bool
		want    string
	}{
		{"is well", tv.Trouble{}, false, "20 answers True True 20"},
		{"hangs", tv.Trouble{Hangs: true}, false, "RequestError RequestError ReadTimeout ReadTimeout ReadTimeout"},
		{"hangs up", tv.Trouble{Drops: true}, false, "RequestError RequestError False False False"},
		{"says nonsense", tv.Trouble{Garbage: true}, false, "RequestError RequestError True True JSONDecodeError"},
		{"refuses the newer call", tv.Trouble{OldOnly: true}, false, "RequestError answers True True 20"},
		{"is off", tv.Trouble{}, true, "RequestError RequestError False False False"},
		{"is on again", tv.Trouble{}, false, "20 answers True True 20"},
	} {
		set.Hurt(tc.trouble)
		if err := set.Switch(!tc.off); err != nil {
			t.Fatal(err)
		}
		got := state()
		t.Logf("a TV that %s: %s", tc.name, got)
		if got != tc.want {
			t.Errorf("a TV that %s: %s, want %s", tc.name, got, tc.want)
		}
	}
}
