package router_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/router"
)

// routerClient lets the third-party client read and set what it can, and prints what it
// saw. It knows SHA-1 only.
const routerClient = `
import asyncio, json, sys
from xiaomi_miwifi import MiWiFiClient
from xiaomi_miwifi.exceptions import MiWiFiAuthError

async def main(host, port, password):
    out = {}
    async with MiWiFiClient(host, "not it", port=port) as c:
        try:
            await c.async_login()
        except MiWiFiAuthError:
            out["refused"] = True
    async with MiWiFiClient(host, password, port=port) as c:
        s = await c.async_get_status()
        out.update(firmware=s.firmware_version, mac=s.mac, hardware=s.hardware, wan=s.wan_ip, link=s.wan_link, led=s.led_on,
                   update=s.rom_latest_version, channel=s.channel_5g, nodes=[n.name for n in s.mesh_nodes])
        clients = await c.async_get_clients()
        out["clients"] = sum(1 for x in clients if not x.is_router)
        out["online"] = sum(1 for x in clients if x.online and not x.is_router)
        out["channels"] = await c.async_get_available_channels(1)
        c._token = "stale"
        out["again"] = (await c.async_get_led())["status"]
        out["moved"] = await c.async_set_wifi_channel(2, "149")
        out["down"] = await c.async_set_wifi_enabled("wl1", False)
        out["reboot"] = await c.async_reboot()
    print(json.dumps(out))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
`

// routerTrouble asks for the light of a router, and when it is told to does so again.
const routerTrouble = `
import asyncio, sys, xiaomi_miwifi.client as client
from xiaomi_miwifi import MiWiFiClient
client.HTTP_TIMEOUT = 1 # instead of 12 s

async def main(host, port, password):
    async with MiWiFiClient(host, password, port=port) as c:
        while True:
            try:
                print((await c._get(client.PATH_LED, timeout_s=1))["status"], flush=True)
            except Exception as e:
                print(type(e).__name__, flush=True)
            if not sys.stdin.readline().strip():
                return

asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
`

const routerPassword = mi.Secret("a router's password")

// routerFor puts up a router for PyPI's python-xiaomi-miwifi.
func routerFor(t *testing.T) (r *router.Router, run func(script string, password mi.Secret) *exec.Cmd) {
	t.Helper()
	python := os.Getenv("MIWIFI_PYTHON")
	if python == "" {
		t.Skip("MIWIFI_PYTHON does not name a Python with python-xiaomi-miwifi")
	}
	address := "" // a free port
	if network := os.Getenv("FOREIGN_NET"); network != "" {
		address = network + ".1:80"
	}
	r, err := router.New(mi.World{Net: host.Network(), Now: time.Now, Seed: 4}, router.Options{Address: address, Password: routerPassword, Nodes: 2, Still: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	lived := make(chan error, 1)
	go func() { lived <- r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-lived })
	addr, port, err := net.SplitHostPort(r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return r, func(script string, password mi.Secret) *exec.Cmd {
		return exec.CommandContext(ctx, python, "-c", script, addr, port, password.Reveal())
	}
}

// TestForeignRouterClient lets the unmodified client work with the virtual router.
func TestForeignRouterClient(t *testing.T) {
	r, run := routerFor(t)
	cmd := run(routerClient, routerPassword)
	var trouble strings.Builder
	cmd.Stderr = &trouble
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("the client failed: %v\n%s", err, trouble.String())
	}
	var got any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(got)
	const want = `{"again":1,"channel":44,"channels":["0","1","6","11"],"clients":8,"down":true,"firmware":"1.0.90","hardware":"RD03","led":true,` +
		`"link":true,"mac":"5A:CB:52:00:00:01","moved":true,"nodes":["Mesh 1","Mesh 2"],"online":6,"reboot":true,"refused":true,"update":"1.0.91","wan":"203.0.113.7"}`
	if string(again) != want {
		t.Errorf("the client saw %s\nwant %s", again, want)
	}
	c := r.Counters()
	if c.Refused != 1 || c.Logins != 2 || c.Reboots != 1 || r.Network("wl0").Channel != 149 || r.Network("wl1").On {
		t.Errorf("the router has %+v, %+v, %+v", c, r.Network("wl0"), r.Network("wl1"))
	}
}

// TestForeignRouterClientSeesTrouble shows the same client a wrong password, a session
// that the router ended, a router that hangs, and one that is gone.
func TestForeignRouterClientSeesTrouble(t *testing.T) {
	r, run := routerFor(t)
	if out, err := run(routerTrouble, "wrong").Output(); err != nil || string(out) != "MiWiFiAuthError\n" {
		t.Errorf("with a wrong password it says %q, %v", out, err)
	}
	cmd := run(routerTrouble, routerPassword)
	in, err := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err != nil || err2 != nil || cmd.Start() != nil {
		t.Fatal(err, err2)
	}
	lines := bufio.NewScanner(out)
	for _, tc := range []struct {
		name string
		do   func()
		want string
	}{
		{"well", func() {}, "1"},
		{"it ended the session", r.EndSession, "1"},
		{"it hangs", r.Mute, "TimeoutError"},
		{"well again", func() { r.Answer(1) }, "1"},
		{"gone", func() { _ = r.Close() }, "MiWiFiConnectionError"},
	} {
		tc.do()
		if tc.name != "well" {
			fmt.Fprintln(in, "again")
		}
		if !lines.Scan() || lines.Text() != tc.want {
			t.Errorf("%s: the client says %q, want %q", tc.name, lines.Text(), tc.want)
		}
		t.Logf("%s: %s", tc.name, lines.Text())
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if c := r.Counters(); c.Refused != 1 || c.Logins != 2 {
		t.Errorf("the router counts %+v", c)
	}
}
