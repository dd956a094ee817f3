package cloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The paths of the API.
const (
	pathGet    = "/miotspec/prop/get"
	pathSet    = "/miotspec/prop/set"
	pathAction = "/miotspec/action"
	pathRPC    = "/home/rpc/" // and the did
)

// iid names one property of one device.
type iid struct {
	did        string
	siid, piid int
}

// appendIID begins an object that names a property or action.
func appendIID(b []byte, did string, siid int, kind string, number int) []byte {
	b = append(b, `{"did":`...)
	b = mi.Text(did).AppendJSON(b)
	b = append(b, `,"siid":`...)
	b = strconv.AppendInt(b, int64(siid), 10)
	b = append(b, `,"`...)
	b = append(b, kind...)
	b = append(b, `":`...)
	return strconv.AppendInt(b, int64(number), 10)
}

// getParams asks for properties of any devices. Datasource 1 is what the cloud knows
// itself: no device is woken for it.
func getParams(props []iid) json.RawMessage {
	b := make([]byte, 0, 64*len(props)+32)
	b = append(b, `{"params":[`...)
	for i, p := range props {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendIID(b, p.did, p.siid, "piid", p.piid), '}')
	}
	return append(b, `],"datasource":1}`...)
}

// setParams writes properties of one device.
func setParams(spec *mi.Spec, did string, changes []mi.Change) json.RawMessage {
	b := []byte(`{"params":[`)
	for i, c := range changes {
		if i > 0 {
			b = append(b, ',')
		}
		p := &spec.Props[c.Prop]
		b = append(appendIID(b, did, p.SIID, "piid", p.PIID), `,"value":`...)
		b = append(appendValue(b, p, c.Value), '}')
	}
	return append(b, `]}`...)
}

// actionParams runs an action; the cloud takes plain values.
func actionParams(spec *mi.Spec, did string, a *mi.Action, args []mi.Value) json.RawMessage {
	b := append(appendIID([]byte(`{"params":`), did, a.SIID, "aiid", a.AIID), `,"in":[`...)
	for i, v := range args {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, &spec.Props[a.In[i]], v)
	}
	return append(b, `]}}`...)
}

// appendValue writes v the way the property's format wants it.
func appendValue(b []byte, p *mi.Property, v mi.Value) []byte {
	switch p.Format {
	case mi.FormatBool:
		if on, ok := v.Bool(); ok {
			return mi.Bool(on).AppendJSON(b)
		}
	case mi.FormatInt:
		if i, ok := v.Int(); ok {
			return mi.Int(i).AppendJSON(b)
		}
	case mi.FormatFloat:
		if f, ok := v.Float(); ok {
			return mi.Float(f).AppendJSON(b)
		}
	case mi.FormatText:
		if v.Known() {
			return mi.Text(v.String()).AppendJSON(b)
		}
	}
	return v.AppendJSON(b)
}

// answer is what the cloud says of one property.
type answer struct {
	iid
	code    int
	value   mi.Value
	has     bool      // there is a value
	updated time.Time // when the cloud heard it; zero when it does not say
}

// parseAnswers reads the result of a get or set: a list in any order. An element
// that makes no sense is left out; it does not spoil the others.
func parseAnswers(result json.RawMessage) ([]answer, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(result, &raw); err != nil || raw == nil {
		return nil, fmt.Errorf("the result is no list: %w", mi.ErrProtocol)
	}
	out := make([]answer, 0, len(raw))
	for _, element := range raw {
		if a, ok := parseAnswer(element); ok {
			out = append(out, a)
		}
	}
	return out, nil
}

func parseAnswer(element json.RawMessage) (a answer, ok bool) {
	var e struct {
		DID        mi.Value `json:"did"`
		SIID, PIID int
		Code       *int
		Value      json.RawMessage
		Updated    mi.Value `json:"updateTime"`
	}
	if json.Unmarshal(element, &e) != nil {
		return a, false
	}
	a.iid = iid{e.DID.String(), e.SIID, e.PIID}
	a.has = e.Value != nil && string(e.Value) != "null"
	if e.Code == nil && !a.has {
		return a, false
	}
	if e.Code != nil {
		a.code = *e.Code
	}
	if a.has {
		value, err := mi.ParseJSON(e.Value)
		a.value, a.has = value, err == nil
	}
	a.updated = stamp(e.Updated)
	return a, a.did != ""
}

// stamp reads a time in seconds, or in milliseconds where it is too large for that.
func stamp(v mi.Value) time.Time {
	const tooLarge = int64(1e11) // seconds: the year 5138
	n, ok := v.Int()
	switch {
	case !ok || n <= 0:
		return time.Time{}
	case n > tooLarge:
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// setResult judges the answer to a write. Code 1 means accepted, not yet done.
func setResult(spec *mi.Spec, did string, changes []mi.Change, result json.RawMessage) error {
	all, err := parseAnswers(result)
	if err != nil {
		return err
	}
	for _, c := range changes {
		p := &spec.Props[c.Prop]
		i := slices.IndexFunc(all, func(a answer) bool { return a.iid == iid{did, p.SIID, p.PIID} })
		switch {
		case i < 0:
			return fmt.Errorf("%d.%d: Mi Home does not say whether it was done: %w", p.SIID, p.PIID, mi.ErrProtocol)
		case all[i].code != 0 && all[i].code != 1:
			return fmt.Errorf("%d.%d: %w", p.SIID, p.PIID, &refusal{all[i].code})
		}
	}
	return nil
}

// actionResult reads the answer to an action.
func actionResult(a *mi.Action, result json.RawMessage) ([]mi.Value, error) {
	var r struct {
		Code *int
		Out  []json.RawMessage
	}
	if err := json.Unmarshal(result, &r); err != nil || r.Code == nil {
		return nil, fmt.Errorf("the result of the action: %w", mi.ErrProtocol)
	}
	if *r.Code != 0 && *r.Code != 1 {
		return nil, &refusal{*r.Code}
	}
	if len(r.Out) == 0 {
		return nil, nil
	}
	out := make([]mi.Value, len(a.Out))
	for i := range min(len(out), len(r.Out)) {
		out[i], _ = mi.ParseJSON(r.Out[i]) // what makes no sense is unknown
	}
	return out, nil
}
