package miio

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	deniedAfter = 4                // unanswered requests of a device that answers hellos and never opened a packet
	deniedSeals = 2                // packets under another token, instead of answers
	provenFor   = 45 * time.Second // in which a token that opened a packet is right: others are damaged
	changedFor  = 5 * time.Minute  // of that, once it did: its token was changed
	lately      = 10 * time.Second
)

// silence is the error of a request without answer.
type silence struct {
	greeted bool // the device answered hellos meanwhile
	text    string
	kind    error
}

func (e *silence) Error() string { return e.text }
func (e *silence) Unwrap() error { return e.kind }

// keyless says why nothing can be asked. It needs s.mu.
func (s *session) keyless() error {
	switch {
	case s.closed:
		return fmt.Errorf("the conversation is closed: %w", mi.ErrOffline)
	case s.keyErr != nil:
		return s.keyErr
	case !s.d.sessions.met(s.addr, s.did):
		return mi.Diagnose("token.missing", fmt.Errorf("its token is not known: sign in to the Xiaomi account, or give the token with the device: %w", mi.ErrDenied))
	case s.shown:
		return mi.Diagnose("token.missing", fmt.Errorf("the token is not set; the device is not paired and shows it: pair it in the Mi Home app, then take the new token: %w", mi.ErrDenied))
	}
	return mi.Diagnose("token.hidden", fmt.Errorf("the device hides its token because it is paired: sign in to the Xiaomi account, or give the token with the device: %w", mi.ErrDenied))
}

// silent says in words why no answer came, as far as it can be told.
func (s *session) silent() error {
	now := time.Now()
	s.mu.Lock()
	addr, fails := s.addr, s.silence
	greeted, babbles := now.Sub(s.greet) < lately, now.Sub(s.babble) < lately
	denied := greeted && (s.aliens >= deniedSeals && now.Sub(s.opened) > provenFor || s.opened.IsZero() && fails >= deniedAfter ||
		fails >= deniedAfter && now.Sub(s.opened) > changedFor)
	s.mu.Unlock()
	switch {
	case denied:
		return mi.Diagnose("token.wrong", &silence{greeted, fmt.Sprintf("%s says hello but ignores what is sealed with this token; "+
			"it was probably paired again: take its current token: %v", addr, mi.ErrDenied), mi.ErrDenied})
	case babbles:
		return &silence{greeted, fmt.Sprintf("%s answers what cannot be read; restart the device: %v", addr, mi.ErrTimeout), mi.ErrTimeout}
	case greeted:
		return mi.Diagnose("device.busy", &silence{greeted, fmt.Sprintf("%s says hello but did not answer the request: %v", addr, mi.ErrTimeout), mi.ErrTimeout})
	case s.d.sessions.other(addr, s.did) != 0:
		other := s.d.sessions.other(addr, s.did)
		return &silence{greeted, fmt.Sprintf("another device (%d) answers at %s: %v", other, addr, mi.ErrOffline), mi.ErrOffline}
	}
	problem, text := s.d.advisor.unreachable(addr, s.w.unsent(), now)
	return mi.Diagnose(problem, &silence{greeted, text, mi.ErrTimeout})
}

// advisor knows where this machine stands in the network.
type advisor struct {
	net mi.Network

	mu   sync.Mutex // guards the fields below
	at   time.Time
	list []mi.Interface
}

// interfaces lists the interfaces, looked up at most once a keepTick.
func (a *advisor) interfaces(now time.Time) []mi.Interface {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at.IsZero() || now.Sub(a.at) >= keepTick {
		if list, err := a.net.Interfaces(); err == nil {
			a.list = list
		}
		a.at = now
	}
	return a.list
}

// unreachable says what may keep packets from addr, as a problem and in words.
func (a *advisor) unreachable(addr netip.AddrPort, unsent error, now time.Time) (problem, text string) {
	if unsent != nil && (errors.Is(unsent, syscall.ENETUNREACH) || errors.Is(unsent, syscall.EHOSTUNREACH) || errors.Is(unsent, syscall.EPERM)) {
		return "net.none", fmt.Sprintf("no answer from %s, and this machine cannot send there (%v): check its network", addr.Addr(), unsent)
	}
	list := a.interfaces(now)
	text = fmt.Sprintf("no answer from %s", addr.Addr())
	switch local, own := near(list, addr.Addr()); {
	case local:
		return "net.none", text + " (packets leave, none return): it is off, has another address, or a firewall is between"
	case mi.Contained(list):
		return "net.bridge_network", text + fmt.Sprintf(": this program sits in a container network (%s), from which many devices do not accept requests: "+
			"use host networking (network_mode: host) or a macvlan", own)
	default:
		return "net.foreign_subnet", text + fmt.Sprintf(": it is in another network than this machine (%s); many devices answer only their own subnet: "+
			"give this machine an address there, or let the router masquerade", own)
	}
}

// near reports whether addr is in the subnet of one of our interfaces, and lists
// those that are no loopback.
func near(list []mi.Interface, addr netip.Addr) (local bool, own string) {
	var names []string
	for _, i := range list {
		local = local || i.Prefix.Contains(addr)
		if !i.Loopback {
			names = append(names, i.Prefix.String())
		}
	}
	return local, strings.Join(names, ", ")
}
