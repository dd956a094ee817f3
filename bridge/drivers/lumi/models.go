package lumi

import (
	"strings"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// entry is one kind of device under all names that it has.
type entry struct {
	// names are the models without "lumi.", separated by blanks; the names after
	// = are what gateways call the same model on the wire.
	names string
	build func(name string) *model
}

// catalog finds models by name.
type catalog struct {
	official map[string]string // any name → the model's own name
	builders map[string]func(string) *model

	mu    sync.Mutex // guards built
	built map[string]*model
}

func newCatalog() *catalog {
	c := &catalog{
		official: map[string]string{},
		builders: map[string]func(string) *model{}, built: map[string]*model{},
	}
	for _, e := range entries() {
		for group := range strings.FieldsSeq(e.names) {
			names := strings.Split(group, "=")
			c.builders[names[0]] = e.build
			for _, n := range names {
				c.official[n] = names[0]
			}
		}
	}
	return c
}

// find returns the model of that name, with or without "lumi.", or nil. Models
// are shared by pointer.
func (c *catalog) find(name string) *model {
	official, ok := c.official[strings.TrimPrefix(name, "lumi.")]
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.built[official] == nil {
		c.built[official] = c.builders[official](official)
	}
	return c.built[official]
}

// entries lists every model. The numbers in the builders below are identities:
// they never change.
func entries() []entry {
	return []entry{
		{"gateway.v3=gateway=gateway.v2", buildGateway},
		{radioModel, buildRadio},
		{"acpartner.v3", buildPartner},
		{"sensor_motion=motion=sensor_motion.v1=sensor_motion.v2", func(n string) *model { return motion(n, false) }},
		{"sensor_motion.aq2", func(n string) *model { return motion(n, true) }},
		{"sensor_magnet=magnet=sensor_magnet.v1=sensor_magnet.v2 sensor_magnet.aq2", magnet},
		{"sensor_wleak.aq1", leak},
		{"sensor_smoke=smoke=sensor_smoke.v1", smoke},
		{"sensor_natgas=natgas=sensor_natgas.v1", gas},
		{"sensor_ht=sensor_ht.v1", func(n string) *model { return climate(n, false) }},
		{"weather=weather.v1", func(n string) *model { return climate(n, true) }},
		{"vibration.aq1=vibration", vibration},
		{"sensor_cube=cube=sensor_cube.v1 sensor_cube.aqgl01", cube},
		{"sensor_switch=switch=sensor_switch.v1=sensor_switch.v2 sensor_switch.aq2 sensor_switch.aq3 remote.b1acn01", knob},
		{"sensor_86sw1=86sw1=sensor_86sw1.v1=sensor_86sw1.aq1 remote.b186acn01 remote.b186acn02", func(n string) *model { return wallButton(n, 1) }},
		{"sensor_86sw2=86sw2=sensor_86sw2.v1=sensor_86sw2.aq1 sensor_86sw2.es1 remote.b286acn01 remote.b286acn02", func(n string) *model { return wallButton(n, 2) }},
		{"plug=plug.v1 plug.mitw01 plug.maus01 plug.mmeu01", func(n string) *model { return plug(n, "Plug") }},
		{"ctrl_86plug=86plug=ctrl_86plug.v1 ctrl_86plug.aq1", func(n string) *model { return plug(n, "Wall outlet") }},
		{"ctrl_neutral1=ctrl_neutral1.v1=ctrl_neutral1.aq1 switch.b1lacn02=switch_b1lacn02", func(n string) *model { return wallSwitch(n, 1, false) }},
		{"ctrl_neutral2=ctrl_neutral2.v1=ctrl_neutral2.aq1 switch.b2lacn02=switch_b2lacn02", func(n string) *model { return wallSwitch(n, 2, false) }},
		{"ctrl_ln1=ctrl_ln1.v1 ctrl_ln1.aq1 switch.b1nacn02=switch_b1nacn02", func(n string) *model { return wallSwitch(n, 1, true) }},
		{"ctrl_ln2=ctrl_ln2.v1 ctrl_ln2.aq1 switch.b2nacn02=switch_b2nacn02 relay.c2acn01", func(n string) *model { return wallSwitch(n, 2, true) }},
		{"switch.l3acn3=switch_l3acn3", func(n string) *model { return wallSwitch(n, 3, false) }},
		{"switch.n3acn3=switch_n3acn3", func(n string) *model { return wallSwitch(n, 3, true) }},
		{"curtain=curtain.v1 curtain.aq2", func(n string) *model { return curtain(n, false) }},
		{"curtain.hagl04", func(n string) *model { return curtain(n, true) }},
		{"lock.aq1 lock.acn02", lock},
	}
}

func motion(name string, lux bool) *model {
	b := newModel(name, "motion-sensor", "Motion sensor").service(2, "motion-sensor", "Motion sensor")
	b.state(1, "motion-state", "status motion_status", words{"motion": mi.Bool(true)})
	b.motion = b.index()
	b.wires[0].shy = true // the status of a heartbeat may be hours old
	b.also("no_motion", constant{mi.Bool(false)})
	b.measure(2, "no-motion-duration", "seconds", "no_motion", number{max: 1e6, whole: true})
	if lux {
		b.measure(3, "illumination", "lux", "lux", number{max: 1e5, whole: true})
	}
	return b.battery().done()
}

func magnet(name string) *model {
	b := newModel(name, "magnet-sensor", "Door and window sensor").service(2, "magnet-sensor", "Door and window sensor")
	b.state(1, "contact-state", "status window_status", words{"open": mi.Bool(false), "close": mi.Bool(true)})
	b.also("no_close", constant{mi.Bool(false)})
	return b.battery().done()
}

func leak(name string) *model {
	b := newModel(name, "submersion-sensor", "Water leak sensor").service(2, "submersion-sensor", "Water leak sensor")
	b.state(1, "submersion-state", "status wleak_status", words{"leak": mi.Bool(true), "no_leak": mi.Bool(false)})
	return b.battery().done()
}

// alarmWords are the values of the field alarm: 2 is taken for an alarm, too.
func alarmWords() words {
	return words{"0": mi.Bool(false), "1": mi.Bool(true), "2": mi.Bool(true)}
}

func smoke(name string) *model {
	b := newModel(name, "smoke-sensor", "Smoke detector").service(2, "smoke-sensor", "Smoke detector")
	b.state(1, "smoke-state", "alarm", alarmWords())
	b.measure(2, "smoke-concentration", "", "density", number{max: 1e5})
	return b.battery().done()
}

func gas(name string) *model {
	b := newModel(name, "gas-sensor", "Gas detector").service(2, "gas-sensor", "Gas detector")
	b.state(1, "gas-state", "alarm", alarmWords())
	b.measure(2, "gas-concentration", "", "density", number{max: 1e5})
	b.mains = true
	return b.done()
}

func climate(name string, pressure bool) *model {
	b := newModel(name, "temperature-humidity-sensor", "Temperature and humidity sensor")
	b.service(2, "temperature-humidity-sensor", "Temperature and humidity sensor")
	b.measure(1, "temperature", "celsius", "temperature", number{scale: 0.01, min: -50, max: 60})
	b.measure(2, "relative-humidity", "percentage", "humidity", number{scale: 0.01, min: 0.01, max: 100})
	if pressure {
		b.measure(3, "atmospheric-pressure", "hPa", "pressure", number{scale: 0.01, min: 1, max: 2000})
	}
	return b.battery().done()
}

func vibration(name string) *model {
	b := newModel(name, "vibration-sensor", "Vibration sensor").service(2, "vibration-sensor", "Vibration sensor")
	b.presses("status", "vibrate=vibration tilt free_fall")
	b.measure(1, "final-tilt-angle", "arcdegrees", "final_tilt_angle", number{min: -360, max: 360})
	b.measure(2, "bed-activity", "", "bed_activity", number{max: 1e9})
	b.prop(3, "coordination", mi.FormatText, mi.Notify, "coordination", plain{})
	return b.battery().done()
}

func cube(name string) *model {
	b := newModel(name, "remote-control", "Magic cube").service(2, "cube", "Magic cube")
	b.presses("status cube_status", "flip90 flip180 move tap_twice shake_air swing alert free_fall")
	angle := b.prop(1, "angle", mi.FormatInt, 0, "", nil)
	angle.Unit = "arcdegrees"
	at := b.index()
	b.prop(2, "duration", mi.FormatInt, 0, "", nil).Unit = "milliseconds"
	rotate := b.event(20, "rotate", at, at+1)
	b.buttons = append(b.buttons, button{fields: []string{"rotate", "rotate_degree"}, other: rotate, args: turned})
	return b.battery().done()
}

func turned(v mi.Value) []mi.Value {
	deg, ms, ok := rotation(v.String())
	if !ok {
		return nil
	}
	return []mi.Value{mi.Int(deg), mi.Int(ms)}
}

func knob(name string) *model {
	b := newModel(name, "remote-control", "Button").service(2, "switch-sensor", "Button")
	b.presses("status button_0 channel_0", "click double_click long_click_press=long-press long_click=long-press long_click_release=long-press-release shake")
	return b.battery().done()
}

func wallButton(name string, keys int) *model {
	const words = "click double_click long_click=long-press long_click_press=long-press long_click_release=long-press-release"
	b := newModel(name, "remote-control", "Wall button")
	if keys == 1 {
		return b.service(2, "switch-sensor", "Button").presses("channel_0 button_0 status", words).battery().done()
	}
	b.service(2, "switch-sensor", "Left button").presses("channel_0 button_0", words)
	b.service(3, "switch-sensor", "Right button").presses("channel_1 button_1", words)
	b.service(4, "switch-sensor", "Both buttons").
		presses("dual_channel", "both_click=click double_both_click=double-click long_both_click=long-press")
	return b.battery().done()
}

func plug(name, text string) *model {
	b := newModel(name, "outlet", text).relay(2, "switch", text, "status channel_0")
	b.service(3, "plug-state", "Socket")
	b.state(1, "in-use", "inuse", words{"0": mi.Bool(false), "1": mi.Bool(true)})
	return b.power().done()
}

func wallSwitch(name string, keys int, meter bool) *model {
	b := newModel(name, "switch", "Wall switch")
	texts := [][]string{{"Switch"}, {"Left switch", "Right switch"}, {"Left switch", "Middle switch", "Right switch"}}[keys-1]
	for i, text := range texts {
		b.relay(2+i, "switch", text, "channel_"+string(rune('0'+i)))
	}
	if meter {
		b.power()
	}
	return b.done()
}

func curtain(name string, battery bool) *model {
	b := newModel(name, "curtain", "Curtain").service(2, "curtain", "Curtain")
	motor := words{"stop": mi.Int(0), "open": mi.Int(1), "close": mi.Int(2)}
	p := b.prop(1, "motor-control", mi.FormatInt, mi.Write, "status curtain_status", motor)
	p.List = []mi.Choice{{Value: mi.Int(0), Label: "Pause"}, {Value: mi.Int(1), Label: "Open"}, {Value: mi.Int(2), Label: "Close"}}
	level := number{max: 100, whole: true}
	for i, part := range []struct {
		name   string
		access mi.Access
	}{{"current-position", mi.Notify}, {"target-position", mi.Write}} {
		p = b.prop(2+i, part.name, mi.FormatInt, part.access, "curtain_level", level)
		p.Unit, p.Range = "percentage", &mi.Range{Min: 0, Max: 100, Step: 1}
	}
	b.mains = !battery
	if battery {
		b.battery()
	}
	return b.done()
}

func lock(name string) *model {
	b := newModel(name, "lock", "Door lock").service(2, "lock", "Door lock")
	b.prop(1, "operation-id", mi.FormatText, 0, "", nil)
	who := b.index()
	for i, way := range []struct{ field, event string }{
		{"fing_verified", "opened-by-fingerprint"}, {"psw_verified", "opened-by-password"},
		{"card_verified", "opened-by-card"}, {"verified_wrong", "verification-failed"},
	} {
		e := b.event(i+1, way.event, who)
		b.buttons = append(b.buttons, button{fields: []string{way.field}, other: e, args: user})
	}
	return b.battery().done()
}

// user is the number of the finger, code or card.
func user(v mi.Value) []mi.Value {
	if !v.Known() {
		return nil
	}
	return []mi.Value{mi.Text(clip(v.String()))}
}
