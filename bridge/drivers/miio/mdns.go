package miio

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
)

const mdnsService = "_miio._udp.local."

// announcement is what a device says of itself by multicast DNS. The model comes
// without proof and without a token.
type announcement struct {
	model string
	did   uint64     // 0 when the name does not hold it
	mac   string     // "" when not told
	addr  netip.Addr // invalid when not told
}

// parseAnnouncement reads an answer; ok is false when it is about something else.
func parseAnnouncement(b []byte) (a announcement, ok bool) {
	for r := range lan.Records(b) {
		a.add(r)
	}
	return a, a.model != ""
}

func (a *announcement) add(r dnsmessage.Resource) {
	switch body := r.Body.(type) {
	case *dnsmessage.PTRResource:
		a.named(body.PTR.String())
	case *dnsmessage.SRVResource:
		a.named(r.Header.Name.String())
	case *dnsmessage.TXTResource:
		a.named(r.Header.Name.String())
		if m := macText.FindStringSubmatch(strings.Join(body.TXT, "\n")); m != nil {
			a.mac = colons(strings.ToLower(m[1]))
		}
	case *dnsmessage.AResource:
		if ip := netip.AddrFrom4(body.A); ip.IsPrivate() || ip.IsLinkLocalUnicast() {
			a.addr = ip
		}
	}
}

// macText finds the address even where a damaged key stands in front of it.
var macText = regexp.MustCompile(`mac=([0-9A-Fa-f]{12})\b`)

// named reads an instance such as roborock-vacuum-s5_miio260426251.
func (a *announcement) named(instance string) {
	label, ok := strings.CutSuffix(instance, "."+mdnsService)
	if !ok || strings.Contains(label, ".") {
		return
	}
	product, rest, _ := strings.Cut(strings.ToLower(label), "_")
	if m := model(strings.ReplaceAll(product, "-", ".")); m != "" {
		a.model = m
	}
	if digits, ok := strings.CutPrefix(rest, "miio"); ok {
		if did, err := strconv.ParseUint(digits, 10, 64); err == nil {
			a.did = did
		}
	}
}

func colons(mac string) string {
	var parts []string
	for ; len(mac) >= 2; mac = mac[2:] {
		parts = append(parts, mac[:2])
	}
	return strings.Join(parts, ":")
}
