package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// own are the lines about device d1.
func own(lines []string) []string {
	return slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "d1/") })
}

func TestHiddenDeviceLeavesAndComesBack(t *testing.T) {
	for _, pause := range []time.Duration{10 * time.Second, 300 * time.Millisecond, 0} {
		t.Run(fmt.Sprint(pause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newHouse(t, testWorld(), 2, nil)
				time.Sleep(10 * time.Second)
				before := own(s.tree())
				u := s.watch()
				u.heard()
				u.say("mihome2mqtt/bridge/request/device/options", `{"id":"d1","hidden":true,"transaction":1}`, false)
				time.Sleep(pause)
				if pause > time.Second {
					if tree := s.tree(); among(tree, "d1/") || !among(tree, "d2/p2_1/state") {
						t.Errorf("hidden, but left:\n%s", strings.Join(tree, "\n"))
					}
				}
				u.say("mihome2mqtt/bridge/request/options", `{"id":"d1","hidden":false}`, false)
				time.Sleep(10 * time.Second)
				if after := own(s.tree()); !slices.Equal(before, after) {
					t.Errorf("it came back as\n%s\nwas\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
				}
				u.bye()
				s.stop()
			})
		})
	}
}

// fewer is lampModel, without its number where few entities are wanted.
func fewer(spec *mi.Spec, detail string) (*entity.Model, renderer) {
	if detail == "minimal" {
		return withoutNumber(spec, detail)
	}
	return lampModel(spec, detail)
}

func TestDeviceHasAsManyEntitiesAsItsUserWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 2, nil)
		time.Sleep(10 * time.Second)
		s.home.reshape(fewer)
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.heard()
		u.say("mihome2mqtt/bridge/request/options", `{"id":"d1","detail":"minimal"}`, false)
		time.Sleep(10 * time.Second)
		var steps []string
		for _, l := range u.heard() {
			if strings.Contains(l, "_d1/config") {
				steps = append(steps, l)
			}
		}
		if len(steps) != 2 || !strings.Contains(steps[0], `"p2_2":{"platform":"number"}`) || strings.Contains(steps[1], `p2_2":`) {
			t.Errorf("it shrinks in steps %.900q", steps)
		}
		tree := s.tree()
		for line, there := range map[string]bool{"d1/p2_2/state": false, "d1/x2_2/state 50": true, "d1/p2_1/state OFF": true, "d1/availability online": true, "d2/p2_2/state 50": true} {
			if among(tree, line) != there {
				t.Errorf("%q is there: %v", line, !there)
			}
		}
		u.say("mihome2mqtt/bridge/request/options", `{"id":"d1","detail":"default"}`, false)
		time.Sleep(10 * time.Second)
		if tree := s.tree(); !among(tree, "d1/p2_2/state 50") || among(tree, "d1/x2_2") {
			t.Errorf("grown again:\n%s", strings.Join(tree, "\n"))
		}
		u.bye()
		s.stop()
	})
}

func TestOptionsAnswerWhatHoldsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		time.Sleep(10 * time.Second)
		u := s.watch()
		for ask, want := range map[string]string{
			`{"id":"d1","room":"Loft","reach":"local"}`: `{"status":"ok","data":{"id":"d1","room":"Loft","reach":"local"}}`,
			`{"id":"d1","reach":"by air"}`:              `reach can be automatic, local, cloud, not \"by air\"`,
			`{"id":"d9","hidden":true}`:                 `there is no device \"d9\"`,
			`{"id":"d1","hidden":"yes"}`:                `the request is not understood`,
		} {
			u.heard()
			u.say("mihome2mqtt/bridge/request/options", ask, false)
			time.Sleep(time.Second)
			if got := u.heard(); !among(got, want) {
				t.Errorf("%s is answered by %q", ask, got)
			}
		}
		u.bye()
		s.stop()
	})
}

func TestDeviceWithoutANameIsCalledTheSameEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 0, nil)
		s.lamps.add("d7", &lamp{values: []mi.Value{mi.Bool(false), mi.Int(50), {}}})
		s.devices.Found("lan", mi.Info{DID: "d7", Model: "acme.light.one", Token: "0123"})
		time.Sleep(10 * time.Second)
		tree := s.tree()
		for _, want := range []string{`"model_id":"acme.light.one","name":"Lamp"`, `"id":"d7","did":"d7","name":"Lamp"`} {
			if !among(tree, want) {
				t.Errorf("%s is missing in\n%s", want, strings.Join(tree, "\n"))
			}
		}
		u := s.watch()
		u.heard()
		u.say("mihome2mqtt/bridge/request/get", `{"id":"Lamp"}`, false)
		time.Sleep(time.Second)
		if got := u.heard(); !among(got, `"status":"ok"`) {
			t.Errorf("asked by that name: %q", got)
		}
		u.bye()
		s.stop()
	})
}
