package camera

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The messages that are used, by their numbers on the wire.
const (
	msgSet         = 2
	msgAll         = 3
	msgSpace       = 5
	msgNotice      = 7 // from the camera, unasked
	msgBattery     = 13
	msgStart       = 257
	msgStop        = 258
	msgRecordStart = 513
	msgRecordStop  = 514
	msgPhoto       = 769
)

// The refusals that mean something of their own.
const (
	refusedToken     = -4
	refusedUnchanged = -21
	refusedBusy      = -27
)

const maxMessage = 64 << 10 // bytes

// errTaken is that of a session which another client ended.
var errTaken = errors.New("another client, such as the phone app, took the camera")

// request is what the bridge sends. Requests follow one another without anything
// in between.
type request struct {
	ID    int    `json:"msg_id"`
	Token int64  `json:"token"`
	Type  string `json:"type,omitempty"`
	Param string `json:"param,omitempty"`
}

// message is what a camera sends: an answer, or a notice.
type message struct {
	ID    int             `json:"msg_id"`
	Rval  int             `json:"rval"`
	Type  string          `json:"type"`
	Param json.RawMessage `json:"param"`
	Value json.RawMessage `json:"value"` // of the setting that a notice names
}

// split cuts a stream into JSON objects; it is a bufio.SplitFunc. What stands
// between them is dropped.
func split(data []byte, atEOF bool) (advance int, token []byte, err error) {
	start, depth := 0, 0
	quoted, escaped := false, false
	for i, c := range data {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped = c == '\\'
			quoted = c != '"'
		case c == '"':
			quoted = depth > 0
		case c == '{':
			if depth++; depth == 1 {
				start = i
			}
		case c == '}' && depth > 0:
			if depth--; depth == 0 {
				return i + 1, data[start : i+1], nil
			}
		}
	}
	if depth == 0 || atEOF {
		return len(data), nil, nil
	}
	return start, nil, nil
}

// parseMessage reads one object.
func parseMessage(b []byte) (message, error) {
	var m message
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%w: %w", mi.ErrProtocol, err)
	}
	if m.ID <= 0 {
		return m, fmt.Errorf("message without a number: %w", mi.ErrProtocol)
	}
	return m, nil
}

// refusal returns what the camera's answer says of the request, nil when it did
// it.
func (m *message) refusal() error {
	switch m.Rval {
	case 0, refusedUnchanged:
		return nil
	case refusedToken:
		return fmt.Errorf("%w: %w", errTaken, mi.ErrBusy)
	case refusedBusy:
		return fmt.Errorf("the camera is busy or has no card: %w", mi.ErrBusy)
	}
	return fmt.Errorf("the camera refuses it with code %d: %w", m.Rval, mi.ErrInvalid)
}

// refused reports whether the camera is there and does not do what it was asked.
func refused(err error) bool {
	return errors.Is(err, mi.ErrInvalid) || errors.Is(err, mi.ErrBusy) && !errors.Is(err, errTaken)
}

// value reads a parameter; nothing is the unknown value.
func value(raw json.RawMessage) mi.Value {
	v, err := mi.ParseJSON(raw)
	if err != nil {
		return mi.Value{}
	}
	return v
}

// settings reads the list of all settings, each an object of its own.
func settings(raw json.RawMessage) (map[string]mi.Value, error) {
	var list []map[string]mi.Value
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("settings: %w: %w", mi.ErrProtocol, err)
	}
	out := map[string]mi.Value{}
	for _, one := range list {
		maps.Copy(out, one)
	}
	return out, nil
}

// settingNames returns the camera's names of the properties that can be written
// as a setting.
func settingNames() map[int]string {
	return map[int]string{
		propMode: "system_mode", propResolution: "video_resolution",
		propQuality: "video_quality", propPhotoSize: "photo_size",
	}
}

// fromSetting returns the property that a setting is, with its value.
func fromSetting(name string, v mi.Value) (mi.Change, bool) {
	text := v.String()
	switch name {
	case "app_status":
		return mi.Change{Prop: propRecord, Value: mi.Bool(text == "record" || text == "recording")}, text != ""
	case "system_mode":
		return mi.Change{Prop: propMode, Value: mi.Text(text)}, text == "record" || text == "capture"
	case "sd_card_status":
		return mi.Change{Prop: propCard, Value: mi.Bool(text == "insert")}, text != ""
	case "video_resolution":
		return mi.Change{Prop: propResolution, Value: mi.Text(text)}, text != ""
	case "video_quality":
		return mi.Change{Prop: propQuality, Value: mi.Text(text)}, text != ""
	case "photo_size":
		return mi.Change{Prop: propPhotoSize, Value: mi.Text(text)}, text != ""
	}
	return mi.Change{}, false
}

// fromNotice returns what a notice says of a property.
func fromNotice(m *message) (mi.Change, bool) {
	v := value(m.Param)
	switch m.Type {
	case "start_video_record":
		return mi.Change{Prop: propRecord, Value: mi.Bool(true)}, true
	case "video_record_complete":
		return mi.Change{Prop: propRecord, Value: mi.Bool(false)}, true
	case "switch_to_rec_mode":
		return mi.Change{Prop: propMode, Value: mi.Text("record")}, true
	case "switch_to_cap_mode":
		return mi.Change{Prop: propMode, Value: mi.Text("capture")}, true
	case "battery":
		return level(v)
	case "adapter_status":
		plugged, ok := v.Bool()
		return mi.Change{Prop: propCharging, Value: chargingIs(plugged)}, ok
	case "sd_card_status":
		return fromSetting(m.Type, v)
	case "setting_changed":
		return fromSetting(v.String(), value(m.Value))
	}
	return mi.Change{}, false
}

// level returns the charge of the battery, in percent.
func level(v mi.Value) (mi.Change, bool) {
	n, ok := v.Int()
	return mi.Change{Prop: propBattery, Value: mi.Int(n)}, ok && n >= 0 && n <= 100
}

func chargingIs(plugged bool) mi.Value {
	if plugged {
		return mi.Int(charging)
	}
	return mi.Int(notCharging)
}

// gigabytes turns what a card has, in kilobytes, into a value.
func gigabytes(v mi.Value) (mi.Value, bool) {
	kb, ok := v.Float()
	if !ok || kb < 0 {
		return mi.Value{}, false
	}
	return mi.Float(math.Round(kb*1024/1e7) / 100), true
}

// settable reports whether a text may be sent as the value of a setting.
func settable(text string) bool {
	return text != "" && len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
