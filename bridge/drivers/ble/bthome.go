package ble

import (
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The UUIDs of BTHome, an open format that some makers and much home-made
// firmware use.
const (
	uuidBTHome1       = 0x181c
	uuidBTHome1Sealed = 0x181e
	uuidBTHome2       = 0xfcd2
)

// kindBTHome is how a value is written.
type kindBTHome byte

const (
	unsignedInt kindBTHome = iota
	signedInt
	floating
	words
	hexadecimal
	moment
	buttonEvent
	dimmerEvent
	commandEvent
	ignored
)

// objectBTHome is one kind of value.
type objectBTHome struct {
	key   string
	kind  kindBTHome
	size  int
	scale float64 // of numbers; a divisor when positive, else a negative factor
	flag  bool    // 0 is off, everything else on
}

// tableBTHome lists the values: number, size, kind (u unsigned, i signed, b flag),
// divisor and key.
const tableBTHome = `
00 1 u 1 packet_id
01 1 u 1 battery
02 2 i 100 temperature
03 2 u 100 humidity
04 3 u 100 pressure
05 3 u 100 illuminance
06 2 u 100 mass
07 2 u 100 mass_pounds
08 2 i 100 dew_point
09 1 u 1 count
0A 3 u 1000 energy
0B 3 u 100 power_watt
0C 2 u 1000 voltage
0D 2 u 1 pm25
0E 2 u 1 pm10
0F 1 b 1 generic
10 1 b 1 power
11 1 b 1 opening
12 2 u 1 carbon_dioxide
13 2 u 1 volatile_organic_compounds
14 2 u 100 moisture
15 1 b 1 battery_low
16 1 b 1 battery_charging
17 1 b 1 carbon_monoxide
18 1 b 1 cold
19 1 b 1 connectivity
1A 1 b 1 door
1B 1 b 1 garage_door
1C 1 b 1 gas_leak
1D 1 b 1 heat
1E 1 b 1 light
1F 1 b 1 lock
20 1 b 1 wet
21 1 b 1 motion
22 1 b 1 moving
23 1 b 1 occupancy
24 1 b 1 plug
25 1 b 1 presence
26 1 b 1 problem
27 1 b 1 running
28 1 b 1 safety
29 1 b 1 smoke
2A 1 b 1 sound
2B 1 b 1 tamper
2C 1 b 1 vibration
2D 1 b 1 window
2E 1 u 1 humidity
2F 1 u 1 moisture
3D 2 u 1 count
3E 4 u 1 count
3F 2 i 10 rotation
40 2 u 1 distance_mm
41 2 u 10 distance
42 3 u 1000 duration
43 2 u 1000 current
44 2 u 100 speed
45 2 i 10 temperature
46 1 u 10 uv_index
47 2 u 10 volume
48 2 u 1 volume_ml
49 2 u 1000 volume_flow_rate
4A 2 u 10 voltage
4B 3 u 1000 gas
4C 4 u 1000 gas
4D 4 u 1000 energy
4E 4 u 1000 volume
4F 4 u 1000 water
51 2 u 1000 acceleration
52 2 u 1000 gyroscope
55 4 u 1000 volume_storage
56 2 u 1 conductivity
57 1 i 1 temperature
58 1 i -0.35 temperature
59 1 i 1 count
5A 2 i 1 count
5B 4 i 1 count
5C 4 i 100 power_watt
5D 2 i 1000 current
5E 2 u 100 direction
5F 2 u 10 precipitation
60 1 u 1 channel
61 2 u 1 rotational_speed
62 4 i 1000000 speed
63 4 i 1000000 acceleration
64 1 u 1 light_level
65 1 u 1 settings_revision
`

// objectsBTHome reads the table and adds what is no plain number.
func objectsBTHome() map[byte]objectBTHome {
	t := map[byte]objectBTHome{
		0x3a: {key: "button", kind: buttonEvent, size: 1},
		0x3b: {key: "command", kind: commandEvent},
		0x3c: {key: "dimmer", kind: dimmerEvent, size: 2},
		0x50: {key: "timestamp", kind: moment, size: 4},
		0x53: {key: "text", kind: words},
		0x54: {key: "raw", kind: hexadecimal},
		0xf0: {kind: ignored, size: 2},
		0xf1: {kind: ignored, size: 4},
		0xf2: {kind: ignored, size: 3},
	}
	for line := range strings.Lines(strings.TrimSpace(tableBTHome)) {
		f := strings.Fields(line)
		id, _ := strconv.ParseUint(f[0], 16, 8)
		size, _ := strconv.Atoi(f[1])
		scale, _ := strconv.ParseFloat(f[3], 64)
		o := objectBTHome{key: f[4], size: size, scale: scale, flag: f[2] == "b"}
		if f[2] == "i" {
			o.kind = signedInt
		}
		t[byte(id)] = o
	}
	return t
}

// packetBTHome is a frame of BTHome.
type packetBTHome struct {
	counter uint32
	sealed  bool
	counted bool   // the counter is there: of 32 bits when sealed, else of 8
	events  [3]int // so far, by kind
}

// parseBTHome reads the service data of the three UUIDs.
func (d *decoder) parseBTHome(sender mi.Address, uuid uint16, b []byte, key *bindKey, r *reading) (packetBTHome, error) {
	switch uuid {
	case uuidBTHome1:
		return d.walk1(b, packetBTHome{}, r)
	case uuidBTHome1Sealed:
		plain, p, err := openBTHome(sender, []byte{0x1e, 0x18}, b, []byte{0x11}, key)
		if err != nil {
			return p, err
		}
		return d.walk1(plain, p, r)
	}
	return d.parseBTHome2(sender, b, key, r)
}

func (d *decoder) parseBTHome2(sender mi.Address, b []byte, key *bindKey, r *reading) (packetBTHome, error) {
	if len(b) < 1 || b[0]>>5 != 2 {
		return packetBTHome{}, errMalformed
	}
	info, rest := b[0], b[1:]
	if info&2 != 0 {
		if len(rest) < 6 {
			return packetBTHome{}, errMalformed
		}
		if reversed(rest) != sender {
			return packetBTHome{}, errForeign
		}
		rest = rest[6:]
	}
	var p packetBTHome
	if info&1 != 0 {
		var err error
		if rest, p, err = openBTHome(sender, []byte{0xd2, 0xfc, info}, rest, nil, key); err != nil {
			return p, err
		}
	}
	return d.walk2(rest, p, r)
}

// openBTHome opens what is sealed: the payload, a counter of 4 bytes, the tag.
func openBTHome(sender mi.Address, middle, b, extra []byte, key *bindKey) ([]byte, packetBTHome, error) {
	p := packetBTHome{sealed: true, counted: true}
	if len(b) < 4+tagSize {
		return nil, p, errMalformed
	}
	if key == nil {
		return nil, p, errKeyless
	}
	cut := len(b) - 4 - tagSize
	p.counter = uint32(u32(b[cut:]))
	nonce := append(make([]byte, 0, nonceBTHome2), sender[:]...)
	nonce = append(nonce, middle...)
	nonce = append(nonce, b[cut:cut+4]...)
	sealed := append(append(make([]byte, 0, len(b)), b[:cut]...), b[cut+4:]...)
	plain, ok := key.open(nonce, sealed, extra)
	if !ok {
		return nil, p, errForged
	}
	return plain, p, nil
}

// walk1 reads the values of version 1, which say themselves how they are written.
func (d *decoder) walk1(b []byte, p packetBTHome, r *reading) (packetBTHome, error) {
	for len(b) >= 2 {
		size := 1 + int(b[0]&31)
		if size > len(b) || size < 2 {
			return p, nil
		}
		if o, ok := d.bthome[b[1]]; ok && o.kind != ignored {
			if o.kind == unsignedInt || o.kind == signedInt {
				o.kind = kindBTHome(min(b[0]>>5, byte(hexadecimal)))
			}
			p.take(&o, b[1], b[2:size], r)
		}
		b = b[size:]
	}
	return p, nil
}

// walk2 reads the values of version 2, whose size is known by their number.
func (d *decoder) walk2(b []byte, p packetBTHome, r *reading) (packetBTHome, error) {
	for len(b) >= 2 {
		o, ok := d.bthome[b[0]]
		if !ok {
			return p, nil
		}
		start, size := 1, o.size
		if size == 0 {
			start, size = 2, int(b[1])
			if o.kind == commandEvent {
				size = 1 + int(b[1]&31)
			}
		}
		if start+size > len(b) {
			return p, nil
		}
		if size > 0 {
			p.take(&o, b[0], b[start:start+size], r)
		}
		b = b[start+size:]
	}
	return p, nil
}

// take reads one value.
func (p *packetBTHome) take(o *objectBTHome, id byte, b []byte, r *reading) {
	switch {
	case len(b) == 0 || o.kind == ignored:
	case id == 0:
		if !p.sealed {
			p.counter, p.counted = uint32(b[0]), true
		}
	case o.kind >= buttonEvent:
		p.event(o, b, r)
	case o.flag:
		r.again(o.key, mi.Bool(natural(b) != 0))
	default:
		o.measure(b, r)
	}
}

func (o *objectBTHome) measure(b []byte, r *reading) {
	switch o.kind {
	case unsignedInt:
		r.again(o.name(), o.number(float64(natural(b))))
	case signedInt:
		r.again(o.name(), o.number(float64(integer(b))))
	case floating:
		if len(b) == 4 {
			r.again(o.name(), o.number(f32(b)))
		}
	case words:
		r.again(o.key, printable(b))
	case hexadecimal:
		r.again(o.key, mi.Text(hexText(b)))
	case moment:
		r.again(o.key, mi.Text(timeText(natural(b))))
	}
}

// name drops what only said in which unit the number comes.
func (o *objectBTHome) name() string {
	switch o.key {
	case "mass_pounds":
		return "mass"
	case "distance_mm":
		return "distance"
	case "volume_ml":
		return "volume"
	}
	return o.key
}

// number scales a value, and turns pounds, millimetres and millilitres into what
// the key is shown in: kilograms, metres and litres.
func (o *objectBTHome) number(f float64) mi.Value {
	switch {
	case o.scale < 0:
		f = round(f*-o.scale, 2)
	default:
		f /= o.scale
	}
	switch o.key {
	case "mass_pounds":
		return mi.Float(round(f*pound, 3))
	case "distance_mm", "volume_ml":
		return mi.Float(f / 1000)
	}
	if o.scale == 1 && f == float64(int64(f)) {
		return mi.Int(int64(f))
	}
	return mi.Float(f)
}

// event reads what was pressed, turned or ordered. Several buttons have one value
// each, which is 0 for those that were not touched.
func (p *packetBTHome) event(o *objectBTHome, b []byte, r *reading) {
	p.events[o.kind-buttonEvent]++
	group := o.key
	if n := p.events[o.kind-buttonEvent]; n > 1 {
		group += "_" + strconv.Itoa(n)
	}
	switch o.kind {
	case buttonEvent:
		if kind := buttonsBTHome(b[0]); kind != "" {
			r.press(group, kind)
		}
	case dimmerEvent:
		if kind := map[byte]string{1: "rotate_left", 2: "rotate_right"}[b[0]]; kind != "" && len(b) > 1 {
			r.press(group, kind, fact{key: "steps", value: mi.Int(int64(b[1]))})
		}
	case commandEvent:
		if kind := commandsBTHome(b[0]); kind != "" {
			r.press(group, kind, fact{key: "args", value: mi.Text(hexText(b[1:]))})
		}
	}
}

func buttonsBTHome(v byte) string {
	return map[byte]string{
		1: once, 2: twice, 3: "triple_press", 4: longer, 5: "long_double_press", 6: "long_triple_press",
		0x80: "hold_press", 0x81: "hold_release",
	}[v]
}

func commandsBTHome(v byte) string {
	return map[byte]string{0: "off", 1: "on", 2: "toggle", 3: "step_up", 4: "step_down"}[v]
}
