package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// silentDID is a device that never answers.
const silentDID = "777000001"

// TestScriptsWithABridge runs the command line beside a running bridge with its
// virtual home, for pipes and terminals.
func TestScriptsWithABridge(t *testing.T) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	broker, pages := freePort(t), freePort(t)
	environ := []string{"MIHOME2MQTT_BROKER_LISTEN=" + broker, "MIHOME2MQTT_WEB_LISTEN=" + pages}
	c := startChild(t, append(environ, "MIHOME2MQTT_CLOUD=true",
		"MIHOME2MQTT_DEVICES="+silentDID+"/"+socket.LocalAddr().String()+",00112233445566778899aabbccddeeff,"+plug), "demo")
	c.until("all devices but one are online", func() bool {
		var list apiPage[apiDevice]
		var out bytes.Buffer
		if run(t.Context(), []string{"devices", "--json"}, environ, &out, io.Discard) != 0 || json.Unmarshal(out.Bytes(), &list) != nil {
			return false
		}
		states := map[string]string{}
		online := 0
		for _, d := range list.Items {
			states[d.DID] = d.State
			if d.State == web.Online {
				online++
			}
		}
		return online >= streetDevices && states[silentDID] == web.NoAnswer
	})
	t.Run("login", func(t *testing.T) { loginThrough(t, environ) })
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/bridge",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "onscreen": onscreen},
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, "TERM=xterm", "MIHOME2MQTT_BROKER_LISTEN="+broker, "MIHOME2MQTT_WEB_LISTEN="+pages)
			return nil
		},
	})
}

// loginThrough signs in through the running bridge; its link is opened on a phone
// that says yes.
func loginThrough(t *testing.T, environ []string) {
	found := regexp.MustCompile(`http://127\.0\.0\.1:\d+/scan\?ticket=(\w+)`)
	phone := func(shown string) string {
		at := found.FindStringSubmatch(shown)
		res, err := http.PostForm(at[0], url.Values{"ticket": {at[1]}, "do": {"confirm"}})
		if err != nil {
			t.Error(err)
			return ""
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("the phone says %s", res.Status)
		}
		return ""
	}
	g := &guestbook{answers: []reaction{{"Waiting for your phone", phone}}}
	if code := run(t.Context(), []string{"login"}, environ, g, g); code != 0 {
		t.Fatalf("ended with %d:\n%s", code, g)
	}
	inOrder(t, g.String(), "Open this link", welcomeAnna, "Europe ", "Keys for ", " devices stored.\n", "Reaching them", " by LAN, ", "Next: mihome2mqtt devices\n")
}
