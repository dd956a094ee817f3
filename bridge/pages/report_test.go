package pages

import (
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// TestReportHidesWhatIsPrivate has a report speak of a device, of other machines and of
// what only looks like one.
func TestReportHidesWhatIsPrivate(t *testing.T) {
	known := []mi.Info{{DID: "460123456", Name: "Anna's lamp", Room: "Nursery", MAC: "54:48:e6:aa:bb:01", Addr: "192.168.7.20:54321", Model: "x.light.y"}}
	hide := newStandIns(device.New(device.Options{World: mi.World{Now: time.Now}, Known: known}).All())
	for _, tc := range []struct{ text, want string }{
		{`device 460123456 "Anna's lamp" in "Nursery"`, `device <did 1> "<name 1>" in "<room 1>"`},
		{"54:48:e6:aa:bb:01 54:48:E6:AA:BB:01 5448e6aabb01 54-48-E6-AA-BB-01", "<mac 1> <mac 1> <mac 1> <mac 1>"},
		{"192.168.7.20:54321 from 192.168.7.20", "<address 1> from <address 1>"},
		{"phone aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF; tablet aa:bb:cc:dd:ee:00", "phone <mac of another 1>, <mac of another 1>; tablet <mac of another 2>"},
		{"broker mqtt://192.168.7.5:1883, 192.168.7.5, 10.0.0.1", "broker mqtt://<address of another 1>:1883, <address of another 1>, <address of another 2>"},
		{"fd12:3456::1 and fe80::1", "<address of another 1> and <address of another 2>"},
		{"version 2.1.7.12 on 127.0.0.1, 12:30:45", "version 2.1.7.12 on 127.0.0.1, 12:30:45"},
	} {
		if got := hideOthers(hide.Replace(tc.text)); got != tc.want {
			t.Errorf("%s\nbecomes %s\nwant    %s", tc.text, got, tc.want)
		}
	}
	for _, private := range []string{"Anna", "Nursery", "460123456", "192.168.", "54:48"} {
		if got := hideOthers(hide.Replace(strings.Join([]string{known[0].DID, known[0].Name, known[0].Room, known[0].MAC, known[0].Addr}, " "))); strings.Contains(got, private) {
			t.Errorf("%s shows in %s", private, got)
		}
	}
}
