package miio

import (
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const maxExecuted = 4096 // executions that a device remembers

func messageID(id int) string { return strconv.Itoa(id) }

// method answers a call of the time before MIoT. What it returns becomes the
// result, a fail becomes the error.
type method struct {
	run    func(d *Device, p []mi.Value) any
	orders bool // it changes something
}

// ask is a method that only reads.
func ask(run func(d *Device, p []mi.Value) any) method { return method{run: run} }

// do is a method that is an order and answers ["ok"].
func do(n int, run func(d *Device, p []mi.Value)) method {
	return method{orders: true, run: func(d *Device, p []mi.Value) any {
		if len(p) < n {
			return errInvalidArg
		}
		run(d, p)
		return okList()
	}}
}

func okList() any { return []string{"ok"} }

// old answers a legacy call.
func (d *Device) old(r request, m method) any {
	p := arguments(r.Params)
	if !m.orders {
		return m.run(d, p)
	}
	if d.trouble.Ignores {
		return okList()
	}
	answer := m.run(d, p)
	if _, failed := answer.(fail); !failed {
		d.ran(r, r.Method, string(marshal(p)))
	}
	return answer
}

// getProp reads by name; what the model lacks is null.
func getProp(d *Device, p []mi.Value) any {
	if len(p) > d.limit() {
		return errBusy
	}
	out := make([]mi.Value, len(p))
	for i, name := range p {
		out[i] = d.values[name.String()]
		if d.trouble.Absurd && out[i].Kind() == mi.KindInt {
			out[i] = mi.Int(4_000_000_000)
		}
	}
	return out
}

// onOff writes "on" or "off" into key.
func onOff(key string) method {
	return one(key, func(v mi.Value) bool { return v == mi.Text("on") || v == mi.Text("off") })
}

// between writes a whole number of a range into key.
func between(key string, low, high int64) method {
	return one(key, func(v mi.Value) bool {
		i, ok := v.Int()
		return ok && v.Kind() == mi.KindInt && i >= low && i <= high
	})
}

// among writes one of some words into key.
func among(key string, words ...string) method {
	return one(key, func(v mi.Value) bool {
		for _, w := range words {
			if v == mi.Text(w) {
				return true
			}
		}
		return false
	})
}

func one(key string, allowed func(mi.Value) bool) method {
	return method{orders: true, run: func(d *Device, p []mi.Value) any {
		if len(p) == 0 || !allowed(p[0]) {
			return errInvalidArg
		}
		d.put(key, p[0])
		delete(d.inner, key)
		if d.model.wrote != nil {
			d.model.wrote(d, key)
		}
		return okList()
	}}
}
