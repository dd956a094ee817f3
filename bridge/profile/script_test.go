package profile

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var update = flag.Bool("update", false, "rewrite the expectations")

// A script drives one profile and tells what it did:
//
//	model MODEL
//	read METHOD PARAMS, then a line "< RESULT"   what is asked, and the answer
//	write KEY VALUE                              a property is written
//	call KEY ARG ARG …                           an action is run
//	change KEY BEFORE AFTER                      events of a property's change
//
// Indented lines are what came of it; -update writes them.
type script struct {
	set *Set
	p   *Profile
	out bytes.Buffer
}

func (s *script) run(text string) (string, error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if strings.HasPrefix(line, "  ") {
			continue
		}
		fmt.Fprintln(&s.out, line)
		reply := ""
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "< ") {
			i++
			fmt.Fprintln(&s.out, lines[i])
			reply = lines[i][2:]
		}
		if err := s.command(line, reply); err != nil {
			return "", fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return s.out.String(), nil
}

func (s *script) command(line, reply string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "", "#":
		return nil
	case "model":
		if s.p = s.set.Match(rest); s.p == nil {
			return fmt.Errorf("no profile of %s", rest)
		}
		return nil
	case "read":
		return s.read(rest, reply)
	case "write":
		return s.write(rest)
	case "call":
		return s.call(rest)
	case "change":
		return s.change(rest)
	}
	return fmt.Errorf("unknown command %q", word)
}

func (s *script) say(format string, args ...any) { fmt.Fprintf(&s.out, "  "+format+"\n", args...) }

func (s *script) read(request, reply string) error {
	all := make([]int, len(s.p.spec.Props))
	for i := range all {
		all[i] = i
	}
	var asked []string
	for _, r := range s.p.Reads(all) {
		for _, part := range s.p.Split(r, 0) {
			line := part.Method + " " + string(part.Params())
			asked = append(asked, line)
			if line == request {
				return s.answer(part, reply)
			}
		}
	}
	return fmt.Errorf("%q is not asked; what is asked is\n%s", request, strings.Join(asked, "\n"))
}

func (s *script) answer(r Read, reply string) error {
	changes, err := s.p.Parse(r, json.RawMessage(reply), nil)
	if err != nil {
		s.say("error %v", err)
	}
	for _, c := range changes {
		s.say("%s %s", s.p.spec.Props[c.Prop].Key, c.Value.AppendJSON(nil))
	}
	return nil
}

func (s *script) requests(list []Request, err error) error {
	if err != nil {
		s.say("error %v", err)
	}
	for _, r := range list {
		s.say("%s %s", r.Method, r.Params)
	}
	return nil
}

func (s *script) prop(key string) (int, error) {
	for i := range s.p.spec.Props {
		if string(s.p.spec.Props[i].Key) == key {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no property %s", key)
}

func (s *script) write(rest string) error {
	key, value, _ := strings.Cut(rest, " ")
	i, err := s.prop(key)
	if err != nil {
		return err
	}
	v, err := mi.ParseJSON([]byte(value))
	if err != nil {
		return err
	}
	return s.requests(s.p.Write(mi.Change{Prop: i, Value: v}))
}

func (s *script) call(rest string) error {
	words := strings.Fields(rest)
	var args []mi.Value
	for _, w := range words[1:] {
		v, err := mi.ParseJSON([]byte(w))
		if err != nil {
			return err
		}
		args = append(args, v)
	}
	for i := range s.p.spec.Actions {
		if string(s.p.spec.Actions[i].Key) == words[0] {
			return s.requests(s.p.Call(i, args))
		}
	}
	return fmt.Errorf("no action %s", words[0])
}

func (s *script) change(rest string) error {
	words := strings.Fields(rest)
	i, err := s.prop(words[0])
	if err != nil {
		return err
	}
	before, _ := mi.ParseJSON([]byte(words[1]))
	after, _ := mi.ParseJSON([]byte(words[2]))
	for _, h := range s.p.Events(i, before, after) {
		s.say("%s %v", s.p.spec.Events[h.Event].Key, h.Args)
	}
	return nil
}

func TestProfilesSpeakTheWire(t *testing.T) {
	set := shipped(t)
	files, err := filepath.Glob("testdata/replies/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts:", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := (&script{set: set}).run(string(want))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compare(t, got, string(want))
		})
	}
}

// compare shows the first line that differs.
func compare(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "", ""
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			t.Fatalf("line %d is %q, want %q", i+1, a, b)
		}
	}
}
