package multimode

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The topics of a gateway's own broker (openmiio and its predecessors).
const (
	topicZigbeeSend = "zigbee/send"      // what the Zigbee part says
	topicZigbeeRecv = "zigbee/recv"      // what it is told
	topicReport     = "miio/report"      // what the gateway tells the vendor's cloud
	topicCentral    = "central/report"   // the same of the newest gateways
	topicCommand    = "miio/command"     // requests to the gateway's own services
	topicAnswer     = "miio/command_ack" // and their answers
)

// Limits of what is believed of one message.
const (
	maxMessage = 64 << 10
	maxItems   = 128
)

// place is where a value or an event belongs.
type place struct {
	kind byte   // 'r' resource, 'p' property, 'e' event, 'a' action; 0 is none
	res  string // of a resource: "4.1.85"
	siid int
	iid  int
	arg  int // piid of an event's argument; 0 is the event itself
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.res, q.res), cmp.Compare(p.siid, q.siid), cmp.Compare(p.iid, q.iid))
}

// item is one thing that a device told.
type item struct {
	place
	value mi.Value
	args  []item // of an event
}

// report is what one device told in one message.
type report struct {
	did    string
	items  []item
	news   bool // it happened just now
	answer byte // 'w' to a write, 'r' to a read; 0 is none
	failed int  // error code of a write; 0 is none
}

// entry is the JSON of an item, in every form in which it occurs.
type entry struct {
	DID       string          `json:"did"`
	Res       string          `json:"res_name"`
	SIID      int             `json:"siid"`
	PIID      int             `json:"piid"`
	EIID      int             `json:"eiid"`
	Value     json.RawMessage `json:"value"`
	Args      []entry         `json:"arguments"`
	Code      int             `json:"code"`
	ErrorCode int             `json:"error_code"`
	List      []entry         `json:"res_list"` // of a heartbeat
	Specs     []entry         `json:"mi_spec"`
}

// zigbee is the JSON of a message of the Zigbee part.
type zigbee struct {
	Cmd     string  `json:"cmd"`
	DID     string  `json:"did"`
	Params  []entry `json:"params"`
	List    []entry `json:"res_list"`
	Results []entry `json:"results"`
	Specs   []entry `json:"mi_spec"`
}

func unmarshal(what string, b []byte, into any) error {
	if len(b) > maxMessage {
		return fmt.Errorf("multimode: %s of %d bytes: %w", what, len(b), mi.ErrProtocol)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("multimode: %s: %w: %w", what, err, mi.ErrProtocol)
	}
	return nil
}

// parseZigbee reads a message of the Zigbee part; nil for one that tells nothing.
func parseZigbee(b []byte) ([]report, error) {
	var z zigbee
	if err := unmarshal(topicZigbeeSend, b, &z); err != nil {
		return nil, err
	}
	switch z.Cmd {
	case "heartbeat":
		var out []report
		for _, p := range z.Params[:min(len(z.Params), maxItems)] {
			out = append(out, report{did: cmp.Or(p.DID, z.DID), items: items(p.List, p.Specs)})
		}
		return out, nil
	case "report", "read_rsp", "write_rsp":
		r := report{did: z.DID, news: z.Cmd == "report", items: items(z.Params, z.List, z.Results, z.Specs)}
		switch z.Cmd {
		case "write_rsp":
			r.answer, r.failed = 'w', failure(z.Params, z.Results, z.Specs)
		case "read_rsp":
			r.answer = 'r'
		}
		return []report{r}, nil
	}
	return nil, nil
}

func failure(lists ...[]entry) int {
	for _, l := range lists {
		for _, e := range l {
			if e.ErrorCode != 0 {
				return e.ErrorCode
			}
			if e.Code < 0 {
				return e.Code
			}
		}
	}
	return 0
}

// items reads the lists of entries; those that report an error tell nothing.
func items(lists ...[]entry) []item {
	var out []item
	for _, l := range lists {
		for i := range l {
			if it, ok := l[i].item(); ok && len(out) < maxItems {
				out = append(out, it)
			}
		}
	}
	return out
}

func (e *entry) item() (it item, ok bool) {
	if e.Code < 0 || e.ErrorCode != 0 {
		return item{}, false
	}
	switch {
	case e.Res != "":
		it.place = place{kind: 'r', res: e.Res}
	case e.SIID > 0 && e.EIID > 0:
		it.place = place{kind: 'e', siid: e.SIID, iid: e.EIID}
		it.args = e.arguments()
		return it, true
	case e.SIID > 0 && e.PIID > 0:
		it.place = place{kind: 'p', siid: e.SIID, iid: e.PIID}
	default:
		return item{}, false
	}
	if len(e.Value) == 0 {
		return item{}, false
	}
	v, err := mi.ParseJSON(e.Value)
	it.value = v
	return it, err == nil && v.Known()
}

func (e *entry) arguments() (args []item) {
	for _, a := range e.Args[:min(len(e.Args), maxItems)] {
		if len(a.Value) == 0 {
			continue
		}
		if v, err := mi.ParseJSON(a.Value); err == nil {
			args = append(args, item{place: place{kind: 'e', siid: e.SIID, iid: e.EIID, arg: a.PIID}, value: v})
		}
	}
	return args
}

// upward is what a gateway tells the vendor's cloud.
type upward struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// parseReport reads what a gateway tells the cloud: of its children, and what it
// heard by Bluetooth.
func parseReport(b []byte) (out []report, heard *beacon, err error) {
	var u upward
	if err := unmarshal(topicReport, b, &u); err != nil {
		return nil, nil, err
	}
	switch u.Method {
	case "_async.ble_event":
		heard, err = parseBeacon(u.Params)
		return nil, heard, err
	case "properties_changed", "event_occured", "_sync.ble_keep_alive", "_sync.ble_mesh_keep_alive":
	default:
		return nil, nil, nil
	}
	all, err := entries(u.Params)
	for i := range all[:min(len(all), maxItems)] {
		if all[i].DID != "" {
			r := report{did: all[i].DID, news: u.Method == "event_occured" || u.Method == "properties_changed"}
			r.items = items(all[i : i+1])
			out = append(out, r)
		}
	}
	return out, nil, err
}

// entries reads a list of entries, or one alone.
func entries(raw json.RawMessage) ([]entry, error) {
	if len(raw) > 0 && raw[0] == '{' {
		var one entry
		err := unmarshal("params", raw, &one)
		return []entry{one}, err
	}
	var all []entry
	err := unmarshal("params", raw, &all)
	return all, err
}

// answer is what a gateway says to a request.
type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func parseAnswer(b []byte) (a answer, err error) {
	err = unmarshal(topicAnswer, b, &a)
	return a, err
}
