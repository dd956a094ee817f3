package entity

import (
	"math"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// lamp is everything that a light can do; its roles share it.
type lamp struct {
	power  power // nil when the level alone switches
	level  *field
	max    float64 // of the level
	min    float64
	white  *field
	kelvin scale
	color  *field
	effect *choice
	colors []bool // of each effect: it is a colour
	tells  bool   // some effect says which colour mode is active
}

// scale is the way in which a device counts colour temperature.
type scale uint8

const (
	scaleKelvin  scale = iota
	scalePercent       // 0 is 6500 K, 100 is 2500 K
	scaleMired
)

// to turns the device's number into kelvin.
func (s scale) to(f float64) float64 {
	switch s {
	case scalePercent:
		return 6500 - 40*f
	case scaleMired:
		return 1e6 / max(f, 1)
	}
	return f
}

// from turns kelvin into the device's number.
func (s scale) from(kelvin float64) float64 {
	switch s {
	case scalePercent:
		return (6500 - kelvin) / 40
	case scaleMired:
		return 1e6 / max(kelvin, 1)
	}
	return kelvin
}

func scaleOf(p *mi.Property, limits mi.Range) scale {
	switch {
	case p.Unit == "kelvin", limits.Max > 1000:
		return scaleKelvin
	case p.Unit == "percentage", limits.Max <= 100:
		return scalePercent
	}
	return scaleMired
}

// light is the composite of a lamp.
func (c *composite) light() bool {
	l := &lamp{}
	c.entity.Fades = c.spec.Tuning.Fades
	var fields []*field
	if f := c.prop("state"); f != nil {
		l.power, fields = c.newOnoff(f), append(fields, f)
	}
	if f := c.prop("brightness"); f != nil {
		limits := f.limits()
		l.level, l.min, l.max, fields = f, limits.Min, limits.Max, append(fields, f)
	}
	if l.power == nil && l.level == nil {
		return c.remoteLight(l)
	}
	if f := c.prop("color_temp"); f != nil {
		l.white, l.kelvin, fields = f, scaleOf(f.spec, f.limits()), append(fields, f)
	}
	if f := c.prop("rgb"); f != nil {
		l.color, fields = f, append(fields, f)
	}
	if f := c.prop("effect"); f != nil {
		if l.effect = c.newChoice(f); l.effect != nil {
			fields = append(fields, f)
			c.colorful(l)
		}
	}
	c.lightBinds(l, fields)
	return true
}

// remoteLight is a lamp that two actions switch and nothing reports.
func (c *composite) remoteLight(l *lamp) bool {
	r := c.relay()
	if r == nil {
		return false
	}
	l.power = r
	for _, b := range []Bind{{Role: "json", conv: &lightJSON{lamp: l}}, {Role: "state", conv: &lightState{l}}} {
		b.Command, b.Actions = true, actions(r.on, r.off)
		c.bind(b)
	}
	c.entity.Assumed = true
	return true
}

// colorful notes which effects are a colour.
func (c *composite) colorful(l *lamp) {
	l.colors = make([]bool, len(l.effect.words))
	for i, word := range l.effect.words {
		l.colors[i] = c.word("effect", word) == "color"
		l.tells = l.tells || l.colors[i]
	}
}

func (c *composite) lightBinds(l *lamp, fields []*field) {
	c.bind(bind("json", &lightJSON{lamp: l}, fields...))
	if l.white != nil && c.mired {
		c.bind(bind("json_mired", &lightJSON{lamp: l, mired: true}, fields...))
	}
	power := []*field{l.level}
	if l.power != nil {
		power = append(power, fields[0])
	}
	c.bind(bind("state", &lightState{l}, power...))
	if l.level != nil {
		b := bind("brightness", &lightLevel{l}, power...)
		b.Max, b.Step = 255, 1
		c.bind(b)
	}
	if l.white != nil {
		b := bind("color_temp", &lightWhite{l}, l.white)
		limits := l.white.limits()
		lo, hi := l.kelvin.to(limits.Min), l.kelvin.to(limits.Max)
		b.Min, b.Max, b.Step = math.Ceil(min(lo, hi)), math.Floor(max(lo, hi)), 1
		c.bind(b)
	}
	if l.color != nil {
		c.bind(bind("rgb", &lightRGB{l}, l.color))
		c.bind(bind("hs", &lightHS{l}, l.color))
	}
	if l.effect != nil {
		c.bind(l.effect.listed(bind("effect", l.effect, &l.effect.f)))
	}
}

// on returns whether the lamp burns.
func (l *lamp) on(values []mi.Value) (on, known bool) {
	if l.power != nil {
		return l.power.state(values)
	}
	f, ok := l.level.value(values).Float()
	return f > 0, ok
}

// turn appends the write that switches the lamp.
func (l *lamp) turn(on bool, o *mi.Order) error {
	switch {
	case l.power != nil:
		return l.power.set(on, o)
	case on:
		return l.level.set(mi.Float(l.max), o)
	}
	return l.level.set(mi.Float(l.min), o)
}

// brightness returns 0…255; 255 is the most that the lamp can do.
func (l *lamp) brightness(values []mi.Value) (int64, bool) {
	if l.level == nil {
		return 0, false
	}
	f, ok := l.level.value(values).Float()
	if !ok || l.max <= 0 {
		return 0, false
	}
	b := math.Round(f / l.max * 255)
	if f > 0 {
		b = max(b, 1)
	}
	return int64(min(max(b, 0), 255)), true
}

// dim appends the writes for a brightness of 0…255; 0 is off.
func (l *lamp) dim(brightness float64, o *mi.Order) error {
	switch {
	case l.level == nil:
		return invalid("this light cannot be dimmed")
	case brightness < 0 || brightness > 255:
		return invalid("brightness %s is out of range; send 0 to 255", plain(brightness))
	}
	f := math.Round(brightness / 255 * l.max)
	return l.level.set(mi.Float(min(max(f, l.min, 1), l.max)), o)
}

// temperature returns kelvin.
func (l *lamp) temperature(values []mi.Value) (int64, bool) {
	if l.white == nil {
		return 0, false
	}
	f, ok := l.white.value(values).Float()
	return int64(math.Round(l.kelvin.to(f))), ok && f > 0 || ok && l.kelvin == scalePercent
}

// tint appends the write of a colour temperature; what lies a little outside
// the limits is brought to them, as platforms round mireds.
func (l *lamp) tint(kelvin float64, o *mi.Order) error {
	if l.white == nil {
		return invalid("this light has no colour temperature")
	}
	limits := l.white.limits()
	lo, hi := min(l.kelvin.to(limits.Min), l.kelvin.to(limits.Max)), max(l.kelvin.to(limits.Min), l.kelvin.to(limits.Max))
	if limits.Min < limits.Max && (kelvin < lo*0.97 || kelvin > hi*1.03) {
		return invalid("colour temperature %s is out of range; send %s to %s kelvin", plain(kelvin), plain(math.Ceil(lo)), plain(math.Floor(hi)))
	}
	return l.white.set(mi.Float(math.Round(onGrid(l.kelvin.from(kelvin), limits))), o)
}

// rgb returns the colour.
func (l *lamp) rgb(values []mi.Value) (r, g, b int64, ok bool) {
	if l.color == nil {
		return 0, 0, 0, false
	}
	v, ok := l.color.value(values).Int()
	return v >> 16 & 255, v >> 8 & 255, v & 255, ok
}

// paint appends the write of a colour.
func (l *lamp) paint(r, g, b float64, o *mi.Order) error {
	if l.color == nil {
		return invalid("this light has no colours")
	}
	for _, part := range [...]float64{r, g, b} {
		if part < 0 || part > 255 {
			return invalid("colour part %s is out of range; send 0 to 255", plain(part))
		}
	}
	v := int64(math.Round(r))<<16 | int64(math.Round(g))<<8 | int64(math.Round(b))
	if limits := l.color.limits(); limits.Min < limits.Max {
		v = int64(min(max(float64(v), limits.Min), limits.Max))
	}
	return l.color.set(mi.Int(v), o)
}

// colored reports whether the colour, rather than the white, burns. Devices do
// not say; the mode tells where it has a word for it, else any real colour does.
func (l *lamp) colored(values []mi.Value) bool {
	if l.color == nil || l.white == nil {
		return l.color != nil
	}
	if l.tells {
		at := l.effect.at(values)
		return at >= 0 && l.colors[at]
	}
	v, ok := l.color.value(values).Int()
	return ok && v != 0 && v&0xFFFFFF != 0xFFFFFF && v != 1
}
