package cloud

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The codes of MIoT calls through the cloud.
const (
	codeOK       = 0
	codeAccepted = 1
	codeOffline  = -704042011
	codeUnbound  = -704010000
	codeNoRead   = -704030013
	codeNoWrite  = -704030023
	codeNoProp   = -704040003
	codeNoAction = -704040005
	codeValue    = -704220043
	codeArgument = -704220025
	codeFailed   = -704083036

	maxProps = 150 // in one call; more is refused
)

// fromLAN turns a device's own code into the cloud's.
func fromLAN(code int) int {
	switch code {
	case 0:
		return codeOK
	case -4001:
		return codeNoRead
	case -4002:
		return codeNoWrite
	case -4003:
		return codeNoProp
	case -4005:
		return codeValue
	case -4006:
		return codeArgument
	}
	return codeFailed
}

// item is one property of a call.
type item struct {
	DID   string    `json:"did"`
	SIID  int       `json:"siid"`
	PIID  int       `json:"piid"`
	Value *mi.Value `json:"value"`
}

// properties reads or writes. An element that fails says so itself.
func (q *ask) properties() any {
	var p struct{ Params []item }
	if !q.read(&p) || len(p.Params) == 0 {
		return invalid()
	}
	q.size = len(p.Params)
	if q.size > maxProps {
		return failed(-6, "too many properties")
	}
	out := make([]object, len(p.Params))
	for i, one := range p.Params {
		out[i] = object{"did": one.DID, "iid": iid(0, one.SIID, one.PIID), "siid": one.SIID, "piid": one.PIID}
		if q.path == "/miotspec/prop/set" {
			out[i]["code"] = q.write(one)
			continue
		}
		v, code := q.value(one)
		out[i]["code"] = code
		if code == codeOK {
			out[i]["value"], out[i]["updateTime"] = v, q.now.Unix()
		}
	}
	return ok(out)
}

// value reads one property.
func (q *ask) value(one item) (mi.Value, int) {
	t := q.find(one.DID)
	switch {
	case t == nil:
		return mi.Value{}, codeUnbound
	case t.off:
		return mi.Value{}, codeOffline
	case t.device != nil:
		v, code := t.device.Read(one.SIID, one.PIID)
		return v, fromLAN(code)
	}
	v, known := t.values[iid(one.SIID, one.PIID)]
	if !known {
		return v, codeNoProp
	}
	return v, codeOK
}

// write orders one property.
func (q *ask) write(one item) int {
	t := q.find(one.DID)
	code := codeOK
	switch {
	case t == nil:
		return codeUnbound
	case t.off:
		return codeOffline
	case one.Value == nil:
		return codeValue
	case t.device != nil:
		code = fromLAN(t.device.Write(one.SIID, one.PIID, *one.Value))
	case !t.writes[iid(one.SIID, one.PIID)]:
		return codeNoWrite
	default:
		t.values[iid(one.SIID, one.PIID)] = *one.Value
	}
	if code == codeOK && q.server.mood.Vague {
		return codeAccepted
	}
	return code
}

// action runs one action.
func (q *ask) action() any {
	var p struct {
		Params *struct {
			DID  string
			SIID int
			AIID int
			In   []mi.Value
		}
	}
	if !q.read(&p) || p.Params == nil {
		return invalid()
	}
	a := p.Params
	answer := object{"did": a.DID, "miid": 0, "siid": a.SIID, "aiid": a.AIID, "code": codeOK}
	switch t := q.find(a.DID); {
	case t == nil:
		answer["code"] = codeUnbound
	case t.off:
		answer["code"] = codeOffline
	case t.device != nil:
		out, code := t.device.Invoke(a.SIID, a.AIID, a.In)
		answer["code"] = fromLAN(code)
		if code == -4003 {
			answer["code"] = codeNoAction
		}
		if len(out) > 0 {
			answer["out"] = out
		}
	case t.remote != nil:
		q.server.pressed = append(q.server.pressed, a.DID+" a"+iid(a.SIID, a.AIID))
	default:
		answer["code"] = codeNoAction
	}
	return ok(answer)
}

// rpc carries out a call of the time before MIoT.
func (q *ask) rpc(did string) any {
	var p struct {
		ID     json.Number
		Method string
		Params json.RawMessage
	}
	if !q.read(&p) || p.Method == "" {
		return invalid()
	}
	q.size = 1
	t := q.find(did)
	switch {
	case t == nil:
		return failed(-2, "device not found")
	case t.off:
		return failed(-3, "device offline")
	case t.device == nil:
		return failed(-8, "method not supported")
	}
	id, _ := p.ID.Int64()
	var said struct {
		Result json.RawMessage
		Error  *struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal(t.device.Call(int(id), p.Method, p.Params), &said); err != nil {
		return failed(-4, "the device's answer is not understood")
	}
	if said.Error != nil {
		return failed(said.Error.Code, said.Error.Message)
	}
	return ok(said.Result)
}

// lastKnown tells what the cloud remembers of devices. This call has a list, and
// what it tells of Bluetooth devices is texts of JSON.
func (q *ask) lastKnown() any {
	var list []struct {
		DID   string
		Props []string
	}
	if !q.read(&list) {
		return invalid()
	}
	out := object{}
	for _, one := range list {
		t := q.find(one.DID)
		if t == nil {
			continue
		}
		known := object{}
		for _, m := range t.past {
			if name := m.kind + "." + m.key; slices.Contains(one.Props, name) {
				known[name] = m.value
			}
		}
		out[one.DID] = maps.Clone(known)
	}
	return ok(out)
}
