package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

const plug = "cuco.plug.cp5pro"

// visit is a virtual home on loopback and the environment of somebody who knows
// its devices.
type visit struct {
	t       *testing.T
	devices []mi.Info
	environ []string
}

func newVisit(t *testing.T, models ...string) *visit {
	t.Helper()
	w := mi.World{Net: host.Network(), Now: time.Now, Seed: 1}
	h, err := miio.New(w, miio.Options{Models: models, Still: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	v := &visit{t: t, devices: h.Infos()}
	var lines []string
	for _, d := range v.devices {
		lines = append(lines, d.DID+"/"+d.Addr+","+d.Token.Reveal()+","+d.Model)
	}
	v.environ = []string{
		"MIHOME2MQTT_DEVICES=" + strings.Join(lines, ";"), "MIHOME2MQTT_SPECS=" + specFolder(t),
		"MIHOME2MQTT_SPECS_ONLINE=false", "MIHOME2MQTT_DATA=" + filepath.Join(t.TempDir(), "none"), "MIHOME2MQTT_INTERFACES=lo", "MIHOME2MQTT_WEB_LISTEN=off",
	}
	return v
}

// specFolder writes the specs of the virtual devices to a folder of the test.
func specFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, miio.Specs()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run is one command; it returns what the command printed.
func (v *visit) run(want int, args ...string) (out, talk string) {
	v.t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(v.t.Context(), args, v.environ, &stdout, &stderr); code != want {
		v.t.Fatalf("%q ended with %d, want %d\n%s%s", args, code, want, &stdout, &stderr)
	}
	for _, d := range v.devices {
		if text := stdout.String() + stderr.String(); strings.Contains(text, d.Token.Reveal()) {
			v.t.Errorf("%q shows a token: %s", args, text)
		}
	}
	return stdout.String(), stderr.String()
}

func TestPlugByHand(t *testing.T) {
	v := newVisit(t, plug)
	v.run(0, "set", plug, "switch/on", "off")
	if out, _ := v.run(0, "get", plug, "switch/on"); out != "off\n" {
		t.Errorf("off is read as %q", out)
	}
	out, talk := v.run(0, "set", plug, "p2_1", "on")
	if !strings.HasPrefix(out, "Power is on (LAN, ") || talk != "No bridge runs that can be asked, as MIHOME2MQTT_WEB_LISTEN is off: talking with the device directly.\n" {
		t.Errorf("said %q and %q", out, talk)
	}
	out, _ = v.run(0, "get", plug, "--json")
	var all map[string]any
	if err := json.Unmarshal([]byte(out), &all); err != nil || all["switch/on"] != true {
		t.Errorf("read %s (%v)", out, err)
	}
	_, talk = v.run(exitWrongUse, "set", plug, "switch/on", "perhaps", "--quiet")
	if talk != "x power cannot be “perhaps”. It can be: on, off.\n" {
		t.Errorf("said %q", talk)
	}
	v.run(exitNotFound, "get", plug, "no/such")
	v.run(exitNotFound, "get", "toaster")
}

func TestWrongTokenIsNamed(t *testing.T) {
	v := newVisit(t, plug)
	v.environ[0] = "MIHOME2MQTT_DEVICES=" + v.devices[0].DID + "/" + v.devices[0].Addr + ",0123456789abcdef0123456789abcdef," + plug
	if _, talk := v.run(exitRefused, "get", plug); !strings.Contains(talk, "token") {
		t.Errorf("said %q", talk)
	}
}

func TestDevicesListsWhoAnswers(t *testing.T) {
	v := newVisit(t, plug)
	out, _ := v.run(0, "devices", "--wait=2s", "--json")
	var list struct{ Items []listed }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 || !list.Items[0].Answers || list.Items[0].DID != v.devices[0].DID || !list.Items[0].Token {
		t.Errorf("listed %+v", list.Items)
	}
}

func TestCaptureHidesWhatIsPrivate(t *testing.T) {
	v := newVisit(t, plug)
	file := filepath.Join(t.TempDir(), "plug.jsonl")
	v.run(0, "capture", plug, "-o", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{v.devices[0].DID, v.devices[0].Token.Reveal(), "127.0.0.1"} {
		if bytes.Contains(text, []byte(private)) {
			t.Errorf("%q shows in %s", private, text)
		}
	}
	for _, public := range []string{`"method":"miIO.info"`, `"method":"get_properties"`, plug, `"from":"device"`} {
		if !bytes.Contains(text, []byte(public)) {
			t.Errorf("%q is missing in %s", public, text)
		}
	}
	v.run(exitFailed, "capture", plug, "-o", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestDoctorAsksADeviceDirectly(t *testing.T) {
	v := newVisit(t, plug)
	out, _ := v.run(0, "doctor", plug)
	for _, want := range []string{"ok  known      did " + v.devices[0].DID + ", with its key", "ok  address    127.0.0.1\n", "ok  answer     it answered by LAN (", "Nothing needs you."} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	v.environ[0] = "MIHOME2MQTT_DEVICES=" + v.devices[0].DID + "/" + v.devices[0].Addr + ",0123456789abcdef0123456789abcdef," + plug
	out, _ = v.run(exitFailed, "doctor", plug)
	if want := " hears the bridge but does not understand it. Its key has most likely changed; that happens when it was added to Mi Home again.\nTo do: Get the new key: "; !strings.Contains(out, want) {
		t.Errorf("%q is missing in\n%s", want, out)
	}
}
