package mqtt

import (
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const seenEvery = time.Minute // last_seen is published at most so often

// view is one device as the broker shows it.
type view struct {
	home   *Home
	device *device.Device
	page   *page
	notice notice

	mu      sync.Mutex
	layout  *layout // nil while there is no spec, or the device is not to be shown
	filled  bool    // every role of layout has been shown once
	status  device.Status
	told    bool      // Status has been called
	trouble string    // of the last order that was refused here, before it reached the device
	gone    bool      // removed
	seenAt  time.Time // as published
}

// scratch is what rendering needs for a moment.
type scratch struct {
	values   []mi.Value
	payloads []entity.Payload
	touched  []int
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// shape returns the layout in use.
func (v *view) shape() *layout {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.layout
}

// use changes the layout and reports whether it is another one.
func (v *view) use(l *layout) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.layout == l {
		return false
	}
	v.layout, v.filled = l, false
	names := deviceSlots
	if l != nil {
		names = l.names
	}
	v.page.rename(names, firstRole)
	if l != nil {
		v.rest(l)
	}
	return true
}

// rest makes the topics speak that no value ever reaches: platforms that are told of
// a topic wait for its first word. An event's topic rests at {}, which says that
// nothing happened; Home Assistant skips it.
func (v *view) rest(l *layout) {
	for slot, text := range l.resting {
		v.page.put(slot, text)
	}
}

// show renders the entities that changes touch. v.mu keeps another layout from
// coming in between.
func (v *view) show(changes []mi.Change) (moving bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.layout
	if l == nil || v.device.Spec() != l.model.Spec {
		return false
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.values = v.device.Values(s.values)
	s.touched = s.touched[:0]
	for _, c := range changes {
		for _, i := range l.Touched(c.Prop) {
			if l.first[i] < l.first[i+1] && !slices.Contains(s.touched, i) {
				s.touched = append(s.touched, i)
			}
		}
	}
	for _, i := range s.touched {
		v.render(l, i, s)
	}
	if !v.filled {
		v.filled = true
		v.fill(l, s)
	}
	return l.Moving(s.values)
}

// fill shows as unknown what the first read did not bring, so that every announced
// topic carries something.
func (v *view) fill(l *layout, s *scratch) {
	for i := range l.model.Entities {
		if l.first[i] < l.first[i+1] && !slices.Contains(s.touched, i) {
			v.render(l, i, s)
		}
	}
}

// showAll renders everything that is known.
func (v *view) showAll() {
	l := v.shape()
	if l == nil {
		return
	}
	changes := make([]mi.Change, 0, len(l.model.Spec.Props))
	for i, value := range v.device.Values(nil) {
		if value.Known() {
			changes = append(changes, mi.Change{Prop: i, Value: value})
		}
	}
	if len(changes) > 0 {
		v.show(changes)
	}
}

// catchUp publishes the connection's state of a device that was in contact before
// there was a view of it.
func (v *view) catchUp() {
	s := v.device.Status()
	v.mu.Lock()
	told := v.told
	v.mu.Unlock()
	if !told && s != (device.Status{}) {
		v.tell(s)
	}
}

// render publishes what is new of entity i; when nothing is, all of it again: an
// order failed or did nothing, and a slider somewhere must jump back.
func (v *view) render(l *layout, i int, s *scratch) {
	s.payloads = l.Render(i, s.values, s.payloads[:0])
	news := false
	for _, p := range s.payloads {
		slot := l.slot(i, p.Role)
		if slot < 0 {
			continue
		}
		if p.OutOfList {
			v.odd(l, i, p.Role, slot, s.values)
		}
		news = v.page.put(slot, p.Text) || news
	}
	if !news {
		v.page.repeat(l.first[i], l.first[i+1])
	}
}

// odd logs, once per model and role, a value that the spec's list lacks.
func (v *view) odd(l *layout, i int, role entity.Role, slot int, values []mi.Value) {
	b := l.bindOf(i, role)
	if b == nil {
		return
	}
	for _, p := range b.Props {
		if values[p].Known() && l.isOdd(slot) {
			v.home.log.Warn().Str("device", v.device.ID()).Str("model", v.device.Info().Model).Str("entity", l.model.Entities[i].ID).
				Str("property", string(l.model.Spec.Props[p].Key)).Str("value", values[p].String()).Msg("value is not in the list of the spec; shown as unknown")
		}
	}
}

// tell publishes the connection's state.
func (v *view) tell(s device.Status) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone {
		return
	}
	v.status, v.told = s, true
	word := "offline"
	if s.Online {
		word = "online"
	}
	v.page.put(slotAvailability, word)
	v.page.put(slotConnection, homeassistant.StateText(s.Connection))
	v.complain()
	v.seen(s.LastSeen)
}

// complain needs v.mu.
func (v *view) complain() {
	words := v.status.LastError
	if words == "" {
		words = v.trouble
	}
	if words == "" {
		words = v.status.Reason
	}
	v.page.put(slotLastError, homeassistant.StateText(words))
}

// seen publishes the time of the last packet, now and then. It needs v.mu.
func (v *view) seen(at time.Time) {
	switch {
	case at.IsZero() && v.seenAt.IsZero():
		v.page.put(slotLastSeen, homeassistant.StateText(""))
	case at.Sub(v.seenAt) >= seenEvery:
		v.seenAt = at
		v.page.put(slotLastSeen, at.UTC().Format(time.RFC3339))
	}
}

// troubled notes how the last order ended here; "" is well.
func (v *view) troubled(words string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.trouble != words && v.told {
		v.trouble = words
		v.complain()
	}
}

// proven reports whether the device is known to be the user's: there is a key for
// it, or it has spoken in a way that only it can, now or in an earlier run.
func (v *view) proven(info mi.Info) bool {
	return info.Token != "" || v.spoken() || v.home.trust.has(v.device.ID())
}

// spoken reports whether the device has proven itself in this run.
func (v *view) spoken() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.status.Online || !v.status.LastSeen.IsZero()
}
