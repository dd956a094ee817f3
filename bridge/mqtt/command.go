package mqtt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// momentaryRoles are those where the same word twice means the same thing twice.
var momentaryRoles = []entity.Role{"press", "command", "send_command", "start_mowing", "pause", "dock", "message", "event"}

// order takes a command for a role.
func (h *Home) order(in topic.Incoming, a arrival) {
	v, l := h.addressee(in)
	if v == nil {
		return
	}
	i, found := l.ids[in.Entity]
	if !found {
		h.unknown(a.topic)
		return
	}
	role := entity.Role(in.Role)
	bind := l.bindOf(i, role)
	if bind == nil || !bind.Command {
		h.unknown(a.topic)
		return
	}
	text := string(a.payload)
	momentary := slices.Contains(momentaryRoles, role) || strings.EqualFold(strings.TrimSpace(text), "TOGGLE")
	if momentary && h.repeats.is(a) {
		h.counts.repeated.Add(1)
		return
	}
	v.do(l, i, role, text, a.topic)
}

// act takes a command for an action that has no entity.
func (h *Home) act(in topic.Incoming, a arrival) {
	v, l := h.addressee(in)
	if v == nil {
		return
	}
	i, found := l.actions[in.Action]
	if !found {
		h.unknown(a.topic)
		return
	}
	if h.repeats.is(a) {
		h.counts.repeated.Add(1)
		return
	}
	v.do(l, i, "command", string(a.payload), a.topic)
}

// addressee returns whom a command is for; nil when there is nobody.
func (h *Home) addressee(in topic.Incoming) (*view, *layout) {
	v := h.view(in.Device)
	if v == nil {
		h.unknown(in.Device)
		return nil, nil
	}
	l := v.shape()
	if l == nil {
		v.troubled("the order could not be carried out: what the device can do is not known yet")
		return nil, nil
	}
	return v, l
}

// unknown counts a command that nothing answers to, and logs it once.
func (h *Home) unknown(where string) {
	h.counts.unknown.Add(1)
	if h.repeats.first(where) && h.gripes.Allow() {
		h.log.Warn().Str("topic", where).Msg("command for something that is not there")
	}
}

// refuse tells why a payload was not looked at.
func (h *Home) refuse(in topic.Incoming, reason string) {
	if in.Request != "" {
		h.respond(in.Request, nil, nil, fmt.Errorf("%s: %w", reason, mi.ErrInvalid))
		return
	}
	v, l := h.addressee(in)
	if v == nil {
		return
	}
	i, found := l.ids[in.Entity]
	if in.Action != "" {
		i, found = l.actions[in.Action]
	}
	if found {
		v.reject(l, i, "mqtt", errors.New(reason))
	}
}

// do hands an order to the device.
func (v *view) do(l *layout, i int, role entity.Role, payload, where string) {
	order, err := l.Order(i, role, payload, v.device.Values(nil))
	if err == nil {
		err = forbid(v.home.opt.Forbid, l.model.Harm(order))
	}
	if err != nil {
		v.reject(l, i, where, err)
		return
	}
	merge := ""
	if len(order.Calls) == 0 {
		merge = l.model.Entities[i].ID + "/" + string(role)
	}
	v.device.Do(device.Request{
		Order: order,
		Merge: merge,
		Cause: "mqtt " + where,
		Done: func(_ []mi.Value, err error) {
			if err == nil {
				v.troubled("")
			} else if !errors.Is(err, device.ErrReplaced) {
				v.failed(l, i, err) // the device has logged it
			}
		},
	})
}

// reject says why an order was not even handed to the device.
func (v *view) reject(l *layout, i int, where string, err error) {
	h := v.home
	h.counts.invalid.Add(1)
	if h.gripes.Allow() {
		h.log.Warn().Str("device", v.device.ID()).Str("topic", where).Err(err).Msg("order not carried out")
	}
	v.failed(l, i, err)
}

// failed tells people why an order was not carried out and publishes the old state
// again, so that a slider jumps back.
func (v *view) failed(l *layout, i int, err error) {
	v.troubled(mi.Plain(err))
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.layout == l {
		v.page.repeat(l.first[i], l.first[i+1])
	}
}
