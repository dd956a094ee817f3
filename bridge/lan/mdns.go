package lan

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	mdnsWait   = 3 * time.Second // for answers to a question
	maxRecords = 128             // of one message that are looked at
)

// Group is where multicast DNS questions go.
func Group() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{224, 0, 0, 251}), 5353)
}

// Ask asks on one interface who offers a service, such as "_miio._udp.local.", and
// hands every message over that comes within three seconds; Records reads it. It
// leaves from the interface's address and from a port of our own, so that the
// answers come by unicast.
func Ask(ctx context.Context, n mi.Network, i mi.Interface, service string, heard func(from netip.AddrPort, message []byte)) {
	ctx, cancel := context.WithTimeout(ctx, mdnsWait)
	defer cancel()
	conn, err := n.ListenUDP(ctx, netip.AddrPortFrom(i.Prefix.Addr(), 0).String())
	if err != nil {
		return // the address went away in this moment
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	question, err := appendQuestion(nil, service)
	if err != nil || conn.WriteBatch([]mi.Packet{{Data: question, Addr: Group()}}) != nil {
		return // an interface without a multicast route
	}
	in := []mi.Packet{{Data: make([]byte, 0, 9000)}}
	for {
		n, err := conn.ReadBatch(in)
		if err != nil {
			return
		}
		for _, p := range in[:n] {
			heard(p.Addr, p.Data)
		}
	}
}

func appendQuestion(b []byte, service string) ([]byte, error) {
	name, err := dnsmessage.NewName(service)
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

// Records yields the records of an answer, up to what cannot be read; none of a
// message that is no answer.
func Records(message []byte) iter.Seq[dnsmessage.Resource] {
	return func(yield func(dnsmessage.Resource) bool) {
		var p dnsmessage.Parser
		h, err := p.Start(message)
		if err != nil || !h.Response || p.SkipAllQuestions() != nil {
			return
		}
		left := maxRecords
		for _, next := range []func() (dnsmessage.Resource, error){p.Answer, p.Authority, p.Additional} {
			for ; left > 0; left-- {
				r, err := next()
				if err != nil {
					break // the section's end, or what cannot be read
				}
				if !yield(r) {
					return
				}
			}
		}
	}
}
