package homeassistant

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// published calls each for every published spec that is at hand, with the
// entities that the rules make of it.
func published(t *testing.T, each func(d Device, m *entity.Model)) {
	t.Helper()
	file, err := os.Open("../../../shared/specs/miot-public.jsonl.gz")
	if err != nil {
		t.Skip("the published specs are not here: ", err)
	}
	defer file.Close()
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	err = spec.Lines(file, func(line spec.Line) error {
		s, err := line.Spec()
		if err != nil {
			return err
		}
		d := Device{ID: topic.Segment(line.Model), Name: line.Model, Model: s.Text, ModelID: line.Model, Manufacturer: Maker(line.Model)}
		each(d, rules.Build(rules.Correct(s), entity.Options{Detail: "all", Mired: true}))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPublishedSpecs holds the messages of every published spec to the schema and to
// Domoticz's rules. With DISCOVERY_LINES=<folder> it also writes them there, with sample
// states, for Home Assistant's own validator.
func TestPublishedSpecs(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	facts := loadSchema(t)
	device, single := lines(t, DeviceForm), lines(t, SingleForm)
	published(t, func(d Device, m *entity.Model) {
		for _, e := range m.Entities {
			if _, known := platforms[e.Component]; !known && e.Component != "command" {
				t.Errorf("%s %s: nobody announces a %s", d.ID, e.ID, e.Component)
			}
		}
		checkSchema(t, facts, d, Messages(DeviceForm, DefaultPrefix, d, m, opt)[0])
		d.ID = "42"
		checkDomoticz(t, Messages(SingleForm, "domoticz", d, m, opt))
		d.ID = topic.Segment(d.ModelID)
		show(t, device, DeviceForm, d, m)
		show(t, single, SingleForm, d, m)
	})
}

func checkSchema(t *testing.T, facts schema, d Device, m Message) {
	t.Helper()
	var message struct {
		Components map[string]object `json:"components"`
	}
	if err := json.Unmarshal(m.Payload, &message); err != nil {
		t.Fatalf("%s: %v", d.ID, err)
	}
	ids := map[any]string{}
	for id, c := range message.Components {
		platform := c["platform"].(string)
		for _, problem := range facts.problems(platform, c) {
			t.Errorf("%s %s: %s", d.ID, id, problem)
		}
		if other := ids[c["unique_id"]]; other != "" && platform != "device_automation" {
			t.Errorf("%s %s: has the unique id of %s", d.ID, id, other)
		}
		ids[c["unique_id"]] = id
	}
	if names := bytes.Count(m.Payload, []byte(`"name":null`)); names > 1 {
		t.Errorf("%s: %d entities stand for the device", d.ID, names)
	}
}

// lines opens the file for one form, nil when nobody wants it.
func lines(t *testing.T, form Form) *bufio.Writer {
	t.Helper()
	folder := os.Getenv("DISCOVERY_LINES")
	if folder == "" {
		return nil
	}
	file, err := os.Create(filepath.Join(folder, string(form)+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(file)
	t.Cleanup(func() {
		if err := out.Flush(); err != nil {
			t.Error(err)
		}
		file.Close()
	})
	if err := ShowBridge(out, form); err != nil {
		t.Fatal(err)
	}
	return out
}

func show(t *testing.T, out *bufio.Writer, form Form, d Device, m *entity.Model) {
	t.Helper()
	if out == nil {
		return
	}
	if err := Show(out, form, d, m); err != nil {
		t.Fatal(err)
	}
}
