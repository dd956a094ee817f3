package tv

import (
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	mdnsService = "_rc._tcp.local."
	maxRecords  = 128 // of one message that are looked at
)

// mdnsGroup is where multicast DNS questions go.
func mdnsGroup() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{224, 0, 0, 251}), 5353)
}

// appendQuestion appends the question for all TVs. It is sent from a port of our
// own, so that the answers come by unicast.
func appendQuestion(b []byte) ([]byte, error) {
	name, err := dnsmessage.NewName(mdnsService)
	if err != nil {
		return nil, err
	}
	builder := dnsmessage.NewBuilder(b, dnsmessage.Header{})
	if err := builder.StartQuestions(); err != nil {
		return nil, err
	}
	q := dnsmessage.Question{Name: name, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}
	if err := builder.Question(q); err != nil {
		return nil, err
	}
	return builder.Finish()
}

// isTV reports whether an answer announces the remote control service of a TV. Its
// records name the port of another protocol, so that only the sender is of use.
func isTV(b []byte) bool {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || !h.Response || p.SkipAllQuestions() != nil {
		return false
	}
	for range maxRecords {
		r, err := p.Answer()
		if err != nil {
			return false
		}
		if strings.EqualFold(r.Header.Name.String(), mdnsService) && r.Header.Type == dnsmessage.TypePTR {
			return true
		}
	}
	return false
}
