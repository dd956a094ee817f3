package router

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"math"
	"regexp"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// commonKey salts the password where the login page shows no key of its own.
const commonKey = "a2ffa5c9be07488bbb04a3a47d3c5f6a"

// codeStale is what a router answers, inside a 200, to a token or password that
// it does not take.
const codeStale = 401

// loginHash is what is sent instead of the password:
// H(nonce + hex(H(password + key))) in hex; H is SHA-256 on firmware of about 2022
// and later, else SHA-1.
func loginHash(password mi.Secret, key, nonce string, modern bool) string {
	h := sha1.New
	if modern {
		h = sha256.New
	}
	return digest(h(), nonce+digest(h(), password.Reveal()+key))
}

func digest(h hash.Hash, text string) string {
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// number reads what is a number or a text that holds one; anything else is not
// known.
type number struct {
	value float64
	known bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(raw []byte) error {
	*n = number{}
	f, err := strconv.ParseFloat(string(bytes.Trim(raw, `"`)), 64)
	if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		*n = number{f, true}
	}
	return nil
}

func (n number) is(want float64) bool { return n.known && n.value == want }

// words reads a text or a number as text; anything else is empty.
type words string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(raw []byte) error {
	*w = ""
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*w = words(s)
		return nil
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		*w = words(n)
	}
	return nil
}

// each reads what should be a list and drops the entries that make no sense.
type each[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *each[T]) UnmarshalJSON(raw []byte) error {
	*l = nil
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil {
		return nil
	}
	for _, part := range parts {
		var one T
		if json.Unmarshal(part, &one) == nil {
			*l = append(*l, one)
		}
	}
	return nil
}

// maybe reads an object that some firmware sends as something else.
type maybe[T any] struct{ it T }

// UnmarshalJSON implements json.Unmarshaler.
func (m *maybe[T]) UnmarshalJSON(raw []byte) error {
	var one T
	if json.Unmarshal(raw, &one) == nil {
		m.it = one
	}
	return nil
}

// parse reads an answer and judges its code. Login pages and other texts are
// mi.ErrProtocol, refusals mi.ErrUnsupported, stale tokens errStale.
func parse(body []byte, into any) error {
	var head struct {
		Code number `json:"code"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return fmt.Errorf("no JSON object: %w", mi.ErrProtocol)
	}
	switch {
	case head.Code.is(codeStale):
		return errStale
	case head.Code.known && head.Code.value != 0:
		return fmt.Errorf("code %v: %w", head.Code.value, mi.ErrUnsupported)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("unexpected JSON: %w", mi.ErrProtocol)
	}
	return nil
}

// greeting is what the router tells anybody (xqsystem/init_info).
type greeting struct {
	Encryption number `json:"newEncryptMode"`
	Hardware   words  `json:"hardware"`
	Firmware   words  `json:"romversion"`
	Name       words  `json:"routername"`
	Model      words  `json:"model"`
}

// modern reports whether the login wants SHA-256.
func (g *greeting) modern() bool { return g.Encryption.known && g.Encryption.value != 0 }

var (
	pageKey = regexp.MustCompile(`key:\s*'([0-9a-zA-Z]{8,128})'`)
	pageID  = regexp.MustCompile(`deviceId\s*[=:]\s*'([^'"&<>\s]{1,64})'`)
)

// parsePage finds key and device id in the script of the login page.
func parsePage(page []byte) (key, device string) {
	key, device = commonKey, "0"
	if m := pageKey.FindSubmatch(page); m != nil {
		key = string(m[1])
	}
	if m := pageID.FindSubmatch(page); m != nil {
		device = string(m[1])
	}
	return key, device
}

// status is misystem/status. Speeds are in bytes a second, traffic in bytes.
type status struct {
	Memory maybe[struct {
		Usage number `json:"usage"` // 0…1
		Total words  `json:"total"`
	}] `json:"mem"`
	CPU maybe[struct {
		Load number `json:"load"` // 0…1
	}] `json:"cpu"`
	Temperature number `json:"temperature"` // 0 where there is no sensor
	Uptime      number `json:"upTime"`      // seconds
	WAN         maybe[struct {
		DownSpeed number `json:"downspeed"`
		UpSpeed   number `json:"upspeed"`
		Download  number `json:"download"`
		Upload    number `json:"upload"`
	}] `json:"wan"`
	Hardware maybe[struct {
		MAC      words `json:"mac"`
		Platform words `json:"platform"`
		Version  words `json:"version"`
	}] `json:"hardware"`
}
