package miio_test

import (
	"bytes"
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
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// The foreign clients know only port 54321, so that each device has an address
// of its own.
func foreignAddress(i int) string { return fmt.Sprintf("127.54.21.%d:54321", i+1) }

// settle is one home that lives on loopback until the test ends.
func settle(t *testing.T, o miio.Options) *miio.Home {
	t.Helper()
	h, err := miio.New(mi.World{Net: host.Network(), Now: time.Now, Seed: 7}, o)
	if err != nil {
		t.Fatalf("no home on loopback: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h
}

// heard is what a foreign client says of one device.
type heard struct {
	Model string         `json:"model"`
	Info  string         `json:"info"`
	Did   map[string]any `json:"did_it"`
	Error string         `json:"error"`
}

// interview lets a foreign client talk to every device of h.
func interview(t *testing.T, h *miio.Home, name string, args ...string) map[string]heard {
	t.Helper()
	var list []map[string]string
	for _, i := range h.Infos() {
		ip, _, _ := net.SplitHostPort(i.Addr)
		list = append(list, map[string]string{"model": i.Model, "host": ip, "token": i.Token.Reveal()})
	}
	input, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin = bytes.NewReader(input)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, complaints.String())
	}
	answers := map[string]heard{}
	for line := range strings.Lines(string(out)) {
		var a heard
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%s says %q: %v", name, line, err)
		}
		answers[a.Model] = a
	}
	return answers
}

// by finds the device of a model.
func by(t *testing.T, h *miio.Home, model string) *miio.Device {
	t.Helper()
	for _, d := range h.Devices() {
		if d.Info().Model == model {
			return d
		}
	}
	t.Fatalf("no device of model %s", model)
	return nil
}

// expectation is what a client should have heard and left behind.
type expectation struct {
	model, said string // said is the JSON of one member
	key         string
	truth       mi.Value
}

func judge(t *testing.T, h *miio.Home, answers map[string]heard, want []expectation) {
	t.Helper()
	for _, m := range miio.Models() {
		if a := answers[m]; a.Error != "" || a.Info != m {
			t.Errorf("%s: is %q, error %q", m, a.Info, a.Error)
		}
	}
	for _, e := range want {
		name, value, _ := strings.Cut(e.said, "=")
		said, err := json.Marshal(answers[e.model].Did[name])
		if err != nil || string(said) != value {
			t.Errorf("%s: the client heard %s = %s, want %s (all: %v)", e.model, name, said, value, answers[e.model].Did)
		}
		if got := by(t, h, e.model).Value(e.key); got != e.truth {
			t.Errorf("%s: %s is %v, want %v", e.model, e.key, got, e.truth)
		}
	}
}

func TestPythonMiioReadsAndWrites(t *testing.T) {
	python := os.Getenv("PYTHON_MIIO")
	if python == "" {
		t.Skip("PYTHON_MIIO names no Python that has python-miio")
	}
	h := settle(t, miio.Options{Address: foreignAddress, Still: true})
	judge(t, h, interview(t, h, python, "testdata/python_miio.py"), []expectation{
		{"cuco.plug.cp5pro", "after=false", "2.1", mi.Bool(false)},
		{"dmaker.airpurifier.f20", "after=5", "2.4", mi.Int(5)},
		{"yeelink.light.color5", "brightness=33", "2.2", mi.Int(33)},
		{"yeelink.light.color5", "on=true", "2.1", mi.Bool(true)},
		{"chunmi.cooker.eh402", "after=2", "2.1", mi.Int(2)},
		{"dreame.vacuum.p2009", "battery=92", "2.1", mi.Int(1)},
		{"lumi.curtain.hmcn01", "after=40", "2.7", mi.Int(40)},
		{"zhimi.humidifier.ca4", "target=60", "2.6", mi.Int(60)},
		{"xiaomi.aircondition.mt5", "after=22.5", "2.4", mi.Float(22.5)},
		{"viomi.waterheater.e27", "after=60", "2.2", mi.Float(60)},
		{"yunmi.kettle.r3", "after=90", "2.2", mi.Float(90)},
		{"dmaker.fan.p10", "speed=80", "2.2", mi.Int(4)},
		{"lumi.gateway.acn01", "after=2", "3.21", mi.Int(2)},
		{"xiaomi.wifispeaker.l05b", "after=12", "2.1", mi.Int(12)},
		{"xiaomi.tv.eaffh1", "after=15", "4.1", mi.Int(15)},
		{"virtual.valve.v1", "after=false", "2.3", mi.Int(2)},
		{"chunmi.cooker.normal2", `after="Cooking"`, "func", mi.Text("cooking")},
		{"chunmi.cooker.normal2", `remaining=45`, "t_func", mi.Int(45)},
		{"zhimi.airpurifier.m1", `mode="favorite"`, "mode", mi.Text("favorite")},
		{"zhimi.airpurifier.m1", `temperature=23.1`, "favorite_level", mi.Int(9)},
		{"philips.light.bulb", "brightness=70", "cct", mi.Int(20)},
		{"chuangmi.plug.m1", "after=false", "power", mi.Text("off")},
		{"roborock.vacuum.s5", "state=5", "fan_power", mi.Int(104)},
	})
}

func TestNodeMiioReadsAndWrites(t *testing.T) {
	modules := os.Getenv("NODE_MIIO")
	if modules == "" {
		t.Skip("NODE_MIIO names no node_modules folder that has miio")
	}
	h := settle(t, miio.Options{Address: foreignAddress, Still: true})
	judge(t, h, interview(t, h, "node", "testdata/node_miio.js", modules), []expectation{
		{"cuco.plug.cp5pro", "after=false", "2.1", mi.Bool(false)},
		{"xiaomi.aircondition.mt5", "after=true", "2.1", mi.Bool(true)},
		{"dmaker.fan.p10", "code=0", "2.1", mi.Bool(false)},
		{"chuangmi.plug.m1", "after=false", "power", mi.Text("off")},
		{"zhimi.airpurifier.m1", `mode="silent"`, "mode", mi.Text("silent")},
		{"philips.light.bulb", "brightness=42", "bright", mi.Int(42)},
		{"chunmi.cooker.normal2", "all=12", "func", mi.Text("waiting")},
		{"roborock.vacuum.s5", "battery=88", "state", mi.Int(5)},
	})
}
