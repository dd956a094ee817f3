package bridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// mirror knows how the truth of a model looks in topics, and what orders make of it.
type mirror struct {
	spec     *mi.Spec
	model    *entity.Model
	miot     bool
	profile  *profile.Profile // nil for MIoT
	named    map[string][]int // properties that are read by a name
	commands []command
	single   map[string]bool // entity/role that one property alone decides
	fast     map[int]bool    // properties of every poll
	slow     map[int]bool
}

// mirrors are those of every virtual model. They take a while to make and never
// change.
var mirrors = sync.OnceValues(func() (map[string]*mirror, error) {
	c, err := config.Load([]string{"MIHOME2MQTT_SPECS_ONLINE=false"}, nil)
	if err != nil {
		return nil, err
	}
	d, err := bridge.NewDirect(bridge.Options{Config: c, Log: zerolog.Nop(), Alone: true, Sources: []spec.Source{spec.NewFolder(miio.Specs())}})
	if err != nil {
		return nil, err
	}
	all := map[string]*mirror{}
	for _, name := range miio.Models() {
		s, err := d.Spec(context.Background(), name)
		if err != nil {
			return nil, err
		}
		_, err = fs.Stat(miio.Specs(), name+".json")
		all[name] = newMirror(s, d.Entities(s), err == nil)
		if err != nil {
			all[name].learn(d.Profile(name))
		}
	}
	return all, nil
})

func newMirror(s *mi.Spec, m *entity.Model, miot bool) *mirror {
	out := &mirror{spec: s, model: m, miot: miot, commands: commandsOf(m), single: map[string]bool{}, fast: map[int]bool{}, slow: map[int]bool{}}
	for i := range m.Entities {
		e := &m.Entities[i]
		for _, b := range e.Binds {
			out.single[e.ID+"/"+string(b.Role)] = b.State && len(b.Props) == 1 && len(b.Events) == 0 && b.Role != "json"
		}
	}
	for _, p := range m.Fast {
		out.fast[p] = true
	}
	for _, p := range m.Slow {
		out.slow[p] = true
	}
	return out
}

// learn takes in how a model that does not speak MIoT is read.
func (m *mirror) learn(p *profile.Profile) {
	m.profile, m.named = p, map[string][]int{}
	for i := range m.spec.Props {
		for _, read := range p.Reads([]int{i}) {
			for _, name := range read.Names {
				m.named[name] = append(m.named[name], i)
			}
		}
	}
}

// told returns the values of what is read by name, as a device with that truth
// answers.
func (m *mirror) told(truth map[string]mi.Value) []mi.Value {
	out := make([]mi.Value, len(m.spec.Props))
	for name, props := range m.named {
		v, has := truth[name]
		if !has {
			continue
		}
		for _, read := range m.profile.Reads(props) {
			changes, err := m.profile.Parse(read, append(v.AppendJSON([]byte{'['}), ']'), nil)
			if err != nil {
				panic(err) // one value for one name
			}
			for _, c := range changes {
				out[c.Prop] = c.Value
			}
		}
	}
	return out
}

func iid(siid, n int) string { return strconv.Itoa(siid) + "." + strconv.Itoa(n) }

// prop returns the index of the property that a device calls key; -1 for none.
func (m *mirror) prop(key string) int {
	first, second, _ := strings.Cut(key, ".")
	siid, err1 := strconv.Atoi(first)
	piid, err2 := strconv.Atoi(second)
	if err1 != nil || err2 != nil {
		return -1
	}
	return m.spec.Prop(siid, piid)
}

// values puts a device's truth in the order of the spec.
func (m *mirror) values(truth map[string]mi.Value) []mi.Value {
	out := make([]mi.Value, len(m.spec.Props))
	for key, v := range truth {
		if i := m.prop(key); i >= 0 {
			out[i] = v
		}
	}
	return out
}

// render returns the payloads of entity i by "entity/role".
func (m *mirror) render(i int, values []mi.Value) map[string]string {
	out := map[string]string{}
	for _, p := range m.model.Render(i, values, nil) {
		if !p.Momentary {
			out[m.model.Entities[i].ID+"/"+string(p.Role)] = p.Text
		}
	}
	return out
}

// effects lists what a device is to carry out for an order.
func (m *mirror) effects(o mi.Order) []history.Entry {
	if !m.miot {
		return m.calls(o)
	}
	var all []history.Entry
	for _, c := range o.Set {
		p := &m.spec.Props[c.Prop]
		all = append(all, history.Entry{Key: iid(p.SIID, p.PIID), Value: string(c.Value.AppendJSON(nil))})
	}
	for _, c := range o.Calls {
		a := &m.spec.Actions[c.Action]
		all = append(all, history.Entry{Key: "a" + iid(a.SIID, a.AIID), Value: list(c.Args)})
	}
	return all
}

// calls lists the methods that an order of a device that does not speak MIoT becomes.
func (m *mirror) calls(o mi.Order) []history.Entry {
	var all []profile.Request
	for _, c := range o.Set {
		some, _ := m.profile.Write(c) // what cannot be written is no call
		all = append(all, some...)
	}
	for _, c := range o.Calls {
		some, _ := m.profile.Call(c.Action, c.Args)
		all = append(all, some...)
	}
	var out []history.Entry
	for _, r := range all {
		out = append(out, history.Entry{Key: r.Method, Value: plain(r.Params)})
	}
	return out
}

// plain writes the arguments of a method as a device notes them.
func plain(params json.RawMessage) string {
	var parts []json.RawMessage
	if json.Unmarshal(params, &parts) != nil {
		parts = []json.RawMessage{params}
	}
	args := make([]mi.Value, len(parts))
	for i, p := range parts {
		args[i], _ = mi.ParseJSON(p) // what is no value is null, there too
	}
	return list(args)
}

// now returns the values of a device as it has them.
func (m *mirror) now(truth map[string]mi.Value) []mi.Value {
	if m.miot {
		return m.values(truth)
	}
	return m.told(truth)
}

func list(args []mi.Value) string {
	b := []byte{'['}
	for i, v := range args {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.AppendJSON(b)
	}
	return string(append(b, ']'))
}

// request is one that goes past the entities.
type request struct{ verb, payload string }

// raw says the same as an order of one part by a request, whose answer tells how
// it ended.
func (m *mirror) raw(o mi.Order, did, name string) request {
	ask := map[string]any{"id": did, "transaction": name}
	verb := ""
	switch {
	case len(o.Set) == 1 && len(o.Calls) == 0:
		p := &m.spec.Props[o.Set[0].Prop]
		verb, ask["key"], ask["value"] = "set", p.Key, json.RawMessage(o.Set[0].Value.AppendJSON(nil))
	case len(o.Set) == 0 && len(o.Calls) == 1:
		a := &m.spec.Actions[o.Calls[0].Action]
		verb, ask["action"], ask["args"] = "action", a.Key, json.RawMessage(list(o.Calls[0].Args))
	}
	b, err := json.Marshal(ask)
	if err != nil {
		panic(err) // values are JSON
	}
	return request{verb, string(b)}
}

// word returns the event that a payload of an entity's event topic tells.
func (m *mirror) word(entityID, payload string) string {
	var said struct {
		Type string `json:"event_type"`
	}
	if json.Unmarshal([]byte(payload), &said) != nil {
		return ""
	}
	for i := range m.model.Entities {
		for _, b := range m.model.Entities[i].Binds {
			if n := slices.Index(b.Options, said.Type); m.model.Entities[i].ID == entityID && b.Role == "event" && n >= 0 {
				e := &m.spec.Events[b.Events[n]]
				return "e" + iid(e.SIID, e.EIID)
			}
		}
	}
	return fmt.Sprint(entityID, " says ", payload)
}
