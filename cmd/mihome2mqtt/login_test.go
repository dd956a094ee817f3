package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
)

// guestbook is somebody at the keyboard: each text that shows up brings an answer.
type guestbook struct {
	mu      sync.Mutex
	shown   bytes.Buffer
	answers []reaction
	keys    io.Writer
}

// reaction is what somebody types, or does, once text has shown up.
type reaction struct {
	text string
	do   func(shown string) string // returns what is typed; "" is nothing
}

func (g *guestbook) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, err := g.shown.Write(p)
	for len(g.answers) > 0 && strings.Contains(g.shown.String(), g.answers[0].text) {
		next := g.answers[0]
		g.answers = g.answers[1:]
		shown := g.shown.String()
		go func() {
			if line := next.do(shown); line != "" {
				io.WriteString(g.keys, line)
			}
		}()
	}
	return n, err
}

func (g *guestbook) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shown.String()
}

// types is somebody who types a line.
func types(line string) func(string) string { return func(string) string { return line + "\n" } }

// newSky is a virtual cloud in some mood.
func newSky(t *testing.T, mood cloud.Mood) *cloud.Server {
	t.Helper()
	s, err := cloud.New(mi.World{Net: host.Network(), Now: time.Now, Seed: 1}, cloud.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Change(mood)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// signIn signs in without a bridge; it returns what the person saw and the folder.
func signIn(t *testing.T, want int, s *cloud.Server, c loginCmd, environ []string, answers ...reaction) (shown, data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	keys, typed := io.Pipe()
	defer typed.Close()
	g := &guestbook{answers: answers, keys: typed}
	p := newProcess(ctx, append(environ, "MIHOME2MQTT_DATA="+data, "MIHOME2MQTT_WEB_LISTEN=off"), g, g)
	p.in = keys
	u := s.URLs()
	code := p.finish(guard(func() error { return c.alone(p, account.Hosts{Account: u.Account, STS: u.STS, API: u.API}) }))
	if code != want {
		t.Fatalf("ended with %d, want %d:\n%s", code, want, g)
	}
	if strings.Contains(g.String(), cloud.Password.Reveal()) {
		t.Errorf("the password shows in\n%s", g)
	}
	return g.String(), data
}

// inOrder checks that texts show up one after the other.
func inOrder(t *testing.T, shown string, texts ...string) {
	t.Helper()
	rest := shown
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("%q does not show, or too early, in\n%s", text, shown)
		}
		rest = after
	}
}

const welcomeAnna = "Signed in as "

func TestLoginByCode(t *testing.T) {
	s := newSky(t, cloud.Mood{})
	scan := func(string) string {
		if err := s.Confirm(s.Scans()[0], cloud.User); err != nil {
			t.Error(err)
		}
		return ""
	}
	shown, data := signIn(t, 0, s, loginCmd{QR: qrSmall}, nil, reaction{"Waiting for your phone", scan})
	inOrder(t, shown, "Open this link where you are signed in to Xiaomi, or scan the code with Mi Home (Profile, scan symbol):\n  http://127.0.0.1:",
		blackOnWhite, "Waiting for your phone 5:00\n", welcomeAnna, "Europe ", "regions empty.\nKeys for ", " devices stored.\n", "Next: mihome2mqtt")
	if files, err := os.ReadDir(filepath.Join(data, "account")); err != nil || len(files) == 0 {
		t.Errorf("nothing is kept: %v, %v", files, err)
	}
}

func TestLoginByPasswordWithAPictureAndACode(t *testing.T) {
	s := newSky(t, cloud.Mood{Captcha: true, Identity: true})
	picture := regexp.MustCompile(`The picture is in (\S+)`)
	look := func(shown string) string {
		name := picture.FindStringSubmatch(shown)[1]
		if info, err := os.Stat(name); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("the picture: %v, %v", info, err)
		}
		return s.Captcha() + "\n"
	}
	mailed := func(string) string { return s.Mails()[len(s.Mails())-1].Code + "\n" }
	shown, _ := signIn(t, 0, s, loginCmd{QR: qrNone, User: cloud.User}, nil,
		reaction{"Password of " + cloud.User + ": ", types(cloud.Password.Reveal())},
		reaction{"Enter for another one: ", look},
		reaction{"Number: ", types("9")},
		reaction{"It is a number from 1 to 2.", types("1")},
		reaction{"Code that was sent to ", types("000000")},
		reaction{"tries left", mailed},
	)
	inOrder(t, shown, "Xiaomi wants to know that a person is here. Your password was not refused.", "Xiaomi sends a code. Where to?\n  1  ", "  2  ", welcomeAnna)
	if name := picture.FindStringSubmatch(shown)[1]; name == "" {
		t.Error("no picture")
	} else if _, err := os.Stat(name); err == nil {
		t.Errorf("%s was left behind", name)
	}
}

func TestLoginWithAWrongPassword(t *testing.T) {
	s := newSky(t, cloud.Mood{})
	shown, _ := signIn(t, exitSignIn, s, loginCmd{User: cloud.User}, []string{passwordVariable + "=not the one"})
	inOrder(t, shown, "x Xiaomi refused this sign-in: the password is not right, or ")
}

func TestLoginWithNobodyThere(t *testing.T) {
	s := newSky(t, cloud.Mood{Captcha: true})
	var g guestbook
	p := newProcess(t.Context(), []string{"MIHOME2MQTT_DATA=" + filepath.Join(t.TempDir(), "data"), "MIHOME2MQTT_WEB_LISTEN=off", passwordVariable + "=" + cloud.Password.Reveal()}, &g, &g)
	p.in = strings.NewReader("")
	u := s.URLs()
	code := p.finish((&loginCmd{User: cloud.User}).alone(p, account.Hosts{Account: u.Account, STS: u.STS, API: u.API}))
	if code != exitSignIn || !strings.Contains(g.String(), "x nobody is there to answer. Sign in on the pages of the bridge") {
		t.Errorf("ended with %d: %s", code, &g)
	}
}

func TestLoginAsJSONTellsEveryState(t *testing.T) {
	s := newSky(t, cloud.Mood{})
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProcess(ctx, []string{"MIHOME2MQTT_DATA=" + filepath.Join(t.TempDir(), "data"), "MIHOME2MQTT_WEB_LISTEN=off"}, &out, io.Discard)
	p.JSON, p.Quiet = true, true
	go func() {
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for range again.C {
			if all := s.Scans(); len(all) > 0 && s.Confirm(all[0], "") == nil || ctx.Err() != nil {
				return
			}
		}
	}()
	u := s.URLs()
	if code := p.finish((&loginCmd{QR: qrAuto}).alone(p, account.Hosts{Account: u.Account, STS: u.STS, API: u.API})); code != 0 {
		t.Fatalf("ended with %d: %s", code, &out)
	}
	var states []string
	d := json.NewDecoder(&out)
	for {
		var now struct {
			State string
			URL   string `json:"qr_url"`
		}
		if err := d.Decode(&now); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		states = append(states, now.State)
		if now.State == "qr_waiting" && !strings.HasPrefix(now.URL, "http://127.0.0.1:") {
			t.Errorf("the link is %q", now.URL)
		}
	}
	if states[0] != "qr_waiting" || states[len(states)-1] != "done" {
		t.Errorf("states %v", states)
	}
}
