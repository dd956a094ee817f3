package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

// session is the conversation with one device.
type session struct {
	d       *Driver
	did     string
	sink    mi.Sink
	spec    atomic.Pointer[mi.Spec] // nil until Spec was called
	profile atomic.Pointer[profile.Profile]
	at      atomic.Pointer[pool] // by which it was last read

	mu     sync.Mutex // guards the fields below
	info   mi.Info
	closed bool
	reads  map[*read]bool // under way
	begun  *read          // by Start
}

var (
	_ mi.Link   = (*session)(nil)
	_ mi.Getter = (*session)(nil)
	_ mi.Setter = (*session)(nil)
	_ mi.Caller = (*session)(nil)
	_ mi.Mover  = (*session)(nil)
)

// Move implements mi.Mover. Where the device is on the network makes no difference.
func (s *session) Move(info mi.Info) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info = info
}

// Close implements mi.Link.
func (s *session) Close() error {
	s.mu.Lock()
	s.closed = true
	reads := s.reads
	s.reads = map[*read]bool{}
	s.mu.Unlock()
	for r := range reads {
		if r.forget() {
			r.done(r.into[:r.base], errClosed)
		}
	}
	s.d.leave(s)
	return nil
}

// Pool names the devices that one request can ask: they are polled together.
func (s *session) Pool() string {
	at, _ := s.d.place(s.did)
	return "cloud " + at.account + " " + at.region
}

// pool returns what the device shares with others, and the context of requests.
func (s *session) pool() (*pool, context.Context, error) {
	at, ok := s.d.place(s.did)
	if !ok {
		return nil, nil, errRemoved
	}
	ctx := s.d.running()
	if ctx == nil {
		return nil, nil, errClosed
	}
	return s.d.pool(at), ctx, nil
}

// Spec implements mi.Link: the model's profile when it does not speak MIoT, else
// its published spec.
func (s *session) Spec(ctx context.Context) (*mi.Spec, error) {
	model := s.model()
	spec, p, err := s.d.specOf(ctx, model)
	if err != nil {
		return nil, fmt.Errorf("cloud: spec of %s: %w", model, err)
	}
	s.profile.Store(p)
	s.spec.Store(spec)
	return spec, nil
}

// model returns the device's model, which the account also knows.
func (s *session) model() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.d.device(s.did); s.info.Model == "" && known != nil {
		return known.Model
	}
	return s.info.Model
}

func (d *Driver) specOf(ctx context.Context, model string) (*mi.Spec, *profile.Profile, error) {
	if all := d.o.Profiles; all != nil {
		if p := all.Match(model); p != nil {
			return p.Spec(), p, nil
		}
	}
	if d.o.Specs == nil {
		return nil, nil, fmt.Errorf("no source of specs: %w", mi.ErrUnsupported)
	}
	spec, err := d.o.Specs.Spec(ctx, model)
	return spec, nil, err
}

// known makes sure that the spec is known.
func (s *session) known(ctx context.Context) (*mi.Spec, error) {
	if spec := s.spec.Load(); spec != nil {
		return spec, nil
	}
	return s.Spec(ctx)
}

// Get implements mi.Getter.
func (s *session) Get(ctx context.Context, props []int, into []mi.Change) (got []mi.Change, err error) {
	if _, err = s.known(ctx); err != nil {
		return into, err
	}
	if p := s.profile.Load(); p != nil {
		got, err = s.getLegacy(ctx, p, props, into)
	} else {
		got, err = s.get(ctx, props, into)
	}
	if err != nil {
		return into, fmt.Errorf("cloud: get %d properties: %w", len(props), err)
	}
	return got, nil
}

// Set implements mi.Setter. It sends all changes once, in one request: when no
// answer comes the error wraps mi.ErrTimeout, and only reading tells whether the
// device obeyed.
func (s *session) Set(ctx context.Context, changes []mi.Change) error {
	spec, err := s.known(ctx)
	if err != nil {
		return err
	}
	if p := s.profile.Load(); p != nil {
		err = s.setLegacy(ctx, p, changes)
	} else {
		err = s.set(ctx, spec, changes)
	}
	if err != nil {
		return fmt.Errorf("cloud: set: %w", err)
	}
	return nil
}

func (s *session) set(ctx context.Context, spec *mi.Spec, changes []mi.Change) error {
	result, err := s.send(ctx, ordering, pathSet, setParams(spec, s.did, changes))
	if err != nil {
		return err
	}
	return setResult(spec, s.did, changes, result)
}

// send makes one request that is about this device alone.
func (s *session) send(ctx context.Context, e endpoint, path string, params any) (result json.RawMessage, err error) {
	err = s.within(ctx, e, func(ctx context.Context, p *pool) (err error) {
		result, err = p.d.o.Account.Call(ctx, p.account, p.region, path, params)
		return err
	})
	return result, err
}

// within makes one request about this device, which ends with the driver.
func (s *session) within(ctx context.Context, e endpoint, request func(context.Context, *pool) error) error {
	p, running, err := s.pool()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(running, cancel)()
	err = p.within(ctx, e, func(ctx context.Context) error { return request(ctx, p) })
	if err != nil && running.Err() != nil {
		return errClosed
	}
	return err
}

// Call implements mi.Caller. It sends the action once.
func (s *session) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	spec, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	a := &spec.Actions[action]
	if len(args) != len(a.In) {
		return nil, fmt.Errorf("cloud: action %d.%d: %d arguments, it takes %d: %w", a.SIID, a.AIID, len(args), len(a.In), mi.ErrInvalid)
	}
	var out []mi.Value
	if p := s.profile.Load(); p != nil {
		out, err = s.callLegacy(ctx, p, action, args)
	} else {
		out, err = s.act(ctx, spec, a, args)
	}
	if err != nil {
		return nil, fmt.Errorf("cloud: action %d.%d: %w", a.SIID, a.AIID, err)
	}
	return out, nil
}

func (s *session) act(ctx context.Context, spec *mi.Spec, a *mi.Action, args []mi.Value) ([]mi.Value, error) {
	result, err := s.send(ctx, ordering, pathAction, actionParams(spec, s.did, a, args))
	if err != nil {
		return nil, err
	}
	return actionResult(a, result)
}
