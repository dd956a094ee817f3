package profile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
)

// fault is a mistake at a place of the file, as a YAML path.
type fault struct {
	path string
	err  error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func wrong(path, format string, args ...any) error {
	return &fault{path, fmt.Errorf(format, args...)}
}

// builder makes the profile of one model out of a file.
type builder struct {
	model string
	file  *file
	out   *Profile
	inst  instance
	props map[[2]int]int // siid, piid → index
	paths []string       // of each property, for messages
}

// build returns what the file says of a model; the error is a *fault.
func build(f *file, model string) (*Profile, error) {
	b := &builder{model: model, file: f, out: &Profile{}, props: map[[2]int]int{}}
	b.inst.Type = fmt.Sprintf("urn:mihome2mqtt:device:%s:0:%s:1", f.Type, strings.ReplaceAll(model, ".", "-"))
	b.inst.Description = f.Text
	if !name(f.Type) {
		return nil, wrong("$.type", "type %q: a profile needs a type of lower case words, such as air-purifier", f.Type)
	}
	if err := b.readers(); err != nil {
		return nil, err
	}
	if err := b.all(); err != nil {
		return nil, err
	}
	return b.finish()
}

// finish has the instance read as every other spec is, then ties it to the wire.
func (b *builder) finish() (*Profile, error) {
	raw, err := json.Marshal(b.inst)
	if err != nil {
		return nil, wrong("$.services", "%w", err)
	}
	s, err := spec.Parse(raw)
	if err != nil {
		return nil, wrong("$.services", "%w", err)
	}
	if len(s.Props) != len(b.out.props) || len(s.Actions) != len(b.out.actions) || len(s.Events) != len(b.out.events) {
		return nil, wrong("$.services", "an iid occurs twice for %s", b.model)
	}
	s.Model = b.model
	b.out.spec = s
	for i := range s.Props {
		b.out.props[i].steps.prop = &s.Props[i]
	}
	return b.out, b.examine()
}

// examine tries what can only be tried on the whole.
func (b *builder) examine() error {
	for i := range b.out.spec.Props {
		p, d := &b.out.spec.Props[i], b.out.props[i].steps
		for _, m := range d.mapped {
			if coerce(m.value, p.Format) != m.value {
				return wrong(b.paths[i], "map gives %q, which is not of the format of %s", m.value, p.Key)
			}
		}
		for _, c := range p.List {
			if coerce(c.Value, p.Format) != c.Value {
				return wrong(b.paths[i], "list has %q, which is not of the format of %s", c.Value, p.Key)
			}
		}
	}
	return nil
}

func (b *builder) all() error {
	for i := range b.file.Services {
		s, path := &b.file.Services[i], fmt.Sprintf("$.services[%d]", i)
		if s.SIID < 1 || !name(s.Name) {
			return wrong(path, "a service needs a siid above 0 and a name of lower case words, such as air-purifier")
		}
		if !applies(s.Models, b.model) {
			continue
		}
		b.inst.Services = append(b.inst.Services, instanceService{IID: s.SIID, Type: urn("service", s.Name, s.Vendor), Description: s.Text})
		if err := b.service(s, path); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) service(s *service, path string) error {
	for i := range s.Properties {
		if err := b.property(s, &s.Properties[i], fmt.Sprintf("%s.properties[%d]", path, i)); err != nil {
			return err
		}
	}
	for i := range s.Actions {
		if err := b.action(s, &s.Actions[i], fmt.Sprintf("%s.actions[%d]", path, i)); err != nil {
			return err
		}
	}
	for i := range s.Events {
		if err := b.event(s, &s.Events[i], fmt.Sprintf("%s.events[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) property(s *service, p *property, path string) error {
	if p.PIID < 1 || !name(p.Name) {
		return wrong(path, "a property needs a piid above 0 and a name of lower case words, such as target-temperature")
	}
	if !applies(p.Models, b.model) {
		return nil
	}
	if _, twice := b.props[[2]int{s.SIID, p.PIID}]; twice {
		return wrong(path+".piid", "property %d.%d occurs twice for %s", s.SIID, p.PIID, b.model)
	}
	d, err := newDecoder(p, path)
	if err != nil {
		return err
	}
	bound := binding{read: -1, wire: p.Wire, steps: d, set: p.Set}
	if bound.read, err = b.reader(p, path); err != nil {
		return err
	}
	if err := checkSetter(p.Set, path); err != nil {
		return err
	}
	out, err := describe(p, bound, s.Vendor, path)
	if err != nil {
		return err
	}
	last := &b.inst.Services[len(b.inst.Services)-1]
	last.Properties = append(last.Properties, out)
	b.props[[2]int{s.SIID, p.PIID}] = len(b.out.props)
	b.out.props = append(b.out.props, bound)
	b.paths = append(b.paths, path)
	return nil
}

// reader finds the read that a property comes by.
func (b *builder) reader(p *property, path string) (int, error) {
	if p.Wire == "" && p.Const == nil {
		if p.Read != "" {
			return -1, wrong(path+".read", "read needs wire, the name of the value in the answer")
		}
		return -1, nil
	}
	at := 0
	if p.Read != "" {
		at = slices.IndexFunc(b.out.reads, func(r read) bool { return r.ID == p.Read })
	}
	if at < 0 {
		return -1, wrong(path+".read", "there is no read with the id %q for %s", p.Read, b.model)
	}
	return at, nil
}

// readers takes the reads that apply to the model; without any it is get_prop.
func (b *builder) readers() error {
	for i := range b.file.Reads {
		r, path := b.file.Reads[i], fmt.Sprintf("$.reads[%d]", i)
		if r.Method == "" || r.ID == "" {
			return wrong(path, "a read needs an id and a method")
		}
		if _, err := marshal(r.Params); err != nil {
			return wrong(path+".params", "%w", err)
		}
		if !applies(r.Models, b.model) {
			continue
		}
		if slices.ContainsFunc(b.out.reads, func(o read) bool { return o.ID == r.ID }) {
			return wrong(path+".id", "the id %q occurs twice for %s", r.ID, b.model)
		}
		b.out.reads = append(b.out.reads, r)
	}
	if len(b.out.reads) == 0 {
		b.out.reads = []read{{ID: "get_prop", Method: "get_prop"}}
	}
	return nil
}

func checkSetter(s *setter, path string) error {
	if s == nil {
		return nil
	}
	for _, c := range s.Cases {
		if method, ok := c.Value.(string); !ok || method == "" {
			return wrong(path+".set", "cases: %v needs the name of a method", c.Key)
		}
	}
	if _, err := fill(s.Params, []any{mi.Int(0)}); err != nil {
		return wrong(path+".set", "%w", err)
	}
	return nil
}

func newDecoder(p *property, path string) (*decoder, error) {
	d := &decoder{Steps: p.Steps, other: valueOf(p.Else), constant: valueOf(p.Const)}
	if p.Codec != "" {
		var ok bool
		if d.codec, ok = codecOf(p.Codec); !ok {
			return nil, wrong(path+".codec", "there is no codec %q", p.Codec)
		}
	}
	if p.Slice != nil && (len(p.Slice) != 2 || p.Slice[0] < 0 || p.Slice[1] < 1 || p.Slice[0]+p.Slice[1] > maxText) {
		return nil, wrong(path+".slice", "slice is [first character, how many], within %d characters", maxText)
	}
	if p.Bit != nil && (*p.Bit < 0 || *p.Bit > 62) {
		return nil, wrong(path+".bit", "bit is 0 to 62")
	}
	if p.Scale != nil && *p.Scale == 0 {
		return nil, wrong(path+".scale", "scale cannot be 0")
	}
	if p.As != "" && !slices.Contains([]string{"onoff", "number", "whole", "text", "hex"}, p.As) {
		return nil, wrong(path+".as", "as is onoff, number, whole, text or hex, not %q", p.As)
	}
	for _, m := range p.Map {
		wire, value := valueOf(m.Key), valueOf(m.Value)
		if !value.Known() {
			return nil, wrong(path+".map", "map: %v needs a plain value", m.Key)
		}
		d.mapped = append(d.mapped, pair{wire, value})
	}
	return d, nil
}

func (b *builder) action(s *service, a *action, path string) error {
	if a.AIID < 1 || !name(a.Name) || a.Call == "" {
		return wrong(path, "an action needs an aiid above 0, a name of lower case words and call, the method")
	}
	if !applies(a.Models, b.model) {
		return nil
	}
	op := operation{before: a.Before, method: a.Call, params: a.Params}
	if a.Codec != "" {
		var ok bool
		if op.codec, ok = actionCodecOf(a.Codec); !ok {
			return wrong(path+".codec", "there is no codec %q for actions", a.Codec)
		}
	}
	if err := b.known(s.SIID, path, append(slices.Clone(a.In), a.Out...)); err != nil {
		return err
	}
	samples := slices.Repeat([]any{mi.Int(0)}, len(a.In))
	if _, err := fill(a.Params, samples); err != nil {
		return wrong(path+".params", "%w", err)
	}
	last := &b.inst.Services[len(b.inst.Services)-1]
	last.Actions = append(last.Actions, instanceAction{a.AIID, urn("action", a.Name, a.Vendor || s.Vendor), a.Text, a.In, a.Out})
	b.out.actions = append(b.out.actions, op)
	return nil
}

func (b *builder) event(s *service, e *event, path string) error {
	if e.EIID < 1 || !name(e.Name) {
		return wrong(path, "an event needs an eiid above 0 and a name of lower case words")
	}
	if !applies(e.Models, b.model) {
		return nil
	}
	if err := b.known(s.SIID, path, append([]int{e.Property}, e.Args...)); err != nil {
		return err
	}
	if len(e.Args) > 1 || (len(e.Args) == 1 && e.Args[0] != e.Property) {
		return wrong(path+".args", "args is [%d], the property that is watched, or nothing", e.Property)
	}
	if e.Is == nil && e.Above == nil && e.Below == nil {
		return wrong(path, "an event needs is, above or below")
	}
	last := &b.inst.Services[len(b.inst.Services)-1]
	last.Events = append(last.Events, instanceEvent{e.EIID, urn("event", e.Name, e.Vendor || s.Vendor), e.Text, e.Args})
	b.out.events = append(b.out.events, trigger{b.props[[2]int{s.SIID, e.Property}], condition(e)})
	return nil
}

func (b *builder) known(siid int, path string, piids []int) error {
	for _, p := range piids {
		if _, ok := b.props[[2]int{siid, p}]; !ok {
			return wrong(path, "%s has no property %d.%d", b.model, siid, p)
		}
	}
	return nil
}

// condition tells whether a value is one of those that an event waits for.
func condition(e *event) func(mi.Value) bool {
	return func(v mi.Value) bool {
		if slices.ContainsFunc(e.Is, func(want any) bool { return valueOf(want).String() == v.String() }) {
			return true
		}
		f, ok := v.Float()
		return ok && (e.Above != nil && f > *e.Above || e.Below != nil && f < *e.Below)
	}
}

// name reports whether s is words of lower case letters, digits, - and dots.
func name(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// choices turns the list of a property into the form of an instance file.
func choices(list yaml.MapSlice, path string) ([]instanceChoice, error) {
	var out []instanceChoice
	for _, item := range list {
		v := valueOf(item.Key)
		if !v.Known() {
			return nil, wrong(path+".list", "list is {value: label}, and %v is no plain value", item.Key)
		}
		out = append(out, instanceChoice{v, fmt.Sprint(item.Value)})
	}
	return out, nil
}
