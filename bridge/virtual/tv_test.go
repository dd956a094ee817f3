package virtual_test

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
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual"
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

// TestForeignTVClients lets xiaomitv 0.9.2 and pymitv 1.5.0 from PyPI use a TV;
// TV_PYTHON names a Python that has them. They know only port 6095.
func TestForeignTVClients(t *testing.T) {
	python := os.Getenv("TV_PYTHON")
	if python == "" {
		t.Skip("set TV_PYTHON to a Python with xiaomitv and pymitv")
	}
	const host6095 = "127.60.95.1"
	tv, err := virtual.NewTV(mi.World{Net: host.Network(), Now: time.Now}, virtual.TVOptions{Addr: net.JoinHostPort(host6095, "6095")})
	if err != nil {
		t.Fatal(err)
	}
	defer tv.Close()
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
	if heard.Name != tv.Name() || heard.Mac != tv.MAC() || heard.Platform != 606 || len(heard.Apps) != 5 || !heard.Found || !heard.On ||
		heard.Volume != 20 || heard.Later != 23 || heard.OldVolume != 23 || !slices.Equal(heard.Sent, []bool{true, true, true, true}) {
		t.Errorf("they heard %+v", heard)
	}
	s := tv.State()
	keys := []string{"volumeup", "volumeup", "volumeup", "menu", "up", "volumedown", "power"}
	if s.Volume != 22 || s.Source != "hdmi1" || s.App != "org.xbmc.kodi" || !slices.Equal(s.Keys, keys) || tv.On() {
		t.Errorf("the TV does %+v, on: %v", s, tv.On())
	}
}

// TestForeignTVClientsSeeTrouble asks the same clients about a TV that is off or
// hangs: that must look to them as a real one does.
func TestForeignTVClientsSeeTrouble(t *testing.T) {
	python := os.Getenv("TV_PYTHON")
	if python == "" {
		t.Skip("set TV_PYTHON to a Python with xiaomitv and pymitv")
	}
	const host6095 = "127.60.95.2"
	tv, err := virtual.NewTV(mi.World{Net: host.Network(), Now: time.Now}, virtual.TVOptions{Addr: net.JoinHostPort(host6095, "6095")})
	if err != nil {
		t.Fatal(err)
	}
	defer tv.Close()
	state := func() string {
		out, err := exec.CommandContext(t.Context(), python, "-c", `
import asyncio, sys
from xiaomitv import XiaomiTV
from pymitv import Control
async def ask():
    tv = XiaomiTV(sys.argv[1], timeout=1)
    try:
        await tv.async_get_system_state()
        return "answers"
    except Exception as e:
        return type(e).__name__
    finally:
        await tv.async_close()
try:
    seen = Control.check_state(sys.argv[1])
except Exception as e:
    seen = type(e).__name__
print(asyncio.run(ask()), seen, end="")`, host6095).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if got := state(); got != "answers True" {
		t.Errorf("a TV that is on: %s", got)
	}
	tv.Hurt(virtual.TVTrouble{Hangs: true})
	if got := state(); got != "RequestError ReadTimeout" {
		t.Errorf("a TV that hangs: %s", got)
	}
	tv.Hurt(virtual.TVTrouble{})
	if err := tv.Switch(false); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != "RequestError False" {
		t.Errorf("a TV that is off: %s", got)
	}
}
