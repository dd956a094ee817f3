package yeelight_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/yeelight"
)

// shine is lamps that live on loopback until the test ends.
func shine(t *testing.T, o yeelight.Options) []*yeelight.Lamp {
	t.Helper()
	h, err := yeelight.New(mi.World{Net: host.Network(), Now: time.Now, Seed: 7}, o)
	if err != nil {
		t.Fatalf("no lamps on loopback: %v", err)
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
	return h.Lamps()
}

// chat sends lines to a lamp and returns its answer to each, without reports.
func chat(t *testing.T, l *yeelight.Lamp, lines ...string) (answers []string) {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(conn)
	for _, line := range lines {
		if _, err := fmt.Fprintf(conn, "%s\r\n ", line); err != nil {
			t.Fatal(err)
		}
		for in.Scan() && strings.Contains(in.Text(), `"props"`) {
			continue
		}
		answers = append(answers, in.Text())
	}
	return answers
}

func TestLampTakesEveryKnownCommand(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/vectors/yeelight.json")
	if err != nil {
		t.Skip("no shared vectors here:", err)
	}
	var v struct {
		Commands []struct{ Name, Wire, Method string }
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	lamps := shine(t, yeelight.Options{})
	for _, c := range v.Commands {
		l := lamps[0]
		if strings.HasPrefix(c.Method, "bg_") || c.Method == "dev_toggle" || strings.Contains(c.Wire, ",5]") && c.Method == "set_power" {
			l = lamps[1]
		}
		prepare := fmt.Sprintf(`{"id":900,"method":"%sset_power","params":["on","sudden",0]}`, map[bool]string{true: "bg_"}[strings.HasPrefix(c.Method, "bg_")])
		if got := chat(t, l, prepare, c.Wire)[1]; !strings.Contains(got, `"result":[`) {
			t.Errorf("%s: the lamp answers %s", c.Name, got)
		}
	}
}

func TestLampRefusesWhatItCannot(t *testing.T) {
	l := shine(t, yeelight.Options{})[0]
	for _, tc := range []struct{ line, want string }{
		{`{"id":1,"method":"set_bright","params":[50,"smooth",300]}`, `{"error":{"code":-5000,"message":"general error"},"id":1}`},
		{`{"id":2,"method":"bg_set_power","params":["on"]}`, `{"error":{"code":-1,"message":"method not supported"},"id":2}`},
		{`{"id":3,"method":"set_scene","params":["ct",9000,50]}`, `{"error":{"code":-1,"message":"invalid params"},"id":3}`},
		{`{"id":4,"method":"set_scene","params":["cf"]}`, `{"error":{"code":-1,"message":"invalid params"},"id":4}`},
		{`nonsense`, `{"error":{"code":-1,"message":"invalid command"},"id":0}`},
	} {
		if got := chat(t, l, tc.line)[0]; got != tc.want {
			t.Errorf("%s: %s, want %s", tc.line, got, tc.want)
		}
	}
}

func TestLampKeepsItsQuota(t *testing.T) {
	l := shine(t, yeelight.Options{})[0]
	lines := make([]string, 61)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"id":%d,"method":"get_prop","params":["power"]}`, i)
	}
	answers := chat(t, l, lines...)
	if answers[59] != `{"id":59,"result":["off"]}` || answers[60] != `{"error":{"code":-1,"message":"client quota exceeded"},"id":60}` {
		t.Errorf("the last answers are %v", answers[59:])
	}
}

// TestPythonYeelightControlsTheLamps lets another implementation judge ours.
func TestPythonYeelightControlsTheLamps(t *testing.T) {
	python := os.Getenv("YEELIGHT_PYTHON")
	if python == "" {
		t.Skip("YEELIGHT_PYTHON names no Python that has yeelight")
	}
	address := func(i int) string { return fmt.Sprintf("127.98.77.%d:0", i+1) }
	lamps := shine(t, yeelight.Options{Address: address, Search: true})
	args := []string{"testdata/python_yeelight.py"}
	for _, l := range lamps {
		h, port, err := net.SplitHostPort(l.Addr())
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, h, port)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, python, args...).Output()
	if err != nil {
		t.Fatalf("yeelight: %v\n%s", err, stderr(err))
	}
	var said map[string]json.RawMessage
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("yeelight says %q: %v", out, err)
	}
	for name, want := range map[string]string{
		"capabilities": `["stripe", "0x00000000037073d2", "off"]`,
		"before":       `"off"`,
		"type":         `"BulbType.Color"`,
		"refused":      `"{'code': -5000, 'message': 'general error'}"`,
		"scene":        `["on", "65280", "70", "1"]`,
		"white":        `["1700", "2"]`,
		"hue":          `["200", "75", "3"]`,
		"flowing":      `"1"`,
		"delay":        `"5"`,
		"cron":         `{"delay": 15, "mix": 0, "type": 0}`,
		"after":        `["off", "desk"]`,
		"background":   `["on", "10", "10", "3000"]`,
		"ceiling":      `"BulbType.WhiteTempMood"`,
		"both":         `["off", "off"]`,
	} {
		if got := string(said[name]); got != want {
			t.Errorf("%s: the library saw %s, want %s", name, got, want)
		}
	}
}

func stderr(err error) string {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(e.Stderr)
	}
	return ""
}
