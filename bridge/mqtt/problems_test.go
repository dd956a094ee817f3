package mqtt

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProblemsAreCountedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		time.Sleep(3 * time.Second)
		reader := s.watch()
		var heard []string
		has := func(want string) {
			t.Helper()
			time.Sleep(3 * time.Second)
			heard = append(heard, reader.heard()...)
			if got := strings.Join(heard, "\n"); !strings.Contains(got, want) {
				t.Errorf("%s is not told: %s", want, got)
			}
		}
		has("mihome2mqtt/bridge/problem_count None")
		has(`mihome2mqtt/bridge/problems {"problems":[]}`)
		s.home.Problems([]Problem{{ID: "net.none", Device: "d1", Name: "Lamp", Severity: "broken", Text: "Nobody hears Lamp.", Since: time.Unix(0, 0).UTC()}})
		has("mihome2mqtt/bridge/problem_count 1")
		has(`mihome2mqtt/bridge/problems {"problems":[{"id":"net.none","device":"d1","name":"Lamp","severity":"broken","text":"Nobody hears Lamp.","since":"1970-01-01T00:00:00Z"}]}`)
		s.home.Problems(nil)
		has("mihome2mqtt/bridge/problem_count 0")
		reader.bye()
		s.stop()
	})
}

func TestManyProblemsStayBelowWhatHomeAssistantKeeps(t *testing.T) {
	many := make([]Problem, 1000)
	for i := range many {
		many[i] = Problem{ID: "net.none", Severity: "broken", Text: strings.Repeat("x", 100)}
	}
	text := encodeProblems(many)
	var got struct {
		Problems []Problem
		More     int
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(text) > 16<<10 || len(got.Problems) < 50 || len(got.Problems)+got.More != len(many) {
		t.Errorf("%d bytes, %d problems and %d more", len(text), len(got.Problems), got.More)
	}
}
