package spec

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The shape of an instance file, as miot-spec.org serves it. Lists may be null.
type (
	instance struct {
		Type        string    `json:"type"`
		Description text      `json:"description"`
		Services    []service `json:"services"`
	}
	service struct {
		IID         int        `json:"iid"`
		Type        string     `json:"type"`
		Description text       `json:"description"`
		Properties  []property `json:"properties"`
		Actions     []action   `json:"actions"`
		Events      []event    `json:"events"`
	}
	property struct {
		IID         int        `json:"iid"`
		Type        string     `json:"type"`
		Description text       `json:"description"`
		Format      string     `json:"format"`
		Access      []string   `json:"access"`
		Unit        text       `json:"unit"`
		Range       []mi.Value `json:"value-range"`
		List        []choice   `json:"value-list"`
	}
	choice struct {
		Value       mi.Value `json:"value"`
		Description text     `json:"description"`
	}
	action struct {
		IID         int    `json:"iid"`
		Type        string `json:"type"`
		Description text   `json:"description"`
		In          params `json:"in"`
		Out         params `json:"out"`
	}
	event struct {
		IID         int    `json:"iid"`
		Type        string `json:"type"`
		Description text   `json:"description"`
		Arguments   params `json:"arguments"`
	}
)

// text is a string that some files write as null, a number or an object of
// languages.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*t = text(s)
		return nil
	}
	var languages map[string]string
	if json.Unmarshal(raw, &languages) == nil {
		*t = text(languages["en"])
		return nil
	}
	*t = text(bytes.Trim(raw, `"`))
	if string(*t) == "null" {
		*t = ""
	}
	return nil
}

// params is a list of piids; some files write objects {"piid": n} instead.
type params []int

// UnmarshalJSON implements json.Unmarshaler.
func (p *params) UnmarshalJSON(raw []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return fmt.Errorf("not a list of piids: %.40s", raw)
	}
	for _, item := range items {
		n, err := piid(item)
		if err != nil {
			return err
		}
		*p = append(*p, n)
	}
	return nil
}

func piid(raw json.RawMessage) (int, error) {
	var n int
	if json.Unmarshal(raw, &n) == nil {
		return n, nil
	}
	var object struct {
		PIID int `json:"piid"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return 0, fmt.Errorf("not a piid: %.40s", raw)
	}
	return object.PIID, nil
}
