package entity

import (
	"io/fs"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type converter any

// Rules are the loaded mapping files.
type Rules struct{}

// Load reads the mapping files below fsys. Errors name file, line and column.
func Load(fsys fs.FS) (*Rules, error) { return &Rules{}, nil }

// Correct returns spec with the corrections of its model applied (added, hidden,
// retyped properties, tuning); spec itself is left alone.
func (r *Rules) Correct(spec *mi.Spec) *mi.Spec { return spec }

// Options choose how entities are made.
type Options struct {
	Detail   string // minimal | normal | all
	Language string // "en", "de", "zh", …: names only
}

// Model is the set of entities of one spec, shared by all devices that have it.
type Model struct {
	Spec     *mi.Spec
	Entities []Entity
	Fast     []int // properties to read at every poll
	Slow     []int // properties to read rarely
}

// Build makes the entities of a corrected spec.
func (r *Rules) Build(spec *mi.Spec, opt Options) *Model { return &Model{Spec: spec} }

// Touched returns the indexes of the entities that show property prop.
func (m *Model) Touched(prop int) []int { return nil }

// Render appends the payload of every state role of entity i. values holds one
// Value per property of the spec.
func (m *Model) Render(i int, values []mi.Value, into []Payload) []Payload { return into }

// EventPayload is one rendered event of one entity.
type EventPayload struct {
	Entity int
	Payload
}

// RenderEvent appends what an event means to the entities that show it.
func (m *Model) RenderEvent(h mi.Happening, into []EventPayload) []EventPayload { return into }

// Order turns the payload of a command topic into an order. The error wraps
// mi.ErrInvalid and says in words what would be right.
func (m *Model) Order(i int, role Role, payload string, values []mi.Value) (mi.Order, error) {
	return mi.Order{}, mi.ErrUnsupported
}

// Moving reports whether something at the device is in motion (a cover runs, a
// vacuum drives, a cooker cooks) and worth following closely.
func (m *Model) Moving(values []mi.Value) bool { return false }
