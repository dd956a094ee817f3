package yeelight

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// run carries out a command; it needs l.mu. The fault is nil when it obeyed.
func (l *Lamp) run(method string, params []mi.Value) (result []any, fault map[string]any) {
	if !slices.Contains(l.kind.support, method) {
		return nil, failure(-1, "method not supported")
	}
	if method == "get_prop" {
		for _, p := range params {
			result = append(result, l.props[p.String()])
		}
		return result, nil
	}
	c := call{l: l, params: params}
	if rest, ok := strings.CutPrefix(method, "bg_"); ok {
		c.part, method = "bg_", rest
	}
	if fault := c.command(method); fault != nil {
		return nil, fault
	}
	if method == "cron_get" {
		minutes, _ := strconv.Atoi(l.props["delayoff"])
		if minutes == 0 {
			return []any{}, nil
		}
		return []any{map[string]any{"type": 0, "delay": minutes, "mix": 0}}, nil
	}
	return []any{"ok"}, nil
}

func lampInvalid() map[string]any { return failure(-1, "invalid params") }
func lampRefuses() map[string]any { return failure(-5000, "general error") }

// command carries out a command of one light.
func (c call) command(method string) map[string]any {
	switch method {
	case "set_power":
		return c.setPower()
	case "toggle":
		c.turn(!c.isOn())
	case "dev_toggle":
		c.turn(!c.isOn())
		c.part = "bg_"
		c.turn(!c.isOn())
	case "set_bright", "set_ct_abx", "set_rgb", "set_hsv":
		return c.shine(method)
	case "set_scene":
		return c.scene()
	case "start_cf":
		if !c.isOn() {
			return lampRefuses()
		}
		return c.flow(c.params)
	case "stop_cf":
		c.halt()
	case "set_music":
		if c.num(0) == 1 {
			address := net.JoinHostPort(c.text(1), c.text(2))
			c.l.tasks.Go(func() { c.l.sing(address) })
		}
	case "set_default":
		c.l.defaults = maps.Clone(c.l.props)
	case "set_name":
		c.l.put("name", c.text(0))
	case "set_adjust":
		return c.adjust()
	case "cron_add":
		return c.timer(c.num(1))
	case "cron_del":
		return c.timer(0)
	}
	return nil
}

func (c call) setPower() map[string]any {
	switch word := c.text(0); word {
	case "on", "off":
		c.turn(word == "on")
	default:
		return lampInvalid()
	}
	switch how := c.num(3); {
	case c.text(0) == "off":
	case how == 1:
		c.lit(2)
	case how == 2:
		c.lit(1)
	case how == 5 && c.part == "":
		return c.night(1)
	}
	return nil
}

// night turns the night light on.
func (c call) night(bright int64) map[string]any {
	if _, has := c.l.props["nl_br"]; !has {
		return lampInvalid()
	}
	c.turn(true)
	c.halt()
	c.l.put("active_mode", "1")
	c.l.putNumber("nl_br", bright)
	return nil
}

// shine changes a light that is on.
func (c call) shine(method string) map[string]any {
	at := 1
	if method == "set_hsv" {
		at = 2
	}
	smooth := c.text(at) == "smooth" && c.num(at+1) >= 30
	if !smooth && c.text(at) != "sudden" {
		return lampInvalid()
	}
	if !c.isOn() {
		return lampRefuses()
	}
	switch method {
	case "set_bright":
		return c.bright(0)
	case "set_ct_abx":
		return c.white(0)
	case "set_rgb":
		return c.color(0)
	}
	return c.hue(0)
}

func (c call) bright(i int) map[string]any {
	if !c.between(i, 1, 100) {
		return lampInvalid()
	}
	name := c.part + "bright"
	if c.part == "" && c.l.props["active_mode"] == "1" {
		name = "nl_br"
	}
	c.l.putNumber(name, c.num(i))
	return nil
}

func (c call) white(i int) map[string]any {
	low, high := int64(c.l.kind.low), int64(c.l.kind.high)
	if c.part != "" {
		low = 1700
	}
	if !c.between(i, low, high) {
		return lampInvalid()
	}
	c.lit(2)
	c.l.putNumber(c.part+"ct", c.num(i))
	return nil
}

func (c call) color(i int) map[string]any {
	if !c.between(i, 1, 0xffffff) {
		return lampInvalid()
	}
	c.lit(1)
	c.l.putNumber(c.part+"rgb", c.num(i))
	return nil
}

func (c call) hue(i int) map[string]any {
	if !c.between(i, 0, 359) || !c.between(i+1, 0, 100) {
		return lampInvalid()
	}
	c.lit(3)
	c.l.putNumber(c.part+"hue", c.num(i))
	c.l.putNumber(c.part+"sat", c.num(i+1))
	return nil
}

// scene brings a light into a state in one go, also one that is off.
func (c call) scene() map[string]any {
	kind, level := c.text(0), 2
	var fault map[string]any
	switch kind {
	case "color":
		fault = c.color(1)
	case "ct":
		fault = c.white(1)
	case "hsv":
		fault, level = c.hue(1), 3
	case "cf":
		c.turn(true)
		return c.flow(c.params[1:])
	case "auto_delay_off":
		fault, level = c.timer(c.num(2)), 1
	case "nightlight":
		return c.night(max(1, c.num(1)))
	default:
		return lampInvalid()
	}
	if fault == nil {
		fault = c.bright(level)
	}
	if fault == nil {
		c.turn(true)
	}
	return fault
}

// flow starts a colour flow: count, action, steps.
func (c call) flow(params []mi.Value) map[string]any {
	c.params = params
	steps := strings.Split(c.text(2), ",")
	if len(params) != 3 || !c.between(0, 0, 1<<20) || !c.between(1, 0, 2) || len(steps)%4 != 0 {
		return lampInvalid()
	}
	var takes time.Duration
	for i, s := range steps {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || i%4 == 0 && n < 50 {
			return lampInvalid()
		}
		if i%4 == 0 {
			takes += time.Duration(n) * time.Millisecond
		}
	}
	c.halt()
	c.l.put(c.part+"flowing", "1")
	c.l.put(c.part+"flow_params", strings.ReplaceAll(c.text(0)+","+c.text(1)+","+c.text(2), " ", ""))
	if count := c.num(0); count > 0 {
		end := func() { c.turn(false) }
		switch c.num(1) {
		case 0:
			end = func() {}
		case 1:
			end = func() { c.stay(steps[len(steps)-4:]) }
		}
		c.endAfter(takes*time.Duration(count)/time.Duration(len(steps)/4), end)
	}
	return nil
}

// stay leaves the light as the last step of a flow is.
func (c call) stay(step []string) {
	value := mi.Text(strings.TrimSpace(step[2]))
	c.params = []mi.Value{value, mi.Text(strings.TrimSpace(step[3]))}
	switch strings.TrimSpace(step[1]) {
	case "1":
		c.color(0)
	case "2":
		c.white(0)
	default:
		return
	}
	c.bright(1)
}

// endAfter ends the flow by itself.
func (c call) endAfter(takes time.Duration, end func()) {
	var t *time.Timer
	t = time.AfterFunc(takes, func() {
		c.l.mu.Lock()
		var out []byte
		if c.l.flows[c.part] == t {
			c.halt()
			end()
			out = c.l.report()
		}
		c.l.mu.Unlock()
		c.l.tell(out)
	})
	c.l.flows[c.part] = t
}

// adjust changes without knowing the value.
func (c call) adjust() map[string]any {
	switch c.text(0) {
	case "increase", "decrease", "circle":
	default:
		return lampInvalid()
	}
	switch c.text(1) {
	case "bright", "ct":
	case "color":
		if c.text(0) != "circle" {
			return lampInvalid()
		}
	default:
		return lampInvalid()
	}
	return nil
}

// timer sets the minutes after which the lamp goes off; 0 forgets it.
func (c call) timer(minutes int64) map[string]any {
	if minutes < 0 || minutes > 60 || c.part != "" {
		return lampInvalid()
	}
	l := c.l
	if l.off != nil {
		l.off.Stop()
	}
	l.putNumber("delayoff", minutes)
	if minutes == 0 {
		return nil
	}
	l.off = time.AfterFunc(time.Duration(minutes)*time.Minute, func() {
		l.mu.Lock()
		call{l: l}.turn(false)
		l.put("delayoff", "0")
		out := l.report()
		l.mu.Unlock()
		l.tell(out)
	})
	return nil
}
