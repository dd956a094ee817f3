package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// prefix begins the JSON answers of the account servers.
const prefix = "&&&START&&&"

// maxDepth is how deep the JSON of an answer may nest.
const maxDepth = 32

// text is a JSON string, number or truth value, exactly as it was written.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	switch {
	case raw[0] == '"':
		return json.Unmarshal(raw, (*string)(t))
	case raw[0] == '{' || raw[0] == '[' || string(raw) == "null":
		*t = ""
	default:
		*t = text(raw)
	}
	return nil
}

// number returns the text as a whole number; 0 when it is none.
func (t text) number() int {
	n, err := strconv.ParseInt(string(t), 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

// answer is what the account servers say, all kinds in one.
type answer struct {
	Code     text   `json:"code"`
	Desc     string `json:"desc"`
	Tips     string `json:"tips"`
	Location string `json:"location"`

	UserID    text   `json:"userId"`
	CUserID   text   `json:"cUserId"`
	PassToken string `json:"passToken"`
	Ssecurity string `json:"ssecurity"`
	Nonce     text   `json:"nonce"`

	QS           string `json:"qs"`
	SID          string `json:"sid"`
	Sign         string `json:"_sign"`
	Callback     string `json:"callback"`
	ServiceParam string `json:"serviceParam"`

	CaptchaURL      string `json:"captchaUrl"`
	NotificationURL string `json:"notificationUrl"`
	SecurityStatus  text   `json:"securityStatus"`
	Data            struct {
		Wait text `json:"wt"`
	} `json:"data"`

	LoginURL string `json:"loginUrl"`
	LongPoll string `json:"lp"`
	Timeout  text   `json:"timeout"`

	Flag        text   `json:"flag"`
	Options     []text `json:"options"`
	MaskedPhone string `json:"maskedPhone"`
	MaskedEmail string `json:"maskedEmail"`
	Info        text   `json:"info"`
}

func (a *answer) code() int { return a.Code.number() }

// says is what the server wrote, for people who look closer. It never has a
// secret: only codes and descriptions.
func (a *answer) says() string {
	words := strings.TrimSpace(a.Tips)
	if words == "" {
		words = strings.TrimSpace(a.Desc)
	}
	return fmt.Sprintf("code %d %.80q", a.code(), words)
}

// parseAnswer reads an answer of the account servers. The error of a web page is
// ErrHTML.
func parseAnswer(body []byte) (*answer, error) {
	body, _ = bytes.CutPrefix(bytes.TrimSpace(body), []byte(prefix))
	body = bytes.TrimSpace(body)
	if !bytes.HasPrefix(body, []byte("{")) {
		return nil, fmt.Errorf("account: it begins %.60q: %w", start(body), ErrHTML)
	}
	if deep(body) {
		return nil, fmt.Errorf("account: answer nests too deep: %w", mi.ErrProtocol)
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("account: answer makes no sense: %w", mi.ErrProtocol)
	}
	return &a, nil
}

// start returns how a web page begins, without what may be a secret in it: the
// first tag alone.
func start(body []byte) string {
	head := string(body[:min(len(body), 200)])
	if end := strings.IndexByte(head, '>'); end >= 0 && strings.HasPrefix(head, "<") {
		return head[:end+1]
	}
	return fmt.Sprintf("%d bytes", len(body))
}

// deep reports whether JSON nests deeper than maxDepth.
func deep(raw []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// reply is what the API says.
type reply struct {
	Code    text            `json:"code"`
	Message string          `json:"message"`
	Result  json.RawMessage `json:"result"`
}

// expired reports whether the session has to be renewed. Xiaomi says so in many
// ways, one of them with code 0 and no result.
func (r *reply) expired() bool {
	code := r.Code.number()
	if code == 2 || code == 3 {
		return true
	}
	if code < -700_000_000 && (-code%1000 == 901 || -code%1000 == 903) {
		return true
	}
	if len(r.Result) > 0 && string(r.Result) != "null" {
		return false
	}
	message := strings.ToLower(r.Message)
	for _, sign := range []string{"servicetoken_expired", "auth err", "invalid signature"} {
		if strings.Contains(message, sign) {
			return true
		}
	}
	return false
}

// parseReply reads an answer of the API: plain JSON where something is wrong,
// otherwise encrypted.
func parseReply(body []byte, s *seal) (*reply, error) {
	body = bytes.TrimSpace(body)
	body, _ = bytes.CutPrefix(body, []byte(prefix))
	if !bytes.HasPrefix(body, []byte("{")) {
		if bytes.HasPrefix(body, []byte("<")) {
			return nil, fmt.Errorf("account: it begins %.60q: %w", start(body), ErrHTML)
		}
		opened, err := s.open(body)
		if err != nil {
			return nil, err
		}
		body = bytes.TrimSpace(opened)
	}
	if deep(body) {
		return nil, fmt.Errorf("account: answer nests too deep: %w", mi.ErrProtocol)
	}
	var r reply
	if err := json.Unmarshal(body, &r); err != nil || r.Code == "" {
		return nil, fmt.Errorf("account: answer makes no sense: %w", mi.ErrProtocol)
	}
	return &r, nil
}

// refused returns the error of an answer that is not good.
func (r *reply) refused() error {
	if r.expired() {
		return fmt.Errorf("account: code %d %.80q: %w", r.Code.number(), r.Message, ErrAuthExpired)
	}
	if code := r.Code.number(); code != 0 && code != 1 {
		return fmt.Errorf("account: %w", &Refusal{code, r.Message})
	}
	return nil
}
