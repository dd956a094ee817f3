package tv

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The constants with which every client of these TVs signs; they are the same on
// all TVs and protect nothing.
const (
	apiKey    = "881fd5a8c94b4945b46527b07eca2431"
	opaqueKey = "2840d5f0d078472dbc5fb78e39da123e"
	signSalt  = "mitvsignsalt"
)

const (
	maxApps = 500 // of a TV that are looked at
	maxText = 200 // bytes of a name
)

// query joins name, value, name, value, … in the given order, which the signature
// needs.
func query(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}

// sign returns the signature of a call about arg; ts counts milliseconds and only
// its last five digits are signed.
func sign(arg, key string, ts int64) string {
	digits := strconv.FormatInt(ts, 10)
	sum := md5.Sum([]byte(signSalt + arg + key + digits[max(0, len(digits)-5):]))
	return hex.EncodeToString(sum[:])
}

// opaque returns the query of a sealed call: the seal covers a token that does not
// travel.
func opaque(q, token string, ts int64) string {
	q += "&timestamp=" + strconv.FormatInt(ts, 10)
	seal := hmac.New(sha1.New, []byte(opaqueKey))
	seal.Write([]byte(q + "&" + query("token", cmp.Or(token, apiKey))))
	return q + "&opaque=" + hex.EncodeToString(seal.Sum(nil))
}

// The calls of a TV, each as the path and query of a GET.
const (
	callAlive     = "/request?action=isalive"
	callSystem    = "/controller?action=getsysteminfo"
	callVolume    = "/controller?action=getvolume"
	callOldVolume = "/general?action=getVolum"
	callApps      = "/controller?action=getinstalledapp&count=999&changeIcon=1"
)

func callKey(key string) string {
	return "/controller?" + query("action", "keyevent", "keycode", key)
}

func callSource(source string) string {
	return "/controller?" + query("action", "changesource", "source", source)
}

func callStart(pkg string) string {
	return "/controller?" + query("action", "startapp", "type", "packagename", "packagename", pkg)
}

// callSetVolume is signed with the TV's Ethernet address, spelt as the TV does.
func callSetVolume(level int, ethMAC string, ts int64) string {
	n := strconv.Itoa(level)
	return "/general?" + query("action", "setVolum", "volum", n, "ts", strconv.FormatInt(ts, 10), "sign", sign(n, ethMAC, ts))
}

func callPlay(link string, ts int64) string {
	return "/controller?" + query("action", "play", "type", "video", "url", link, "apikey", apiKey,
		"ts", strconv.FormatInt(ts, 10), "sign", sign(link, apiKey, ts))
}

// callScreen asks what is on the screen; the answer names the app in front.
func callScreen(ts int64) string {
	return "/controller?" + opaque(query("action", "capturescreen", "compressrate", "50"), "", ts)
}

// parseReply reads the envelope of an answer and returns its data, which some
// firmware packs as JSON into a text.
func parseReply(b []byte) (json.RawMessage, error) {
	var r struct {
		Msg    string          `json:"msg"`
		Result mi.Value        `json:"request_result"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", mi.ErrProtocol, err)
	}
	if r.Msg != "success" && r.Result != mi.Int(200) {
		return nil, fmt.Errorf("the TV says %q: %w", clean(r.Msg), mi.ErrInvalid)
	}
	if len(r.Data) > 0 && r.Data[0] == '"' {
		var text string
		if err := json.Unmarshal(r.Data, &text); err != nil {
			return nil, fmt.Errorf("%w: %w", mi.ErrProtocol, err)
		}
		return json.RawMessage(text), nil
	}
	return r.Data, nil
}

// parse reads data into v.
func parse(data json.RawMessage, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", mi.ErrProtocol, err)
	}
	return nil
}

// identity is what a TV says of its software.
type identity struct {
	Name     string   `json:"devicename"`
	Platform mi.Value `json:"platform"`
	Version  mi.Value `json:"version"`
}

func parseIdentity(data json.RawMessage) (i identity, err error) {
	err = parse(data, &i)
	i.Name = clean(i.Name)
	return i, err
}

// system is what a TV says of its hardware. The addresses are as the TV spells
// them.
type system struct {
	EthMAC  string `json:"ethmac"`
	WifiMAC string `json:"wifimac"`
}

func parseSystem(data json.RawMessage) (s system, err error) {
	err = parse(data, &s)
	s.EthMAC, s.WifiMAC = clean(s.EthMAC), clean(s.WifiMAC)
	return s, err
}

// parseVolume reads either spelling of the volume; most is at least 1.
func parseVolume(data json.RawMessage) (level, most int, err error) {
	var v struct {
		Volume    *mi.Value `json:"volume"`
		MaxVolume *mi.Value `json:"maxVolume"`
		Volum     *mi.Value `json:"volum"`
		MaxVolum  *mi.Value `json:"maxVolum"`
	}
	if err := parse(data, &v); err != nil {
		return 0, 0, err
	}
	now, top := cmp.Or(v.Volume, v.Volum), cmp.Or(v.MaxVolume, v.MaxVolum)
	if now == nil {
		return 0, 0, fmt.Errorf("%w: no volume", mi.ErrProtocol)
	}
	n, ok := now.Int()
	if !ok || n < 0 || n > maxVolume {
		return 0, 0, fmt.Errorf("%w: volume %.40s", mi.ErrProtocol, now)
	}
	m := int64(defaultVolume)
	if top != nil {
		if told, ok := top.Int(); ok && told > 0 && told <= maxVolume {
			m = told
		}
	}
	return int(n), int(max(n, m, 1)), nil
}

const (
	maxVolume     = 1000 // beyond which no TV counts
	defaultVolume = 100
)

// app is an installed app.
type app struct {
	Name    string `json:"AppName"`
	Package string `json:"PackageName"`
}

// parseApps returns the apps by name.
func parseApps(data json.RawMessage) ([]app, error) {
	var list struct{ AppInfo []app }
	if err := parse(data, &list); err != nil {
		return nil, err
	}
	var apps []app
	seen := map[string]bool{}
	for _, a := range list.AppInfo {
		a.Name, a.Package = clean(a.Name), clean(a.Package)
		if a.Package == "" || seen[a.Package] || len(apps) == maxApps {
			continue
		}
		seen[a.Package] = true
		a.Name = cmp.Or(a.Name, a.Package)
		apps = append(apps, a)
	}
	slices.SortFunc(apps, func(a, b app) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Package, b.Package))
	})
	return apps, nil
}

// parseScreen returns the package of the app in front; "" when the TV does not say.
func parseScreen(data json.RawMessage) (string, error) {
	var s struct {
		Package string `json:"pkg"`
	}
	err := parse(data, &s)
	return clean(s.Package), err
}

// parsePicture returns the call that fetches the picture of a screen: the TV names
// an address, often with a host that is not its own, and the token that seals it.
func parsePicture(data json.RawMessage, ts int64) (call string, err error) {
	var s struct {
		URL   string `json:"url"`
		Token string `json:"token"`
	}
	if err := parse(data, &s); err != nil {
		return "", err
	}
	u, err := url.Parse(s.URL)
	if err != nil || !strings.HasPrefix(u.Path, "/") || u.RawQuery == "" || len(s.URL) > maxURL || clean(s.URL) != clean(u.String()) {
		return "", fmt.Errorf("%w: no address of a picture", mi.ErrProtocol)
	}
	return u.EscapedPath() + "?" + opaque(u.RawQuery, s.Token, ts), nil
}

// isPicture reports whether bytes begin as a JPEG or a PNG does.
func isPicture(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xFF, 0xD8, 0xFF}) || bytes.HasPrefix(b, []byte("\x89PNG\r\n"))
}

// clean drops what no name has: control characters, broken UTF-8, great length.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
