package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// request fills the words that begin with $ and makes the call: "$" and "$1"
// are the first value, "$2" the second; "$r", "$g" and "$b" are the bytes of
// the first value as a colour 0xRRGGBB.
func request(method string, params any, values []any) (Request, error) {
	filled, err := fill(params, values)
	if err != nil {
		return Request{}, err
	}
	raw, err := marshal(filled)
	return Request{Method: method, Params: raw}, err
}

func fill(params any, values []any) (any, error) {
	switch v := params.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = fill(v[i], values); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			var err error
			if out[key], err = fill(v[key], values); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		return word(v, values)
	}
	return params, nil
}

func word(s string, values []any) (any, error) {
	if s == "" || s[0] != '$' {
		return s, nil
	}
	switch s {
	case "$r":
		return colour(values, 16)
	case "$g":
		return colour(values, 8)
	case "$b":
		return colour(values, 0)
	case "$":
		s = "$1"
	}
	n, err := strconv.Atoi(s[1:])
	if err != nil || n < 1 || n > len(values) {
		return nil, fmt.Errorf("params: %q stands for no value: %w", s, mi.ErrInvalid)
	}
	return values[n-1], nil
}

func colour(values []any, shift uint) (any, error) {
	if len(values) == 0 {
		return nil, fmt.Errorf("params: a colour needs a value: %w", mi.ErrInvalid)
	}
	n, ok := valueOf(values[0]).Int()
	if !ok {
		return nil, fmt.Errorf("params: %v is no colour: %w", values[0], mi.ErrInvalid)
	}
	return n >> shift & 0xff, nil
}

// marshal writes compact JSON without HTML escaping, as devices want it.
func marshal(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("params: %w", err)
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// valueOf turns a value of a YAML file or of a request into a Value.
func valueOf(v any) mi.Value {
	switch v := v.(type) {
	case mi.Value:
		return v
	case bool:
		return mi.Bool(v)
	case string:
		return mi.Text(v)
	case int:
		return mi.Int(int64(v))
	case int64:
		return mi.Int(v)
	case uint64:
		return mi.Int(int64(v))
	case float64:
		return mi.Float(v)
	}
	return mi.Value{}
}
