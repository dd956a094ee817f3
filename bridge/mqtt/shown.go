package mqtt

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const maxAnnouncement = 240 << 10 // bytes of one message

// Opened implements device.View.
func (h *Home) Opened(d *device.Device, spec *mi.Spec) device.Plan {
	l := h.shape(spec, d.Choice().Detail)
	v := h.show(d)
	if v == nil {
		h.hide(d.ID())
		return device.Plan{} // not to be seen: nobody looks at its values
	}
	if v.use(l) {
		h.event("device_opened", d)
		v.showAll()
	}
	v.catchUp()
	h.post.add(&v.notice, false)
	h.status.devicesChanged()
	return device.Plan{Fast: l.model.Fast, Slow: l.model.Slow}
}

// Changed implements device.View.
func (h *Home) Changed(d *device.Device, changes []mi.Change) (moving bool) {
	v := h.view(d.ID())
	return v != nil && v.show(changes)
}

// Happened implements device.View.
func (h *Home) Happened(d *device.Device, e mi.Happening) {
	v := h.view(d.ID())
	if v == nil {
		return
	}
	l := v.shape()
	if l == nil || d.Spec() != l.model.Spec {
		return
	}
	if age := h.opt.World.Now().Sub(e.At); !e.At.IsZero() && age > maxAge && age < 365*24*time.Hour {
		h.counts.stale.Add(1)
		return
	}
	for _, p := range l.RenderEvent(e, nil) {
		if p.Momentary {
			h.out.once(message{topic: h.topics.State(d.ID(), l.model.Entities[p.Entity].ID, string(p.Role)), payload: p.Text, sure: true})
		} else if slot := l.slot(p.Entity, p.Role); slot >= 0 {
			v.page.put(slot, p.Text)
		}
	}
}

// Status implements device.View.
func (h *Home) Status(d *device.Device, s device.Status) {
	v := h.show(d)
	if v == nil {
		h.hide(d.ID())
		return
	}
	before := v.proven(d.Info())
	v.tell(s)
	if v.spoken() && d.Info().Token == "" {
		h.trust.set(d.ID(), true)
	}
	if !before && v.proven(d.Info()) || s.Reason != "" {
		h.post.add(&v.notice, false)
	}
	h.status.devicesChanged()
}

// Removed implements device.View.
func (h *Home) Removed(d *device.Device) {
	h.hide(d.ID())
	h.trust.set(d.ID(), false)
	h.event("device_removed", d)
	h.status.devicesChanged()
}

// takes reports whether the user wants to see a device.
func (h *Home) takes(d *device.Device) bool {
	return !d.Choice().Hidden && h.choice.takes(d.Info(), d.Met())
}

// show returns the view of a device, made when missing; nil when the user does not
// want to see it.
func (h *Home) show(d *device.Device) *view {
	if !h.takes(d) {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.views[d.ID()]; v != nil {
		return v
	}
	v := &view{home: h, device: d, page: newPage(h.out, h.topics.Base+"/"+d.ID()+"/", deviceSlots, 1)}
	v.notice = notice{device: d.ID(), what: v.announcement}
	h.views[d.ID()] = v
	return v
}

// hide takes everything of a device off the broker.
func (h *Home) hide(id string) {
	h.mu.Lock()
	v := h.views[id]
	delete(h.views, id)
	h.mu.Unlock()
	if v == nil {
		return
	}
	v.mu.Lock()
	v.gone, v.layout = true, nil
	v.mu.Unlock()
	v.page.empty()
	h.post.add(&v.notice, false)
}

// announcement is what home platforms are to know of the device now. Without a
// proven key that is nothing: anybody on the network can claim to be a device.
func (v *view) announcement() announcement {
	info, spec := v.device.Info(), v.device.Spec()
	v.mu.Lock()
	l, gone := v.layout, v.gone
	v.mu.Unlock()
	if gone || !v.proven(info) {
		return func(Target) []homeassistant.Message { return nil }
	}
	about := homeassistant.NewDevice(info, spec)
	about.ID, about.Name, about.ConfigURL = v.device.ID(), shownName(v.device), v.home.opt.PageURL
	if parent := v.home.devices.Device(info.Parent); parent != nil && info.Parent != "" {
		about.Parent = parent.ID()
	}
	for _, said := range []*string{&about.Area, &about.ModelID, &about.SW, &about.HW, &about.Serial, &about.Parent} {
		*said = cleanName(*said)
	}
	var model *entity.Model
	if l != nil {
		model = l.model
	}
	return func(t Target) []homeassistant.Message {
		messages := homeassistant.Messages(t.Form, t.Prefix, about, model, v.home.discover)
		if t.Form == homeassistant.DeviceForm && len(messages) == 1 && len(messages[0].Payload) > maxAnnouncement {
			// Brokers cut clients off that send packets larger than they like.
			return homeassistant.Messages(homeassistant.SingleForm, t.Prefix, about, model, v.home.discover)
		}
		return messages
	}
}

// heardOf publishes when the device was last heard of.
func (v *view) heardOf() {
	at := v.device.Status().LastSeen
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.told && !v.gone {
		v.seen(at)
	}
}

// shape returns the layout of a spec at a level of detail, the same for all devices
// that share both.
func (h *Home) shape(spec *mi.Spec, detail string) *layout {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := figure{spec, cmp.Or(detail, h.opt.Detail)}
	l := h.shapes[key]
	if l == nil {
		l = newLayout(h.build(key.spec, key.detail))
		h.shapes[key] = l
	}
	return l
}

// buildBy makes models by rules.
func (h *Home) buildBy(r *entity.Rules) builder {
	single := slices.ContainsFunc(h.opt.Targets, func(t Target) bool { return t.Form == homeassistant.SingleForm })
	return func(spec *mi.Spec, detail string) (*entity.Model, renderer) {
		m := r.Build(spec, entity.Options{Detail: detail, Language: h.opt.Language, Mired: single})
		return m, m
	}
}

// SetRules puts other rules in place and shows every device by them. What the
// devices read follows when they are opened again.
func (h *Home) SetRules(r *entity.Rules) { h.reshape(h.buildBy(r)) }

func (h *Home) reshape(build builder) {
	h.mu.Lock()
	h.build = build
	clear(h.shapes)
	h.mu.Unlock()
	for _, v := range h.all() {
		old := v.shape()
		if old == nil {
			continue
		}
		v.use(h.shape(old.model.Spec, v.device.Choice().Detail))
		v.showAll()
		h.post.add(&v.notice, false)
	}
}

// all returns every view, sorted.
func (h *Home) all() []*view {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*view, 0, len(h.views))
	for _, id := range slices.Sorted(maps.Keys(h.views)) {
		all = append(all, h.views[id])
	}
	return all
}
