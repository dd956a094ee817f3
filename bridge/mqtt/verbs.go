package mqtt

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const maxName = 120 // characters

// carryOut does what a request asks for and returns what there is to tell.
func (h *Home) carryOut(verb string, q *ask) (any, error) {
	switch verb {
	case "rename", "device/rename":
		return h.rename(q)
	case "options", "device/options":
		return h.options(q)
	case "remove", "device/remove":
		return h.remove(q)
	case "get":
		return h.get(q)
	case "set":
		return h.set(verb, q)
	case "action":
		return h.call(verb, q)
	case "refresh":
		return h.refresh(q)
	case "health", "health_check":
		return h.health(), nil
	case "devices":
		return h.list(), nil
	case "restart":
		if slices.Contains(h.opt.Forbid, verb) {
			return nil, forbidden(verb)
		}
		return h.trigger("restart", h.opt.Actions.Restart)
	case "scan":
		return h.trigger("scan", h.opt.Actions.Scan)
	case "log_level":
		return h.logLevel(q)
	case "backup":
		return h.backup(verb, q)
	}
	return nil, fmt.Errorf("there is no request %q: %w", verb, mi.ErrUnsupported)
}

// find returns the device that a request names by id, did or, when only one has
// it, name.
func (h *Home) find(q *ask) (*device.Device, error) {
	id := q.device()
	if id == "" {
		return nil, fmt.Errorf("the request names no device; give its id: %w", mi.ErrInvalid)
	}
	if d := h.devices.Device(id); d != nil {
		return d, nil
	}
	var found []*device.Device
	for _, d := range h.devices.All() {
		if d.Name() == id || shownName(d) == id {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("there is no device %q: %w", id, mi.ErrInvalid)
	}
	return nil, fmt.Errorf("%d devices are called %q; give the id: %w", len(found), id, mi.ErrInvalid)
}

func (h *Home) rename(q *ask) (any, error) {
	d, err := h.find(q)
	if err != nil {
		return nil, err
	}
	name := q.Name
	if name == nil {
		name = q.To
	}
	if name == nil {
		return nil, fmt.Errorf("the request has no name: %w", mi.ErrInvalid)
	}
	clean := cleanName(*name)
	err = d.Choose(func(c *device.Choice) { c.Name = clean })
	return map[string]string{"id": d.ID(), "name": clean}, err
}

// options changes what the user chose for a device; what the request does not name
// stays. The answer is all of it.
func (h *Home) options(q *ask) (any, error) {
	d, err := h.find(q)
	if err != nil {
		return nil, err
	}
	err = d.Choose(func(c *device.Choice) {
		for _, o := range []struct {
			to   *string
			text *string
		}{{&c.Name, q.Name}, {&c.Room, q.Room}, {&c.Reach, q.Reach}, {&c.Detail, q.Detail}} {
			if o.text != nil {
				*o.to = cleanName(*o.text)
			}
		}
		for to, flag := range map[*bool]*bool{&c.Hidden: q.Hidden, &c.Asleep: q.Asleep} {
			if flag != nil {
				*to = *flag
			}
		}
	})
	return struct {
		ID string `json:"id"`
		device.Choice
	}{d.ID(), d.Choice()}, err
}

// shownName is what people call a device, without what would harm where it is shown.
func shownName(d *device.Device) string { return cleanName(d.Name()) }

// cleanName leaves out what would harm where names are shown: control characters
// and those that turn the direction of writing.
func cleanName(name string) string {
	letters := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, name)))
	return string(letters[:min(len(letters), maxName)])
}

func (h *Home) remove(q *ask) (any, error) {
	if slices.Contains(h.opt.Forbid, "remove") {
		return nil, forbidden("remove")
	}
	d, err := h.find(q)
	if err != nil {
		return nil, err
	}
	h.devices.Remove(d.ID())
	return map[string]string{"id": d.ID()}, nil
}

// get tells what is known of a device's properties, one or all.
func (h *Home) get(q *ask) (any, error) {
	d, err := h.find(q)
	if err != nil {
		return nil, err
	}
	spec, values := d.Spec(), d.Values(nil)
	if spec == nil || len(values) != len(spec.Props) {
		return nil, fmt.Errorf("what %s has is not known yet: %w", d.ID(), mi.ErrUnsupported)
	}
	if q.Key != "" {
		i := property(spec, q.Key)
		if i < 0 {
			return nil, fmt.Errorf("%s has no property %q: %w", d.ID(), q.Key, mi.ErrInvalid)
		}
		return map[string]any{"id": d.ID(), "key": spec.Props[i].Key, "value": values[i]}, nil
	}
	all := map[string]mi.Value{}
	for i := range spec.Props {
		if values[i].Known() {
			all[string(spec.Props[i].Key)] = values[i]
		}
	}
	return map[string]any{"id": d.ID(), "values": all}, nil
}

// property finds a property by key or id.
func property(spec *mi.Spec, key string) int {
	return slices.IndexFunc(spec.Props, func(p mi.Property) bool { return string(p.Key) == key || p.ID() == key })
}

func action(spec *mi.Spec, key string) int {
	return slices.IndexFunc(spec.Actions, func(a mi.Action) bool { return string(a.Key) == key || a.ID() == key })
}

// raw finds the device of a request that goes past the entities, if that is
// allowed at all.
func (h *Home) raw(q *ask) (*device.Device, *mi.Spec, error) {
	if !h.opt.Raw {
		return nil, nil, fmt.Errorf("raw access is switched off; MIHOME2MQTT_RAW_ACCESS=true allows it: %w", mi.ErrUnsupported)
	}
	d, err := h.find(q)
	if err != nil {
		return nil, nil, err
	}
	spec := d.Spec()
	if spec == nil {
		return nil, nil, fmt.Errorf("what %s has is not known yet: %w", d.ID(), mi.ErrUnsupported)
	}
	return d, spec, nil
}

func (h *Home) set(verb string, q *ask) (any, error) {
	d, spec, err := h.raw(q)
	if err != nil {
		return nil, err
	}
	i := property(spec, q.Key)
	if i < 0 || spec.Props[i].Access&mi.Write == 0 {
		return nil, fmt.Errorf("%s has no writable property %q: %w", d.ID(), q.Key, mi.ErrInvalid)
	}
	v, err := value(q.Value)
	if err != nil {
		return nil, err
	}
	return nil, h.later(d, spec, verb, q, mi.Order{Set: []mi.Change{{Prop: i, Value: v}}})
}

func (h *Home) call(verb string, q *ask) (any, error) {
	d, spec, err := h.raw(q)
	if err != nil {
		return nil, err
	}
	key := q.Action
	if key == "" {
		key = q.Key
	}
	i := action(spec, key)
	if i < 0 {
		return nil, fmt.Errorf("%s has no action %q: %w", d.ID(), key, mi.ErrInvalid)
	}
	if want := len(spec.Actions[i].In); len(q.Args) != want {
		return nil, fmt.Errorf("%s takes %d arguments, not %d: %w", key, want, len(q.Args), mi.ErrInvalid)
	}
	args := make([]mi.Value, len(q.Args))
	for n, raw := range q.Args {
		if args[n], err = value(raw); err != nil {
			return nil, err
		}
	}
	return nil, h.later(d, spec, verb, q, mi.Order{Calls: []mi.Call{{Action: i, Args: args}}})
}

// later carries out an order and answers when it has ended.
func (h *Home) later(d *device.Device, spec *mi.Spec, verb string, q *ask, order mi.Order) error {
	if err := forbid(h.opt.Forbid, entity.Harm(spec, order)); err != nil {
		return err
	}
	d.Do(device.Request{
		Order: order,
		Cause: "mqtt " + h.topics.Request(verb),
		Done:  func(out []mi.Value, err error) { h.respond(verb, q, map[string]any{"id": d.ID(), "out": out}, err) },
	})
	return errAnswered
}

func (h *Home) refresh(q *ask) (any, error) {
	if q.device() == "" {
		h.devices.Refresh()
		return nil, nil
	}
	d, err := h.find(q)
	if err != nil {
		return nil, err
	}
	d.Refresh()
	return map[string]string{"id": d.ID()}, nil
}

func (h *Home) trigger(name string, action func()) (any, error) {
	if action == nil {
		return nil, fmt.Errorf("%s cannot be done here: %w", name, mi.ErrUnsupported)
	}
	go action()
	return nil, nil
}

func (h *Home) logLevel(q *ask) (any, error) {
	level := q.Level
	if level == "" {
		level = q.bare
	}
	switch {
	case !slices.Contains(homeassistant.LogLevels, level):
		return nil, fmt.Errorf("%q is none of %s: %w", level, strings.Join(homeassistant.LogLevels, ", "), mi.ErrInvalid)
	case level == "trace" && !h.opt.Raw:
		return nil, fmt.Errorf("trace shows every byte; MIHOME2MQTT_RAW_ACCESS=true allows it: %w", mi.ErrUnsupported)
	case h.opt.Actions.LogLevel == nil:
		return nil, fmt.Errorf("the log level cannot be changed here: %w", mi.ErrUnsupported)
	}
	if err := h.opt.Actions.LogLevel(level); err != nil {
		return nil, err
	}
	h.status.page.put(bridgeLogLevel, level)
	return map[string]string{"level": level}, nil
}

// backup writes to the disk, so it runs beside.
func (h *Home) backup(verb string, q *ask) (any, error) {
	if h.opt.Actions.Backup == nil {
		return nil, fmt.Errorf("there is no backup here: %w", mi.ErrUnsupported)
	}
	job := func(ctx context.Context) {
		where, err := h.opt.Actions.Backup(ctx)
		h.respond(verb, q, map[string]string{"file": where}, err)
	}
	select {
	case h.jobs <- job:
		return nil, errAnswered
	default:
		return nil, fmt.Errorf("other requests are still at work: %w", mi.ErrBusy)
	}
}
