package mi

import (
	"strconv"
	"time"
)

// Key names a property, action or event for people: "environment/temperature".
// The n-th repeat of a service or property name gets "-n". Keys of properties,
// actions and events are separate name spaces; identity is always the iid.
type Key string

// Format is the wire type of a property.
type Format uint8

// The formats that occur in MIoT specs, folded to four.
const (
	FormatText Format = iota // string, hex, none and every unknown format
	FormatBool
	FormatInt // int8 … uint64
	FormatFloat
)

// Access is the set of things that can be done with a property. The zero value
// marks a property that is only an argument of an action or event.
type Access uint8

// The bits of Access.
const (
	Read Access = 1 << iota
	Write
	Notify
)

// Spec is everything a device has: services with properties, actions and
// events, in Xiaomi's own vocabulary (MIoT-Spec-V2). It is immutable once built
// and shared between all devices of a model.
type Spec struct {
	Model    string // vendor.type.version; "" when the instance does not say
	URN      string
	Type     string // name field of the device URN: "light", "air-purifier"
	Text     string // description of the device
	Services []Service
	Props    []Property // in the order of the instance; Change.Prop indexes it
	Actions  []Action
	Events   []Event
	Tuning   Tuning
}

// Tuning is what is known of a model beyond its spec. Zero fields mean the
// default. It comes from the mapping files.
type Tuning struct {
	Batch            int           // most properties in one request
	Interval         time.Duration // between polls of the idle device
	ReadDelay        time.Duration // wait before a write is read back
	GoneAfter        time.Duration // silence after which the device counts as gone
	Sleepy           bool          // silence is normal: never gone
	Route            string        // the only route to use, such as "cloud"
	NoParallelWrites bool          // one property per write request
	Fades            bool          // lights take the time of a change, and flash
}

// Service groups properties, actions and events.
type Service struct {
	IID    int
	Name   string // name field of the URN: "environment"
	Key    string // Name, made unique within the spec: "switch-2"
	Vendor bool   // not in the namespace miot-spec-v2
	Text   string // description
}

// Property is one value of a device.
type Property struct {
	Service int // index into Spec.Services
	SIID    int
	PIID    int
	Key     Key
	Name    string // name field of the URN: "temperature"
	Vendor  bool
	Text    string // description
	Format  Format
	Access  Access
	Unit    string   // as in the instance; "" for none
	Range   *Range   // nil unless the instance has a value-range
	List    []Choice // empty unless the instance has a value-list
}

// Range limits a numeric property; Step is 0 when not given.
type Range struct{ Min, Max, Step float64 }

// Choice is one entry of a value list.
type Choice struct {
	Value Value
	Label string // description as in the instance; may be blank or repeat
}

// Action is something a device can be told to do.
type Action struct {
	Service int
	SIID    int
	AIID    int
	Key     Key
	Name    string
	Vendor  bool
	Text    string
	In, Out []int // indexes into Spec.Props
}

// Event is something that happens at a device.
type Event struct {
	Service int
	SIID    int
	EIID    int
	Key     Key
	Name    string
	Vendor  bool
	Text    string
	Args    []int // indexes into Spec.Props
}

// Join fills in what follows from the identities and names of a Spec built by hand:
// keys, and to which service everything belongs. Every SIID must be the IID of one of
// its services, and no name may repeat.
func (s *Spec) Join() {
	at := map[int]int{}
	for i := range s.Services {
		s.Services[i].Key = s.Services[i].Name
		at[s.Services[i].IID] = i
	}
	for i := range s.Props {
		p := &s.Props[i]
		p.Service = at[p.SIID]
		p.Key = Key(s.Services[p.Service].Key + "/" + p.Name)
	}
	for i := range s.Actions {
		a := &s.Actions[i]
		a.Service = at[a.SIID]
		a.Key = Key(s.Services[a.Service].Key + "/" + a.Name)
	}
	for i := range s.Events {
		e := &s.Events[i]
		e.Service = at[e.SIID]
		e.Key = Key(s.Services[e.Service].Key + "/" + e.Name)
	}
}

// ID returns the stable identity "p<siid>_<piid>".
func (p *Property) ID() string { return id('p', p.SIID, p.PIID) }

// ID returns the stable identity "a<siid>_<aiid>".
func (a *Action) ID() string { return id('a', a.SIID, a.AIID) }

// ID returns the stable identity "e<siid>_<eiid>".
func (e *Event) ID() string { return id('e', e.SIID, e.EIID) }

func id(kind byte, siid, iid int) string {
	b := append(make([]byte, 0, 12), kind)
	b = strconv.AppendInt(b, int64(siid), 10)
	b = append(b, '_')
	return string(strconv.AppendInt(b, int64(iid), 10))
}

// Prop returns the index of the property siid.piid, or -1.
func (s *Spec) Prop(siid, piid int) int {
	for i := range s.Props {
		if s.Props[i].SIID == siid && s.Props[i].PIID == piid {
			return i
		}
	}
	return -1
}

// Action returns the index of the action siid.aiid, or -1.
func (s *Spec) Action(siid, aiid int) int {
	for i := range s.Actions {
		if s.Actions[i].SIID == siid && s.Actions[i].AIID == aiid {
			return i
		}
	}
	return -1
}

// Event returns the index of the event siid.eiid, or -1.
func (s *Spec) Event(siid, eiid int) int {
	for i := range s.Events {
		if s.Events[i].SIID == siid && s.Events[i].EIID == eiid {
			return i
		}
	}
	return -1
}
