package miio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

var (
	_ mi.Link      = (*session)(nil)
	_ mi.Getter    = (*session)(nil)
	_ mi.Setter    = (*session)(nil)
	_ mi.Caller    = (*session)(nil)
	_ mi.Describer = (*session)(nil)
	_ mi.Mover     = (*session)(nil)
	_ mi.Pusher    = (*session)(nil)
)

func infoTail() []byte { return tail("miIO.info", []byte("[]")) }

// Describe implements mi.Describer.
func (s *session) Describe(ctx context.Context) (mi.Info, error) {
	body, err := s.exchange(ctx, infoTail(), reading)
	if err != nil {
		return mi.Info{}, s.wrap("info", err)
	}
	info, err := describe(body)
	if err != nil {
		return mi.Info{}, s.wrap("info", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info = s.info.Merge(info)
	info.DID = s.name
	info.Addr = s.info.Addr
	return info, nil
}

func (s *session) wrap(what string, err error) error {
	return fmt.Errorf("miio: %s: %w", what, err)
}

// Spec implements mi.Link: the model's profile when it does not speak MIoT, else
// its published spec.
func (s *session) Spec(ctx context.Context) (*mi.Spec, error) {
	model, err := s.model(ctx)
	if err != nil {
		return nil, err
	}
	spec, p, err := s.specOf(ctx, model)
	if err != nil {
		return nil, fmt.Errorf("miio: spec of %s: %w", model, err)
	}
	s.what.Store(&meaning{spec, p, s.d.limits.of(s.kind(), batchOf(spec, p))})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.push != nil && s.push.able {
		s.d.keeper.want(s)
	}
	return spec, nil
}

func (s *session) specOf(ctx context.Context, model string) (*mi.Spec, *profile.Profile, error) {
	if all := s.d.o.Profiles; all != nil {
		if p := all.Match(model); p != nil {
			return p.Spec(), p, nil
		}
		if all.Legacy(model) {
			if err := s.speaksMIoT(ctx); err != nil {
				return nil, nil, err
			}
		}
	}
	if s.d.o.Specs == nil {
		return nil, nil, fmt.Errorf("no source of specs: %w", mi.ErrUnsupported)
	}
	spec, err := s.d.o.Specs.Spec(ctx, model)
	return spec, nil, err
}

// speaksMIoT asks a device of a model that is known to speak the protocol before
// MIoT whether its firmware learnt the new one.
func (s *session) speaksMIoT(ctx context.Context) error {
	request := tail("get_properties", append(appendIIDs([]byte{'['}, s.name, 1, "piid", 1), "}]"...))
	body, err := s.exchange(ctx, request, reading)
	if err == nil && pullElements(body, func(int, element) {}) {
		return nil
	}
	if _, said := errors.AsType[*refusal](err); err != nil && !said {
		return err
	}
	return fmt.Errorf("it speaks the protocol before MIoT and there is no profile for it yet: %w", mi.ErrUnsupported)
}

// batchOf returns how many properties go into one request, to begin with.
func batchOf(spec *mi.Spec, p *profile.Profile) int {
	usual := usualBatch
	if p != nil {
		usual = usualLegacy
	}
	if own := spec.Tuning.Batch; own > 0 && own < usual {
		return own
	}
	return usual
}

// model returns the device's model, asking it when nobody told.
func (s *session) model(ctx context.Context) (string, error) {
	s.mu.Lock()
	model := s.info.Model
	s.mu.Unlock()
	if model != "" {
		return model, nil
	}
	info, err := s.Describe(ctx)
	if err != nil {
		return "", err
	}
	if info.Model == "" {
		return "", fmt.Errorf("miio: info: the device does not tell its model; set it by hand: %w", mi.ErrUnsupported)
	}
	return info.Model, nil
}

// kind names model and firmware, which share their limits.
func (s *session) kind() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info.Model + "@" + s.info.Firmware
}

// known returns what the device has, finding out when Spec was not called yet.
func (s *session) known(ctx context.Context) (*meaning, error) {
	if what := s.what.Load(); what != nil {
		return what, nil
	}
	if _, err := s.Spec(ctx); err != nil {
		return nil, err
	}
	return s.what.Load(), nil
}

// Get implements mi.Getter.
func (s *session) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	what, err := s.known(ctx)
	if err != nil {
		return into, err
	}
	if what.profile != nil {
		return s.getLegacy(ctx, what, props, into)
	}
	r := reader{s: s, what: what, into: into}
	for _, c := range what.limit.plan(what.spec, props).chunks {
		if err := r.read(ctx, c); err != nil {
			return into, fmt.Errorf("miio: get %d properties: %w", len(props), err)
		}
	}
	if len(r.into) == len(into) && r.refused != nil {
		return into, fmt.Errorf("miio: get %d properties: %w", len(props), r.refused)
	}
	return r.into, nil
}

// Set implements mi.Setter. It sends each change once: when no answer comes the
// error wraps mi.ErrTimeout, and only reading tells whether the device obeyed.
func (s *session) Set(ctx context.Context, changes []mi.Change) error {
	what, err := s.known(ctx)
	if err != nil {
		return err
	}
	if what.profile != nil {
		return s.setLegacy(ctx, what, changes)
	}
	spec, size := what.spec, what.limit.get()
	if spec.Tuning.NoParallelWrites {
		size = 1
	}
	for part := range slices.Chunk(changes, size) {
		if err := s.setPart(ctx, spec, part); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) setPart(ctx context.Context, spec *mi.Spec, changes []mi.Change) error {
	b := []byte{'['}
	for i, c := range changes {
		p := &spec.Props[c.Prop]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendIIDs(b, s.name, p.SIID, "piid", p.PIID), `,"value":`...)
		b = append(appendValue(b, p, c.Value), '}')
	}
	body, err := s.exchange(ctx, tail("set_properties", append(b, ']')), writing)
	if err == nil {
		err = setResult(spec, changes, body)
	}
	if err != nil {
		return fmt.Errorf("miio: set %s: %w", names(spec, changes), err)
	}
	return nil
}

// names lists what is written as siid.piid.
func names(spec *mi.Spec, changes []mi.Change) string {
	var b []byte
	for i, c := range changes {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, "%d.%d", spec.Props[c.Prop].SIID, spec.Props[c.Prop].PIID)
	}
	return string(b)
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

// setResult judges the answer to set_properties. Code 1 means accepted, not yet
// done.
func setResult(spec *mi.Spec, changes []mi.Change, result []byte) error {
	if err, ok := oneCode(result); ok {
		return err
	}
	all, err := slowElements(result)
	if err != nil {
		return err
	}
	for i, e := range all {
		if e.code == 0 && e.hasCode || e.code == 1 {
			continue
		}
		err := error(&refusal{code: e.code})
		if !e.hasCode {
			err = fmt.Errorf("the device does not say whether it obeyed: %w", mi.ErrProtocol)
		}
		if e.siid == 0 && i < len(changes) {
			p := &spec.Props[changes[i].Prop]
			e.siid, e.piid = p.SIID, p.PIID
		}
		return fmt.Errorf("%d.%d: %w", e.siid, e.piid, err)
	}
	return nil
}

// Call implements mi.Caller. It sends the action once.
func (s *session) Call(ctx context.Context, index int, args []mi.Value) ([]mi.Value, error) {
	what, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	spec := what.spec
	a := &spec.Actions[index]
	if len(args) != len(a.In) {
		return nil, fmt.Errorf("miio: action %d.%d: %d arguments, it takes %d: %w", a.SIID, a.AIID, len(args), len(a.In), mi.ErrInvalid)
	}
	if what.profile != nil {
		return s.callLegacy(ctx, what, index, args)
	}
	b := append(appendIIDs(nil, s.name, a.SIID, "aiid", a.AIID), `,"in":[`...)
	for i, v := range args {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, &spec.Props[a.In[i]], v)
	}
	body, err := s.exchange(ctx, tail("action", append(b, "]}"...)), acting)
	var out []mi.Value
	if err == nil {
		out, err = actionResult(spec, a, body)
	}
	if err != nil {
		return nil, fmt.Errorf("miio: action %d.%d: %w", a.SIID, a.AIID, err)
	}
	return out, nil
}

// actionResult reads the answer to an action: an object with code and out, or what
// simulators say.
func actionResult(spec *mi.Spec, a *mi.Action, result []byte) ([]mi.Value, error) {
	if err, ok := oneCode(result); ok {
		return nil, err
	}
	if err := failed(result); err != nil {
		return nil, err
	}
	var raw struct {
		Code *int
		Out  []json.RawMessage
	}
	if err := json.Unmarshal(result, &raw); err != nil {
		return nil, fmt.Errorf("the result of the action: %w", mi.ErrProtocol)
	}
	if raw.Code != nil && *raw.Code != 0 && *raw.Code != 1 {
		return nil, &refusal{code: *raw.Code}
	}
	if len(raw.Out) == 0 {
		return nil, nil
	}
	return arguments(raw.Out, a.Out, spec), nil
}
