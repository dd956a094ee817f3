package miio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Ask sends one request for another part of the bridge, such as a driver that needs
// a key or a setting of the same device, and returns what stands under result. Its
// token must be known. What begins with "get" may be sent again; everything else is
// sent once.
func (d *Driver) Ask(ctx context.Context, info mi.Info, method string, params any) (json.RawMessage, error) {
	fail := func(err error) (json.RawMessage, error) {
		return nil, fmt.Errorf("miio: %s of %s: %w", method, info.DID, err)
	}
	b, err := json.Marshal(params)
	if err != nil {
		return fail(fmt.Errorf("%w: %w", mi.ErrInvalid, err))
	}
	s, done, err := d.lend(ctx, info)
	if err != nil {
		return fail(err)
	}
	defer done()
	way := acting
	if strings.HasPrefix(method, "get") {
		way = reading
	}
	body, err := s.exchange(ctx, tail(method, b), way)
	if err != nil {
		return fail(err)
	}
	return bytes.Clone(body), nil
}

// lend returns the conversation with a device, or one for a moment.
func (d *Driver) lend(ctx context.Context, info mi.Info) (s *session, done func(), err error) {
	did, err := strconv.ParseUint(info.DID, 10, 64)
	if err != nil || info.Token == "" {
		return nil, nil, fmt.Errorf("its token is not known: %w", mi.ErrUnsupported)
	}
	if s := d.sessions.get(did); s != nil {
		return s, func() {}, nil
	}
	link, err := d.Open(ctx, info, nobody{})
	if errors.Is(err, mi.ErrBusy) { // somebody was faster
		if s := d.sessions.get(did); s != nil {
			return s, func() {}, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return link.(*session), func() { _ = link.Close() }, nil
}

// nobody hears what a device says unasked.
type nobody struct{}

func (nobody) Changed([]mi.Change)   {}
func (nobody) Happened(mi.Happening) {}
func (nobody) Seen()                 {}
