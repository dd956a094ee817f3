package miio

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

//go:embed specs/*.json
var specFiles embed.FS

// Specs returns the spec instances of the virtual models, one <model>.json each.
func Specs() fs.FS {
	sub, err := fs.Sub(specFiles, "specs")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	return sub
}

// instance is what a virtual MIoT device knows of its own spec.
type instance struct {
	Services []service `json:"services"`

	props   map[string]*prop
	actions map[string]*action
}

type service struct {
	IID     int      `json:"iid"`
	Props   []prop   `json:"properties"`
	Actions []action `json:"actions"`
}

type prop struct {
	Type   string    `json:"type"`
	IID    int       `json:"iid"`
	Format string    `json:"format"`
	Access []string  `json:"access"`
	Range  []float64 `json:"value-range"`
	List   []struct {
		Value int64 `json:"value"`
	} `json:"value-list"`

	read, write, notify bool
	name                string
}

type action struct {
	IID int   `json:"iid"`
	In  []int `json:"in"`
}

// iid names a property or action: "2.1".
func iid(siid, n int) string { return strconv.Itoa(siid) + "." + strconv.Itoa(n) }

// splitIID is the way back.
func splitIID(key string) (siid, n int) {
	a, b, _ := strings.Cut(key, ".")
	siid, _ = strconv.Atoi(a)
	n, _ = strconv.Atoi(b)
	return siid, n
}

func loadSpec(model string) (*instance, error) {
	raw, err := specFiles.ReadFile("specs/" + model + ".json")
	if err != nil {
		return nil, fmt.Errorf("virtual: spec of %s: %w", model, err)
	}
	s := &instance{props: map[string]*prop{}, actions: map[string]*action{}}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("virtual: spec of %s: %w", model, err)
	}
	for i := range s.Services {
		s.index(&s.Services[i])
	}
	return s, nil
}

func (s *instance) index(v *service) {
	for i := range v.Props {
		p := &v.Props[i]
		if urn := strings.Split(p.Type, ":"); len(urn) > 3 {
			p.name = urn[3]
		}
		for _, a := range p.Access {
			p.read = p.read || a == "read"
			p.write = p.write || a == "write"
			p.notify = p.notify || a == "notify"
		}
		s.props[iid(v.IID, p.IID)] = p
	}
	for i := range v.Actions {
		s.actions[iid(v.IID, v.Actions[i].IID)] = &v.Actions[i]
	}
}

// accept turns a value from the wire into one of the property's own type; ok is
// false when it is of another type or out of range.
func (p *prop) accept(v mi.Value) (mi.Value, bool) {
	switch {
	case p.Format == "bool":
		b, ok := v.Bool()
		return mi.Bool(b), ok && (v.Kind() == mi.KindBool || v.Kind() == mi.KindInt)
	case p.Format == "string":
		return v, v.Kind() == mi.KindText
	case v.Kind() != mi.KindInt && v.Kind() != mi.KindFloat:
		return v, false
	case p.Format == "float":
		f, _ := v.Float()
		return mi.Float(f), p.allows(f)
	}
	f, _ := v.Float()
	i, ok := v.Int()
	return mi.Int(i), ok && f == float64(i) && p.allows(f)
}

func (p *prop) allows(f float64) bool {
	for _, c := range p.List {
		if float64(c.Value) == f {
			return true
		}
	}
	if len(p.List) > 0 {
		return false
	}
	return len(p.Range) < 2 || (f >= p.Range[0] && f <= p.Range[1])
}

// number makes f a value of the property's own type, rounded to its step and
// kept inside its range.
func (p *prop) number(f float64) mi.Value {
	if len(p.Range) >= 2 {
		f = min(max(f, p.Range[0]), p.Range[1])
	}
	if p.Format != "float" {
		return mi.Int(int64(roundTo(f, 1)))
	}
	step := 0.1
	if len(p.Range) >= 3 && p.Range[2] > 0 {
		step = p.Range[2]
	}
	return mi.Float(roundTo(f, step))
}

func roundTo(f, step float64) float64 {
	n := math.Round(f / step)
	if inverse := math.Round(1 / step); step < 1 && inverse >= 1 {
		return n / inverse // 0.1 has no exact form: dividing gives the shortest one
	}
	return n * step
}
