package mqtt

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// TestHostileNamesStayData has a device whose every word is made to break out of
// topics, log lines and pages.
func TestHostileNamesStayData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		evil := "<img src=x onerror=alert(1)>/#+\x00\n\u202e\u061c\u2028" + strings.Repeat("x", 4096)
		did := "..-_.x"
		s := newHouse(t, testWorld(), 0, nil)
		s.lamps.add(did, &lamp{values: []mi.Value{mi.Bool(true), mi.Int(50), {}}})
		synctest.Wait() // the broker listens
		u := s.watch()
		s.devices.Found("lan", mi.Info{
			DID: did, Name: evil, Room: evil, Model: evil, Firmware: evil, Hardware: evil, MAC: evil, Parent: evil, Token: "0123",
		})
		time.Sleep(time.Minute)
		u.say("mihome2mqtt/bridge/request/"+evil[:29], "\u202e", false)
		u.say("mihome2mqtt/bridge/request/devices", "", false)
		time.Sleep(5 * time.Second)
		heard := u.heard()
		plain, announced := regexp.MustCompile(`^!?[A-Za-z0-9_/-]+$`), false
		for _, m := range heard {
			topic, payload, _ := strings.Cut(m, " ")
			if strings.Contains(topic, "/request/") {
				continue
			}
			announced = announced || strings.HasPrefix(topic, "homeassistant/device/")
			if !plain.MatchString(topic) {
				t.Errorf("topic %.200q", topic)
			}
			if i := strings.IndexFunc(payload, func(r rune) bool {
				return unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
			}); i >= 0 || strings.Contains(payload, strings.Repeat("x", 256)) || strings.Contains(payload, "u202e") {
				t.Errorf("%.100s says %.300q", topic, payload)
			}
		}
		if !announced {
			t.Errorf("the device was not announced: %.300q", heard)
		}
		u.bye()
		s.stop()
	})
}
