package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func sortedNames(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// newInfo checks the fields of one device; keys are did, host, token, model,
// name, mac, room, parent.
func newInfo(raw map[string]string) (mi.Info, error) {
	if !isToken(raw["token"]) {
		return mi.Info{}, errors.New("its token is not right; a token has 32 hexadecimal digits")
	}
	if raw["did"] == "" && raw["host"] == "" {
		return mi.Info{}, errors.New("neither its did nor its host is given")
	}
	if did := raw["did"]; did != "" && !didShape.MatchString(did) {
		return mi.Info{}, fmt.Errorf("%q is not a did; a did is a number, or a word and a number such as lumi.158d0001a2b3c4", did)
	}
	if model := raw["model"]; model != "" && !modelShape.MatchString(model) {
		return mi.Info{}, fmt.Errorf("%q is not a model; a model looks like zhimi.airpurifier.mb3", model)
	}
	addr, err := hostPort(raw["host"])
	if err != nil {
		return mi.Info{}, err
	}
	return mi.Info{
		DID: raw["did"], Model: raw["model"], Name: raw["name"], Room: raw["room"], Parent: raw["parent"],
		MAC: hardware(raw["mac"]), Addr: addr, Token: mi.Secret(strings.ToLower(raw["token"])),
	}, nil
}

// isToken tells the usual form, and the long one of old backups. Ten thousand of them
// are looked at each time: an expression is slow.
func isToken(s string) bool {
	return (len(s) == 32 || len(s) == 96) && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// hostPort completes a host by the port of miIO devices.
func hostPort(host string) (string, error) {
	if host == "" {
		return "", nil
	}
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host, nil
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, ": /@") {
		return "", fmt.Errorf("%q is not a host; a host is an address such as 192.168.1.20, or a name", host)
	}
	return net.JoinHostPort(host, miioPort), nil
}

// hardware returns a MAC address in its usual spelling, "" for anything else.
func hardware(mac string) string {
	if mac == "" || !macShape.MatchString(mac) {
		return ""
	}
	return strings.ToLower(strings.ReplaceAll(mac, "-", ":"))
}
