package miio

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// What follows is a device as its maker's cloud reaches it: the same truth and the
// same behaviour as over the LAN, by a connection that the LAN's troubles do not
// touch. Codes are those of MIoT on the LAN; 0 is success.

// Read returns a MIoT property as the device tells it.
func (d *Device) Read(siid, piid int) (v mi.Value, code int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spec == nil {
		return v, codeNoProp
	}
	got, code := d.get(iid(siid, piid))
	if got != nil {
		v = *got
	}
	return v, code
}

// Write orders a MIoT property.
func (d *Device) Write(siid, piid int, v mi.Value) (code int) {
	d.remotely(func() {
		code = codeNoProp
		if d.spec != nil {
			code = d.order(request{}, iid(siid, piid), &v)
		}
	})
	return code
}

// Invoke runs a MIoT action.
func (d *Device) Invoke(siid, aiid int, in []mi.Value) (out []mi.Value, code int) {
	d.remotely(func() {
		code = codeNoProp
		if d.spec == nil {
			return
		}
		if a, ok := d.invoke(request{}, invocation{SIID: siid, AIID: aiid, In: in}).(invocation); ok {
			out, code = a.Out, a.Code
		}
	})
	return out, code
}

// Call carries out a call of miIO and returns the whole answer as JSON, with a
// result or an error in it. params is JSON. Subscriptions belong to the LAN.
func (d *Device) Call(id int, method string, params []byte) (answer []byte) {
	d.remotely(func() {
		r := request{ID: id, Method: method, Params: params}
		if method == "miIO.sub" || method == "miIO.unsub" {
			answer = d.reply(r, errNoMethod)
			return
		}
		answer = d.reply(r, d.dispatch(r))
	})
	return answer
}

// remotely lets something happen to the device and sends the pushes that follow.
func (d *Device) remotely(do func()) {
	d.mu.Lock()
	do()
	out := d.pushes()
	d.mu.Unlock()
	d.send(out)
}
