package entity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const lampLines = `light
  on bool rwn
  brightness int rwn percentage 1..100/1
  color-temperature int rwn kelvin 2700..6500/1
  color int rwn rgb 0..16777215/1
  mode int rwn 0=Color 1=Day`

const percentLamp = `light
  on bool rwn
  brightness int rwn percentage 1..100/1
  color-temperature int rwn percentage 0..100/1`

const airLines = `air-conditioner
  on bool rwn
  mode int rwn 0=Auto 1=Cool 2=Dry 3=Heat 4=Fan 5=Sleep
  target-temperature float rwn celsius 16..31/0.5
fan-control
  fan-level int rwn 0=Auto 1=Low 2=High
  vertical-swing bool rwn
environment
  temperature float rn celsius -30..100/0.1`

const irLines = `ir-aircondition-control
  ir-mode int w 1=Auto 2=Heat 3=Cool
  ir-temperature float w celsius 16..30/1
  @turn-on
  @turn-off`

const bathLines = `ptc-bath-heater
  mode int rwn 0=Idle 1=Fan 2=Ventilate 3=Heat 4=Quick_Heat 5=Dry
  @stop-working`

const fanLines = `fan
  on bool rwn
  fan-level int rwn 0=Auto 1=Level1 2=Level2 3=Level3
  mode int rwn 0=Straight 1=Natural
  horizontal-swing bool rwn`

const stepless = `fan
  on bool rwn
  fan-level int rwn 1=Level1 2=Level2
  stepless-fan-level int rwn percentage 1..100/1
  wind-reverse bool rwn`

const curtainLines = `curtain
  motor-control int w 0=Pause 1=Open 2=Close
  current-position int rn percentage 0..100/1
  target-position int rwn percentage 0..100/1`

const airerLines = `airer
  motor-control int w 0=Pause 1=Up 2=Down
  status int rn 0=Stop 1=Rising 2=dowm 3=Stop_At_Highest
  current-position int rn percentage 0..100/1
  target-position int rwn percentage 0..100/1`

const vacuumLines = `vacuum
  status int rn 1=Sweeping 2=Idle 3=Paused 4=Error 5=Go_Charging 6=Charging 7=Washing
  mode int rwn 1=Silent 2=Strong
  room-ids string -
  @start-sweep
  @stop-sweeping
  @start-room-sweep 3
battery
  battery-level int rn percentage 0..100/1
  @start-charge
  !low-battery
identify
  @identify`

const humidifierLines = `humidifier
  on bool rwn
  target-humidity int rwn 0=40% 1=55% 2=70%
  fan-level int rwn 1=Low 2=High
environment
  relative-humidity int rn percentage 0..100/1`

const boilerLines = `water-heater
  on bool rwn
  target-temperature int rwn celsius 30..75/1
  temperature int rn celsius 0..100/1
  mode int rwn 0=Normal 1=Half`

const heaterLines = `heater
  on bool rwn
  target-temperature int rwn celsius 16..28/1
  heat-level int rwn 1=Low 2=High
environment
  temperature float rn celsius -30..100/0.1`

const armLines = `vendor:arming
  arming-mode int rwn 0=Basic_Arming 1=Home_Arming 2=Away_Arming 3=Sleep_Arming`

const valveLines = `electronic-valve
  on bool rwn`

const speakerLines = `intelligent-speaker
  text-content string -
  silent int - 0=On 1=Off
  @play-text 1
  @execute-text-directive 1 2
speaker
  volume int rwn percentage 0..100/1
  mute bool rwn
pet-feeder
  feeding-measure int - 1..30/1
  @pet-food-out 1
doorbell
  @ring`

func TestOrders(t *testing.T) {
	rules := shipped(t)
	for _, tc := range []struct {
		name, kind, lines, facts, id string
		role                         entity.Role
		payload, want                string
	}{
		{"json", "light", lampLines, "", "light_2", "json", `{"state":"ON","brightness":128}`, "light/on=true light/brightness=50"},
		{"json off", "light", lampLines, "", "light_2", "json", `{"state":"OFF","transition":2}`, "light/on=false"},
		{"json brightness alone", "light", lampLines, "", "light_2", "json", `{"brightness":255}`, "light/on=true light/brightness=100"},
		{"json kelvin", "light", lampLines, "", "light_2", "json", `{"state":"ON","color_temp":4000}`, "light/on=true light/color-temperature=4000"},
		{"json colour", "light", lampLines, "", "light_2", "json", `{"state":"ON","color":{"r":255,"g":140,"b":0}}`, "light/on=true light/color=16747520"},
		{"json effect", "light", lampLines, "", "light_2", "json", `{"state":"ON","effect":"Day"}`, "light/on=true light/mode=1"},
		{"mired", "light", lampLines, "", "light_2", "json_mired", `{"color_temp":250}`, "light/on=true light/color-temperature=4000"},
		{"state", "light", lampLines, "", "light_2", "state", "on", "light/on=true"},
		{"state level", "light", lampLines, "", "light_2", "state", "255", "light/on=true light/brightness=100"},
		{"state zero", "light", lampLines, "", "light_2", "state", "0", "light/on=false"},
		{"toggle", "light", lampLines, "light/on=true", "light_2", "state", "TOGGLE", "light/on=false"},
		{"brightness zero", "light", lampLines, "", "light_2", "brightness", "0", "light/on=false"},
		{"kelvin", "light", lampLines, "", "light_2", "color_temp", "3000", "light/color-temperature=3000"},
		{"rgb", "light", lampLines, "", "light_2", "rgb", "255,0,1", "light/color=16711681"},
		{"hs", "light", lampLines, "", "light_2", "hs", "240.0,100.0", "light/color=255"},
		{"percent kelvin", "light", percentLamp, "", "light_2", "color_temp", "4500", "light/color-temperature=50"},

		{"cool", "air-conditioner", airLines, "", "climate_2", "mode", "cool", "air-conditioner/on=true air-conditioner/mode=1"},
		{"off", "air-conditioner", airLines, "", "climate_2", "mode", "off", "air-conditioner/on=false"},
		{"preset", "air-conditioner", airLines, "", "climate_2", "preset_mode", "Sleep", "air-conditioner/on=true air-conditioner/mode=5"},
		{"half a degree", "air-conditioner", airLines, "", "climate_2", "temperature", "21.5", "air-conditioner/target-temperature=21.5"},
		{"fan mode", "air-conditioner", airLines, "", "climate_2", "fan_mode", "high", "fan-control/fan-level=2"},
		{"swing", "air-conditioner", airLines, "", "climate_2", "swing_mode", "on", "fan-control/vertical-swing=true"},
		{"infrared on", "air-conditioner", irLines, "", "climate_2", "mode", "heat", "ir-aircondition-control/ir-mode=2 ir-aircondition-control/turn-on()"},
		{"infrared off", "air-conditioner", irLines, "", "climate_2", "mode", "off", "ir-aircondition-control/turn-off()"},
		{"infrared degrees", "air-conditioner", irLines, "", "climate_2", "temperature", "22", "ir-aircondition-control/ir-temperature=22"},
		{"bath heater off", "bath-heater", bathLines, "", "climate_2", "mode", "off", "ptc-bath-heater/mode=0"},
		{"bath heater heat", "bath-heater", bathLines, "", "climate_2", "mode", "heat", "ptc-bath-heater/mode=3"},
		{"bath heater preset", "bath-heater", bathLines, "", "climate_2", "preset_mode", "Quick Heat", "ptc-bath-heater/mode=4"},
		{"heater", "heater", heaterLines, "", "climate_2", "mode", "heat", "heater/on=true"},
		{"heater level", "heater", heaterLines, "", "climate_2", "preset_mode", "High", "heater/heat-level=2"},

		{"speed", "fan", fanLines, "", "fan_2", "percentage", "2", "fan/on=true fan/fan-level=2"},
		{"speed zero", "fan", fanLines, "", "fan_2", "percentage", "0", "fan/on=false"},
		{"level preset", "fan", fanLines, "", "fan_2", "preset_mode", "Auto", "fan/on=true fan/fan-level=0"},
		{"mode preset", "fan", fanLines, "", "fan_2", "preset_mode", "Natural", "fan/on=true fan/mode=1"},
		{"oscillation", "fan", fanLines, "", "fan_2", "oscillation", "ON", "fan/horizontal-swing=true"},
		{"stepless", "fan", stepless, "", "fan_2", "percentage", "55", "fan/on=true fan/stepless-fan-level=55"},
		{"direction", "fan", stepless, "", "fan_2", "direction", "reverse", "fan/wind-reverse=true"},

		{"open", "curtain", curtainLines, "", "cover_2", "state", "OPEN", "curtain/motor-control=1"},
		{"stop", "curtain", curtainLines, "", "cover_2", "state", "STOP", "curtain/motor-control=0"},
		{"position", "curtain", curtainLines, "", "cover_2", "position", "30", "curtain/target-position=30"},
		{"airer position", "airer", airerLines, "", "cover_2", "position", "100", "airer/target-position=0"},

		{"vacuum start", "vacuum", vacuumLines, "", "vacuum_2", "command", "start", "vacuum/start-sweep()"},
		{"vacuum home", "vacuum", vacuumLines, "", "vacuum_2", "command", "return_to_base", "battery/start-charge()"},
		{"vacuum locate", "vacuum", vacuumLines, "", "vacuum_2", "command", "locate", "identify/identify()"},
		{"vacuum speed", "vacuum", vacuumLines, "", "vacuum_2", "fan_speed", "Strong", "vacuum/mode=2"},
		{"vacuum any action", "vacuum", vacuumLines, "", "vacuum_2", "send_command", `{"command":"vacuum/start-room-sweep","room-ids":"1,2"}`, "vacuum/start-room-sweep(1,2)"},
		{"vacuum plain action", "vacuum", vacuumLines, "", "vacuum_2", "send_command", "a2_2", "vacuum/stop-sweeping()"},
		{"rooms", "vacuum", vacuumLines, "", "a2_3", "state", "3", "vacuum/start-room-sweep(3)"},

		{"nearest humidity", "humidifier", humidifierLines, "", "humidifier_2", "target_humidity", "60", "humidifier/target-humidity=1"},
		{"humidifier mode", "humidifier", humidifierLines, "", "humidifier_2", "mode", "High", "humidifier/fan-level=2"},
		{"boiler off", "water-heater", boilerLines, "", "water_heater_2", "mode", "off", "water-heater/on=false"},
		{"boiler mode", "water-heater", boilerLines, "", "water_heater_2", "mode", "Half", "water-heater/on=true water-heater/mode=1"},
		{"arm", "gateway", armLines, "", "alarm_control_panel_2", "state", "ARM_AWAY", "arming/arming-mode=2"},
		{"disarm", "gateway", armLines, "", "alarm_control_panel_2", "state", "disarm", "arming/arming-mode=0"},
		{"valve", "water-valve", valveLines, "", "valve_2", "state", "CLOSE", "electronic-valve/on=false"},

		{"say", "speaker", speakerLines, "", "a2_1", "message", "Hello", "intelligent-speaker/play-text(Hello)"},
		{"arguments", "speaker", speakerLines, "", "a2_2", "command", `["lights off",1]`, "intelligent-speaker/execute-text-directive(lights off,1)"},
		{"arguments by name", "speaker", speakerLines, "", "a2_2", "command", `{"silent":"Off","text-content":"x"}`, "intelligent-speaker/execute-text-directive(x,1)"},
		{"feed", "speaker", speakerLines, "", "a4_1", "state", "5", "pet-feeder/pet-food-out(5)"},
		{"ring", "speaker", speakerLines, "", "a5_1", "press", "PRESS", "doorbell/ring()"},
		{"volume", "speaker", speakerLines, "", "p3_1", "state", "33", "speaker/volume=33"},
		{"mute", "speaker", speakerLines, "speaker/mute=false", "p3_2", "state", "toggle", "speaker/mute=true"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := sketch(t, "", tc.kind, tc.lines)
			m := rules.Build(s, entity.Options{Mired: true})
			o, err := m.Order(at(t, m, tc.id), tc.role, tc.payload, values(t, s, tc.facts))
			if err != nil {
				t.Fatal(err)
			}
			if got := told(s, o); got != tc.want {
				t.Errorf("Order(%s) = %s, want %s", tc.payload, got, tc.want)
			}
		})
	}
}

func TestRefusedOrdersSayWhatIsRight(t *testing.T) {
	rules := shipped(t)
	for _, tc := range []struct {
		name, kind, lines, id string
		role                  entity.Role
		payload, want         string
	}{
		{"no state", "light", lampLines, "light_2", "state", "maybe", "send ON, OFF, TOGGLE or a brightness of 0 to 255"},
		{"toggle blindly", "light", lampLines, "light_2", "state", "TOGGLE", "state of the light is not known"},
		{"unknown key", "light", lampLines, "light_2", "json", `{"state":"ON","volume":3}`, "send a JSON object with state"},
		{"nothing", "light", lampLines, "light_2", "json", `{}`, "asks for nothing"},
		{"too bright", "light", lampLines, "light_2", "brightness", "300", "send 0 to 255"},
		{"too warm", "light", lampLines, "light_2", "color_temp", "1000", "send 2700 to 6500 kelvin"},
		{"no colour", "light", lampLines, "light_2", "rgb", "1,2", "send red,green,blue"},
		{"no mode", "air-conditioner", airLines, "climate_2", "mode", "toast", "one of: off, auto, cool, dry, heat, fan_only"},
		{"too cold", "air-conditioner", airLines, "climate_2", "temperature", "5", "send 16 to 31"},
		{"no number", "air-conditioner", airLines, "climate_2", "temperature", "warm", "send 16 to 31"},
		{"no position", "curtain", curtainLines, "cover_2", "position", "101", "send 0 (closed) to 100 (open)"},
		{"no speed", "fan", fanLines, "fan_2", "percentage", "9", "send 1 to 3, 0 switches off"},
		{"missing argument", "speaker", speakerLines, "a2_2", "command", `["x"]`, "takes 2 arguments"},
		{"unknown argument", "speaker", speakerLines, "a2_2", "command", `{"silent":0,"text-content":"x","loud":1}`, `no argument "loud"`},
		{"bad argument", "speaker", speakerLines, "a2_2", "command", `["x",7]`, "it can be: On, Off"},
		{"cleared", "speaker", speakerLines, "a5_1", "press", " ", "send PRESS"},
		{"let go", "speaker", speakerLines, "a5_1", "press", "OFF", "send PRESS"},
		{"no action", "vacuum", vacuumLines, "vacuum_2", "send_command", "fly", "no action of this device"},
		{"read only", "curtain", curtainLines, "cover_2", "brightness", "1", `takes no command "brightness"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := sketch(t, "", tc.kind, tc.lines)
			m := rules.Build(s, entity.Options{})
			_, err := m.Order(at(t, m, tc.id), tc.role, tc.payload, make([]mi.Value, len(s.Props)))
			if !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Order(%s) = %v, want it to say %q", tc.payload, err, tc.want)
			}
		})
	}
}

func TestStates(t *testing.T) {
	rules := shipped(t)
	for _, tc := range []struct{ name, kind, lines, facts, id, want string }{
		{"lamp white", "light", lampLines, "light/on=true light/brightness=50 light/color-temperature=4000 light/mode=1", "light_2",
			`json={"state":"ON","brightness":128,"color_mode":"color_temp","color_temp":4000,"effect":"Day"} state=ON brightness=128 color_temp=4000 rgb=None hs=None effect=Day`},
		{"lamp colour", "light", lampLines, "light/on=true light/brightness=1 light/color=16747520 light/mode=0", "light_2",
			`json={"state":"ON","brightness":3,"color_mode":"rgb","color":{"r":255,"g":140,"b":0},"effect":"Color"} state=ON brightness=3 color_temp=None rgb=255,140,0 hs=32.9,100.0 effect=Color`},
		{"lamp unknown", "light", lampLines, "", "light_2", `json={"state":null} state=None brightness=None color_temp=None rgb=None hs=None effect=None`},
		{"air conditioner off", "air-conditioner", airLines, "air-conditioner/on=false air-conditioner/mode=1", "climate_2",
			"mode=off power=OFF preset_mode=None temperature=None current_temperature=None fan_mode=None swing_mode=None"},
		{"air conditioner asleep", "air-conditioner", airLines, "air-conditioner/on=true air-conditioner/mode=5 environment/temperature=21.5", "climate_2",
			"mode=auto power=ON preset_mode=Sleep temperature=None current_temperature=21.5 fan_mode=None swing_mode=None"},
		{"fan level", "fan", fanLines, "fan/on=true fan/fan-level=3 fan/mode=1", "fan_2", "state=ON percentage=3 preset_mode=Natural oscillation=None"},
		{"fan auto", "fan", fanLines, "fan/on=true fan/fan-level=0 fan/mode=1", "fan_2", "state=ON percentage=None preset_mode=Auto oscillation=None"},
		{"curtain closed", "curtain", curtainLines, "curtain/current-position=2 curtain/target-position=0", "cover_2", "state=closed position=2"},
		{"curtain opening", "curtain", curtainLines, "curtain/current-position=20 curtain/target-position=90", "cover_2", "state=opening position=20"},
		{"curtain open", "curtain", curtainLines, "curtain/current-position=89 curtain/target-position=90", "cover_2", "state=open position=89"},
		{"airer falling", "airer", airerLines, "airer/status=2 airer/current-position=30", "cover_2", "state=closing position=70"},
		{"airer up", "airer", airerLines, "airer/status=3 airer/current-position=0", "cover_2", "state=open position=100"},
		{"vacuum", "vacuum", vacuumLines, "vacuum/status=5 vacuum/mode=2", "vacuum_2", `state={"state":"returning","fan_speed":"Strong"} activity=returning fan_speed=Strong`},
		{"vacuum washing", "vacuum", vacuumLines, "vacuum/status=7", "vacuum_2", `state={"state":"docked"} activity=docked fan_speed=None`},
		{"vacuum strange", "vacuum", vacuumLines, "vacuum/status=99", "vacuum_2", `state={"state":null} activity=None fan_speed=None`},
		{"battery low", "vacuum", vacuumLines, "battery/battery-level=9", "battery_3", "state=ON"},
		{"boiler", "water-heater", boilerLines, "water-heater/on=true water-heater/mode=1 water-heater/temperature=40", "water_heater_2", "mode=Half power=ON temperature=None current_temperature=40"},
		{"boiler off", "water-heater", boilerLines, "water-heater/on=false water-heater/mode=1", "water_heater_2", "mode=off power=OFF temperature=None current_temperature=None"},
		{"humidity of a list", "humidifier", humidifierLines, "humidifier/target-humidity=1 environment/relative-humidity=44", "humidifier_2", "state=None target_humidity=55 current_humidity=44 mode=None"},
		{"heater", "heater", heaterLines, "heater/on=true", "climate_2", "mode=heat power=ON preset_mode=None temperature=None current_temperature=None"},
		{"alarm", "gateway", armLines, "arming/arming-mode=3", "alarm_control_panel_2", "state=armed_night"},
		{"contact", "magnet-sensor", "magnet-sensor\n  contact-state bool rn", "magnet-sensor/contact-state=true", "p2_1", "state=OFF"},
		{"no trouble", "washer", "washer\n  fault int rn 0=No_Faults 1=Leak", "washer/fault=0", "p2_1_problem", "state=OFF"},
		{"trouble", "washer", "washer\n  fault int rn 0=No_Faults 1=Leak", "washer/fault=1", "p2_1_problem", "state=ON"},
		{"trouble by number", "washer", "washer\n  fault int rn 0..99/1", "washer/fault=7", "p2_1_problem", "state=ON"},
		{"on that is a list", "airer", "switch\n  on int rwn 1=Open 0=Close", "switch/on=1", "switch_2", "state=ON"},
		{"on that is text", "outlet", "switch\n  on string rwn", "switch/on=off", "switch_2", "state=OFF"},
		{"valve", "water-valve", valveLines, "electronic-valve/on=true", "valve_2", "state=open"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := sketch(t, "", tc.kind, tc.lines)
			m := rules.Build(s, entity.Options{})
			if got := shown(m, at(t, m, tc.id), values(t, s, tc.facts)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestMovingDevicesAreFollowed(t *testing.T) {
	rules := shipped(t)
	for _, tc := range []struct {
		name, kind, lines, facts string
		want                     bool
	}{
		{"still", "curtain", curtainLines, "curtain/current-position=50 curtain/target-position=51", false},
		{"runs", "curtain", curtainLines, "curtain/current-position=50 curtain/target-position=90", true},
		{"drives", "vacuum", vacuumLines, "vacuum/status=1", true},
		{"charges", "vacuum", vacuumLines, "vacuum/status=6", false},
		{"cooks", "cooker", "cooker\n  status int rn 1=Idle 2=Running", "cooker/status=2", true},
		{"waits", "cooker", "cooker\n  status int rn 1=Idle 2=Running", "cooker/status=1", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := sketch(t, "", tc.kind, tc.lines)
			if got := rules.Build(s, entity.Options{}).Moving(values(t, s, tc.facts)); got != tc.want {
				t.Errorf("Moving(%s) = %v, want %v", tc.facts, got, tc.want)
			}
		})
	}
}

func TestEventsAreMomentaryAndLatchesStay(t *testing.T) {
	s := sketch(t, "", "vacuum", vacuumLines)
	m := shipped(t).Build(s, entity.Options{})
	got := m.RenderEvent(mi.Happening{Event: 0}, nil)
	want := []entity.EventPayload{
		{Entity: at(t, m, "event_3"), Payload: entity.Payload{Role: "event", Text: `{"event_type":"low-battery"}`, Momentary: true}},
		{Entity: at(t, m, "event_3"), Payload: entity.Payload{Role: "trigger", Text: "low-battery", Momentary: true}},
		{Entity: at(t, m, "battery_3"), Payload: entity.Payload{Role: "state", Text: "ON"}},
	}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func TestOutOfListIsNoneAndTold(t *testing.T) {
	s := sketch(t, "", "washer", "washer\n  status int rn 1=Idle 2=Busy")
	m := shipped(t).Build(s, entity.Options{})
	got := m.Render(0, []mi.Value{mi.Int(7)}, nil)
	if len(got) != 1 || got[0] != (entity.Payload{Role: "state", Text: "None", OutOfList: true}) {
		t.Errorf("got %+v", got)
	}
}

func TestLabelsAreUniqueAndNoPlatformWords(t *testing.T) {
	s := sketch(t, "", "washer", "washer\n  mode int rwn 1=Busy 2=Busy 3= 4=None 5=Wool 6=wool")
	m := shipped(t).Build(s, entity.Options{})
	got := strings.Join(m.Entities[0].Binds[0].Options, "|")
	if want := "Busy 1|Busy 2|3|None 4|Wool 5|wool 6"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDisabledEntitiesAreReadRarely(t *testing.T) {
	s := sketch(t, "", "air-purifier", `air-purifier
  on bool rwn
filter
  filter-life-level int rn percentage 0..100/1
  filter-used-time int rn hours 0..9000/1
vendor:custom
  vendor:secret int rn 0..9/1
  vendor:sent int n 0..9/1`)
	m := shipped(t).Build(s, entity.Options{})
	if len(m.Fast) != 1 || m.Fast[0] != 0 {
		t.Errorf("Fast = %v, want the switch only", m.Fast)
	}
	if len(m.Slow) != 3 {
		t.Errorf("Slow = %v, want the filter's two and the vendor's own", m.Slow)
	}
}

func TestDetail(t *testing.T) {
	s := sketch(t, "", "air-purifier", `air-purifier
  on bool rwn
alarm
  alarm bool rwn
vendor:custom
  vendor:secret int rn 0..9/1
  @factory-reset
  @start-sweep 1`)
	for detail, want := range map[string]int{"minimal": 1, "normal": 2, "all": 3} {
		m := shipped(t).Build(s, entity.Options{Detail: detail})
		n := 0
		for i := range m.Entities {
			if m.Entities[i].Enabled {
				n++
			}
		}
		if detail == "all" {
			want++ // the action that takes a number
		}
		if n != want {
			t.Errorf("%s shows %d entities, want %d: %s", detail, n, want, ids(m))
		}
	}
}
