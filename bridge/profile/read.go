package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// usualChunk is how many names one get_prop asks for when a profile does not
// say; above, several devices answer wrongly.
const usualChunk = 15

// Read is one call that reads properties.
type Read struct {
	Method   string
	Names    []string // asked by name, answered in this order; nil when Params are fixed
	Chunk    int      // most names in one request
	Optional bool     // some firmware lacks the method: a refusal is no failure
	Props    []int    // what the answer tells, of what was asked for

	at     int // index into Profile.reads
	params json.RawMessage
}

// Params returns the params of the call.
func (r *Read) Params() json.RawMessage {
	if r.Names == nil {
		return r.params
	}
	out, _ := marshal(r.Names)
	return out
}

// Reads returns the calls that read the given properties. Those that cannot be
// read are left out.
func (p *Profile) Reads(props []int) []Read {
	var out []Read
	for at := range p.reads {
		if r := p.readOf(at, props); len(r.Props) > 0 {
			out = append(out, r)
		}
	}
	return out
}

func (p *Profile) readOf(at int, props []int) Read {
	def := &p.reads[at]
	r := Read{Method: def.Method, Optional: def.Optional, at: at}
	if def.Params != nil {
		r.params, _ = marshal(def.Params) // it was tried when the profile was built
	}
	for _, i := range props {
		if i < 0 || i >= len(p.props) || p.props[i].read != at {
			continue
		}
		r.Props = append(r.Props, i)
		if wire := p.props[i].wire; r.params == nil && wire != "" && !slices.Contains(r.Names, wire) {
			r.Names = append(r.Names, wire)
		}
	}
	if r.params == nil {
		r.Chunk = usualChunk
		if def.Chunk > 0 {
			r.Chunk = def.Chunk
		}
	}
	return r
}

// Split divides a read by names into reads of at most n names; n below one
// means the read's own Chunk. Other reads stay whole.
func (p *Profile) Split(r Read, n int) []Read {
	if n < 1 {
		n = r.Chunk
	}
	if n < 1 || len(r.Names) <= n {
		return []Read{r}
	}
	var out []Read
	for names := range slices.Chunk(r.Names, n) {
		part := r
		part.Names = names
		part.Props = slices.DeleteFunc(slices.Clone(r.Props), func(i int) bool { return !slices.Contains(names, p.props[i].wire) })
		out = append(out, part)
	}
	return out
}

// Parse reads the result of a Read and appends what it tells to into. A value
// that the device does not have (null) is left out; one that it has and that
// says nothing, such as the stage of a cooker that rests, is unknown.
func (p *Profile) Parse(r Read, result json.RawMessage, into []mi.Change) ([]mi.Change, error) {
	find, err := p.fields(r, result)
	if err != nil {
		return into, fmt.Errorf("profile: %s of %s: %w", r.Method, p.spec.Model, err)
	}
	for _, i := range r.Props {
		b := &p.props[i]
		if b.steps.constant.Known() {
			into = append(into, mi.Change{Prop: i, Value: b.steps.constant})
			continue
		}
		raw, ok := find(b.wire)
		if !ok || isNull(raw) {
			continue
		}
		into = append(into, mi.Change{Prop: i, Value: b.steps.decode(raw)})
	}
	return into, nil
}

// fields makes the values of a result findable by their wire name.
func (p *Profile) fields(r Read, result json.RawMessage) (func(string) (json.RawMessage, bool), error) {
	if text, ok := plainText(result); ok && text == "unknown_method" {
		return nil, fmt.Errorf("the device does not know the method: %w", mi.ErrUnsupported)
	}
	items, isList := list(result)
	def := &p.reads[r.at]
	switch {
	case def.Pairs && !isList:
		return nil, fmt.Errorf("the answer is no list: %w", mi.ErrProtocol)
	case def.Pairs:
		return byPair(items), nil
	case r.Names != nil:
		return byName(r.Names, items)
	case isList && len(items) > 0 && looksLike(items[0], '{'):
		return byKey(items[0])
	case looksLike(result, '{'):
		return byKey(result)
	case isList:
		return byOrder(def.Order, items), nil
	}
	return byOrder(def.Order, []json.RawMessage{result}), nil
}

// byName matches an answer to the names asked for. A shorter or longer answer
// cannot be told apart and is refused.
func byName(names []string, items []json.RawMessage) (func(string) (json.RawMessage, bool), error) {
	if len(items) != len(names) {
		return nil, fmt.Errorf("%d values for %d names: %w", len(items), len(names), mi.ErrProtocol)
	}
	return byOrder(names, items), nil
}

func byOrder(names []string, items []json.RawMessage) func(string) (json.RawMessage, bool) {
	return func(wire string) (json.RawMessage, bool) {
		i := slices.Index(names, wire)
		if i < 0 || i >= len(items) {
			return nil, false
		}
		return items[i], true
	}
}

func byKey(object json.RawMessage) (func(string) (json.RawMessage, bool), error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(object, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", err, mi.ErrProtocol)
	}
	return func(wire string) (json.RawMessage, bool) {
		raw, ok := m[wire]
		return raw, ok
	}, nil
}

// byPair reads a list of texts such as "sp:3.0".
func byPair(items []json.RawMessage) func(string) (json.RawMessage, bool) {
	m := map[string]json.RawMessage{}
	for _, item := range items {
		text, _ := plainText(item)
		if name, value, ok := strings.Cut(text, ":"); ok {
			m[name], _ = marshal(value)
		}
	}
	return func(wire string) (json.RawMessage, bool) {
		raw, ok := m[wire]
		return raw, ok
	}
}

func list(raw json.RawMessage) ([]json.RawMessage, bool) {
	var items []json.RawMessage
	if !looksLike(raw, '[') || json.Unmarshal(raw, &items) != nil {
		return nil, false
	}
	return items, true
}

func plainText(raw json.RawMessage) (string, bool) {
	var s string
	if !looksLike(raw, '"') || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

func looksLike(raw json.RawMessage, first byte) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && raw[0] == first
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}
