package tv

import (
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
)

const mdnsService = "_rc._tcp.local."

// isTV reports whether an answer announces the remote control service of a TV. Its
// records name the port of another protocol, so that only the sender is of use.
func isTV(b []byte) bool {
	for r := range lan.Records(b) {
		if strings.EqualFold(r.Header.Name.String(), mdnsService) && r.Header.Type == dnsmessage.TypePTR {
			return true
		}
	}
	return false
}
