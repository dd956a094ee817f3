package mqtt

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// ask is what somebody asks of the bridge: JSON, or a bare value.
type ask struct {
	ID          name              `json:"id"`   // of a device; its did or name will do
	From        name              `json:"from"` // the same, by another name
	Name        *string           `json:"name"`
	To          *string           `json:"to"`
	Room        *string           `json:"room"`
	Hidden      *bool             `json:"hidden"`
	Asleep      *bool             `json:"asleep"`
	Reach       *string           `json:"reach"`  // one of device.Reaches
	Detail      *string           `json:"detail"` // one of device.Details
	Key         string            `json:"key"`    // of a property or action: "light/on", "p2_1"
	Action      string            `json:"action"` // the same
	Value       json.RawMessage   `json:"value"`
	Args        []json.RawMessage `json:"args"`
	Level       string            `json:"level"`
	Transaction json.RawMessage   `json:"transaction"`

	bare string // the payload when it is no JSON object
}

// name names a device. Dids look like numbers, and people write them as such.
type name string

// UnmarshalJSON implements json.Unmarshaler.
func (n *name) UnmarshalJSON(data []byte) error {
	var digits json.Number
	if err := json.Unmarshal(data, &digits); err == nil && data[0] != '"' {
		*n = name(digits)
		return nil
	}
	return json.Unmarshal(data, (*string)(n))
}

// answer is what comes back on bridge/response/<verb>.
type answer struct {
	Status      string          `json:"status"`
	Data        any             `json:"data"`
	Error       string          `json:"error,omitempty"`
	Transaction json.RawMessage `json:"transaction,omitempty"`
}

// respond publishes the answer to a request.
func (h *Home) respond(verb string, q *ask, data any, err error) {
	a := answer{Status: "ok", Data: data}
	if data == nil {
		a.Data = struct{}{}
	}
	if err != nil {
		a.Status, a.Data, a.Error = "error", struct{}{}, mi.Plain(err)
	}
	if q != nil {
		a.Transaction = q.Transaction
	}
	if !plainVerb(verb) {
		verb = "unknown"
	}
	m := message{topic: h.topics.Response(verb), payload: string(encode(a)), sure: true}
	if !h.out.scale.fits("", m.topic, m.payload) {
		a.Status, a.Data, a.Error = "error", struct{}{}, fmt.Sprintf("the answer has %d bytes, more than the broker takes; ask for less, or read %s and what follows it", len(m.payload), h.topics.Bridge("devices"))
		m.payload = string(encode(a))
	}
	h.out.once(m)
}

// plainVerb keeps what others chose out of our topics.
func plainVerb(verb string) bool {
	return verb != "" && len(verb) <= 40 && !slices.ContainsFunc([]byte(verb), func(c byte) bool {
		return (c < 'a' || c > 'z') && c != '_' && c != '/'
	})
}

// parseAsk reads a request's payload.
func parseAsk(payload []byte) (*ask, error) {
	text := bytes.TrimSpace(payload)
	q := new(ask)
	if len(text) == 0 || text[0] != '{' {
		q.bare = string(bytes.Trim(text, `"`))
		return q, nil
	}
	if err := json.Unmarshal(text, q); err != nil {
		return q, fmt.Errorf("%s: %w", misread(err), mi.ErrInvalid)
	}
	return q, nil
}

// misread says what is wrong with a request that is no ask.
func misread(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("the request is not understood: %s cannot be of the kind %s", wrong.Field, wrong.Value)
	}
	return "the request is not understood: it is no JSON object"
}

// device returns what the request names as its device.
func (q *ask) device() string {
	return cmp.Or(string(q.ID), string(q.From), q.bare)
}

// value reads a JSON value, or bare text.
func value(raw json.RawMessage) (mi.Value, error) {
	if len(raw) == 0 {
		return mi.Value{}, fmt.Errorf("the request has no value: %w", mi.ErrInvalid)
	}
	return mi.ParseJSON(raw)
}

var errAnswered = errors.New("answered later") // the verb responds by itself

// request answers one request to the bridge.
func (h *Home) request(verb string, a arrival) {
	q, err := parseAsk(a.payload)
	if err == nil && h.momentaryVerb(verb) && h.repeats.is(a) {
		h.counts.repeated.Add(1)
		return
	}
	var data any
	if err == nil {
		data, err = h.carryOut(verb, q)
	}
	if !errors.Is(err, errAnswered) {
		h.respond(verb, q, data, err)
	}
}

// momentaryVerb reports whether a request repeated would do something twice.
func (h *Home) momentaryVerb(verb string) bool { return verb == "action" || verb == "restart" }
