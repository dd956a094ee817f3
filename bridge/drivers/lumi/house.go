package lumi

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// The parts of a gateway that are not single fields, by their identity.
const (
	sirenService = 4 // alarm 4.1, volume 4.2
	actPlay      = 1 // 4.1
	actStop      = 2 // 4.2
	joinService  = 5
	actJoin      = 1 // 5.1
	actForbid    = 2 // 5.2
)

const (
	stopSound  = 10000 // the ringtone that ends all ringtones
	sirenSound = 0
)

// buildGateway makes the gateway itself: night light, light sensor, sounds.
func buildGateway(name string) *model {
	b := newModel(name, "gateway", "Gateway").service(2, "light", "Night light")
	b.role, b.mains = gateway, true
	const live = mi.Read | mi.Notify | mi.Write
	b.prop(1, "on", mi.FormatBool, live, "", nil)
	b.lamp.on = b.index()
	p := b.prop(2, "brightness", mi.FormatInt, live, "", nil)
	p.Unit, p.Range = "percentage", &mi.Range{Min: 1, Max: 100, Step: 1}
	b.lamp.brightness = b.index()
	p = b.prop(3, "color", mi.FormatInt, live, "", nil)
	p.Unit, p.Range = "rgb", &mi.Range{Min: 0, Max: 0xffffff, Step: 1}
	b.lamp.color = b.index()

	b.service(3, "illumination-sensor", "Light sensor")
	p = b.prop(1, "illumination", mi.FormatInt, mi.Read|mi.Notify, "illumination", number{offset: -300, max: 1e5, floor: true, whole: true})
	p.Unit = "lux"

	b.service(sirenService, "alarm", "Alarm")
	b.prop(1, "alarm", mi.FormatBool, mi.Notify|mi.Write, "", nil)
	p = b.prop(2, "volume", mi.FormatInt, mi.Notify|mi.Write, "", nil)
	p.Unit, p.Range = "percentage", &mi.Range{Min: 0, Max: 100, Step: 1}
	b.prop(3, "ringtone", mi.FormatInt, 0, "", nil).List = ringtones()
	b.action(actPlay, "play-ringtone", b.index())
	b.action(actStop, "stop-ringtone")

	b.service(joinService, "zigbee", "Zigbee")
	b.action(actJoin, "allow-joining")
	b.action(actForbid, "forbid-joining")
	return b.done()
}

// ringtones lists the gateway's sounds.
func ringtones() (out []mi.Choice) {
	add := func(first int, labels ...string) {
		for i, label := range labels {
			out = append(out, mi.Choice{Value: mi.Int(int64(first + i)), Label: label})
		}
	}
	add(0, "Police siren 1", "Police siren 2", "Accident", "Countdown", "Ghost", "Sniper", "Battle", "Air raid", "Barking dog")
	add(10, "Doorbell", "Knock", "Amuse", "Alarm clock")
	add(20, "MiMix", "Enthusiastic", "Classic guitar", "Ice world piano", "Leisure time", "Childhood", "Morning stream", "Music box", "Orange", "Thinker")
	return out
}

// buildPartner makes the air conditioner's companion: a socket with an infrared
// sender. Of its fields only these two are known for sure.
func buildPartner(name string) *model {
	b := newModel(name, "outlet", "AC companion").relay(2, "switch", "Air conditioner", "on_off_cfg")
	b.role = gateway
	b.spec.Props[b.index()].Access |= mi.Read
	b.service(9, "power-consumption", "Power consumption").measure(1, "electric-power", "watt", "ac_power", number{max: 1e5})
	b.spec.Props[b.index()].Access |= mi.Read
	return b.done()
}
