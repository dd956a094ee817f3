package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Limits of one instance; the largest published one has about 400 properties.
const (
	MaxSize       = 4 << 20
	MaxProperties = 2000
	MaxActions    = 500
	MaxEvents     = 500
	maxText       = 512
)

// Parse reads one MIoT instance. Oddities that occur in published files (null
// lists, repeated piids, unknown formats) are taken; an error names the place
// and what would be right, and wraps mi.ErrProtocol.
func Parse(raw []byte) (*mi.Spec, error) {
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("spec: instance of %d bytes, at most %d are read: %w", len(raw), MaxSize, mi.ErrProtocol)
	}
	var in instance
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("spec: %s: %w", jsonPlace(raw, err), mi.ErrProtocol)
	}
	urn, ok := parseURN(in.Type)
	if !ok || urn.kind != "device" {
		return nil, fmt.Errorf("spec: type: %.80q is not urn:<namespace>:device:<name>:<id>:<vendor-product>:<version>: %w", in.Type, mi.ErrProtocol)
	}
	b := &builder{out: &mi.Spec{URN: in.Type, Type: urn.name, Text: clean(in.Description)}, names: map[string]int{}}
	for i := range in.Services {
		if err := b.service(&in.Services[i]); err != nil {
			return nil, fmt.Errorf("spec: services[%d]%w: %w", i, err, mi.ErrProtocol)
		}
	}
	return b.out, nil
}

// jsonPlace tells line and column of a JSON error where it has an offset.
func jsonPlace(raw []byte, err error) string {
	offset := int64(-1)
	switch e := err.(type) { //nolint:errorlint // encoding/json returns these two bare
	case *json.SyntaxError:
		offset = e.Offset
	case *json.UnmarshalTypeError:
		offset = e.Offset
	}
	if offset < 0 || offset > int64(len(raw)) {
		return err.Error()
	}
	before := string(raw[:offset])
	line := strings.Count(before, "\n") + 1
	return fmt.Sprintf("line %d column %d: %v", line, len(before)-strings.LastIndex(before, "\n")-1, err)
}

// urn is urn:<namespace>:<kind>:<name>:<id>:<vendor-product>:<version>[:…].
type urn struct {
	namespace, kind, name string
}

func parseURN(s string) (urn, bool) {
	part := strings.Split(s, ":")
	if len(s) > maxText || len(part) < 5 || part[0] != "urn" || part[3] == "" {
		return urn{}, false
	}
	return urn{namespace: part[1], kind: part[2], name: strings.Map(plain, part[3])}, true
}

// plain keeps the runes that published names have: a name becomes a part of
// topics.
func plain(r rune) rune {
	if r == '-' || r == '.' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
		return r
	}
	return '-'
}

func (u urn) vendor() bool { return u.namespace != "miot-spec-v2" }

// builder turns the parts of an instance into one flat Spec.
type builder struct {
	out   *mi.Spec
	names map[string]int // how often a name occurred in its name space
}

// place is an error text that begins with the path inside a service.
func place(format string, args ...any) error { return fmt.Errorf(format, args...) }

func (b *builder) service(s *service) error {
	u, ok := parseURN(s.Type)
	if !ok || s.IID < 0 {
		return place(": iid %d, type %.80q: a service needs an iid and a urn", s.IID, s.Type)
	}
	b.out.Services = append(b.out.Services, mi.Service{
		IID: s.IID, Name: u.name, Key: b.unique("service", u.name), Vendor: u.vendor(), Text: clean(s.Description),
	})
	at := len(b.out.Services) - 1
	first := len(b.out.Props)
	for i := range s.Properties {
		if err := b.property(at, &s.Properties[i]); err != nil {
			return place(".properties[%d]%w", i, err)
		}
	}
	props := b.out.Props[first:]
	find := func(piid int) int { return first + indexPIID(props, piid) }
	for i := range s.Actions {
		if err := b.action(at, &s.Actions[i], find); err != nil {
			return place(".actions[%d]%w", i, err)
		}
	}
	for i := range s.Events {
		if err := b.event(at, &s.Events[i], find); err != nil {
			return place(".events[%d]%w", i, err)
		}
	}
	return nil
}

// indexPIID returns the index of piid in props, or a negative number so small
// that adding an offset keeps it negative.
func indexPIID(props []mi.Property, piid int) int {
	for i := range props {
		if props[i].PIID == piid {
			return i
		}
	}
	return -MaxProperties - 1
}

// unique appends "-n" to the n-th repeat of a name within a space.
func (b *builder) unique(space, name string) string {
	b.names[space+" "+name]++
	if n := b.names[space+" "+name]; n > 1 {
		return name + "-" + strconv.Itoa(n)
	}
	return name
}

func (b *builder) key(at int, kind, name string) mi.Key {
	service := b.out.Services[at].Key
	return mi.Key(service + "/" + b.unique(kind+" "+service, name))
}

func (b *builder) property(at int, p *property) error {
	s := &b.out.Services[at]
	u, ok := parseURN(p.Type)
	if !ok || p.IID < 0 {
		return place(": iid %d, type %.80q: a property needs an iid and a urn", p.IID, p.Type)
	}
	if b.out.Prop(s.IID, p.IID) >= 0 {
		return nil // published files repeat a piid now and then; the first one counts
	}
	if len(b.out.Props) == MaxProperties {
		return place(": more than %d properties", MaxProperties)
	}
	out := mi.Property{
		Service: at, SIID: s.IID, PIID: p.IID, Name: u.name, Vendor: u.vendor(), Text: clean(p.Description),
		Key: b.key(at, "property", u.name), Format: format(p.Format), Access: access(p.Access), Unit: unit(p.Unit),
	}
	for _, c := range p.List {
		out.List = append(out.List, mi.Choice{Value: c.Value, Label: clean(c.Description)})
	}
	var err error
	if out.Range, err = valueRange(p.Range); err != nil {
		return err
	}
	b.out.Props = append(b.out.Props, out)
	return nil
}

func (b *builder) action(at int, a *action, find func(int) int) error {
	s := &b.out.Services[at]
	u, ok := parseURN(a.Type)
	if !ok || a.IID < 0 {
		return place(": iid %d, type %.80q: an action needs an iid and a urn", a.IID, a.Type)
	}
	if b.out.Action(s.IID, a.IID) >= 0 {
		return nil
	}
	if len(b.out.Actions) == MaxActions {
		return place(": more than %d actions", MaxActions)
	}
	b.out.Actions = append(b.out.Actions, mi.Action{
		Service: at, SIID: s.IID, AIID: a.IID, Name: u.name, Vendor: u.vendor(), Text: clean(a.Description),
		Key: b.key(at, "action", u.name), In: known(a.In, find), Out: known(a.Out, find),
	})
	return nil
}

func (b *builder) event(at int, e *event, find func(int) int) error {
	s := &b.out.Services[at]
	u, ok := parseURN(e.Type)
	if !ok || e.IID < 0 {
		return place(": iid %d, type %.80q: an event needs an iid and a urn", e.IID, e.Type)
	}
	if b.out.Event(s.IID, e.IID) >= 0 {
		return nil
	}
	if len(b.out.Events) == MaxEvents {
		return place(": more than %d events", MaxEvents)
	}
	b.out.Events = append(b.out.Events, mi.Event{
		Service: at, SIID: s.IID, EIID: e.IID, Name: u.name, Vendor: u.vendor(), Text: clean(e.Description),
		Key: b.key(at, "event", u.name), Args: known(e.Arguments, find),
	})
	return nil
}

// known turns piids into indexes; piids without a property are left out.
func known(piids []int, find func(int) int) []int {
	var out []int
	for _, p := range piids {
		if i := find(p); i >= 0 {
			out = append(out, i)
		}
	}
	return out
}

func format(s string) mi.Format {
	switch s {
	case "bool":
		return mi.FormatBool
	case "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "int", "uint":
		return mi.FormatInt
	case "float", "double":
		return mi.FormatFloat
	}
	return mi.FormatText
}

func access(words []string) (a mi.Access) {
	for _, w := range words {
		switch w {
		case "read":
			a |= mi.Read
		case "write":
			a |= mi.Write
		case "notify":
			a |= mi.Notify
		}
	}
	return a
}

// unit folds the spellings of "no unit" and the two micro signs.
func unit(u text) string {
	s := strings.ReplaceAll(clean(u), "\u00b5", "\u03bc")
	if s == "none" {
		return ""
	}
	return s
}

func valueRange(v []mi.Value) (*mi.Range, error) {
	if len(v) == 0 {
		return nil, nil
	}
	var n [3]float64
	for i := range min(len(v), 3) {
		f, ok := v[i].Float()
		if !ok {
			return nil, place(".value-range[%d]: %q is no number; a range is [min, max, step]", i, v[i])
		}
		n[i] = f
	}
	if len(v) < 2 || n[0] > n[1] {
		return nil, nil // says nothing that could be kept
	}
	return &mi.Range{Min: n[0], Max: n[1], Step: max(n[2], 0)}, nil
}

// clean trims a description, drops control characters and cuts what is too long.
func clean(t text) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return ' '
		}
		return r
	}, string(t))
	s = strings.TrimSpace(s)
	for len(s) > maxText {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
