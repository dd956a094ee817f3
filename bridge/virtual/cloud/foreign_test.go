package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// town is a virtual home with its cloud on loopback, and a foreign client.
type town struct {
	*testing.T
	python string
	home   *miio.Home
	cloud  *cloud.Server
}

func settle(t *testing.T) *town {
	t.Helper()
	python := os.Getenv("CLOUD_PYTHON")
	if python == "" {
		t.Skip("CLOUD_PYTHON names no Python that has micloud 0.6.0, mihome-ctl 0.7.0 and miservice 3.0.1")
	}
	w := mi.World{Net: host.Network(), Now: time.Now, Seed: 7}
	home, err := miio.New(w, miio.Options{Still: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := cloud.New(w, cloud.Options{Home: home, Away: miio.Options{Still: true}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		home.Close()
	})
	return &town{t, python, home, s}
}

// witness is what a foreign client says that it saw.
type witness struct {
	Devices map[string]struct{ Name, Model, Region, Token, Beaconkey string }
	Props   map[string]any
	Homes   []string
	Power   string
	Wrote   bool
	Acted   bool
	Sent    bool
	Remotes int
	Error   string
}

// The plugs that the clients read: one with a LAN and one without.
const (
	lanPlug  = "460000000"
	awayPlug = "700000000"
)

func (t *town) interview(client string) (w witness) {
	t.Helper()
	job, err := json.Marshal(map[string]any{
		"url": t.cloud.URLs().Account, "user": cloud.User, "password": cloud.Password.Reveal(),
		"dids": []string{lanPlug, awayPlug}, "old": t.did("chuangmi.plug.m1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, t.python, "testdata/clients.py", client)
	c.Stdin = bytes.NewReader(job)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &w)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", client, err, out, complaints.String())
	}
	t.Logf("%s: %d devices, %v, %q", client, len(w.Devices), w.Props, w.Error)
	return w
}

func (t *town) did(model string) string {
	t.Helper()
	for _, i := range t.home.Infos() {
		if i.Model == model {
			return i.DID
		}
	}
	t.Fatalf("no device of model %s", model)
	return ""
}

// check compares what a client saw with the truth; everything says whether it
// walks homes too, and not only the list of own devices.
func (t *town) check(w witness, everything bool, regions ...string) {
	t.Helper()
	if w.Error != "" {
		t.Fatalf("it failed: %s", w.Error)
	}
	want := 0
	for _, l := range t.cloud.Listings() {
		mine := l.Owner == cloud.User
		if !everything && !mine || len(regions) > 0 && l.Region != regions[0] {
			continue
		}
		want++
		got := w.Devices[l.DID]
		token := l.Token.Reveal()
		if !mine {
			token = ""
		}
		if got.Name != l.Name || got.Model != l.Model || got.Token != token || got.Region != "" && got.Region != l.Region || everything && got.Beaconkey != l.Beacon.Reveal() {
			t.Errorf("%s: the client saw %+v, the truth is %+v", l.DID, got, l.Info)
		}
	}
	if len(w.Devices) != want {
		t.Errorf("%d devices, want %d", len(w.Devices), want)
	}
	if w.Props[lanPlug] != true || w.Props[awayPlug] != true {
		t.Errorf("read %v, want both plugs on", w.Props)
	}
}

func TestMicloudListsAndReads(t *testing.T) {
	s := settle(t)
	s.check(s.interview("micloud"), false)
	s.cloud.Change(cloud.Mood{OtherHash: true})
	if w := s.interview("micloud"); w.Error == "" || len(w.Devices) > 0 {
		t.Errorf("with another hash rule it sees %d devices, error %q", len(w.Devices), w.Error)
	}
}

func TestMihomeCtlScansListsAndReads(t *testing.T) {
	s := settle(t)
	w := s.interview("mihome-ctl")
	s.check(w, true)
	if !w.Wrote || !w.Sent || w.Remotes != 2 || s.home.Device(lanPlug).Prop(2, 1) != mi.Bool(false) {
		t.Errorf("wrote %v, sent %v, %d remotes, the plug is %v", w.Wrote, w.Sent, w.Remotes, s.home.Device(lanPlug).Prop(2, 1))
	}
	if got := s.cloud.Pressed(); len(got) != 1 || got[0] != cloud.RemoteDID+" mute" {
		t.Errorf("pressed %v", got)
	}
	s.cloud.Change(cloud.Mood{OtherHash: true})
	if w := s.interview("mihome-ctl"); w.Error == "" && len(w.Devices) > 0 {
		t.Errorf("with another hash rule it sees %d devices", len(w.Devices))
	}
}

func TestMiserviceListsAndReads(t *testing.T) {
	for _, tc := range []struct {
		name string
		mood cloud.Mood
	}{{"password", cloud.Mood{}}, {"code by phone", cloud.Mood{Identity: true}}} {
		t.Run(tc.name, func(t *testing.T) {
			s := settle(t)
			s.cloud.Change(tc.mood)
			w := s.interview("miservice")
			s.check(w, false, "de")
			if !w.Wrote || !w.Acted || w.Power != "on" || len(w.Homes) == 0 || s.home.Device(lanPlug).Prop(2, 1) != mi.Bool(true) {
				t.Errorf("%+v, the plug is %v", w, s.home.Device(lanPlug).Prop(2, 1))
			}
			tc.mood.OtherHash = true
			s.cloud.Change(tc.mood)
			if w := s.interview("miservice"); w.Error == "" || len(w.Devices) > 0 {
				t.Errorf("with another hash rule it sees %d devices, error %q", len(w.Devices), w.Error)
			}
		})
	}
}
