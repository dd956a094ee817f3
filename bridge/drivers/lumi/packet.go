package lumi

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Limits of what is believed of a stranger's datagram.
const (
	maxDatagram = 16 << 10
	maxFields   = 64
	maxChildren = 128
	maxFault    = 80 // characters of an error that are shown
	keySize     = 16 // of the key and of a token, in ASCII characters
)

// message is one datagram of a gateway.
type message struct {
	cmd, model, sid string
	token           string   // "" when it has none
	proto           string   // as an iam has it: "1.1.2"
	port            uint16   // as an iam has it; 0 when not told
	fields          []field  // sorted by name
	children        []listed // of a list of children
	fault           string   // the gateway refuses, in its words
}

// field is one value of a device. It may be text or a number: firmwares differ.
type field struct {
	name  string
	value mi.Value
}

// listed is a child in a gateway's list; version 1 of the protocol tells no model.
type listed struct{ sid, model string }

// envelope is the outer JSON of both versions of the protocol.
type envelope struct {
	Cmd     string            `json:"cmd"`
	Model   string            `json:"model"`
	SID     string            `json:"sid"`
	Token   string            `json:"token"`
	Proto   string            `json:"proto_version"`
	Port    json.RawMessage   `json:"port"`
	Data    json.RawMessage   `json:"data"`   // version 1: JSON text in a string
	Params  []json.RawMessage `json:"params"` // version 2: objects
	DevList []struct {
		SID   string `json:"sid"`
		Model string `json:"model"`
	} `json:"dev_list"`
}

// parse reads a datagram of a gateway.
func parse(b []byte) (message, error) {
	var e envelope
	if len(b) > maxDatagram {
		return message{}, fmt.Errorf("lumi: datagram of %d bytes: %w", len(b), mi.ErrProtocol)
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return message{}, fmt.Errorf("lumi: datagram: %w: %w", err, mi.ErrProtocol)
	}
	if e.Cmd == "" || e.SID != "" && !validSID(e.SID) {
		return message{}, fmt.Errorf("lumi: datagram without command or with a wrong sid: %w", mi.ErrProtocol)
	}
	m := message{cmd: e.Cmd, model: e.Model, sid: e.SID, proto: e.Proto, port: portOf(e.Port)}
	if len(e.Token) == keySize {
		m.token = e.Token
	}
	for _, d := range e.DevList[:min(len(e.DevList), maxChildren)] {
		m.list(d.SID, d.Model)
	}
	if err := m.data(e.Data); err != nil {
		return message{}, err
	}
	for _, p := range e.Params[:min(len(e.Params), maxFields)] {
		if err := m.object(p); err != nil {
			return message{}, err
		}
	}
	slices.SortStableFunc(m.fields, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	return m, nil
}

func portOf(raw json.RawMessage) uint16 {
	n, err := strconv.ParseUint(string(bytes.Trim(raw, `"`)), 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// data reads what stands under "data": text that holds an object or a list of
// children, or the object itself.
func (m *message) data(raw json.RawMessage) error {
	if len(raw) > 0 && raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return fmt.Errorf("lumi: data: %w: %w", err, mi.ErrProtocol)
		}
		raw = json.RawMessage(text)
	}
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil
	case raw[0] == '[':
		var sids []string
		if err := json.Unmarshal(raw, &sids); err != nil {
			return fmt.Errorf("lumi: list of children: %w: %w", err, mi.ErrProtocol)
		}
		for _, sid := range sids[:min(len(sids), maxChildren)] {
			m.list(sid, "")
		}
		return nil
	}
	return m.object(raw)
}

func (m *message) list(sid, model string) {
	if validSID(sid) {
		m.children = append(m.children, listed{sid, model})
	}
}

func (m *message) object(raw json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("lumi: values: %w: %w", err, mi.ErrProtocol)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		v, err := mi.ParseJSON(members[name])
		if err != nil {
			return fmt.Errorf("lumi: value of %.20q: %w", name, err)
		}
		if name == "error" {
			m.fault = clip(v.String())
		} else if len(m.fields) < maxFields {
			m.fields = append(m.fields, field{name, v})
		}
	}
	return nil
}

// clip shortens a stranger's words for people.
func clip(s string) string {
	if r := []rune(s); len(r) > maxFault {
		s = string(r[:maxFault])
	}
	if s == "" {
		return "error"
	}
	return s
}

// get returns the value of the field of that name.
func (m *message) get(name string) mi.Value {
	for _, f := range m.fields {
		if f.name == name {
			return f.value
		}
	}
	return mi.Value{}
}

// validSID reports whether s is a Zigbee or MAC address in lower case hex.
func validSID(s string) bool {
	if len(s) < 4 || len(s) > 16 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// protocol returns the version that a gateway speaks by the first digit of its
// proto_version; a gateway that does not say speaks version 1.
func protocol(version string) int {
	if version != "" && version[0] >= '2' && version[0] <= '9' {
		return 2
	}
	return 1
}

func whoisRequest() []byte { return []byte(`{"cmd":"whois"}`) }

func readRequest(sid string) []byte { return []byte(`{"cmd":"read","sid":"` + sid + `"}`) }

func listRequest(proto int) []byte {
	if proto == 1 {
		return []byte(`{"cmd":"get_id_list"}`)
	}
	return []byte(`{"cmd":"discovery"}`)
}

// writeRequest makes a signed write. Values are texts or whole numbers.
func writeRequest(proto int, sid, key string, values map[string]any) ([]byte, error) {
	if proto == 1 {
		data := maps.Clone(values)
		data["key"] = key
		return json.Marshal(struct {
			Cmd  string         `json:"cmd"`
			SID  string         `json:"sid"`
			Data map[string]any `json:"data"`
		}{"write", sid, data})
	}
	return json.Marshal(struct {
		Cmd    string           `json:"cmd"`
		SID    string           `json:"sid"`
		Key    string           `json:"key"`
		Params []map[string]any `json:"params"`
	}{"write", sid, key, []map[string]any{values}})
}

var errKeySize = errors.New("key and token have 16 characters each")

// writeKey signs a write: the gateway's newest token, encrypted with its key by
// AES-128-CBC.
func writeKey(key, token string) (string, error) {
	if len(key) != keySize || len(token) != keySize {
		return "", errKeySize
	}
	iv := [aes.BlockSize]byte{0x17, 0x99, 0x6d, 0x09, 0x3d, 0x28, 0xdd, 0xb3, 0xba, 0x69, 0x5a, 0x2e, 0x6f, 0x58, 0x56, 0x2e}
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return "", err
	}
	out := make([]byte, keySize)
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(out, []byte(token))
	return hex.EncodeToString(out), nil
}
