package entity_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// golden are models of every kind, whose entities are reviewed like code.
var golden = []string{
	"chuangmi.plug.m3", "chuangmi.camera.021e02", "chunmi.cooker.eh1", "cuco.plug.cp2d", "deerma.humidifier.jsq4",
	"dmaker.fan.p9", "dreame.vacuum.p2009", "lumi.acpartner.mcn02", "lumi.curtain.hagl05", "lumi.gateway.mgl03",
	"lumi.lock.acn02", "lumi.motion.bmgl01", "lumi.sensor_magnet.aq2", "mrbond.airer.m1pro", "nwt.derh.312en",
	"viomi.fridge.m1", "viomi.hood.c1", "viomi.washer.v13", "viomi.waterheater.e8", "xiaomi.aircondition.mt1",
	"xiaomi.tv.b1", "xiaomi.wifispeaker.lx06", "yeelink.light.color5", "yeelink.bhf_light.v5", "zhimi.airpurifier.m1",
	"zhimi.heater.ma2", "midr.rv_mirror.m2",
}

// page writes the entities of a model for people.
func page(s *mi.Spec, m *entity.Model) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s  (%s)\n", s.Model, s.Type)
	for i := range m.Entities {
		e := &m.Entities[i]
		mark := "-"
		if e.Enabled {
			mark = "+"
		}
		name := e.Name
		if e.Main {
			name = "(the device)"
		}
		fmt.Fprintf(&out, "%s %-22s %-14s %-32s", mark, e.ID, e.Component, name)
		for _, word := range []string{e.DeviceClass, e.StateClass, e.Unit, e.Category} {
			if word != "" {
				out.WriteString(" " + word)
			}
		}
		fmt.Fprintf(&out, " [%s]\n", e.Rule)
		for k := range e.Binds {
			out.WriteString(roleLine(s, &e.Binds[k]))
		}
	}
	return out.Bytes()
}

func roleLine(s *mi.Spec, b *entity.Bind) string {
	ways := map[[2]bool]string{{true, true}: "<>", {true, false}: "> ", {false, true}: " <"}[[2]bool{b.State, b.Command}]
	line := fmt.Sprintf("    %s %-20s", ways, b.Role)
	for _, p := range b.Props {
		line += " " + string(s.Props[p].Key)
	}
	for _, a := range b.Actions {
		line += " @" + string(s.Actions[a].Key)
	}
	for _, e := range b.Events {
		line += " !" + string(s.Events[e].Key)
	}
	if b.Min < b.Max {
		line += fmt.Sprintf("  %v…%v/%v", b.Min, b.Max, b.Step)
	}
	if len(b.Options) > 0 {
		line += "  {" + strings.Join(b.Options, ", ") + "}"
	}
	return strings.TrimRight(line, " ") + "\n"
}

func TestGoldenEntities(t *testing.T) {
	rules := shipped(t)
	seen := 0
	corpus(t, func(s *mi.Spec) {
		if !slices.Contains(golden, s.Model) {
			return
		}
		seen++
		s = rules.Correct(s)
		compare(t, "../../mappings/testdata/golden/"+s.Model+".txt", page(s, rules.Build(s, entity.Options{})))
	})
	if seen != len(golden) && !testing.Short() { // then the corpus is a part of itself
		t.Errorf("%d of %d models found", seen, len(golden))
	}
}

func TestSchemaFileIsCurrent(t *testing.T) {
	compare(t, "../../mappings/schema.json", entity.Schema())
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (%s); run go test -update and read the change", name, firstDifference(got, want))
	}
}

func firstDifference(a, b []byte) string {
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return "line " + strconv.Itoa(i+1) + ": got " + x[i]
		}
	}
	return "length"
}
