package miio

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// appendID begins a request; the rest is its tail.
func appendID(b []byte, id uint32) []byte {
	b = append(b, `{"id":`...)
	return strconv.AppendUint(b, uint64(id), 10)
}

// tail makes the part of a request behind its id. params is compact JSON, a list
// or an object: blanks in it break some firmware.
func tail(method string, params []byte) []byte {
	b := make([]byte, 0, len(method)+len(params)+24)
	b = append(b, `,"method":"`...)
	b = append(b, method...)
	b = append(b, `","params":`...)
	b = append(b, params...)
	return append(b, '}')
}

// appendAck appends the whole answer to a report.
func appendAck(b []byte, id uint64) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendUint(b, id, 10)
	return append(b, `,"result":{"code":0}}`...)
}

// envelope is the outer object of a message. Fields alias the text.
type envelope struct {
	id     uint64
	method string // of a report
	result []byte // raw JSON; the whole object when there is neither result nor error
	fault  []byte // raw JSON of error
	params []byte
}

// parseEnvelope reads a message, mending it first when it must.
func parseEnvelope(text []byte) (envelope, error) {
	if e, ok := pullEnvelope(text); ok {
		return e, nil
	}
	fixed, err := repair(text)
	if err != nil {
		return envelope{}, err
	}
	if e, ok := pullEnvelope(fixed); ok {
		return e, nil
	}
	return envelope{}, fmt.Errorf("the text is no message: %w", mi.ErrProtocol)
}

func pullEnvelope(text []byte) (e envelope, ok bool) {
	p := puller{b: text}
	hasID := false
	p.must('{')
	for first := true; p.more(first, '}'); first = false {
		switch string(p.key()) {
		case "id":
			id := p.number()
			i, whole := id.Int()
			e.id, hasID = uint64(i), whole && id.Kind() == mi.KindInt && i >= 0
		case "result":
			e.result = p.skip()
		case "error":
			e.fault = p.skip()
		case "params":
			e.params = p.skip()
		case "method":
			e.method = string(p.rawText())
		default:
			p.skip()
		}
	}
	if e.result == nil && e.fault == nil && e.method == "" {
		e.result = text // a simulator and some vacuums put the members beside the id
	}
	return e, hasID && !p.bad && p.peek() == 0
}

// slowElements reads what pullElements cannot: broken text, values that are lists
// or objects, whole numbers beyond 18 digits.
func slowElements(result []byte) ([]element, error) {
	fixed, err := repair(result)
	if err != nil {
		return nil, err
	}
	var raw []struct {
		SIID, PIID int
		Code       *int
		Value      json.RawMessage
	}
	if err := json.Unmarshal(fixed, &raw); err != nil {
		return nil, fmt.Errorf("the result is no list of properties: %w", mi.ErrProtocol)
	}
	out := make([]element, len(raw))
	for i, r := range raw {
		e := element{siid: r.SIID, piid: r.PIID, hasValue: r.Value != nil}
		if r.Code != nil {
			e.code, e.hasCode = *r.Code, true
		}
		if r.Value != nil {
			if e.value, err = mi.ParseJSON(r.Value); err != nil {
				return nil, err
			}
		}
		out[i] = e
	}
	return out, nil
}

// describe reads the answer to miIO.info. The token and the network's name in it
// are left alone; the address in it is wrong behind a router.
func describe(result []byte) (mi.Info, error) {
	var raw struct {
		Model, MAC string
		FW         string `json:"fw_ver"`
		HW         string `json:"hw_ver"`
	}
	if err := json.Unmarshal(result, &raw); err != nil {
		return mi.Info{}, fmt.Errorf("miIO.info: %w: %w", err, mi.ErrProtocol)
	}
	return mi.Info{Model: model(raw.Model), MAC: strings.ToLower(raw.MAC), Firmware: clean(raw.FW), Hardware: clean(raw.HW)}, nil
}

// model returns s when it has the shape of a model name, else "".
func model(s string) string {
	if parts := strings.Split(s, "."); len(parts) != 3 || len(s) > 64 {
		return ""
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return ""
		}
	}
	return s
}

// clean makes a device's text fit for a log line: no control characters, at most
// 80 bytes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r <= 0x9f || r == 0xfffd {
			return -1
		}
		return r
	}, s)
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "")
	}
	return s
}
