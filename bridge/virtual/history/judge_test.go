package history

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// story makes entries of lines "seconds actor what did key value id"; - is empty.
func story(t *testing.T, lines ...string) []Entry {
	t.Helper()
	var all []Entry
	for _, line := range lines {
		f := strings.Fields(strings.ReplaceAll(line, " - ", " \x00 "))
		for len(f) < 7 {
			f = append(f, "")
		}
		for i := range f {
			f[i] = strings.TrimSuffix(strings.ReplaceAll(f[i], "\x00", ""), "-")
		}
		at, err := time.ParseDuration(f[0] + "s")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Entry{time.Unix(0, 0).Add(at), Actor(f[1]), What(f[2]), f[3], f[4], f[5], f[6]})
	}
	return all
}

func TestJudgeFindsWhatIsBroken(t *testing.T) {
	for _, tc := range []struct {
		name  string
		want  string // rule, "" for none
		lines []string
	}{
		{"a good day", "", []string{
			"0 device truth 7 2.1 true", "0 device reachable 7 - true", "1 bridge available 7 - online", "1 bridge state 7 2.1 true",
			"5 user order 7 2.1 false o1", "6 device executed 7 2.1 false 4", "6 device truth 7 2.1 false", "6.5 bridge state 7 2.1 false",
			"6.5 bridge done 7 - - o1", "8 device emitted 7 e2.1 - 1", "9 bridge event 7 e2.1 - 1", "10 bridge queue - in 5/16",
		}},
		{"event twice", "I1", []string{"8 device emitted 7 e2.1 - 1", "9 bridge event 7 e2.1 - 1", "9 bridge event 7 e2.1 - 1"}},
		{"event out of nothing", "I1", []string{"9 bridge event 7 e2.1 - 1"}},
		{"old event", "I1", []string{"8 device emitted 7 e2.1 - 1", "99 bridge event 7 e2.1 - 1"}},
		{"retained event", "I1", []string{"8 device emitted 7 e2.1 - 1", "9 bridge event 7 e2.1 retained 1"}},
		{"nobody ordered", "I2", []string{"6 device executed 7 2.1 false 4"}},
		{"another device's order", "I2", []string{"5 user order 8 2.1 false o1", "5 bridge done 8 - - o1", "6 device executed 7 2.1 false 4"}},
		{"order carried out late", "I2", []string{"5 user order 7 2.1 false o1", "9 bridge done 7 - timeout o1", "60 device executed 7 2.1 false 4"}},
		{"toggle twice", "I3", []string{"5 user order 7 a2.1 [] o1", "6 device executed 7 a2.1 [] 4", "6 bridge done 7 - - o1", "7 device executed 7 a2.1 [] 5"}},
		{"set twice is fine", "", []string{"5 user order 7 2.1 false o1", "6 device executed 7 2.1 false 4", "6 bridge done 7 - - o1", "7 device executed 7 2.1 false 5"}},
		{"back to an older state", "I4", []string{
			"0 device truth 7 2.1 1", "1 device truth 7 2.1 2", "2 bridge state 7 2.1 2", "3 bridge state 7 2.1 1", "4 bridge state 7 2.1 2",
		}},
		{"still online", "I5", []string{"0 bridge available 7 - online", "10 device reachable 7 - false", "200 device reachable 7 - true"}},
		{"never back", "I5", []string{"0 bridge available 7 - online", "10 device reachable 7 - false", "80 bridge available 7 - offline", "200 device reachable 7 - true"}},
		{"flaps", "I5", []string{"0 bridge available 7 - online", "5 bridge available 7 - offline", "6 bridge available 7 - online", "7 bridge available 7 - offline", "8 bridge available 7 - online"}},
		{"stale at the end", "I6", []string{"0 device truth 7 2.1 1", "1 bridge state 7 2.1 1", "2 device truth 7 2.1 2"}},
		{"queue too long", "I8", []string{"1 bridge queue - in 17/16"}},
		{"order without an end", "I10", []string{"5 user order 7 2.1 false o1"}},
		{"order that took too long", "I10", []string{"5 user order 7 2.1 false o1", "40 bridge done 7 - - o1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Judge(story(t, tc.lines...), time.Unix(600, 0), Limits{})
			if tc.want == "" && len(got) > 0 || tc.want != "" && !slices.ContainsFunc(got, func(v Violation) bool { return v.Rule == tc.want }) {
				t.Errorf("found %v, want %q", got, tc.want)
			}
			for _, v := range got {
				if v.Rule != tc.want {
					t.Errorf("found %v too", v)
				}
			}
		})
	}
}

func TestDiffOfRetainedTopics(t *testing.T) {
	got := Diff(map[string]string{"a": "1", "b": "2", "left": "3"}, map[string]string{"a": "1", "b": "9", "gone": "4"})
	var all []string
	for _, v := range got {
		all = append(all, v.String())
	}
	want := []string{`I7 b: is "2", want "9"`, "I7 gone: is missing", "I7 left: is left over"}
	if !slices.Equal(all, want) {
		t.Errorf("got %q, want %q", all, want)
	}
}
