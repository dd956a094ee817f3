package mqtt

import (
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// The slots that every device's page begins with.
const (
	slotAvailability = iota
	slotConnection
	slotLastError
	slotLastSeen
	firstRole
)

var deviceSlots = []string{"availability", "connection", "last_error", "last_seen"}

// renderer does what *entity.Model does: it turns values into texts and texts into
// orders.
type renderer interface {
	Touched(prop int) []int
	Render(i int, values []mi.Value, into []entity.Payload) []entity.Payload
	RenderEvent(h mi.Happening, into []entity.EventPayload) []entity.EventPayload
	Order(i int, role entity.Role, payload string, values []mi.Value) (mi.Order, error)
	Moving(values []mi.Value) bool
}

var _ renderer = (*entity.Model)(nil)

// figure is what devices have in common that share a layout.
type figure struct {
	spec   *mi.Spec
	detail string
}

// builder makes the entities of a spec at a level of detail.
type builder func(spec *mi.Spec, detail string) (*entity.Model, renderer)

// layout is where a model's roles are on the page of each of its devices.
type layout struct {
	renderer
	model   *entity.Model
	names   []string       // of all slots
	first   []int          // first slot of each entity, and the end
	ids     map[string]int // entity by id
	actions map[string]int // entity by "service/name" of its command topic
	resting map[int]string // what a slot says while nothing else is known of it

	mu  sync.Mutex
	odd map[int]bool // slots whose values outside the list were logged
}

func newLayout(m *entity.Model, r renderer) *layout {
	l := &layout{renderer: r, model: m, names: append([]string(nil), deviceSlots...), ids: map[string]int{}, actions: map[string]int{}, resting: map[int]string{}, odd: map[int]bool{}}
	for i := range m.Entities {
		e := &m.Entities[i]
		l.first = append(l.first, len(l.names))
		l.ids[e.ID] = i
		for b := range e.Binds {
			l.bind(i, &e.Binds[b])
		}
	}
	l.first = append(l.first, len(l.names))
	return l
}

func (l *layout) bind(i int, b *entity.Bind) {
	e := &l.model.Entities[i]
	if e.Component == "command" {
		for _, a := range b.Actions {
			l.actions[actionSegments(l.model.Spec.Actions[a].Key)] = i
		}
		return
	}
	switch {
	case b.Role == "event":
		l.resting[len(l.names)] = "{}"
	case e.Component == "number" && !b.State:
		l.resting[len(l.names)] = "None"
	case !b.State:
		return
	}
	l.names = append(l.names, e.ID+"/"+string(b.Role))
}

// actionSegments writes an action's key as its topic has it.
func actionSegments(key mi.Key) string {
	const command = "/d/command/"
	return topic.Layout{}.Command("d", string(key))[len(command):]
}

// slot returns where a role of entity i is; -1 when it has no state topic.
func (l *layout) slot(i int, role entity.Role) int {
	skip := len(l.model.Entities[i].ID) + 1
	for s := l.first[i]; s < l.first[i+1]; s++ {
		if l.names[s][skip:] == string(role) {
			return s
		}
	}
	return -1
}

// bindOf returns the bind of a role, or nil.
func (l *layout) bindOf(i int, role entity.Role) *entity.Bind {
	binds := l.model.Entities[i].Binds
	for b := range binds {
		if binds[b].Role == role {
			return &binds[b]
		}
	}
	return nil
}

// isOdd reports whether this is the first value outside its list on that slot, for
// all devices of the model.
func (l *layout) isOdd(slot int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.odd[slot]
	l.odd[slot] = true
	return first
}
