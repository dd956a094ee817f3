package miio

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// refusal is an error code with which a device answers.
type refusal struct {
	code    int
	message string // the device's own words; may be empty
}

var _ mi.Refusal = (*refusal)(nil)

// Error says in words what the code means.
func (r *refusal) Error() string {
	text, code := r.Refused()
	if code == 0 {
		return text
	}
	return fmt.Sprintf("%s (code %d)", text, code)
}

// Refused implements mi.Refusal.
func (r *refusal) Refused() (meaning string, code int) {
	meaning = r.verdict().text
	if r.message != "" {
		meaning += ": " + r.message
	}
	return meaning, r.code
}

// Unwrap returns the kind of the failure.
func (r *refusal) Unwrap() error { return r.verdict().kind }

// verdict is what a code means and what is to be done about it.
type verdict struct {
	text   string
	kind   error
	repeat bool // the same request may well work the next time
	split  bool // a smaller request may work
}

const (
	codeNoAnswer = -9999  // the product's processor did not answer its Wi-Fi module
	codeBadJSON  = -30001 // it answered nonsense
)

func (r *refusal) verdict() verdict {
	if v, ok := callVerdict(r.code); ok {
		return v
	}
	if v, ok := propertyVerdict(r.code); ok {
		return v
	}
	if v, ok := remoteVerdict(r.code); ok {
		return v
	}
	return verdict{text: "the device refuses", kind: mi.ErrInvalid}
}

// callVerdict judges the codes of a whole call.
func callVerdict(code int) (verdict, bool) {
	switch code {
	case codeNoAnswer:
		return verdict{text: "the device is busy inside", kind: mi.ErrBusy, repeat: true, split: true}, true
	case codeBadJSON:
		return verdict{text: "the device got confused", kind: mi.ErrBusy, repeat: true}, true
	case -5000:
		return verdict{text: "the device reports a general error", kind: mi.ErrInvalid}, true
	case -5001, -5005:
		return verdict{text: "the device refuses the value", kind: mi.ErrInvalid}, true
	case -5002:
		return verdict{text: "no infrared code is stored for this key", kind: mi.ErrInvalid}, true
	case -5003:
		return verdict{text: "no infrared code arrived while learning", kind: mi.ErrBusy}, true
	case -6011:
		return verdict{text: "the device is off, switch it on first", kind: mi.ErrInvalid}, true
	case -10000:
		return verdict{text: "the device does not offer this, or not while it is off", kind: mi.ErrUnsupported}, true
	case -32601, -2:
		return verdict{text: "the device does not know this command", kind: mi.ErrUnsupported}, true
	case -1, -3:
		return verdict{text: "the device did not understand the request", kind: mi.ErrProtocol}, true
	}
	return verdict{}, false
}

// propertyVerdict judges the codes of one property, action or event.
func propertyVerdict(code int) (verdict, bool) {
	switch code {
	case -4001:
		return verdict{text: "it cannot be read", kind: mi.ErrUnsupported}, true
	case -4002:
		return verdict{text: "it cannot be written", kind: mi.ErrUnsupported}, true
	case -4003, -1000:
		return verdict{text: "this device does not have it", kind: mi.ErrUnsupported}, true
	case -4004:
		return verdict{text: "the device has an internal error", kind: mi.ErrBusy, repeat: true}, true
	case -4005:
		return verdict{text: "the value is out of range or of the wrong kind", kind: mi.ErrInvalid}, true
	case -4006:
		return verdict{text: "an argument of the action is wrong", kind: mi.ErrInvalid}, true
	case -4007:
		return verdict{text: "the device has another did", kind: mi.ErrProtocol}, true
	}
	return verdict{}, false
}

// remoteVerdict judges codes -70xxxyzzz, which hubs hand through from the cloud:
// zzz is the reason.
func remoteVerdict(code int) (verdict, bool) {
	if code > -700000000 || code < -709999999 {
		return verdict{}, false
	}
	switch -code % 1000 {
	case 1, 11, 999:
		return verdict{text: "the device behind the hub is offline", kind: mi.ErrOffline}, true
	case 2, 3, 4, 5, 6, 7, 8, 9, 33, 101:
		return verdict{text: "this device does not have it", kind: mi.ErrUnsupported}, true
	case 13:
		return verdict{text: "it cannot be read", kind: mi.ErrUnsupported}, true
	case 23:
		return verdict{text: "it cannot be written", kind: mi.ErrUnsupported}, true
	case 25, 34, 35:
		return verdict{text: "an argument of the action is wrong", kind: mi.ErrInvalid}, true
	case 36:
		return verdict{text: "the device behind the hub did not answer in time", kind: mi.ErrBusy, repeat: true}, true
	case 43:
		return verdict{text: "the value is out of range or of the wrong kind", kind: mi.ErrInvalid}, true
	case 100:
		return verdict{text: "not possible in the current state", kind: mi.ErrInvalid}, true
	case 901, 902, 903, 904, 905:
		return verdict{text: "the hub refuses its permission", kind: mi.ErrDenied}, true
	}
	return verdict{text: "the hub reports an error", kind: mi.ErrBusy}, true
}

// parseFault reads the error member of an answer. Simulators write error for
// message, some firmware a bare text.
func parseFault(raw []byte) *refusal {
	var fault struct {
		Code           int
		Message, Error string
	}
	if json.Unmarshal(raw, &fault) == nil {
		if fault.Message == "" {
			fault.Message = fault.Error
		}
		return &refusal{fault.Code, clean(fault.Message)}
	}
	return &refusal{0, clean(strings.Trim(string(raw), `"`))}
}

// failed returns the refusal that hides in a result: roborock answers an unknown
// command with a text.
func failed(result []byte) error {
	if string(result) == `"unknown_method"` || string(result) == `["unknown_method"]` {
		return &refusal{code: -32601}
	}
	return nil
}
