package mqtt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestOrders(t *testing.T) {
	for _, tc := range []struct {
		name, topic, payload string
		want                 string // what the lamp was told
		complaint            string // on last_error
	}{
		{"switch", "d1/p2_1/state/set", "ON", "0=true", ""},
		{"toggle", "d1/p2_1/state/set", "TOGGLE", "0=true", ""},
		{"number", "d1/p2_2/state/set", "30", "1=30", ""},
		{"button", "d1/a2_1/press/set", "PRESS", "call 0 []", ""},
		{"action", "d1/command/play_er/say", `["hi"]`, `call 1 [["hi"]]`, ""},
		{"too high", "d1/p2_2/state/set", "300", "", `"300" is no number from 1 to 100`},
		{"no number", "d1/p2_2/state/set", "bright", "", "is no number"},
		{"NUL", "d1/p2_2/state/set", "3\x000", "", "NUL"},
		{"not UTF-8", "d1/p2_2/state/set", "\xff", "", "UTF-8"},
		{"huge", "d1/p2_2/state/set", strings.Repeat("9", maxPayload+1), "", "64 KiB"},
		{"deep", "d1/command/play_er/say", strings.Repeat("[", 17), "", "16 deep"},
		{"unknown entity", "d1/p9_9/state/set", "1", "", ""},
		{"unknown role", "d1/p2_1/brightness/set", "1", "", ""},
		{"read only role", "d1/e4_1/event/set", "1", "", ""},
		{"unknown device", "d7/p2_1/state/set", "ON", "", ""},
		{"unknown action", "d1/command/play_er/sing", "[]", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newHouse(t, testWorld(), 1, nil)
				time.Sleep(10 * time.Second)
				u := s.watch()
				u.heard()
				u.say("mihome2mqtt/"+tc.topic, tc.payload, false)
				time.Sleep(5 * time.Second)
				if got := s.lamps.byID["d1"].taken(); got != tc.want {
					t.Errorf("the lamp was told %q, want %q", got, tc.want)
				}
				heard := u.heard()
				if got := among(heard, "d1/last_error "); got != (tc.complaint != "") || !among(heard, tc.complaint) {
					t.Errorf("complaint %q is not in %.500q", tc.complaint, heard)
				}
				if strings.Contains(tc.topic, "p2_2") && tc.complaint != "" && !among(heard, "d1/p2_2/state 50") {
					t.Errorf("the old state was not shown again: %.500q", heard)
				}
				u.bye()
				s.stop()
			})
		})
	}
}

func TestFailedOrderShowsTheOldStateAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.heard()
		s.lamps.byID["d1"].put(func(l *lamp) { l.fail = fmt.Errorf("wire: %w", mi.ErrInvalid) })
		u.say("mihome2mqtt/d1/p2_1/state/set", "ON", false)
		time.Sleep(15 * time.Second)
		heard := u.heard()
		if !among(heard, "d1/p2_1/state OFF") || !among(heard, "d1/last_error ") {
			t.Errorf("after a failure: %q", heard)
		}
		s.lamps.byID["d1"].put(func(l *lamp) { l.fail = nil })
		u.say("mihome2mqtt/d1/p2_1/state/set", "ON", false)
		time.Sleep(15 * time.Second)
		if heard := u.heard(); !among(heard, "d1/p2_1/state ON") || !among(heard, "d1/last_error None") {
			t.Errorf("after a success: %q", heard)
		}
		u.bye()
		s.stop()
	})
}

func TestRetainedCommandsAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		u := mustConnect(t, w, "careless")
		u.say("mihome2mqtt/d1/p2_1/state/set", "ON", true)
		u.say("mihome2mqtt/d1/a2_1/press/set", "PRESS", true)
		u.say("mihome2mqtt/bridge/request/restart", "", true)
		s := newHouse(t, w, 1, external)
		time.Sleep(10 * time.Second)
		b.up(b.down())
		time.Sleep(time.Minute)
		if got := s.lamps.byID["d1"].taken(); got != "" {
			t.Errorf("executed: %s", got)
		}
		if n := s.home.counts.retained.Load(); n < 4 {
			t.Errorf("%d counted, want two at each of two connects", n)
		}
		if n := s.log.count("retained command ignored"); n != 2 {
			t.Errorf("%d log lines, want one per topic", n)
		}
		u.bye()
		s.stop()
		b.down()
	})
}

func TestRepeatedMessagesPressOnce(t *testing.T) {
	for _, tc := range []struct {
		name  string
		topic string
		text  string
		pause time.Duration
		again bool
		sure  bool
		want  int
	}{
		{"button, marked, 1 s", "d1/a2_1/press/set", "PRESS", time.Second, true, true, 1},
		{"button, marked, 3 s", "d1/a2_1/press/set", "PRESS", 3 * time.Second, true, true, 2},
		{"button, unmarked, at once", "d1/a2_1/press/set", "PRESS", 0, false, true, 1},
		{"button, unmarked, 0.5 s", "d1/a2_1/press/set", "PRESS", 500 * time.Millisecond, false, true, 2},
		{"button, QoS 0, at once", "d1/a2_1/press/set", "PRESS", 0, false, false, 2},
		{"toggle, marked", "d1/p2_1/state/set", "TOGGLE", time.Second, true, true, 1},
		{"absolute, marked", "d1/p2_1/state/set", "ON", time.Second, true, true, 2},
		{"action, marked", "d1/command/play_er/say", "[1]", time.Second, true, true, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newHouse(t, testWorld(), 1, nil)
				time.Sleep(10 * time.Second)
				m := arrival{topic: "mihome2mqtt/" + tc.topic, payload: []byte(tc.text), sure: tc.sure}
				s.home.arrived(m)
				time.Sleep(tc.pause)
				m.again = tc.again
				s.home.arrived(m)
				time.Sleep(5 * time.Second)
				if got := 2 - int(s.home.counts.repeated.Load()); got != tc.want {
					t.Errorf("taken %d times, want %d", got, tc.want)
				}
				s.stop()
			})
		})
	}
}

func TestBirthFloodIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 2, nil)
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.heard()
		for i := range 100 {
			u.say("homeassistant/status", []string{"online", "offline"}[i%2], false)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(20 * time.Second)
		heard := u.heard()
		count := func(part string) (n int) {
			for _, l := range heard {
				if strings.Contains(l, part) {
					n++
				}
			}
			return n
		}
		if n := count("device/mihome2mqtt_d1/config "); n != 1 {
			t.Errorf("announced %d times", n)
		}
		if n := count("d1/p2_1/state "); n != 1 {
			t.Errorf("state published %d times", n)
		}
		if !among(heard, "d2/availability online") || among(heard, "offline}") {
			t.Errorf("answer: %q", heard)
		}
		time.Sleep(time.Minute) // what came after the answer gets one more
		if n := count("config "); n > 6 {
			t.Errorf("%d announcements", n)
		}
		u.bye()
		s.stop()
	})
}

func TestRequests(t *testing.T) {
	for _, tc := range []struct {
		verb, payload string
		raw           bool
		want          string
	}{
		{"health", "", false, `"status":"ok","uptime":`},
		{"devices", "", false, `"id":"d1","did":"d1","name":"Lamp d1"`},
		{"rename", `{"id":"d1","name":"Desk\u202e\n","transaction":7}`, false, `{"status":"ok","data":{"id":"d1","name":"Desk"},"transaction":7}`},
		{"rename", `{"from":"Lamp d1","to":"Desk"}`, false, `"name":"Desk"`},
		{"rename", `{"id":"d9","name":"x"}`, false, `"error":"there is no device \"d9\"`},
		{"rename", `{"id":"d1"}`, false, `has no name`},
		{"remove", "d1", false, `{"status":"ok","data":{"id":"d1"}}`},
		{"get", `{"id":"d1","key":"light/level"}`, false, `{"status":"ok","data":{"id":"d1","key":"light/level","value":50}}`},
		{"get", "d1", false, `"values":{"light/level":50,"light/on":false}`},
		{"get", `{"id":"d1","key":"x"}`, false, `has no property`},
		{"set", `{"id":"d1","key":"light/level","value":7}`, false, `MIHOME2MQTT_RAW_ACCESS`},
		{"set", `{"id":"d1","key":"p2_2","value":7}`, true, `{"status":"ok","data":{"id":"d1","out":null}}`},
		{"set", `{"id":"d1","key":"light/text","value":7}`, true, `no writable property`},
		{"action", `{"id":"d1","action":"a3_1","args":["hi"]}`, true, `"status":"ok"`},
		{"action", `{"id":"d1","action":"a3_1"}`, true, `takes 1 arguments, not 0`},
		{"action", `{"id":"d1","action":"light/toggle"}`, false, `MIHOME2MQTT_RAW_ACCESS`},
		{"refresh", "", false, `{"status":"ok","data":{}}`},
		{"log_level", "debug", false, `{"status":"ok","data":{"level":"debug"}}`},
		{"log_level", `{"level":"loud"}`, false, `is none of trace, debug`},
		{"log_level", "trace", false, `MIHOME2MQTT_RAW_ACCESS`},
		{"restart", "{}", false, `{"status":"ok","data":{}}`},
		{"backup", "", false, `there is no backup here`},
		{"fly", `{"transaction":"t"}`, false, `{"status":"error","data":{},"error":"there is no request \"fly\"","transaction":"t"}`},
		{"rename", `{"id":`, false, `"error":"the request is not understood: it is no JSON object"`},
		{"rename", `{"id":["d1"],"to":"x"}`, false, `"error":"the request is not understood: id cannot be of the kind array"`},
		{"rename", `{"id":5,"to":"x"}`, false, `"error":"there is no device \"5\""`},
		{"set", `{"id":"d1","key":"p2_2","value":7}`, false, `MIHOME2MQTT_RAW_ACCESS=true allows it"`},
	} {
		t.Run(tc.verb+" "+tc.payload, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				restarts := 0
				s := newHouse(t, testWorld(), 1, func(o *Options) {
					o.Raw = tc.raw
					o.Actions.LogLevel = func(string) error { return nil }
					o.Actions.Restart = func() { restarts++ }
				})
				time.Sleep(10 * time.Second)
				u := s.watch()
				u.heard()
				u.say("mihome2mqtt/bridge/request/"+tc.verb, tc.payload, false)
				time.Sleep(3 * time.Second)
				heard := u.heard()
				i := slices.IndexFunc(heard, func(l string) bool { return strings.HasPrefix(l, "mihome2mqtt/bridge/response/"+tc.verb+" ") })
				if i < 0 || !strings.Contains(heard[i], tc.want) {
					t.Errorf("answer %q, want %s", heard, tc.want)
				}
				if (restarts == 1) != (tc.verb == "restart") {
					t.Errorf("%d restarts", restarts)
				}
				u.bye()
				s.stop()
			})
		})
	}
}

func TestBackupTellsOnlyWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, func(o *Options) { o.Actions.Backup = backupOnce(errors.New("disk full")) })
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.listen("#")
		u.heard()
		for _, want := range []string{`"file":"backup/1"`, `"error":"disk full"`} {
			u.say("mihome2mqtt/bridge/request/backup", "", false)
			time.Sleep(time.Second)
			if heard := u.heard(); !among(heard, want) {
				t.Errorf("%q, want %s", heard, want)
			}
		}
		u.bye()
		s.stop()
	})
}

// backupOnce works once and then fails.
func backupOnce(then error) func(context.Context) (string, error) {
	n := 0
	return func(context.Context) (string, error) {
		if n++; n > 1 {
			return "", then
		}
		return "backup/1", nil
	}
}
