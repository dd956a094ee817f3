package bridge_test

import (
	"errors"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mihome2mqtt/mihome2mqtt/"

// picture says which of our packages each package may import, from the wire up
// to the topics. A star stands for every package of a folder.
var picture = map[string][]string{
	"bridge/mi":                 {},
	"mappings":                  {},
	"bridge/config":             {"bridge/mi"},
	"bridge/redact":             {"bridge/mi"},
	"bridge/redact/leak":        {},
	"bridge/host":               {"bridge/mi"},
	"bridge/sealed":             {"bridge/mi"},
	"bridge/store":              {"bridge/mi", "bridge/sealed"},
	"bridge/spec":               {"bridge/mi"},
	"bridge/profile":            {"bridge/mi", "bridge/spec"},
	"bridge/lan":                {"bridge/mi"},
	"bridge/drivers/*":          {"bridge/mi", "bridge/lan", "bridge/profile", "bridge/spec"},
	"bridge/drivers/drivertest": {"bridge/mi", "bridge/device"},
	"bridge/bridgetest":         {"bridge/mi", "bridge/mqtt", "bridge/virtual/world"},
	"bridge/device":             {"bridge/mi"},
	"bridge/entity":             {"bridge/mi"},
	"bridge/topic":              {},
	"bridge/homeassistant":      {"bridge/mi", "bridge/entity", "bridge/topic"},
	"bridge/mqtt":               {"bridge/mi", "bridge/entity", "bridge/device", "bridge/homeassistant", "bridge/topic"},
	"bridge/virtual":            {"bridge/mi", "bridge/virtual/*"},
	"bridge/virtual/*":          {"bridge/mi", "bridge/virtual/nature"},
	"bridge/virtual/nature":     {},
	"bridge/virtual/history":    {},
	"bridge/virtual/chaos":      {"bridge/virtual/nature"},
	"bridge/virtual/world":      {"bridge/mi", "bridge/virtual/nature", "bridge/virtual/chaos"},
	"bridge/virtual/yeelight":   {"bridge/mi", "bridge/virtual/world"},
	"bridge/virtual/miio":       {"bridge/mi", "bridge/virtual/nature", "bridge/virtual/history", "bridge/virtual/chaos", "bridge/virtual/world"},
	"bridge/virtual/cloud":      {"bridge/mi", "bridge/virtual/world", "bridge/virtual/miio"},
	"bridge/account":            {"bridge/mi", "bridge/sealed"},
	"bridge/bluetooth":          {"bridge/mi"},
	"bridge/bluetooth/bluez":    {"bridge/mi", "bridge/bluetooth"},
	"bridge/bluetooth/esphome":  {"bridge/mi", "bridge/bluetooth"},
	"bridge/problem":            {},
	"bridge/doctor":             {"bridge/mi", "bridge/problem"},
	"bridge/web":                {"bridge/mi", "bridge/problem"},
	"bridge/mapping":            {"bridge/mi", "bridge/entity", "bridge/profile", "mappings"},
	"bridge/pages": {
		"bridge/mi", "bridge/account", "bridge/config", "bridge/device", "bridge/diagnosis", "bridge/entity", "bridge/homeassistant", "bridge/mqtt", "bridge/topic",
		"bridge/web",
	},
	"bridge/diagnosis": {
		"bridge/mi", "bridge/account", "bridge/bluetooth", "bridge/config", "bridge/device", "bridge/doctor", "bridge/homeassistant", "bridge/lan", "bridge/mqtt",
		"bridge/problem", "bridge/spec", "bridge/web",
	},
}

// only names the packages that may import a foreign one. A longer path counts
// too.
var only = map[string][]string{
	"github.com/eclipse/paho.mqtt.golang":   {"bridge/mqtt"},
	"github.com/mochi-mqtt/server":          {"bridge/mqtt", "bridge/bridgetest"},
	"github.com/caarlos0/env":               {"bridge/config"},
	"github.com/alecthomas/kong":            {"cmd/mihome2mqtt"},
	"github.com/hashicorp/go-retryablehttp": {"bridge/spec", "bridge/account"},
	"github.com/hashicorp/mdns":             {"bridge/drivers/*"},
	"golang.org/x/net":                      {"bridge/host", "bridge/lan", "bridge/drivers/*"},
	"golang.org/x/term":                     {"cmd/mihome2mqtt"},
	"golang.org/x/text":                     {"cmd/mihome2mqtt"},
	"google.golang.org/protobuf":            {"bridge/drivers/*", "bridge/bluetooth"},
	"github.com/fsnotify/fsnotify":          {"bridge", "bridge/host"},
	"github.com/godbus/dbus":                {"bridge/bluetooth/bluez"},
	"github.com/flynn/noise":                {"bridge/bluetooth/esphome"},
	"github.com/prometheus/client_golang":   {"bridge/web"},
	"rsc.io/qr":                             {"bridge/web", "cmd/mihome2mqtt"},
	"github.com/santhosh-tekuri/jsonschema": {},
	"github.com/goccy/go-yaml":              {"bridge/entity", "bridge/profile", "mappings"},
	"github.com/rs/zerolog":                 {"bridge", "bridge/account", "bridge/bluetooth", "bridge/bluetooth/*", "bridge/web", "bridge/mqtt", "bridge/device", "bridge/drivers/*", "bridge/pages", "bridge/spec", "bridge/store", "cmd/mihome2mqtt"},
}

// offline lists packages that know no network.
var offline = []string{"bridge/entity", "bridge/profile", "bridge/redact", "bridge/topic", "mappings"}

// ours walks the packages of the module, without their tests.
func ours(t *testing.T) map[string]*build.Package {
	t.Helper()
	all := map[string]*build.Package{}
	for _, top := range []string{"bridge", "cmd", "mappings"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(dir string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "testdata" {
				return fs.SkipDir
			}
			pkg, err := build.ImportDir(dir, 0)
			if _, none := errors.AsType[*build.NoGoError](err); none {
				return nil
			}
			all[strings.TrimPrefix(filepath.ToSlash(dir), "../")] = pkg
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// in reports whether name is one of list.
func in(list []string, name string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		folder, star := strings.CutSuffix(entry, "/*")
		return entry == name || (star && strings.HasPrefix(name, folder+"/"))
	})
}

func allowed(name string) ([]string, bool) {
	if list, ok := picture[name]; ok {
		return list, true
	}
	for _, folder := range []string{"bridge/drivers/", "bridge/virtual/"} {
		if strings.HasPrefix(name, folder) {
			return picture[folder+"*"], true
		}
	}
	return nil, false
}

func TestImportsFollowThePicture(t *testing.T) {
	for name, pkg := range ours(t) {
		if name == "bridge" || strings.HasPrefix(name, "cmd/") {
			continue // they build the whole
		}
		list, ok := allowed(name)
		if !ok {
			t.Errorf("%s is not in the picture: say in imports_test.go what it may import", name)
		}
		for _, path := range pkg.Imports {
			if inner, own := strings.CutPrefix(path, module); own && !in(list, inner) {
				t.Errorf("%s imports %s; it may import %v", name, inner, list)
			}
		}
	}
}

func TestForeignPackagesStayInTheirPlace(t *testing.T) {
	for name, pkg := range ours(t) {
		for _, path := range pkg.Imports {
			for foreign, places := range only {
				if (path == foreign || strings.HasPrefix(path, foreign+"/")) && !in(places, name) {
					t.Errorf("%s imports %s, which belongs to %v", name, path, places)
				}
			}
		}
	}
}

func TestWhoKnowsNoNetwork(t *testing.T) {
	for name, pkg := range ours(t) {
		for _, path := range pkg.Imports {
			if in(offline, name) && (path == "net" || path == "net/http") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func TestVocabularyIsStandardLibraryOnly(t *testing.T) {
	packages := ours(t)
	for _, name := range []string{"bridge/mi", "bridge/topic"} {
		for _, path := range packages[name].Imports {
			if strings.Contains(path, ".") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// ends are the packages that touch the machine themselves; everybody else is
// handed a mi.World.
var ends = []string{"bridge/host", "cmd/*"}

func TestNobodyDrawsRandomNumbersByHimself(t *testing.T) {
	for name, pkg := range ours(t) {
		for _, path := range pkg.Imports {
			if (path == "math/rand" || path == "crypto/rand") && !in(ends, name) {
				t.Errorf("%s imports %s; random numbers come from mi.World", name, path)
			}
		}
	}
}

func TestEveryDependencyHasAReason(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		path, rest, ok := strings.Cut(strings.TrimSpace(line), " v")
		if !ok || strings.Contains(rest, "// indirect") {
			continue
		}
		if !strings.Contains(string(guide), "| `"+path+"` | ") {
			t.Errorf("CONTRIBUTING.md does not say what %s is for", path)
		}
	}
}
