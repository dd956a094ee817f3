package androidtv_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/androidtv"
)

// remoteClient pairs with a TV, operates it, and says what it saw. Where it needs
// somebody in front of the TV, it asks for that by a line and waits for an answer.
const androidClient = `
import asyncio, json, sys
from androidtvremote2 import AndroidTVRemote, InvalidAuth, CannotConnect, ConnectionClosed

def ask(what):
    print(what, flush=True)
    return sys.stdin.readline().strip()

async def main(folder, host, port):
    seen = {}
    def remote():
        return AndroidTVRemote("a client", folder + "/cert.pem", folder + "/key.pem", host, api_port=port, pair_port=port + 1)
    tv = remote()
    await tv.async_generate_cert_if_missing()
    try:
        await tv.async_connect()
    except InvalidAuth:
        seen["stranger"] = True
    seen["name"], seen["mac"] = await tv.async_get_name_and_mac()
    await tv.async_start_pairing()
    code = ask("code")
    try:
        await tv.async_finish_pairing(code[:5] + ("0" if code[5] != "0" else "1"))
    except InvalidAuth:
        seen["wrong"] = True
    except ConnectionClosed:
        seen["wrong"] = True # one of 256 wrong codes is for the TV to refuse
        await tv.async_start_pairing()
        code = ask("code")
    await tv.async_finish_pairing(code)
    tv = remote()
    await tv.async_connect()
    for _ in range(50):
        if tv.volume_info and tv.current_app:
            break
        await asyncio.sleep(0.1)
    seen["info"] = tv.device_info
    seen["on"], seen["app"], seen["volume"] = tv.is_on, tv.current_app, tv.volume_info
    for key in ("VOLUME_UP", "VOLUME_UP", "MUTE", "VOLUME_MUTE", "HOME", "POWER"):
        tv.send_key_command(key)
    tv.send_launch_app_command("com.netflix.ninja")
    tv.send_launch_app_command("https://www.youtube.com/watch?v=x")
    await asyncio.sleep(7) # longer than between two pings
    seen["later"] = [tv.is_on, tv.current_app, tv.volume_info]
    lost = asyncio.get_running_loop().create_future()
    tv.keep_reconnecting(lambda: lost.set_result(True))
    ask("forget")
    seen["forgotten"] = await asyncio.wait_for(lost, 20)
    tv.disconnect()
    seen["trouble"] = {}
    for trouble in ("hang", "hang while pairing", "sleep", "sleep while pairing"):
        ask(trouble)
        tv = remote()
        try:
            await asyncio.wait_for(tv.async_start_pairing() if "pairing" in trouble else tv.async_connect(), 3)
            seen["trouble"][trouble] = "connected"
        except Exception as e:
            seen["trouble"][trouble] = type(e).__name__
        tv.disconnect()
    print(json.dumps(seen), flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
`

// TestForeignAndroidTVClient lets androidtvremote2 0.3.2 from PyPI, which is what Home
// Assistant uses, pair with a TV and operate it. ATV_PYTHON names a Python that has
// it.
func TestForeignAndroidTVClient(t *testing.T) {
	python := os.Getenv("ATV_PYTHON")
	if python == "" {
		t.Skip("ATV_PYTHON names no Python that has androidtvremote2")
	}
	addr := "" // a free port
	if network := os.Getenv("FOREIGN_NET"); network != "" {
		addr = network + ".20:6466"
	}
	tv, err := androidtv.New(mi.World{Net: host.Network(), Now: time.Now, Seed: 4}, androidtv.Options{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer tv.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	address, port, _ := net.SplitHostPort(tv.Addr())
	cmd := exec.CommandContext(ctx, python, "-c", androidClient, t.TempDir(), address, port)
	var errs strings.Builder
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err != nil || err2 != nil || cmd.Start() != nil {
		t.Fatal(err, err2)
	}
	answer := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch answer = lines.Text(); answer {
		case "code":
			fmt.Fprintln(in, tv.Code())
		case "forget":
			tv.Forget()
			fmt.Fprintln(in)
		case "hang", "hang while pairing":
			tv.Hurt(androidtv.Trouble{Hangs: true})
			fmt.Fprintln(in)
		case "sleep", "sleep while pairing":
			tv.Hurt(androidtv.Trouble{})
			tv.Sleep()
			fmt.Fprintln(in)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	type volume struct {
		Level, Max int
		Muted      bool
	}
	var seen struct {
		Stranger, Wrong, On, Forgotten bool
		Trouble                        map[string]string
		Name, Mac, App                 string
		Info                           map[string]string
		Volume                         volume
		Later                          []json.RawMessage
	}
	if err := json.NewDecoder(io.LimitReader(strings.NewReader(answer), 1<<16)).Decode(&seen); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	if !seen.Stranger || !seen.Wrong || !seen.Forgotten || seen.Name != tv.Name() || seen.Mac != tv.MAC() || !seen.On ||
		seen.App != "com.google.android.apps.tv.launcherx" || seen.Volume != (volume{10, androidtv.MaxVolume, false}) || seen.Info["manufacturer"] != "Xiaomi" {
		t.Errorf("it saw %s", answer)
	}
	if got := fmt.Sprintf("%s", seen.Later); got != `[false "com.google.android.youtube.tv" {"level": 12, "max": 50, "muted": true}]` {
		t.Errorf("later it saw %s", got)
	}
	t.Logf("in trouble it says %v", seen.Trouble)
	if want := map[string]string{
		"hang": "TimeoutError", "hang while pairing": "TimeoutError", "sleep": "CannotConnect", "sleep while pairing": "CannotConnect",
	}; !maps.Equal(seen.Trouble, want) {
		t.Errorf("in trouble it says %v, want %v", seen.Trouble, want)
	}
	s := tv.State()
	if !slices.Equal(s.Keys, []int{24, 24, 91, 164, 3, 26}) || !slices.Equal(s.Links, []string{"market://launch?id=com.netflix.ninja", "https://www.youtube.com/watch?v=x"}) {
		t.Errorf("the TV got %v and %v", s.Keys, s.Links)
	}
}
