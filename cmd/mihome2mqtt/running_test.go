package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	webPassword = "the-password-of-the-pages"
	webToken    = "a-token-for-programs-only"
)

// ask finds the bridge behind a handler and gives it an order.
func ask(t *testing.T, h http.HandlerFunc, environ ...string) (*running, error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	p := newProcess(t.Context(), append(environ, "MIHOME2MQTT_WEB_LISTEN="+strings.TrimPrefix(server.URL, "http://")), io.Discard, io.Discard)
	r, err := p.running(t.Context())
	if err != nil {
		return nil, err
	}
	return r, r.post(t.Context(), "devices/1/set", map[string]int{"2.1": 1}, nil)
}

// refuseWith answers as the bridge refuses.
func refuseWith(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":%d,"code":%q,"detail":"no"}`, status, code)
}

func TestOtherProgramsAreNoBridge(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"page":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"json":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"state":"ok"}`) },
		"missing": http.NotFound,
		"broken":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"rude":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		if _, err := ask(t, h); !errors.Is(err, errNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSilentBridgeIsNotTakenForNone(t *testing.T) {
	busy := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-busy }))
	defer server.Close()
	defer close(busy)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p := newProcess(ctx, []string{"MIHOME2MQTT_WEB_LISTEN=" + strings.TrimPrefix(server.URL, "http://")}, io.Discard, io.Discard)
	if _, err := p.running(ctx); exitCode(err) != exitAway || errors.Is(err, errNone) || !strings.Contains(err.Error(), "very busy") {
		t.Errorf("got %v", err)
	}
}

func TestDeviceIsSearchedByTheBridge(t *testing.T) {
	var asked []string
	r, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/more":
			fmt.Fprint(w, `<meta name="form-token" content="x">`)
		case r.URL.Path != "/api/v1/devices":
			fmt.Fprint(w, `{"version":"1"}`)
		case r.URL.Query().Get("q") == "lamp":
			fmt.Fprint(w, `{"items":[{"did":"7","name":"Lamp"}],"total":1}`)
		case r.URL.Query().Get("q") == "":
			fmt.Fprint(w, `{"items":[{"did":"7","name":"Lamp"},{"did":"8","name":"Plug"}],"total":2}`)
		default:
			fmt.Fprint(w, `{"items":[],"total":0}`)
		}
		asked = append(asked, r.URL.Query().Get("q"))
	})
	if err != nil {
		t.Fatal(err)
	}
	asked = nil
	if found, err := r.find(t.Context(), "lamp"); err != nil || found.DID != "7" || len(asked) != 1 {
		t.Errorf("found %+v, %v, asked %q", found, err, asked)
	}
	if _, err := r.find(t.Context(), "toaster"); exitCode(err) != exitNotFound || !strings.Contains(err.Error(), "Known are: Lamp (7), Plug (8)") {
		t.Errorf("in vain: %v", err)
	}
}

func TestLockedBridgeIsOpenedByPassword(t *testing.T) {
	var seen []string
	h := func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("session")
		in := c != nil && c.Value == "s1"
		seen = append(seen, fmt.Sprint(r.Method, " ", r.URL.Path, " ", in, " ", r.Header.Get("X-Form-Token")))
		switch {
		case r.URL.Path == "/unlock" && r.Method == http.MethodGet:
			fmt.Fprint(w, `<meta name="form-token" content="outside">`)
		case r.URL.Path == "/unlock" && r.FormValue("form") == "outside" && r.FormValue("password") == webPassword:
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1"})
		case !in:
			refuseWith(w, http.StatusUnauthorized, "locked")
		case r.URL.Path == "/more":
			fmt.Fprint(w, `<meta name="form-token" content="inside">`)
		default:
			fmt.Fprint(w, `{"version":"1"}`)
		}
	}
	if _, err := ask(t, h, "MIHOME2MQTT_WEB_PASSWORD="+webPassword); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /api/v1/status false ", "GET /unlock false ", "POST /unlock false ", "GET /api/v1/status true ", "GET /more true ", "POST /api/v1/devices/1/set true inside",
	}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	_, err := ask(t, h)
	if exitCode(err) != exitAway || !strings.Contains(err.Error(), "Set MIHOME2MQTT_API_TOKEN as it has it") {
		t.Errorf("without the password: %v", err)
	}
	if _, err = ask(t, h, "MIHOME2MQTT_WEB_PASSWORD=something else is this"); exitCode(err) != exitAway {
		t.Errorf("with another one: %v", err)
	}
}

func TestTokenOpensABridge(t *testing.T) {
	var paths []string
	_, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		if r.Header.Get("Authorization") != "Bearer "+webToken {
			refuseWith(w, http.StatusUnauthorized, "locked")
			return
		}
		fmt.Fprint(w, `{"version":"1"}`)
	}, "MIHOME2MQTT_API_TOKEN="+webToken)
	if err != nil || strings.Join(paths, " ") != "/api/v1/status /api/v1/devices/1/set" {
		t.Errorf("%v after %v", err, paths)
	}
}

func TestRefusalsHaveTheirExitCodes(t *testing.T) {
	for code, want := range map[string]int{
		"bad_value": exitWrongUse, "confirm": exitWrongUse, "no_device": exitNotFound, "no_such_role": exitNotFound, "device_offline": exitNoAnswer,
		"device_refused": exitRefused, "device_denied": exitRefused, "forbidden": exitRefused, "slow_down": exitRefused, "starting": exitAway, "locked": exitAway,
		"login_needed": exitSignIn, "internal": exitFailed,
	} {
		_, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/api/v1/status":
				fmt.Fprint(w, `{"version":"1"}`)
			case "/more":
				fmt.Fprint(w, `<meta name="form-token" content="x">`)
			default:
				refuseWith(w, http.StatusTeapot, code)
			}
		})
		if got := exitCode(told(err)); got != want || err.Error() != "no" {
			t.Errorf("%s: exit code %d, want %d (%v)", code, got, want, err)
		}
	}
}

func TestBridgeThatGoesAwayIsNotReachable(t *testing.T) {
	_, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/status" {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, `{"version":"1"}`)
	})
	if exitCode(err) != exitAway {
		t.Errorf("exit code %d: %v", exitCode(err), err)
	}
}

func TestCollectFollowsThePages(t *testing.T) {
	r, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/more":
			fmt.Fprint(w, `<meta name="form-token" content="x">`)
		case r.URL.Path != "/api/v1/devices":
			fmt.Fprint(w, `{"version":"1"}`)
		case r.URL.Query().Get("cursor") == "":
			fmt.Fprint(w, `{"items":[{"did":"1"}],"total":2,"next":"1"}`)
		default:
			fmt.Fprint(w, `{"items":[{"did":"2"}],"total":2}`)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := collect[apiDevice](t.Context(), r, "devices")
	if err != nil || len(all) != 2 || all[0].DID != "1" || all[1].DID != "2" {
		t.Errorf("collected %+v, %v", all, err)
	}
}

func TestUnfinishedWordsLoseTheirQuotes(t *testing.T) {
	for word, want := range map[string]string{`Desk\ pl`: "Desk pl", `'Desk pl`: "Desk pl", `"Anna's`: "Anna's", `Anna\'s`: "Anna's", "lamp": "lamp"} {
		if got := unquoted(word); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func TestNoAnswerWhileTheAccountIsOut(t *testing.T) {
	var out, talk bytes.Buffer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/status":
			fmt.Fprint(w, `{"version":"1"}`)
		case "/api/v1/devices":
			fmt.Fprint(w, `{"items":[{"did":"7","name":"Cooker"}]}`)
		case "/api/v1/devices/7":
			fmt.Fprint(w, `{"did":"7","name":"Cooker","state":"no_answer","routes":[{"route":"cloud","state":"failing"}],"properties":[{"iid":"2.1","id":"p2_1","key":"cooker/on","format":"bool","write":true}]}`)
		case "/api/v1/problems":
			fmt.Fprint(w, `{"items":[{"id":"account.login","text":"Xiaomi has ended the sign-in. 3 local devices are not affected; 1 are."}]}`)
		case "/more":
			fmt.Fprint(w, `<meta name="form-token" content="x">`)
		default:
			refuseWith(w, http.StatusGatewayTimeout, "device_offline")
		}
	}))
	defer server.Close()
	code := run(t.Context(), []string{"set", "cooker", "power", "on"}, []string{"MIHOME2MQTT_WEB_LISTEN=" + strings.TrimPrefix(server.URL, "http://")}, &out, &talk)
	want := "x Cooker did not answer within 1 s (cloud).\nx Xiaomi has ended the sign-in. 3 local devices are not affected; 1 are. Sign in again: mihome2mqtt login\n"
	if code != exitSignIn || talk.String() != want {
		t.Errorf("ended with %d: %s", code, &talk)
	}
}
