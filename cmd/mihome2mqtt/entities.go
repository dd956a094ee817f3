package main

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// shownModel is a model as show --json prints it.
type shownModel struct {
	Model    string        `json:"model"`
	Entities []shownEntity `json:"entities"`
}

// shownEntity is one entity with what it uses of the device.
type shownEntity struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Component   string   `json:"component"`
	DeviceClass string   `json:"device_class"`
	StateClass  string   `json:"state_class"`
	Unit        string   `json:"unit"`
	Category    string   `json:"category"`
	Enabled     bool     `json:"enabled"`
	Rule        string   `json:"rule"`
	Uses        []string `json:"uses"`
}

func describe(model string, m *entity.Model) shownModel {
	out := shownModel{Model: model, Entities: make([]shownEntity, len(m.Entities))}
	for i := range m.Entities {
		e := &m.Entities[i]
		out.Entities[i] = shownEntity{
			ID: e.ID, Name: e.Name, Component: e.Component, DeviceClass: e.DeviceClass, StateClass: e.StateClass, Unit: e.Unit,
			Category: e.Category, Enabled: e.Enabled && e.Component != "command", Rule: e.Rule, Uses: uses(m.Spec, e),
		}
	}
	return out
}

// uses names the properties, actions and events behind an entity, each once and
// sorted by number. Mere arguments and the service device-information are left out.
func uses(spec *mi.Spec, e *entity.Entity) []string {
	var all []used
	for _, b := range e.Binds {
		for _, i := range b.Props {
			if p := &spec.Props[i]; p.Access != 0 && spec.Services[p.Service].Name != "device-information" {
				all = append(all, used{"prop", p.SIID, p.PIID})
			}
		}
		for _, i := range b.Actions {
			all = append(all, used{"action", spec.Actions[i].SIID, spec.Actions[i].AIID})
		}
		for _, i := range b.Events {
			all = append(all, used{"event", spec.Events[i].SIID, spec.Events[i].EIID})
		}
	}
	slices.SortFunc(all, used.compare)
	names := []string{}
	for _, u := range slices.Compact(all) {
		names = append(names, u.kind+"."+strconv.Itoa(u.siid)+"."+strconv.Itoa(u.iid))
	}
	return names
}

// used is a part of a spec by its numbers.
type used struct {
	kind      string
	siid, iid int
}

func (u used) compare(v used) int {
	rank := []string{"prop", "action", "event"}
	return slices.Compare(
		[]int{slices.Index(rank, u.kind), u.siid, u.iid},
		[]int{slices.Index(rank, v.kind), v.siid, v.iid})
}

// line writes the model as one line of JSON.
func (m shownModel) line(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(m)
}

// table writes the model for people.
func (m shownModel) table(p *process) error {
	t := newTable(p, "ENTITY", "NAME", "COMPONENT", "CLASS", "UNIT", "ON", "USES", "RULE")
	enabled := 0
	for _, e := range m.Entities {
		on := "no"
		if e.Enabled {
			on = "yes"
			enabled++
		}
		t.row(e.ID, e.Name, e.Component, e.DeviceClass, e.Unit, on, strings.Join(e.Uses, " "), e.Rule)
	}
	if err := t.end(); err != nil {
		return err
	}
	p.hint("%s: %s, %d switched on from the start.", m.Model, count(len(m.Entities), "entity", "entities"), enabled)
	return nil
}
