package profile

import (
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The shape of a MIoT instance file, as far as a profile fills it.
type (
	instance struct {
		Type        string            `json:"type"`
		Description string            `json:"description"`
		Services    []instanceService `json:"services"`
	}
	instanceService struct {
		IID         int                `json:"iid"`
		Type        string             `json:"type"`
		Description string             `json:"description"`
		Properties  []instanceProperty `json:"properties,omitempty"`
		Actions     []instanceAction   `json:"actions,omitempty"`
		Events      []instanceEvent    `json:"events,omitempty"`
	}
	instanceProperty struct {
		IID         int              `json:"iid"`
		Type        string           `json:"type"`
		Description string           `json:"description"`
		Format      string           `json:"format"`
		Access      []string         `json:"access"`
		Unit        string           `json:"unit,omitempty"`
		Range       []float64        `json:"value-range,omitempty"`
		List        []instanceChoice `json:"value-list,omitempty"`
	}
	instanceChoice struct {
		Value       mi.Value `json:"value"`
		Description string   `json:"description"`
	}
	instanceAction struct {
		IID         int    `json:"iid"`
		Type        string `json:"type"`
		Description string `json:"description"`
		In          []int  `json:"in"`
		Out         []int  `json:"out"`
	}
	instanceEvent struct {
		IID         int    `json:"iid"`
		Type        string `json:"type"`
		Description string `json:"description"`
		Arguments   []int  `json:"arguments"`
	}
)

func urn(kind, name string, vendor bool) string {
	namespace := "miot-spec-v2"
	if vendor {
		namespace = "vendor-spec"
	}
	return fmt.Sprintf("urn:%s:%s:%s:0:profile:1", namespace, kind, name)
}

// describe writes a property as an instance file would.
func describe(p *property, b binding, vendor bool, path string) (instanceProperty, error) {
	out := instanceProperty{
		IID: p.PIID, Type: urn("property", p.Name, p.Vendor || vendor), Description: p.Text, Unit: p.Unit, Range: p.Range, Access: []string{},
	}
	switch p.Format {
	case "bool", "float":
		out.Format = p.Format
	case "int":
		out.Format = "int32"
	case "text":
		out.Format = "string"
	default:
		return out, wrong(path+".format", "format is bool, int, float or text, not %q", p.Format)
	}
	if p.Range != nil && (len(p.Range) < 2 || len(p.Range) > 3 || p.Range[0] > p.Range[1]) {
		return out, wrong(path+".range", "range is [least, most] or [least, most, step]")
	}
	if p.Range != nil && p.List != nil {
		return out, wrong(path+".list", "a property has a range or a list, not both")
	}
	if b.read >= 0 {
		out.Access = append(out.Access, "read", "notify")
	}
	if b.set != nil {
		out.Access = append(out.Access, "write")
	}
	var err error
	out.List, err = choices(p.List, path)
	return out, err
}
