package miio

import (
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// living is a home of one model whose life goes on.
func living(model string) Options { return Options{Models: []string{model}} }

// life is what one device does after an order.
type life struct {
	name, model    string
	method, params string // the order
	wait           time.Duration
	key            string
	ok             func(before, after float64) bool
}

func lives() []life {
	return []life{
		{"purifier cleans", "dmaker.airpurifier.f20", "set_properties", `[{"siid":2,"piid":4,"value":4}]`, 20 * time.Minute, "3.4",
			func(b, a float64) bool { return a < b/2 }},
		{"air gets dirty again", "dmaker.airpurifier.f20", "set_properties", `[{"siid":2,"piid":1,"value":false}]`, time.Hour, "3.4",
			func(b, a float64) bool { return a > b+5 && a <= street }},
		{"old purifier cleans", "zhimi.airpurifier.m1", "set_mode", `["favorite"]`, 30 * time.Minute, "aqi", func(b, a float64) bool { return a < b }},
		{"plug meters", "cuco.plug.cp5pro", "miIO.info", `[]`, time.Hour, "10.1", func(b, a float64) bool { return a > b+0.03 && a < b+0.06 }},
		{"plug off draws nothing", "cuco.plug.cp5pro", "set_properties", `[{"siid":2,"piid":1,"value":false}]`, time.Minute, "10.4",
			func(_, a float64) bool { return a == 0 }},
		{"curtain half open", "lumi.curtain.hmcn01", "set_properties", `[{"siid":2,"piid":7,"value":50}]`, 8 * time.Second, "2.6",
			func(_, a float64) bool { return a == curtainOpen }},
		{"curtain arrives", "lumi.curtain.hmcn01", "set_properties", `[{"siid":2,"piid":2,"value":1}]`, 30 * time.Second, "2.3",
			func(_, a float64) bool { return a == 100 }},
		{"humidifier moistens", "zhimi.humidifier.ca4", "miIO.info", `[]`, 30 * time.Minute, "3.9", func(b, a float64) bool { return a > b+5 && a <= 52 }},
		{"conditioner cools", "xiaomi.aircondition.mt5", "set_properties", `[{"siid":2,"piid":1,"value":true},{"siid":2,"piid":4,"value":22}]`,
			time.Hour, "4.7", func(_, a float64) bool { return a == 22 }},
		{"water heats", "viomi.waterheater.e27", "miIO.info", `[]`, 20 * time.Minute, "2.7", func(_, a float64) bool { return a == heaterKeeps }},
		{"kettle heats", "yunmi.kettle.r3", "miIO.info", `[]`, 10 * time.Minute, "2.1", func(_, a float64) bool { return a == 80 }},
		{"fan stops by timer", "dmaker.fan.p10", "set_properties", `[{"siid":2,"piid":6,"value":5}]`, 6 * time.Minute, "2.1", func(b, a float64) bool { return b == 1 && a == 0 }},
		{"valve turns", "virtual.valve.v1", "set_properties", `[{"siid":2,"piid":1,"value":false}]`, 6 * time.Second, "2.3", func(_, a float64) bool { return a == valveClosed }},
		{"bulb's timer", "philips.light.bulb", "delay_off", `[60]`, 30 * time.Second, "dv", func(_, a float64) bool { return a > 20 && a < 40 }},
		{"cooker counts down", "chunmi.cooker.eh402", "action", `{"siid":2,"aiid":1,"in":[2]}`, 10 * time.Minute, "2.5", func(_, a float64) bool { return a == 16 }},
		{"cooker keeps warm", "chunmi.cooker.eh402", "action", `{"siid":2,"aiid":1,"in":[2]}`, 26 * time.Minute, "2.1", func(_, a float64) bool { return a == cookerKeepWarm }},
		{"vacuum sweeps", "dreame.vacuum.p2009", "action", `{"siid":2,"aiid":1,"in":[]}`, 10 * time.Minute, "3.1", func(b, a float64) bool { return a < b-5 }},
		{"vacuum docks", "dreame.vacuum.p2009", "action", `{"siid":2,"aiid":1,"in":[]}`, 32 * time.Minute, "2.1", func(_, a float64) bool { return a == 6 }},
		{"old vacuum returns", "roborock.vacuum.s5", "app_start", `[]`, 30*time.Minute + 20*time.Second, "state", func(_, a float64) bool { return a == 6 }},
		{"gateway guards", "lumi.gateway.acn01", "set_properties", `[{"siid":3,"piid":1,"value":2}]`, time.Second, "3.21", func(_, a float64) bool { return a == 2 }},
	}
}

func TestLifeOfTheDevices(t *testing.T) {
	for _, tc := range lives() {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, living(tc.model), func(s *stage) {
				d, c := s.home.Devices()[0], s.talk()
				c.greet(plainHello)
				before, _ := d.Value(tc.key).Float()
				if got := c.ask(tc.method, tc.params); !strings.Contains(got, "result") {
					t.Fatalf("order: %s", got)
				}
				time.Sleep(tc.wait)
				after, _ := d.Value(tc.key).Float()
				if !tc.ok(before, after) {
					t.Errorf("%s went from %v to %v", tc.key, before, after)
				}
			})
		})
	}
}

func TestOldCookerCooks(t *testing.T) {
	bubble(t, living("chunmi.cooker.normal2"), func(s *stage) {
		d, c := s.home.Devices()[0], s.talk()
		c.greet(plainHello)
		recipe := "0003" + "1e" + strings.Repeat("0", 222)
		if got := c.ask("set_start", `["`+recipe+`"]`); got != `"result":["ok"]}` {
			t.Fatalf("start: %s", got)
		}
		if got := c.ask("set_start", `["0003"]`); !strings.Contains(got, "-5001") {
			t.Errorf("a recipe that is too short: %s", got)
		}
		stages := map[string]bool{}
		for range 29 {
			time.Sleep(time.Minute)
			stages[d.Value("stage").String()[:2]] = true
		}
		if d.Value("func") != mi.Text("cooking") || len(stages) != len(oldStages) {
			t.Errorf("after 29 of 30 minutes: %v, stages %v", d.Value("func"), stages)
		}
		time.Sleep(2 * time.Minute)
		if d.Value("func") != mi.Text("autokeepwarm") || d.Value("stage") != mi.Text("null") || d.Value("menu") != mi.Text("0003") {
			t.Errorf("at the end: %v", d.Values())
		}
	})
}

func TestPushTellsWhatLifeChanges(t *testing.T) {
	bubble(t, living("lumi.curtain.hmcn01"), func(s *stage) {
		c := s.talk()
		c.greet(plainHello)
		c.ask("miIO.sub", `{"did":"5","update_ts":9}`)
		c.ask("set_properties", `[{"siid":2,"piid":7,"value":20}]`)
		told := ""
		for range 40 {
			_, _, params := c.message()
			told += params
		}
		for _, want := range []string{`"piid":7,"value":20}`, `"piid":6,"value":1}`, `"piid":3,"value":5}`, `"piid":3,"value":20}`, `"piid":6,"value":0}`} {
			if !strings.Contains(told, want) {
				t.Errorf("%s was never told: %s", want, told)
			}
		}
	})
}
