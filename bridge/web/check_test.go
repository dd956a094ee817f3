package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLookingAtEverything begins, goes on in the background and is shown step by step.
func TestLookingAtEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(4)
		h.solved = []Problem{{ID: "net.none", Device: purifier, Severity: Broken, Text: "Nobody in the network hears Air Purifier.", Since: noon}}
		s := serve(t, h, nil)
		page := (asked{path: "/problems"}.of(s)).Body.String()
		if strings.Contains(page, "What was looked at") || !strings.Contains(page, "Solved lately") || !strings.Contains(page, "hears Air Purifier.") {
			t.Errorf("before: %s", page)
		}
		mark := s.hub.lease([]string{topicProblems}, nil)
		w := asked{method: http.MethodPost, path: "/problems/check", form: "form=" + formOf(s)}.of(s)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "../problems#checks" {
			t.Errorf("%d to %s", w.Code, w.Header().Get("Location"))
		}
		synctest.Wait()
		page = (asked{path: "/problems"}.of(s)).Body.String()
		for _, text := range []string{"What was looked at", "Everything was looked at.", "eth0 192.168.1.5/24", "Lamp 2: no answer", "Good", "Failed"} {
			if !strings.Contains(page, text) {
				t.Errorf("the page does not say %q", text)
			}
		}
		found, _, _, _ := s.hub.since(mark, wish{topics: []string{topicProblems}})
		var steps []string
		for _, e := range found {
			var c liveCheck
			if e.name != "check" || json.Unmarshal(e.data, &c) != nil {
				t.Errorf("%s %s", e.name, e.data)
				continue
			}
			steps = append(steps, string("-+"[map[bool]int{false: 0, true: 1}[c.Running]])+c.Last.Name)
		}
		if got := strings.Join(steps, " "); got != "+network +device -device" {
			t.Errorf("told live: %s", got)
		}
	})
}

// TestLookingEndsInTime: whatever hangs, it ends, and one look goes on at a time.
func TestLookingEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(1)
		h.fails = errors.New("it hangs")
		s := serve(t, h, nil)
		for range 3 {
			if job := s.exam.begin(t.Context()).Job; job != 1 {
				t.Errorf("job %d begins", job)
			}
		}
		time.Sleep(checkWithin - time.Second)
		if !s.exam.get().Running {
			t.Error("it gave up early")
		}
		time.Sleep(2 * time.Second)
		if now := s.exam.get(); now.Running || now.Job != 1 {
			t.Errorf("after its time: %+v", now)
		}
		if got := h.done(); got != "examine" {
			t.Errorf("looked %s", got)
		}
	})
}
