package profile

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// The shape of a profile file. Every field is described in
// mappings/profiles/README.md.
type (
	file struct {
		Models   []string  `yaml:"models"`
		Legacy   []string  `yaml:"legacy"`
		Type     string    `yaml:"type"`
		Text     string    `yaml:"text"`
		Reads    []read    `yaml:"reads"`
		Services []service `yaml:"services"`
	}
	read struct {
		ID       string   `yaml:"id"`
		Models   []string `yaml:"models"`
		Method   string   `yaml:"method"`
		Params   any      `yaml:"params"`
		Order    []string `yaml:"order"`
		Chunk    int      `yaml:"chunk"`
		Pairs    bool     `yaml:"pairs"`
		Optional bool     `yaml:"optional"`
	}
	service struct {
		SIID       int        `yaml:"siid"`
		Name       string     `yaml:"name"`
		Text       string     `yaml:"text"`
		Vendor     bool       `yaml:"vendor"`
		Models     []string   `yaml:"models"`
		Properties []property `yaml:"properties"`
		Actions    []action   `yaml:"actions"`
		Events     []event    `yaml:"events"`
	}
	property struct {
		PIID   int           `yaml:"piid"`
		Name   string        `yaml:"name"`
		Text   string        `yaml:"text"`
		Vendor bool          `yaml:"vendor"`
		Models []string      `yaml:"models"`
		Format string        `yaml:"format"`
		Unit   string        `yaml:"unit"`
		Range  []float64     `yaml:"range"`
		List   yaml.MapSlice `yaml:"list"`
		Read   string        `yaml:"read"`
		Wire   string        `yaml:"wire"`
		Set    *setter       `yaml:"set"`
		Steps  `yaml:",inline"`
	}
	action struct {
		AIID   int      `yaml:"aiid"`
		Name   string   `yaml:"name"`
		Text   string   `yaml:"text"`
		Vendor bool     `yaml:"vendor"`
		Models []string `yaml:"models"`
		Call   string   `yaml:"call"`
		Params any      `yaml:"params"`
		Before []string `yaml:"before"`
		In     []int    `yaml:"in"`
		Out    []int    `yaml:"out"`
		Codec  string   `yaml:"codec"`
	}
	event struct {
		EIID     int      `yaml:"eiid"`
		Name     string   `yaml:"name"`
		Text     string   `yaml:"text"`
		Vendor   bool     `yaml:"vendor"`
		Models   []string `yaml:"models"`
		Property int      `yaml:"property"`
		Is       []any    `yaml:"is"`
		Above    *float64 `yaml:"above"`
		Below    *float64 `yaml:"below"`
		Args     []int    `yaml:"args"`
	}
)

// Steps is how a value comes from the wire, in this order. Writing goes the
// other way: invert, map, offset, scale, as.
type Steps struct {
	Select    string        `yaml:"select"`
	Slice     []int         `yaml:"slice"`
	Hex       bool          `yaml:"hex"`
	Codec     string        `yaml:"codec"`
	Bit       *int          `yaml:"bit"`
	Scale     *float64      `yaml:"scale"`
	Offset    float64       `yaml:"offset"`
	Clamp     bool          `yaml:"clamp"`
	Map       yaml.MapSlice `yaml:"map"`
	Else      any           `yaml:"else"`
	Threshold *float64      `yaml:"threshold"`
	Invert    bool          `yaml:"invert"`
	Const     any           `yaml:"const"`
	As        string        `yaml:"as"`
}

// setter is how a property is written: a method, a method with its params, or a
// method for each value.
type setter struct {
	Method string        `yaml:"method"`
	Params any           `yaml:"params"`
	Cases  yaml.MapSlice `yaml:"cases"`
}

// plainSetter has the fields of setter without its UnmarshalYAML.
type plainSetter setter

// UnmarshalYAML implements yaml.InterfaceUnmarshaler: a bare text is the method.
func (s *setter) UnmarshalYAML(decode func(any) error) error {
	var method string
	if decode(&method) == nil {
		s.Method = method
		return nil
	}
	var p plainSetter
	if err := decode(&p); err != nil {
		return err
	}
	*s = setter(p)
	if (s.Method == "") == (s.Cases == nil) {
		return fmt.Errorf("set is a method, {method, params} or {cases: {value: method}}")
	}
	return nil
}
