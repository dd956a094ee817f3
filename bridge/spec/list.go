package spec

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// entry is one line of the list of all published specs.
type entry struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	Type    string `json:"type"`
	Status  string `json:"status"`
}

// list is the best spec of every model, as it is kept: model → URN.
type list struct {
	At   time.Time         `json:"at"`
	URNs map[string]string `json:"urns"`
}

// readList takes what miot-spec.org answers: released goes before preview, that
// before debug, then the highest version.
func readList(raw []byte, at time.Time) (*list, error) {
	var in struct {
		Instances []entry `json:"instances"`
	}
	if err := json.Unmarshal(raw, &in); err != nil || len(in.Instances) == 0 {
		return nil, fmt.Errorf("the list of specs is empty or no JSON: %w", mi.ErrProtocol)
	}
	best := make(map[string]entry, len(in.Instances))
	for _, e := range in.Instances {
		old, ok := best[e.Model]
		if !ok || cmp.Or(cmp.Compare(rank(e.Status), rank(old.Status)), cmp.Compare(e.Version, old.Version)) > 0 {
			best[e.Model] = e
		}
	}
	out := &list{At: at, URNs: make(map[string]string, len(best))}
	for model, e := range best {
		if _, ok := parseURN(e.Type); ok && ValidModel(model) {
			out.URNs[model] = e.Type
		}
	}
	return out, nil
}

// keptList reads the list in the data folder; nil when there is none.
func (d diskSource) keptList() *list {
	raw, err := d.read(listName)
	if err != nil {
		return nil
	}
	var l list
	if json.Unmarshal(raw, &l) != nil || len(l.URNs) == 0 {
		return nil
	}
	return &l
}

// keptURN tells which version of a spec is kept.
func (d diskSource) keptURN(model string) string {
	raw, err := d.Instance(model)
	if err != nil {
		return ""
	}
	var in struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(raw, &in) // a damaged one has no URN and is fetched anew
	return in.Type
}
