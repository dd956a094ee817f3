package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var home = []mi.Info{
	{DID: "1", Name: "Bedroom Air Purifier", Model: "zhimi.airpurifier.mb3", Addr: "192.168.1.20:54321"},
	{DID: "2", Name: "Lamp", Model: "yeelink.light.lamp4"},
	{DID: "3", Name: "Kitchen lamp", Model: "yeelink.light.lamp4"},
}

func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		name, did, problem string
		code               int
	}{
		{"1", "1", "", 0},
		{"192.168.1.20", "1", "", 0},
		{"192.168.1.20:54321", "1", "", 0},
		{"purifier", "1", "", 0},
		{"Lamp", "2", "", 0},
		{"kitchen", "3", "", 0},
		{"lamp", "2", "", 0},
		{"purifier bedroom", "1", "", 0},
		{"lamp KITCHEN", "3", "", 0},
		{"mihome2mqtt/2", "2", "", 0},
		{"mihome2mqtt/3/light_2/state/set", "3", "", 0},
		{"lam", "", `“lam” fits several devices: Lamp (2), Kitchen lamp (3). Use more of the name, or the did`, exitWrongUse},
		{"cooker", "", `no device is called “cooker”. Known are: Bedroom Air Purifier (1), Lamp (2), Kitchen lamp (3)`, exitNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := choose(home, tc.name)
			if got.DID != tc.did {
				t.Errorf("chose %q, want %q", got.DID, tc.did)
			}
			if err != nil && (err.Error() != tc.problem || exitCode(err) != tc.code) || err == nil && tc.problem != "" {
				t.Errorf("got %v (%d), want %s", err, exitCode(err), tc.problem)
			}
		})
	}
	if _, err := choose(nil, "lamp"); err == nil || !strings.Contains(err.Error(), "MIHOME2MQTT_DEVICES") {
		t.Errorf("with nothing known: %v", err)
	}
}

func TestListLaysSightingsOverWhatIsKnown(t *testing.T) {
	known := []mi.Info{
		{Addr: "192.168.1.20:54321", Token: "secret", Name: "Purifier"},
		{DID: "2", Token: "secret", Name: "Lamp"},
	}
	heard := map[string]mi.Info{
		"1": {DID: "1", Addr: "192.168.1.20:54321", Model: "zhimi.airpurifier.mb3"},
		"9": {DID: "9", Addr: "192.168.1.99:54321"},
	}
	want := []listed{
		{DID: "9", Address: "192.168.1.99:54321", Answers: true},
		{DID: "2", Name: "Lamp", Token: true},
		{DID: "1", Name: "Purifier", Model: "zhimi.airpurifier.mb3", Address: "192.168.1.20:54321", Token: true, Answers: true},
	}
	got := list(known, heard)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	states := []string{got[0].state(), got[1].state(), got[2].state()}
	if diff := cmp.Diff([]string{"! answers, its token is missing", "x no answer", "ok answers"}, states); diff != "" {
		t.Error(diff)
	}
}

func TestExitCodes(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code int
	}{
		{errors.New("anything"), exitFailed},
		{wrongUse(errors.New("use")), exitWrongUse},
		{fmt.Errorf("lamp: %w", mi.ErrOffline), exitNoAnswer},
		{fmt.Errorf("lamp: %w", mi.ErrTimeout), exitNoAnswer},
		{fmt.Errorf("lamp: %w", mi.ErrDenied), exitRefused},
		{fmt.Errorf("lamp: %w", mi.ErrInvalid), exitRefused},
		{unread(mi.Info{}, fmt.Errorf("no spec: %w: %w", mi.ErrOffline, mi.ErrUnsupported)), exitNotFound},
		{unread(mi.Info{}, fmt.Errorf("who are you: %w", mi.ErrTimeout)), exitNoAnswer},
	} {
		if got := exitCode(tc.err); got != tc.code {
			t.Errorf("exitCode(%v) = %d, want %d", tc.err, got, tc.code)
		}
	}
}

func TestPanicIsReportedWithoutSecrets(t *testing.T) {
	var out, talk strings.Builder
	p := newProcess(t.Context(), nil, &out, &talk)
	p.secrets.Add("open-sesame")
	code := p.finish(guard(func() error { panic("key open-sesame") }))
	if code != exitFailed || strings.Contains(talk.String(), "sesame") || !strings.Contains(talk.String(), "this is a bug") {
		t.Errorf("code %d, said %s", code, talk.String())
	}
}
