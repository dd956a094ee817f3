package diagnosis_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// look has everything looked at, and returns the checks line by line as they came.
func (w *ward) look() []string {
	w.Helper()
	w.order("problems/check", "")
	var lines []string
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		var now web.Checked
		if err := json.Unmarshal([]byte(w.v.Get("api/v1/problems/check")), &now); err != nil {
			w.Fatal(err)
		}
		for _, c := range now.Checks[len(lines):] {
			lines = append(lines, c.Mark+" "+c.Name+": "+c.Text)
		}
		if !now.Running {
			if took := time.Since(began); took > 20*time.Second || now.Done != now.Total {
				w.Errorf("%d of %d steps after %s", now.Done, now.Total, took)
			}
			return lines
		}
	}
}

// TestCheckNow looks at a home that is well, and again when a good deal is not.
func TestCheckNow(t *testing.T) {
	inWard(t, func(w *ward) {
		w.settle(plugModel, "yeelink.light.color5")
		w.signIn(cloud.Options{Home: w.home}, cloud.User)
		w.hear(true)
		w.run(func() {
			time.Sleep(2 * time.Minute)
			well := strings.Join(w.look(), "\n")
			for _, line := range []string{
				"ok network: eth0 10.1.255.2/16", "ok broadcast: broadcasts are answered", "ok broker: connected to the broker inside the bridge as mihome2mqtt-3e5b2b38",
				"! home: nobody reads what is announced below homeassistant", "ok data: the data folder can be written", "ok account: …5678 is signed in, 11 devices",
				"ok clock: as that of Xiaomi's cloud", "ok bluetooth: virtual radio upstairs hears", "ok pages: for this machine only, at 127.0.0.1:8099",
			} {
				if !strings.Contains(well+"\n", line+"\n") {
					t.Errorf("no %q in\n%s", line, well)
				}
			}
			for line := range strings.SplitSeq(well, "\n") { // two sensors of the account were never heard
				if strings.HasPrefix(line, "x ") && !strings.HasPrefix(line, "x device: What ") {
					t.Errorf("all is well, but %s", line)
				}
			}
			w.disk.Protect(true)
			w.clock.Step(time.Hour)
			w.deafen(true)
			w.hurt("10.1.0.10", chaos.Cut, time.Hour)
			w.cloud.Online(w.home.Infos()[0].DID, false)
			ill := strings.Join(w.look(), "\n")
			for _, line := range []string{
				"x data: the data folder cannot be written: read-only file system", "! bluetooth: virtual radio upstairs: the virtual antenna is unplugged",
				"! device: Desk plug has not answered within 6 seconds",
			} {
				if !strings.Contains(ill+"\n", line+"\n") {
					t.Errorf("no %q in\n%s", line, ill)
				}
			}
			if found := w.problems("disk.readonly"); len(found) != 1 {
				t.Error("what was seen is no problem")
			}
		})
	})
}

// TestSolvedLately: what is over is remembered for a while, with the time.
func TestSolvedLately(t *testing.T) {
	inWard(t, func(w *ward) {
		onePlug(w)
		w.run(func() {
			w.hurt("10.1.0.10", chaos.Cut, 5*time.Minute)
			w.await("net.none", "Nobody in the network hears Desk plug. It is most likely without power or Wi-Fi.", 3*time.Minute)
			time.Sleep(8 * time.Minute)
			var solved struct{ Items []web.Problem }
			if err := json.Unmarshal([]byte(w.v.Get("api/v1/problems/solved")), &solved); err != nil {
				t.Fatal(err)
			}
			if len(solved.Items) != 1 || solved.Items[0].ID != "net.none" || time.Since(solved.Items[0].Since) > 4*time.Minute || time.Since(solved.Items[0].Since) < time.Minute {
				t.Errorf("solved: %+v", solved.Items)
			}
			if page := w.v.Get("problems"); !strings.Contains(page, "Solved lately") || !strings.Contains(page, "hears Desk plug") {
				t.Error("the page does not say what is solved")
			}
		})
	})
}
