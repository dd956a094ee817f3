package entity_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// corpus calls visit for every published spec at hand.
func corpus(t testing.TB, visit func(*mi.Spec)) {
	t.Helper()
	f, err := os.Open("../../../shared/specs/miot-public.jsonl.gz")
	if err != nil {
		t.Skip("the collection of published specs is not here")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 4<<20)
	for n := 0; lines.Scan(); n++ {
		if testing.Short() && n%10 != 0 {
			continue // every tenth model will do, as with the race detector
		}
		var line struct {
			Model    string          `json:"model"`
			Type     string          `json:"device_type"`
			Instance json.RawMessage `json:"instance"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		s, err := spec.Parse(line.Instance)
		if err != nil {
			t.Errorf("%s: %v", line.Model, err)
			continue
		}
		s.Model = line.Model
		visit(s)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// shipped loads the mapping files of the bridge.
func shipped(t testing.TB) *entity.Rules {
	t.Helper()
	r, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// expected says which components may stand for a device of a type.
var expected = func() map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(`light: light night-light
switch: switch outlet massager towel-rack fish-tank relay
climate: air-conditioner heater bath-heater thermostat electric-blanket air-condition-outlet
cover: curtain airer window-opener motor-controller
vacuum: vacuum mopping-machine
fan: fan air-purifier air-fresh hood ceiling-fan
camera,image,switch: camera
water_heater: water-heater kettle
number,switch,button: television
number: speaker
sensor: temperature-humidity-sensor air-monitor water-purifier washer cooker plant-monitor dishwasher oven induction-cooker air-fryer router illumination-sensor
humidifier: humidifier dehumidifier
number,button: tv-box
button,number: stb
number,button,switch: projector
camera,image,event,switch: video-doorbell
binary_sensor,event: motion-sensor magnet-sensor
binary_sensor: submersion-sensor
binary_sensor,sensor,event: smoke-sensor gas-sensor
device_tracker: watch
lock,event,sensor: lock
event,button: remote-control
button,sensor: pet-feeder
sensor,number: fridge
switch,binary_sensor,sensor: toilet
switch,light: diffuser
event: doorbell
event,camera,image: intercom
event,sensor,binary_sensor: vibration-sensor`) {
		components, types, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for kind := range strings.FieldsSeq(types) {
			out[kind] = strings.Split(components, ",")
		}
	}
	return out
}()

func TestEverySpecIsShownWhole(t *testing.T) {
	rules := shipped(t)
	var enabled, total []int
	models, listed, good := 0, 0, 0
	missing := map[string][]string{}
	var big []string
	corpus(t, func(s *mi.Spec) {
		models++
		m := rules.Build(rules.Correct(s), entity.Options{})
		n := 0
		ids, names := map[string]bool{}, map[string]bool{}
		for i := range m.Entities {
			e := &m.Entities[i]
			if e.Enabled {
				n++
			}
			if ids[e.ID] {
				t.Errorf("%s: id %s twice", s.Model, e.ID)
			}
			ids[e.ID] = true
			if name := strings.ToLower(e.Name); names[name] {
				t.Errorf("%s: name %q twice", s.Model, e.Name)
			} else {
				names[name] = true
			}
			if e.Name == "" != e.Main {
				t.Errorf("%s %s: name %q, main %v", s.Model, e.ID, e.Name, e.Main)
			}
		}
		if n > 20 {
			big = append(big, fmt.Sprintf("%s:%d", s.Model, n))
		}
		enabled, total = append(enabled, n), append(total, len(m.Entities))
		if len(m.Entities) == 0 && !bare(s) {
			t.Errorf("%s: no entity", s.Model)
		}
		checkUses(t, s, m)
		want := expected[s.Type]
		if want == nil || bare(s) {
			return
		}
		listed++
		if slices.ContainsFunc(m.Entities, func(e entity.Entity) bool { return e.Enabled && slices.Contains(want, e.Component) }) {
			good++
		} else {
			missing[s.Type] = append(missing[s.Type], s.Model)
		}
	})
	slices.Sort(enabled)
	slices.Sort(total)
	t.Logf("%d models; enabled median %d p90 %d max %d; all median %d max %d; expected component %d of %d (%.2f %%)", models,
		enabled[models/2], enabled[models*9/10], enabled[models-1], total[models/2], total[models-1], good, listed, 100*float64(good)/float64(listed))
	for _, kind := range sortedKeys(missing) {
		t.Logf("without the expected component: %s %v", kind, missing[kind])
	}
	t.Log("much: ", big)
	if median := enabled[models/2]; median > 8 {
		t.Errorf("median of enabled entities %d, want at most 8", median)
	}
	if float64(good) < 0.99*float64(listed) {
		t.Errorf("expected component for %d of %d models, want 99 %%", good, listed)
	}
}

// bare reports a spec in which nothing can be read, written, done or heard
// beyond its own description.
func bare(s *mi.Spec) bool {
	info := func(service int) bool { return s.Services[service].Name == "device-information" }
	return !slices.ContainsFunc(s.Props, func(p mi.Property) bool { return p.Access != 0 && !info(p.Service) }) &&
		len(s.Actions) == 0 && len(s.Events) == 0
}

func checkUses(t *testing.T, s *mi.Spec, m *entity.Model) {
	t.Helper()
	uses := map[string]bool{}
	for i := range m.Entities {
		for _, b := range m.Entities[i].Binds {
			for _, p := range b.Props {
				uses[s.Props[p].ID()] = true
			}
			for _, a := range b.Actions {
				uses[s.Actions[a].ID()] = true
			}
			for _, e := range b.Events {
				uses[s.Events[e].ID()] = true
			}
		}
	}
	for i := range s.Props {
		p := &s.Props[i]
		if p.Access != 0 && s.Services[p.Service].Name != "device-information" && !uses[p.ID()] {
			t.Errorf("%s: property %s (%s) is in no entity", s.Model, p.ID(), p.Key)
		}
	}
	for i := range s.Actions {
		if a := &s.Actions[i]; !uses[a.ID()] {
			t.Errorf("%s: action %s (%s) is in no entity", s.Model, a.ID(), a.Key)
		}
	}
	for i := range s.Events {
		if e := &s.Events[i]; !uses[e.ID()] {
			t.Errorf("%s: event %s (%s) is in no entity", s.Model, e.ID(), e.Key)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
