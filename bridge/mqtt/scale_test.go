package mqtt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestListOfTenThousandDevicesIsWhole(t *testing.T) {
	var all []listed
	for i := range 10_000 {
		all = append(all, listed{
			ID: fmt.Sprint(460000000 + i), DID: fmt.Sprint(460000000 + i), Name: strings.Repeat("灯", i%maxName), Room: "Living room", Model: "yeelink.light.color3",
			Maker: "Yeelight", Firmware: "2.1.7_0012", Entities: 12, Shown: true, Problem: strings.Repeat("p", i%200),
		})
	}
	parts := split(all, maxList)
	if len(parts) < 10 {
		t.Errorf("%d parts", len(parts))
	}
	next := 0
	for i, part := range parts {
		var got []listed
		if err := json.Unmarshal([]byte(part), &got); err != nil || len(part) > maxList {
			t.Fatalf("part %d has %d bytes: %v", i, len(part), err)
		}
		for _, l := range got {
			if l != all[next] {
				t.Fatalf("device %d is %+v", next, l)
			}
			next++
		}
	}
	if next != len(all) {
		t.Errorf("%d of %d devices are told", next, len(all))
	}
	if none := split(nil, maxList); len(none) != 1 || none[0] != "[]" {
		t.Errorf("without devices: %q", none)
	}
}

// TestLongListShrinks has a long list of devices grow short.
func TestLongListShrinks(t *testing.T) {
	h := still(t)
	sent := func() (all []string) {
		batch, _ := h.status.page.take(nil, 100)
		for _, m := range batch {
			if strings.Contains(m.topic, "bridge/devices") {
				all = append(all, fmt.Sprintf("%s=%s %v", m.topic, m.payload, m.retained && m.sure))
			}
		}
		return all
	}
	for _, tc := range []struct {
		parts []string
		want  string
	}{
		{[]string{"[1]"}, "[mihome2mqtt/bridge/devices=[1] true]"},
		{[]string{"[1]", "[2]", "[3]"}, "[mihome2mqtt/bridge/devices/2=[2] true mihome2mqtt/bridge/devices/3=[3] true]"},
		{[]string{"[1]", "[2]", "[3,4]"}, "[mihome2mqtt/bridge/devices/3=[3,4] true]"},
		{[]string{"[1]", "[2]"}, "[mihome2mqtt/bridge/devices/3= true mihome2mqtt/bridge/devices/2=[2] true]"},
	} {
		h.status.list(tc.parts)
		if got := fmt.Sprint(sent()); got != tc.want {
			t.Errorf("%q sends %s, want %s", tc.parts, got, tc.want)
		}
	}
	for name, stale := range map[string]bool{"devices": false, "devices/2": false, "devices/3": true, "devices/x": false, "devices/03": false, "state": false, "request/3": false} {
		if got := h.stale("mihome2mqtt/bridge/" + name); got != stale {
			t.Errorf("%s is left over: %v", name, got)
		}
	}
}

// TestWhatIsTooLargeIsNamed has messages larger than the broker takes, kept and
// momentary ones, in a bridge that must stay connected.
func TestWhatIsTooLargeIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		time.Sleep(10 * time.Second)
		s.home.view("d1").page.put(slotLastError, "something")
		u := s.watch()
		u.heard()
		huge := strings.Repeat("x", maxPacket)
		for range 2 {
			s.home.view("d1").page.put(slotLastError, huge)
			s.home.out.once(message{topic: "mihome2mqtt/d1/e4_1/image", payload: huge})
		}
		s.home.respond("get", nil, huge, nil)
		if err := s.home.bus.Publish(t.Context(), "elsewhere", []byte(huge)); !errors.Is(err, mi.ErrInvalid) {
			t.Errorf("the bus says %v", err)
		}
		fitting := strings.Repeat("y", ownLimit-len("mihome2mqtt/d1/connection"))
		s.home.view("d1").page.put(slotConnection, fitting)
		time.Sleep(time.Minute + time.Second)
		got := u.heard()
		if !s.home.Connection().Up || s.log.count("no connection") > 0 {
			t.Errorf("the bridge lost its broker: %v", s.log.lines)
		}
		for _, want := range []string{"mihome2mqtt/d1/last_error None", `mihome2mqtt/bridge/response/get {"status":"error"`, "mihome2mqtt/d1/connection yyy", `"too_large":6`} {
			if !among(got, want) {
				t.Errorf("%s is missing", want)
			}
		}
		if among(got, "image") || among(got, "xxxx") {
			t.Error("something too large went out")
		}
		for _, topic := range []string{"mihome2mqtt/d1/last_error", "mihome2mqtt/d1/e4_1/image", "elsewhere"} {
			if n := s.log.count(`"topic":"` + topic + `"`); n != 1 {
				t.Errorf("%s is named %d times in the log", topic, n)
			}
		}
		u.bye()
		s.stop()
	})
}
