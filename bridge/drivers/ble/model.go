package ble

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// model is what a device has, and where each of its keys is in the spec. It never
// changes and is shared by the devices that have the same.
type model struct {
	spec   *mi.Spec
	props  map[string]int // by key; a repeat within a frame has "#" and its number
	events map[string]int // by group and kind, with a / between
	args   [][]string     // keys, by event
}

// argument numbers of the properties that only events have.
const firstArgument = 901

// builder makes a model.
type builder struct {
	model
	d      *decoder
	shelfs map[int]int // service number → index
	like   map[string]int
}

// build makes the model of a product from a sheet: keys, and groups of events
// after a !. What is new only ever comes last, so that an index stays true.
func (d *decoder) build(p *product, sheet []string) *model {
	b := &builder{d: d, shelfs: map[int]int{}, like: map[string]int{}}
	b.spec = &mi.Spec{Model: p.official(), Type: p.kind.kind, Text: p.title()}
	b.spec.Tuning.Sleepy = p.sleepy
	b.props, b.events = map[string]int{}, map[string]int{}
	for _, entry := range sheet {
		if group, ok := strings.CutPrefix(entry, "!"); ok {
			b.group(p, group)
		} else {
			b.key(p, entry)
		}
	}
	return &b.model
}

// key adds one property.
func (b *builder) key(p *product, entry string) {
	if _, ok := b.props[entry]; ok {
		return
	}
	key, repeat, _ := strings.Cut(entry, "#")
	c, ok := b.d.facets[key]
	if !ok {
		b.own(p, entry)
		return
	}
	n, _ := strconv.Atoi(repeat)
	s := b.d.shelves[c.siid]
	at := b.service(c.siid, s.name, s.text, s.quiet)
	prop := mi.Property{
		Service: at, SIID: c.siid, PIID: c.piid + 100*n, Name: c.name, Vendor: c.quiet, Text: sentence(c.name),
		Format: c.format, Access: mi.Notify, Unit: c.unit, List: c.list,
	}
	prop.Key = mi.Key(b.spec.Services[at].Key + "/" + c.name)
	if n > 0 {
		prop.Key += mi.Key("-" + strconv.Itoa(n+1))
		prop.Text += " " + strconv.Itoa(n+1)
	}
	if c.unit == "percentage" && c.format == mi.FormatInt {
		prop.Range = &mi.Range{Min: 0, Max: 100, Step: 1}
	}
	b.props[entry] = b.add(prop)
}

func (b *builder) add(p mi.Property) int {
	b.spec.Props = append(b.spec.Props, p)
	return len(b.spec.Props) - 1
}

// service returns the index of a service, added when missing.
func (b *builder) service(siid int, name, text string, quiet bool) int {
	if at, ok := b.shelfs[siid]; ok {
		return at
	}
	b.like[name]++
	key := name
	if n := b.like[name]; n > 1 {
		key += "-" + strconv.Itoa(n)
	}
	b.spec.Services = append(b.spec.Services, mi.Service{IID: siid, Name: name, Key: key, Text: text, Vendor: quiet})
	b.shelfs[siid] = len(b.spec.Services) - 1
	return b.shelfs[siid]
}

// group adds the events of a group; a kind after a / adds only that.
func (b *builder) group(p *product, entry string) {
	group, kind, single := strings.Cut(entry, "/")
	v, ok := b.d.verbOf(group)
	if !ok {
		b.ownEvent(p, group)
		return
	}
	at := b.service(v.siid, v.name, v.text, false)
	kinds := v.kinds
	if single {
		kinds = []string{kind}
	}
	var args []int
	for i, key := range v.args {
		args = append(args, b.argument(at, v.siid, firstArgument+i, key))
	}
	for _, kind := range kinds {
		b.event(at, group, kind, b.d.kinds[kind], eventName(kind), args, v.args)
	}
}

// argument returns a property that events of the service carry.
func (b *builder) argument(at, siid, piid int, key string) int {
	if i := b.spec.Prop(siid, piid); i >= 0 {
		return i
	}
	c, ok := b.d.facets[key]
	if !ok {
		c = facet{name: strings.ReplaceAll(key, "_", "-"), format: mi.FormatInt}
		if key == "args" || key == "data" {
			c.format = mi.FormatText
		}
	}
	return b.add(mi.Property{
		Service: at, SIID: siid, PIID: piid, Name: c.name, Text: sentence(c.name), Format: c.format,
		Key: mi.Key(b.spec.Services[at].Key + "/" + c.name + "-of-event"),
	})
}

func (b *builder) event(at int, group, kind string, eiid int, name string, args []int, keys []string) {
	id := group + "/" + kind
	if _, ok := b.events[id]; ok || eiid == 0 {
		return
	}
	s := &b.spec.Services[at]
	b.spec.Events = append(b.spec.Events, mi.Event{
		Service: at, SIID: s.IID, EIID: eiid, Key: mi.Key(s.Key + "/" + name), Name: name, Text: sentence(name), Args: args,
	})
	b.events[id] = len(b.spec.Events) - 1
	b.args = append(b.args, keys)
}

// own adds a property of the product's own MIoT spec, which must be at hand.
func (b *builder) own(p *product, id string) {
	s := b.d.specOf(p)
	if s == nil {
		return
	}
	i := slices.IndexFunc(s.Props, func(p mi.Property) bool { return p.ID() == id })
	if i < 0 {
		return
	}
	prop := s.Props[i]
	from := &s.Services[prop.Service]
	prop.Service = b.service(prop.SIID, from.Name, from.Text, from.Vendor)
	prop.Key = mi.Key(b.spec.Services[prop.Service].Key + "/" + prop.Name)
	prop.Access = mi.Notify
	b.props[id] = b.add(prop)
}

// ownEvent adds an event of the product's own MIoT spec.
func (b *builder) ownEvent(p *product, id string) {
	s := b.d.specOf(p)
	if s == nil {
		return
	}
	i := slices.IndexFunc(s.Events, func(e mi.Event) bool { return e.ID() == id })
	if i < 0 {
		return
	}
	e := &s.Events[i]
	from := &s.Services[e.Service]
	at := b.service(e.SIID, from.Name, from.Text, from.Vendor)
	keys := []string{"data"}
	b.event(at, id, "", e.EIID, e.Name, []int{b.argument(at, e.SIID, firstArgument, "data")}, keys)
}

// title is what the product is called, with what stands on it.
func (p *product) title() string {
	if p.model == p.miot || strings.Contains(p.name, p.model) || p.kind.name == "bthome" || p.kind.name == "atc" {
		return p.name
	}
	return p.name + " (" + p.model + ")"
}

// entry is how a fact is called in a sheet.
func (f *fact) entry() string {
	if f.n == 0 {
		return f.key
	}
	return f.key + "#" + strconv.Itoa(f.n)
}

// miss lists what a reading tells beyond a model, as entries of a sheet.
func (m *model) miss(d *decoder, r *reading, into []string) []string {
	for i := range r.facts {
		f := &r.facts[i]
		if _, ok := m.props[f.key]; ok && f.n == 0 {
			continue
		}
		if e := f.entry(); f.n < maxRepeats && !m.has(e) {
			into = append(into, e)
		}
	}
	for i := range r.presses {
		p := &r.presses[i]
		if _, ok := m.events[p.group+"/"+p.kind]; !ok {
			into = append(into, d.lacking(p))
		}
	}
	return into
}

const maxRepeats = 16 // of one key in a frame that are shown

func (m *model) has(entry string) bool {
	_, ok := m.props[entry]
	return ok
}

// lacking is the entry that adds the event of a press.
func (d *decoder) lacking(p *press) string {
	if v, ok := d.verbOf(p.group); ok && !slices.Contains(v.kinds, p.kind) {
		return "!" + p.group + "/" + p.kind
	}
	return "!" + p.group
}
