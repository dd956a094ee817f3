package web

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
)

// read returns the text of the files that fit a pattern, tests left out.
func read(t *testing.T, patterns ...string) (text string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			body, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text += string(body)
		}
	}
	return text
}

// sentences returns every English text that the pages say: in templates and code,
// in tables, and what the account says to people.
func sentences(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	call := regexp.MustCompile(`\.(?:T|N [^"]*?|N\([^"]*?)\(?\s?"((?:[^"\\]|\\.)*)"(?:,? "((?:[^"\\]|\\.)*)")?`)
	for _, m := range call.FindAllStringSubmatch(read(t, "*.go", "page/*.html"), -1) {
		all[m[1]], all[m[2]] = true, true
	}
	title := regexp.MustCompile(`s\.page\(r, "[^"]*", "([^"]*)"\)|s\.refuse\([^\n]*?"[a-z_]+", "([^"]*)"\)`)
	for _, m := range title.FindAllStringSubmatch(read(t, "*.go"), -1) {
		all[m[1]], all[m[2]] = true, true
	}
	spoken := regexp.MustCompile(`"([A-Z][^"%]*\.)"`)
	for _, m := range spoken.FindAllStringSubmatch(read(t, "../account/words.go", "../account/state.go"), -1) {
		all[m[1]] = true
	}
	for _, kind := range problem.All() {
		for _, text := range slices.Concat([]string{kind.Sentence, kind.ToDo}, slices.Collect(maps.Values(kind.Else))) {
			all[text] = true
		}
	}
	for _, table := range []map[string]string{stateWords, routeWords, roleWords} {
		for _, word := range table {
			all[word] = true
		}
	}
	for _, o := range slices.Concat(reachWords, levels) {
		all[o.Word] = true
	}
	for _, f := range filters {
		all[f.word] = true
	}
	for _, c := range columns {
		all[c.word] = true
	}
	for _, text := range spokenElsewhere {
		all[text] = true
	}
	delete(all, "")
	return all
}

// spokenElsewhere are words that reach a page through a variable.
var spokenElsewhere = []string{
	"MQTT broker", "Xiaomi account", "Home network", "Connected", "Not checked", "Away", "Not connected yet", "Announced", "Seen", "Not seen", "Off", "Good", "None", "Nothing is announced",
	"Only this machine itself can be reached", "Signed in", "Ends soon", "Slowed down", "Cloud away", "Sign-in needed", "default", "environment", "file", "app options",
	"Network", "Broadcast", "Broker", "Home", "Data", "Mapping", "Account", "Clock", "Pages", "Device", "Devices",
	"As the system", "Light", "Dark", "Open", "Close", "Stop", "Start", "Pause", "Lock", "Unlock", "Locate", "Return to base",
	"China", "Europe", "United States", "Singapore", "Russia", "Taiwan", "India",
	"asks us to slow down", "answers with a web page", "wants a new sign-in", "does not answer", "gives an answer that nobody understands",
	"You are signed in, but this account has no devices in any of the %d regions. Are they in another account, or shared with this one under an invitation not yet accepted?",
	"Xiaomi asks us to wait %d seconds before the next try.", "Xiaomi asks us to wait %d minutes before the next try.", "%d tries left.", "1 try left.", "Xiaomi sends a code. Where to?", "You are in. Asking where your devices are.", "This code is too old. Ask for a new one.",
}

// alike are words that need no other language.
var alike = []string{"%d", "LAN", "API", "Bluetooth"}

// taken are the values that a sentence takes: %d and its like in their order, those
// with names in any.
func taken(verb *regexp.Regexp, sentence string) []string {
	all := verb.FindAllString(sentence, -1)
	if !strings.Contains(sentence, "%") {
		slices.Sort(all)
	}
	return all
}

// TestEveryLanguageIsWhole holds the pages' languages to the English sentences: none
// is missing, none is left over, and each takes the same values.
func TestEveryLanguageIsWhole(t *testing.T) {
	said := sentences(t)
	if len(said) < 250 {
		t.Fatalf("only %d sentences found", len(said))
	}
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	verb := regexp.MustCompile(`%[dsv]|\{[a-z ]+\}`)
	for language, words := range all.words {
		for _, english := range slices.Sorted(maps.Keys(said)) {
			if words[english] == "" && !slices.Contains(alike, english) {
				t.Errorf("%s lacks %q", language, english)
			}
		}
		for english, other := range words {
			if !said[english] {
				t.Errorf("%s: nobody says %q", language, english)
			}
			if a, b := taken(verb, english), taken(verb, other); !slices.Equal(a, b) {
				t.Errorf("%s: %q takes %v, %q takes %v", language, english, a, other, b)
			}
		}
	}
}

func TestTextsOfOtherPartsAreTold(t *testing.T) {
	all := texts{words: map[string]map[string]string{"de": {"That was wrong.": "Das war falsch.", "%d tries left.": "Noch %d Versuche.", "Where to? Say.": "Wohin? Sprich."}}}
	for text, want := range map[string]string{
		"": "", "That was wrong.": "Das war falsch.", "That was wrong. 2 tries left.": "Das war falsch. Noch 2 Versuche.",
		"That was wrong. Nobody knows this. 2 tries left.": "Das war falsch. Nobody knows this. 2 tries left.", "Where to? Say.": "Wohin? Sprich.", "Europe": "Europe",
	} {
		if got := all.tell("de", text); got != want {
			t.Errorf("%q is told as %q, want %q", text, got, want)
		}
	}
	if got := all.tell("en", "That was wrong."); got != "That was wrong." {
		t.Errorf("in English: %q", got)
	}
}

func TestProblemsAreToldInOtherLanguages(t *testing.T) {
	h := newHouse(5)
	h.problems = []Problem{{
		ID: "net.moved", Device: purifier, Severity: Broken, Text: "Kettle has a new address, 10.0.0.7. Already in use, nothing to do.",
		Sentence: "{name} has a new address, {ip}. Already in use, nothing to do.", Measured: []string{"name", "Kettle", "ip", "10.0.0.7"},
	}, {ID: "own", Severity: Broken, Text: "Sign in again."}}
	s := serve(t, h, nil)
	for language, want := range map[string][]string{
		"en": {"Kettle has a new address, 10.0.0.7.", ">Sign in again."}, "de": {"Kettle hat eine neue Adresse, 10.0.0.7.", "Melde dich neu an."}, "zh": {"Kettle 有了新地址 10.0.0.7", "请重新登录。"},
	} {
		page := asked{path: "/problems", header: map[string]string{"Accept-Language": language}}.of(s).Body.String()
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("in %s the page lacks %q", language, text)
			}
		}
	}
}
