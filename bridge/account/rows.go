package account

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"unicode"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	miioPort = "54321"
	maxName  = 128 // runes
)

var (
	didForm   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	modelForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){2,3}$`)
	urnForm   = regexp.MustCompile(`^urn:[a-z0-9-]{1,64}:device:[A-Za-z0-9:_.-]{1,160}$`)
	tokenForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	keyForm   = regexp.MustCompile(`^([0-9a-f]{24}|[0-9a-f]{32})$`)
	macForm   = regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){5}$`)
	splitForm = regexp.MustCompile(`\.s[0-9]+$`)
)

// deviceRow is a device as the lists write it.
type deviceRow struct {
	DID      text            `json:"did"`
	Token    text            `json:"token"`
	Name     text            `json:"name"`
	Model    text            `json:"model"`
	URN      text            `json:"spec_type"`
	PID      text            `json:"pid"`
	LocalIP  text            `json:"localip"`
	MAC      text            `json:"mac"`
	SSID     text            `json:"ssid"`
	ParentID text            `json:"parent_id"`
	Online   text            `json:"isOnline"`
	UID      text            `json:"uid"`
	Owner    json.RawMessage `json:"owner"`
	Extra    json.RawMessage `json:"extra"`
}

// homeRow is a home as the lists write it.
type homeRow struct {
	ID    text   `json:"id"`
	UID   text   `json:"uid"`
	Name  text   `json:"name"`
	DIDs  []text `json:"dids"`
	Rooms []struct {
		ID   text   `json:"id"`
		Name text   `json:"name"`
		DIDs []text `json:"dids"`
	} `json:"roomlist"`
}

// parseRow reads one device; ok is false when it makes no sense.
func parseRow(raw []byte) (d Device, ok bool) {
	var r deviceRow
	if json.Unmarshal(raw, &r) != nil || !didForm.MatchString(string(r.DID)) {
		return Device{}, false
	}
	if r.Model != "" && !modelForm.MatchString(string(r.Model)) {
		return Device{}, false
	}
	d.Info = mi.Info{
		DID: string(r.DID), Model: string(r.Model), Name: clean(string(r.Name)),
		MAC: mac(string(r.MAC)), Addr: homeAddress(string(r.LocalIP)), Firmware: firmware(r.Extra),
		Parent: fits(didForm, string(r.ParentID)), Token: token(string(r.Token)),
	}
	d.Connect, d.SSID, d.URN = clean(string(r.PID)), clean(string(r.SSID)), fits(urnForm, string(r.URN))
	d.Online = r.Online == "true" || r.Online == "1"
	d.Owner = owner(r)
	d.Remote = d.Connect == "15" || strings.HasPrefix(d.Model, "miir.")
	return d, true
}

func fits(form *regexp.Regexp, s string) string {
	if form.MatchString(s) {
		return s
	}
	return ""
}

// clean makes a text that people wrote fit for being shown.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
	r := []rune(strings.TrimSpace(s))
	return string(r[:min(len(r), maxName)])
}

// token returns a key of a device; one that is hidden is none.
func token(s string) mi.Secret {
	s = strings.ToLower(s)
	if !tokenForm.MatchString(s) || strings.Trim(s, "0") == "" || strings.Trim(s, "f") == "" {
		return ""
	}
	return mi.Secret(s)
}

func mac(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "-", ":"))
	if len(s) == 12 {
		s = strings.Join([]string{s[0:2], s[2:4], s[4:6], s[6:8], s[8:10], s[10:12]}, ":")
	}
	if s == "00:00:00:00:00:00" {
		return ""
	}
	return fits(macForm, s)
}

// homeAddress returns where a device listens, if that can be in a home network: the
// cloud chooses no address of this machine or of the internet.
func homeAddress(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() || !a.IsPrivate() && !a.IsLinkLocalUnicast() || a == metadata {
		return ""
	}
	return net.JoinHostPort(a.String(), miioPort)
}

// metadata is where hosters serve the secrets of a machine.
var metadata = netip.AddrFrom4([4]byte{169, 254, 169, 254})

func firmware(extra []byte) string {
	var e struct {
		Version text `json:"fw_version"`
	}
	if json.Unmarshal(extra, &e) != nil {
		return ""
	}
	return clean(string(e.Version))
}

func owner(r deviceRow) string {
	var o struct {
		ID text `json:"userid"`
	}
	if json.Unmarshal(r.Owner, &o) == nil && decimal(string(o.ID)) {
		return string(o.ID)
	}
	if decimal(string(r.UID)) {
		return string(r.UID)
	}
	return ""
}

// split reports whether d is only a part of another device of the list.
func split(d Device, all map[string]Device) bool {
	whole := splitForm.ReplaceAllString(d.DID, "")
	_, known := all[whole]
	return whole != d.DID && known
}

// rows reads the list under one of the given names, or returns none.
func rows(result []byte, names ...string) ([]json.RawMessage, map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(result, &fields); err != nil {
		return nil, nil, fmt.Errorf("account: list makes no sense: %w", mi.ErrProtocol)
	}
	var all []json.RawMessage
	for _, name := range names {
		var list []json.RawMessage
		if raw := fields[name]; raw != nil && json.Unmarshal(raw, &list) == nil {
			all = append(all, list...)
		}
	}
	return all, fields, nil
}

// field reads one field of a list's answer as text.
func field(fields map[string]json.RawMessage, name string) string {
	var t text
	if raw := fields[name]; raw == nil || json.Unmarshal(raw, &t) != nil {
		return ""
	}
	return string(t)
}
