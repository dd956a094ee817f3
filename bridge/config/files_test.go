package config

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

const appFolder = "../../docker/homeassistant-app/mihome2mqtt/"

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestAppOptionsAreSettingsAndExplained(t *testing.T) {
	var app struct {
		Version string
		Schema  map[string]any
		Options map[string]any
		Arch    []string
	}
	var words struct {
		Configuration map[string]struct{ Name, Description string }
	}
	readYAML(t, appFolder+"config.yaml", &app)
	readYAML(t, appFolder+"translations/en.yaml", &words)
	var variables []string
	for _, s := range Settings() {
		variables = append(variables, s.Variable)
	}
	for _, option := range slices.Sorted(maps.Keys(app.Schema)) {
		if !slices.Contains(variables, Prefix+strings.ToUpper(option)) {
			t.Errorf("option %s is no setting", option)
		}
		if w := words.Configuration[option]; w.Name == "" || w.Description == "" {
			t.Errorf("option %s is not explained in translations/en.yaml", option)
		}
	}
	if len(words.Configuration) != len(app.Schema) {
		t.Error("translations/en.yaml explains an option that is not there")
	}
	for option := range app.Options {
		if app.Schema[option] == nil {
			t.Errorf("default of option %s, which is not in the schema", option)
		}
	}
	dockerfile, err := os.ReadFile(appFolder + "Dockerfile")
	if err != nil || !strings.Contains(string(dockerfile), "mihome2mqtt:"+app.Version+"\n") {
		t.Errorf("the app's Dockerfile is not of version %s (%v)", app.Version, err)
	}
	if diff := cmp.Diff([]string{"aarch64", "amd64"}, app.Arch); diff != "" {
		t.Error(diff)
	}
}

// TestFilesNameOnlySettings finds variables in the files that people copy from.
func TestFilesNameOnlySettings(t *testing.T) {
	var known []string
	for _, s := range Settings() {
		known = append(known, s.Variable, s.Variable+"_FILE")
	}
	word := regexp.MustCompile(Prefix + `[A-Z_]+`)
	for _, file := range []string{"README.md", "CONTRIBUTING.md", "Dockerfile", "docker/compose.yaml", "docker/.env.example"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Error(err)
		}
		for _, variable := range word.FindAllString(string(text), -1) {
			if !slices.Contains(known, variable) {
				t.Errorf("%s names %s, which is not a setting", file, variable)
			}
		}
	}
}
