package yeelight

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Port is where lamps listen for commands; SearchPort is where they are found.
const (
	Port       = 55443
	SearchPort = 1982
)

const maxHeaders = 64 // of an advert that are looked at

// group is where lamps advertise themselves and hear searches.
func group() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 255, 255, 250}), SearchPort)
}

// search returns the question for lamps at to. The order of its headers and the
// missing empty line at the end are what lamps know.
func search(to netip.AddrPort) []byte {
	return []byte("M-SEARCH * HTTP/1.1\r\nHOST: " + to.String() + "\r\nMAN: \"ssdp:discover\"\r\nST: wifi_bulb")
}

// advert is what a lamp says of itself, asked or unasked.
type advert struct {
	did      uint64
	addr     netip.AddrPort // where it says that it listens
	model    string         // short: "stripe", "ceiling4"
	firmware string
	name     string
	support  string // method names between blanks
	unasked  bool
}

// parseAdvert reads an answer to a search or an announcement.
func parseAdvert(data []byte) (advert, error) {
	head, rest, _ := strings.Cut(string(data), "\n")
	head = strings.TrimSpace(head)
	a := advert{unasked: head == "NOTIFY * HTTP/1.1"}
	if !a.unasked && head != "HTTP/1.1 200 OK" || !utf8.Valid(data) {
		return a, fmt.Errorf("yeelight: advert: %w", mi.ErrProtocol)
	}
	h := headers(rest)
	if nts := h["NTS"]; nts != "" && nts != "ssdp:alive" {
		return a, fmt.Errorf("yeelight: advert: %q: %w", nts, mi.ErrProtocol)
	}
	var err error
	if a.did, err = parseID(h["id"]); err != nil {
		return a, err
	}
	if a.addr, err = parseLocation(h["Location"]); err != nil {
		return a, err
	}
	a.model, a.firmware, a.support, a.name = h["model"], h["fw_ver"], h["support"], plainName(h["name"])
	return a, nil
}

// headers reads lines "key: value" up to the first empty one; the first of a key
// counts.
func headers(text string) map[string]string {
	h := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" || len(h) == maxHeaders {
			break
		}
		key, value, ok := strings.Cut(line, ":")
		if _, twice := h[key]; ok && !twice {
			h[key] = strings.TrimSpace(value)
		}
	}
	return h
}

// parseID reads "0x00000000037073d2", the same number as the miIO did.
func parseID(s string) (uint64, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	did, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil || did == 0 {
		return 0, fmt.Errorf("yeelight: advert: id %.24q: %w", s, mi.ErrProtocol)
	}
	return did, nil
}

// parseLocation reads "yeelight://192.0.2.10:55443"; odd firmware puts a blank
// before the port.
func parseLocation(s string) (netip.AddrPort, error) {
	rest, ok := strings.CutPrefix(s, "yeelight://")
	addr, err := netip.ParseAddrPort(strings.ReplaceAll(rest, " ", ""))
	if !ok || err != nil || addr.Port() == 0 {
		return addr, fmt.Errorf("yeelight: advert: location %.40q: %w", s, mi.ErrProtocol)
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}

// plainName undoes the base64 in which some applications store names.
func plainName(s string) string {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) == 0 || !utf8.Valid(raw) || len(s) < 8 {
		return s
	}
	for _, r := range string(raw) {
		if r < ' ' {
			return s
		}
	}
	return string(raw)
}

// command is one method of the lamp with its params: texts and whole numbers.
type command struct {
	method string
	params []any
}

// appendCommand appends a command as a line. A command holds nothing that JSON
// cannot say.
func appendCommand(b []byte, id int, c command) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	params := c.params
	if params == nil {
		params = []any{}
	}
	_ = enc.Encode(params) // texts and numbers always encode
	b = strconv.AppendInt(append(b, `{"id":`...), int64(id), 10)
	b = strconv.AppendQuote(append(b, `,"method":`...), c.method)
	b = append(append(b, `,"params":`...), bytes.TrimRight(buf.Bytes(), "\n")...)
	return append(b, "}\r\n"...)
}

// message is one line of a lamp: an answer, or a report of properties.
type message struct {
	answer bool
	id     int
	result []string
	err    error             // of an answer: why the lamp refused
	props  map[string]string // of a report
}

// parseLine reads one line.
func parseLine(line []byte) (message, error) {
	var in struct {
		ID     *int              `json:"id"`
		Result []json.RawMessage `json:"result"`
		Error  *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
		Method string                     `json:"method"`
		Params map[string]json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(line), &in); err != nil {
		return message{}, fmt.Errorf("yeelight: line: %w: %w", err, mi.ErrProtocol)
	}
	switch {
	case in.ID != nil && in.Error != nil:
		return message{answer: true, id: *in.ID, err: &refusal{in.Error.Code, in.Error.Message}}, nil
	case in.ID != nil && in.Result != nil:
		m := message{answer: true, id: *in.ID, result: make([]string, len(in.Result))}
		for i, raw := range in.Result {
			m.result[i] = plain(raw)
		}
		return m, nil
	case in.ID == nil && in.Method == "props" && in.Params != nil:
		m := message{props: make(map[string]string, len(in.Params))}
		for name, raw := range in.Params {
			m.props[name] = plain(raw)
		}
		return m, nil
	}
	return message{}, fmt.Errorf("yeelight: line: neither answer nor report: %w", mi.ErrProtocol)
}

// plain returns a value as text: lamps send numbers as texts or as numbers.
func plain(raw json.RawMessage) string {
	v, err := mi.ParseJSON(raw)
	if err != nil {
		return ""
	}
	return v.String()
}

// refusal is an error with which a lamp answers.
type refusal struct {
	code int
	text string // the lamp's own words
}

var _ mi.Refusal = (*refusal)(nil)

// Error implements error.
func (r *refusal) Error() string {
	meaning, code := r.Refused()
	return fmt.Sprintf("%s (%d): %v", meaning, code, r.Unwrap())
}

// Refused implements mi.Refusal.
func (r *refusal) Refused() (meaning string, code int) {
	return fmt.Sprintf("the lamp says %.80q", r.text), r.code
}

// Unwrap returns the kind of the failure.
func (r *refusal) Unwrap() error {
	switch {
	case strings.Contains(r.text, "quota"):
		return mi.ErrBusy
	case strings.Contains(r.text, "support"):
		return mi.ErrUnsupported
	}
	return mi.ErrInvalid
}
