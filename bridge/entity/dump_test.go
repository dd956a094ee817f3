package entity_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestDump(t *testing.T) {
	want := os.Getenv("DUMP")
	brief := os.Getenv("BRIEF") != ""
	if want == "" {
		t.Skip()
	}
	rules := shipped(t)
	corpus(t, func(s *mi.Spec) {
		for w := range strings.SplitSeq(want, ",") {
			if s.Model == w {
				m := rules.Build(rules.Correct(s), entity.Options{})
				fmt.Println("==", s.Model, s.Type)
				v := m.Sample()
				for i := range m.Entities {
					e := &m.Entities[i]
					if brief && !e.Enabled {
						continue
					}
					fmt.Printf("%v %s %s %q %s %s %s %s [%s] classnamed=%v main=%v\n", e.Enabled, e.ID, e.Component, e.Name, e.DeviceClass, e.StateClass, e.Unit, e.Category, e.Rule, e.ClassNamed, e.Main)
					for _, b := range e.Binds {
						fmt.Printf("      %s s=%v c=%v %v %v..%v/%v\n", b.Role, b.State, b.Command, b.Options, b.Min, b.Max, b.Step)
					}
					fmt.Println("      ", m.Render(i, v, nil))
				}
			}
		}
	})
}
