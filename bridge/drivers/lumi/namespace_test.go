//go:build linux

package lumi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/lumi"
)

const (
	insideVar   = "LUMI_TEST_INSIDE"
	gatewayAddr = "10.98.98.1"
	clientAddr  = "10.98.98.2"
)

// inside runs the test in a network namespace of its own, in which ports and
// groups are free: the test binary calls itself. It returns false outside.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVar) == t.Name() {
		wire(t)
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("only root makes a network namespace")
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), insideVar+"="+t.Name())
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		t.Skipf("no network namespace: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip("it was skipped inside")
	}
	return false
}

// wire makes the namespace's one network card; it carries the addresses of both
// sides. Where the kernel has no dummy card, a pair does.
func wire(t *testing.T) {
	t.Helper()
	run := func(line string) error {
		out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
		return nil
	}
	err := run("link add lan0 type dummy")
	if err != nil {
		err = errors.Join(run("link add lan0 type veth peer name lan1"), run("link set lan1 up"))
	}
	if err != nil {
		t.Skip(err)
	}
	for _, line := range []string{
		"link set lo up", "addr add " + gatewayAddr + "/24 dev lan0", "addr add " + clientAddr + "/24 dev lan0", "link set lan0 up multicast on",
	} {
		if err := run(line); err != nil {
			t.Skip(err)
		}
	}
}

// street is the virtual gateway with real sockets inside the namespace.
func street(t *testing.T, port string) *virtual.Gateway {
	t.Helper()
	g, err := virtual.New(mi.World{Net: host.Network(), Now: time.Now, Seed: 11}, virtual.Options{Address: gatewayAddr + ":" + port, Still: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return g
}

// TestRealMulticast finds the gateway by whois and hears its reports through the
// kernel's own multicast.
func TestRealMulticast(t *testing.T) {
	if !inside(t) {
		return
	}
	g := street(t, "9899") // on this machine the driver has the usual one
	h := &house{t: t, gateway: g, infos: g.Infos(), driver: lumi.New(mi.World{Net: host.Network(), Now: time.Now}, lumi.Options{
		Keys: map[string]mi.Secret{g.SID(): g.Key()}, Log: zerolog.Nop(),
	})}
	found, end := h.find()
	defer end()
	drivertest.Await(t, "all are found", func() bool { return len(found()) >= 7 })
	link, e := h.open(button)
	defer link.Close()
	g.Report(h.infos[button].DID[5:], map[string]any{"status": "click"})
	drivertest.Await(t, "a press", func() bool { return len(e.heard()) > 0 })
	g.Report(h.infos[button].DID[5:], map[string]any{"status": "double_click"})
	drivertest.Await(t, "another", func() bool { return len(e.heard()) > 1 })
	if got := e.heard(); !slices.Equal(got, []string{"switch-sensor/click", "switch-sensor/double-click"}) {
		t.Errorf("events %v", got)
	}
	relay, _ := h.open(plug)
	defer relay.Close()
	if err := relay.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(true)}}); err != nil {
		t.Error(err)
	}
}

// foreign drives PyXiaomiGateway, which is not changed: it finds the gateway,
// switches its plug and its lamp, and says what it hears.
const foreign = `
import asyncio, json, sys
from xiaomi_gateway import AsyncXiaomiGatewayMulticast, XiaomiGatewayDiscovery
here, there, key, plug, button = sys.argv[1:]
def say(**what): print(json.dumps(what), flush=True)
d = XiaomiGatewayDiscovery(here); d.discover_gateways()
gw = d.gateways[there]; gw.key = key
say(sid=gw.sid, models=sorted({x["model"] for kind in gw.devices.values() for x in kind}))
async def main():
    m = AsyncXiaomiGatewayMulticast(here); await m.start_listen()
    m.register_gateway(there, gw.multicast_callback)
    over = asyncio.Event()
    def heard(data, raw):
        say(heard=data)
        if data.get("status") == "click": over.set()
    gw.callbacks[button].append(heard); gw.callbacks[plug].append(heard)
    loop = asyncio.get_running_loop()
    say(plug=await loop.run_in_executor(None, lambda: gw.write_to_hub(plug, status="on")))
    gw.token = "0" * 16
    say(lamp=await loop.run_in_executor(None, lambda: gw.write_to_hub(gw.sid, rgb=1694433280)))
    gw.key = "wrong wrong key!"
    say(wrong=await loop.run_in_executor(None, lambda: gw.write_to_hub(plug, status="off")))
    say(ready=True)
    await asyncio.wait_for(over.wait(), 20)
    m.stop_listen()
asyncio.run(main())
`

// TestForeignClientControlsTheVirtualGateway lets somebody else's client judge
// the virtual gateway.
func TestForeignClientControlsTheVirtualGateway(t *testing.T) {
	python := os.Getenv("LUMI_PYTHON")
	if python == "" {
		t.Skip("LUMI_PYTHON names no Python that has PyXiaomiGateway")
	}
	if !inside(t) {
		return
	}
	g := street(t, "9898")
	infos := g.Infos()
	plugSID, buttonSID := infos[plug].DID[5:], infos[button].DID[5:]
	c := exec.CommandContext(t.Context(), python, "-c", foreign, clientAddr, gatewayAddr, g.Key().Reveal(), plugSID, buttonSID)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := map[string]any{}
	var heard []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Log(lines.Text())
		if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
		if _, is := said["heard"]; is {
			heard = append(heard, lines.Text())
			delete(said, "heard")
		}
		if said["ready"] == true {
			delete(said, "ready")
			g.Report(buttonSID, map[string]any{"status": "click"})
		}
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if said["sid"] != g.SID() || said["plug"] != true || said["lamp"] != true || said["wrong"] != false {
		t.Errorf("the client says %v", said)
	}
	if models, _ := said["models"].([]any); len(models) != 7 {
		t.Errorf("it knows the models %v", said["models"])
	}
	want := []string{plugSID + " status=on", g.SID() + " rgb=1694433280"}
	if got := g.Wrote(); !slices.Equal(got, want) {
		t.Errorf("the gateway took %v, want %v", got, want)
	}
	if len(heard) != 2 {
		t.Errorf("it heard %v, want the plug and one press", heard)
	}
}
