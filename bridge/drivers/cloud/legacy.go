package cloud

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

// usualLegacy is how many names one get_prop asks for; above, several devices
// answer wrongly.
const usualLegacy = 15

// call is one call of a device's own method, which the cloud hands through.
type call struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// invoke has the device run one method.
func (s *session) invoke(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	return s.send(ctx, rpc, pathRPC+s.did, call{1, method, params})
}

// getLegacy reads properties of a device that does not speak MIoT.
func (s *session) getLegacy(ctx context.Context, p *profile.Profile, props []int, into []mi.Change) ([]mi.Change, error) {
	got, failure := into, error(nil)
	for _, all := range p.Reads(props) {
		for _, part := range p.Split(all, min(all.Chunk, usualLegacy)) {
			result, err := s.invoke(ctx, part.Method, part.Params())
			if err == nil {
				got, err = p.Parse(part, result, got)
			}
			switch {
			case err == nil, part.Optional && errors.Is(err, mi.ErrUnsupported):
			case errors.Is(err, mi.ErrInvalid), errors.Is(err, mi.ErrUnsupported), errors.Is(err, mi.ErrProtocol):
				failure = err // of this part alone
			default:
				return into, err
			}
		}
	}
	if len(got) == len(into) {
		return into, failure
	}
	return got, nil
}

// setLegacy writes properties one by one.
func (s *session) setLegacy(ctx context.Context, p *profile.Profile, changes []mi.Change) error {
	for _, c := range changes {
		requests, err := p.Write(c)
		if err != nil {
			return err
		}
		if _, err = s.order(ctx, requests); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) callLegacy(ctx context.Context, p *profile.Profile, action int, args []mi.Value) ([]mi.Value, error) {
	requests, err := p.Call(action, args)
	if err != nil {
		return nil, err
	}
	result, err := s.order(ctx, requests)
	if err != nil {
		return nil, err
	}
	return p.Returned(action, result), nil
}

// order sends calls until one fails, and returns the last result.
func (s *session) order(ctx context.Context, requests []profile.Request) (result json.RawMessage, err error) {
	for _, r := range requests {
		if result, err = s.invoke(ctx, r.Method, r.Params); err != nil {
			return nil, err
		}
		if err = obeyed(result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// obeyed finds the refusal that hides in a result: a number, alone or in a list.
func obeyed(result json.RawMessage) error {
	var code int
	var list []int
	if json.Unmarshal(result, &list) == nil && len(list) == 1 {
		code = list[0]
	} else if json.Unmarshal(result, &code) != nil {
		return nil
	}
	if code < 0 {
		return &refusal{code}
	}
	return nil
}
