package miio

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
)

// target is one property in a call or an answer.
type target struct {
	DID   json.RawMessage `json:"did"`
	SIID  int             `json:"siid"`
	PIID  int             `json:"piid"`
	Code  int             `json:"-"`
	Value *mi.Value       `json:"value"`
}

// invocation is an action in a call or an answer.
type invocation struct {
	DID  json.RawMessage `json:"did,omitempty"`
	SIID int             `json:"siid"`
	AIID int             `json:"aiid"`
	In   []mi.Value      `json:"in,omitempty"`
	Code int             `json:"code"`
	Out  []mi.Value      `json:"out,omitempty"`
}

func unmarshal(raw []byte, into any) error { return json.Unmarshal(raw, into) }

// gatewayOf is the first address of ip's network.
func gatewayOf(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil || !a.Is4() {
		return "0.0.0.0"
	}
	return ip[:strings.LastIndexByte(ip, '.')] + ".1"
}

// miot answers the calls of MIoT-Spec-V2.
func (d *Device) miot(r request) any {
	switch r.Method {
	case "get_properties", "set_properties":
		var list []target
		if unmarshal(r.Params, &list) != nil {
			return errInvalidArg
		}
		if len(list) > d.limit() {
			return errBusy
		}
		return d.properties(r, list)
	case "action":
		var a invocation
		if unmarshal(r.Params, &a) != nil {
			return errInvalidArg
		}
		return d.invoke(r, a)
	}
	return errNoMethod
}

func (d *Device) limit() int {
	if d.trouble.Batch > 0 {
		return d.trouble.Batch
	}
	return batchLimit
}

func (d *Device) properties(r request, list []target) any {
	for i := range list {
		t := &list[i]
		if r.Method == "get_properties" {
			t.Value, t.Code = d.get(iid(t.SIID, t.PIID))
			continue
		}
		t.Code = d.order(r, iid(t.SIID, t.PIID), t.Value)
		t.Value = nil
	}
	if r.Method == "set_properties" && d.trouble.Bare {
		return 0
	}
	b := []byte{'['}
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = list[i].append(b)
	}
	return append(b, ']')
}

// append renders one element of an answer; by hand, for a load of ten thousand
// devices is answered here.
func (t *target) append(b []byte) []byte {
	b = append(b, '{')
	if len(t.DID) > 0 {
		b = append(append(append(b, `"did":`...), t.DID...), ',')
	}
	b = strconv.AppendInt(append(b, `"siid":`...), int64(t.SIID), 10)
	b = strconv.AppendInt(append(b, `,"piid":`...), int64(t.PIID), 10)
	b = strconv.AppendInt(append(b, `,"code":`...), int64(t.Code), 10)
	if t.Value != nil {
		b = t.Value.AppendJSON(append(b, `,"value":`...))
	}
	return append(b, '}')
}

func (d *Device) get(key string) (*mi.Value, int) {
	p := d.spec.props[key]
	switch {
	case p == nil:
		return nil, codeNoProp
	case !p.read:
		return nil, codeNoRead
	}
	v, ok := d.values[key]
	if !ok {
		v = d.blank(p)
	}
	if d.trouble.Absurd && (v.Kind() == mi.KindInt || v.Kind() == mi.KindFloat) {
		v = mi.Int(4_000_000_000)
	}
	return &v, codeOK
}

// blank is what a property holds that no behaviour cares for.
func (d *Device) blank(p *prop) mi.Value {
	switch p.name {
	case "manufacturer":
		maker, _, _ := strings.Cut(d.model.name, ".")
		return mi.Text(maker)
	case "model":
		return mi.Text(d.model.name)
	case "serial-number":
		return mi.Text("V" + d.info.DID)
	case "firmware-revision":
		return mi.Text(d.model.firmware)
	}
	switch {
	case p.Format == "bool":
		return mi.Bool(false)
	case p.Format == "string":
		return mi.Text("")
	case len(p.List) > 0:
		return mi.Int(p.List[0].Value)
	}
	return p.number(0)
}

// order writes a property.
func (d *Device) order(r request, key string, v *mi.Value) int {
	p := d.spec.props[key]
	switch {
	case p == nil:
		return codeNoProp
	case !p.write:
		return codeNoWrite
	case v == nil:
		return codeValue
	}
	value, ok := p.accept(*v)
	if !ok {
		return codeValue
	}
	if d.trouble.Ignores {
		return codeOK
	}
	d.ran(r, key, string(value.AppendJSON(nil)))
	d.put(key, value)
	delete(d.inner, key)
	if d.model.wrote != nil {
		d.model.wrote(d, key)
	}
	return codeOK
}

// ran notes an order that the device carries out.
func (d *Device) ran(r request, key, value string) {
	d.executed = append(d.executed, Execution{At: time.Now(), Key: key, Value: value, ID: r.ID, From: r.from})
	if over := len(d.executed) - maxExecuted; over > 0 {
		d.executed = append(d.executed[:0], d.executed[over:]...)
	}
	d.record(history.Executed, key, value, messageID(r.ID))
}

// invoke runs an action.
func (d *Device) invoke(r request, a invocation) any {
	key := iid(a.SIID, a.AIID)
	spec := d.spec.actions[key]
	switch {
	case spec == nil:
		a.Code = codeNoProp
	case len(a.In) > len(spec.In) || (len(a.In) < len(spec.In) && !d.model.lenient):
		a.Code = codeArguments
	case !d.trouble.Ignores:
		in := plain(a.In)
		d.ran(r, "a"+key, string(marshal(in)))
		if run := d.model.act[key]; run != nil {
			a.Out, a.Code = run(d, in)
		}
	}
	a.In = nil
	return a
}

// plain takes the values out of arguments that came as {"piid":…,"value":…}.
func plain(in []mi.Value) []mi.Value {
	out := make([]mi.Value, len(in))
	for i, v := range in {
		var wrapped struct{ Value *mi.Value }
		if v.Kind() == mi.KindText && strings.HasPrefix(v.String(), "{") && unmarshal([]byte(v.String()), &wrapped) == nil && wrapped.Value != nil {
			v = *wrapped.Value
		}
		out[i] = v
	}
	return out
}
