package profile

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Profile is what one model has and how it is talked to. It is immutable and
// shared between all devices of the model.
type Profile struct {
	spec    *mi.Spec
	reads   []read
	props   []binding   // as spec.Props
	actions []operation // as spec.Actions
	events  []trigger   // as spec.Events
}

// binding ties a property to the wire.
type binding struct {
	read  int // index into reads; -1 when it is never read
	wire  string
	steps *decoder
	set   *setter
}

// operation ties an action to the wire.
type operation struct {
	before []string
	method string
	params any
	codec  func(args []mi.Value) ([]any, error)
}

// trigger is an event that takes place when a property gets certain values.
type trigger struct {
	prop  int
	holds func(mi.Value) bool
}

// Request is one call of a method of the device.
type Request struct {
	Method string
	Params json.RawMessage
}

// Spec returns what the model has. It is the same pointer every time.
func (p *Profile) Spec() *mi.Spec { return p.spec }

// Write returns the calls that give a property its new value, in their order;
// when one fails the rest are not to be sent. The error wraps mi.ErrInvalid for
// a value that the property does not take.
func (p *Profile) Write(c mi.Change) ([]Request, error) {
	if c.Prop < 0 || c.Prop >= len(p.props) || p.props[c.Prop].set == nil {
		return nil, fmt.Errorf("profile: %s: property %d cannot be written: %w", p.spec.Model, c.Prop, mi.ErrUnsupported)
	}
	b, prop := &p.props[c.Prop], &p.spec.Props[c.Prop]
	wire, err := b.steps.encode(c.Value)
	if err != nil {
		return nil, fmt.Errorf("profile: write %s: %w", prop.Key, err)
	}
	if b.set.Cases != nil {
		return oneOf(b.set, c.Value, prop)
	}
	params := b.set.Params
	if params == nil {
		params = []any{"$"}
	}
	req, err := request(b.set.Method, params, []any{wire})
	if err != nil {
		return nil, fmt.Errorf("profile: write %s: %w", prop.Key, err)
	}
	return []Request{req}, nil
}

// oneOf picks the method that stands for a value.
func oneOf(s *setter, v mi.Value, prop *mi.Property) ([]Request, error) {
	for _, c := range s.Cases {
		if valueOf(c.Key) == v {
			return []Request{{Method: fmt.Sprint(c.Value), Params: json.RawMessage("[]")}}, nil
		}
	}
	return nil, fmt.Errorf("profile: write %s: no method for %q: %w", prop.Key, v, mi.ErrInvalid)
}

// Call returns the calls that run an action, in their order; when one fails the
// rest are not to be sent.
func (p *Profile) Call(action int, args []mi.Value) ([]Request, error) {
	if action < 0 || action >= len(p.actions) {
		return nil, fmt.Errorf("profile: %s: there is no action %d: %w", p.spec.Model, action, mi.ErrUnsupported)
	}
	op, a := &p.actions[action], &p.spec.Actions[action]
	wire, err := p.arguments(op, a, args)
	if err != nil {
		return nil, fmt.Errorf("profile: call %s: %w", a.Key, err)
	}
	var out []Request
	for _, m := range op.before {
		out = append(out, Request{Method: m, Params: json.RawMessage("[]")})
	}
	params := op.params
	if params == nil {
		params = wire
	}
	req, err := request(op.method, params, wire)
	if err != nil {
		return nil, fmt.Errorf("profile: call %s: %w", a.Key, err)
	}
	return append(out, req), nil
}

func (p *Profile) arguments(op *operation, a *mi.Action, args []mi.Value) ([]any, error) {
	if op.codec != nil {
		return op.codec(args)
	}
	if len(args) != len(a.In) {
		return nil, fmt.Errorf("takes %d arguments, got %d: %w", len(a.In), len(args), mi.ErrInvalid)
	}
	wire := make([]any, len(args))
	for i, v := range args {
		var err error
		if wire[i], err = p.props[a.In[i]].steps.encode(v); err != nil {
			return nil, fmt.Errorf("%s: %w", p.spec.Props[a.In[i]].Name, err)
		}
	}
	return wire, nil
}

// Returned reads what an action gave back, one Value for each of its Out
// properties; what is missing is unknown.
func (p *Profile) Returned(action int, result json.RawMessage) []mi.Value {
	outs := p.spec.Actions[action].Out
	out := make([]mi.Value, len(outs))
	items := []json.RawMessage{result}
	if l, ok := list(result); ok {
		items = l
	}
	for i, prop := range outs {
		if i < len(items) {
			out[i] = p.props[prop].steps.decode(items[i])
		}
	}
	return out
}

// Events returns what took place when a property went from one value to
// another. Nothing takes place when the value before is unknown, so that
// nothing is announced after a start. At is not set.
func (p *Profile) Events(prop int, before, after mi.Value) []mi.Happening {
	if !before.Known() || !after.Known() {
		return nil
	}
	var out []mi.Happening
	for i, t := range p.events {
		if t.prop != prop || t.holds(before) || !t.holds(after) {
			continue
		}
		h := mi.Happening{Event: i}
		for range p.spec.Events[i].Args {
			h.Args = append(h.Args, after)
		}
		out = append(out, h)
	}
	return out
}

// Watched reports whether a property can make an event take place.
func (p *Profile) Watched(prop int) bool {
	return slices.ContainsFunc(p.events, func(t trigger) bool { return t.prop == prop })
}
