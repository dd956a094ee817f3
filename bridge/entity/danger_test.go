package entity_test

import (
	"testing"
	"testing/fstest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

const risky = `switch
  on bool rwn
vendor:things
  format bool rwn
  information string r
  vendor:reboot bool w
  @stop-working
  @unlock
  @factory-reset
  @ota-update
  @identify
oven
  @start-cook
lock
  lock-state bool rwn
arming
  arming-mode int rwn 0=Home_Arming 1=Away_Arming`

func TestDangerousThingsAreClassedAndNotShown(t *testing.T) {
	mine := fstest.MapFS{
		"rules/mine.yaml":    {Data: []byte("actions:\n  - {rule: mine, actions: [\"*\"], enabled: true}\n")},
		"rules/actions.yaml": {Data: []byte("{}\n")},
	}
	for name, trees := range map[string]*fstest.MapFS{"ours": nil, "a user who wants everything": &mine} {
		t.Run(name, func(t *testing.T) {
			rules, err := entity.Load(mappings.FS)
			if trees != nil {
				rules, err = entity.Load(mappings.FS, *trees)
			}
			if err != nil {
				t.Fatal(err)
			}
			m := rules.Build(sketch(t, "", "switch", risky), entity.Options{Detail: "all"})
			for id, want := range map[string]struct {
				danger string
				shown  bool
			}{
				"switch_2": {"", true}, "p3_1": {entity.DangerErase, false}, "p3_2": {"", true}, "p3_3": {entity.DangerRestart, false},
				"a3_1": {entity.DangerStop, false}, "a3_2": {entity.DangerUnlock, false}, "a3_3": {entity.DangerErase, false},
				"a3_4": {entity.DangerUpdate, false}, "a3_5": {"", true}, "a4_1": {entity.DangerCook, true},
				"lock_5": {entity.DangerUnlock, false}, "alarm_control_panel_6": {entity.DangerAlarm, true},
			} {
				e := m.Entities[at(t, m, id)]
				if e.Danger != want.danger || e.Enabled != want.shown {
					t.Errorf("%s (%s): danger %q shown %v, want %q %v", id, e.Name, e.Danger, e.Enabled, want.danger, want.shown)
				}
			}
		})
	}
}
