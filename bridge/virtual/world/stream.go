package world

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
)

// listener accepts streams of a Net.
type listener struct {
	machine *Machine
	addr    netip.AddrPort
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

const backlog = 128

// Listen implements mi.Network.
func (m *Machine) Listen(_ context.Context, address string) (net.Listener, error) {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	a, err := m.resolve(address, func(p place) bool { return m.net.streams[p] != nil })
	if err != nil {
		return nil, fmt.Errorf("virtual: listen on tcp %s: %w", address, err)
	}
	l := &listener{machine: m, addr: a, waiting: make(chan net.Conn, backlog), closed: make(chan struct{})}
	m.net.streams[m.place(a)] = l
	return l, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case c := <-l.waiting:
		return c, nil
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		n := l.machine.net
		n.mu.Lock()
		if p := l.machine.place(l.addr); n.streams[p] == l {
			delete(n.streams, p)
		}
		n.mu.Unlock()
		for len(l.waiting) > 0 { // nobody adds any more
			(<-l.waiting).Close()
		}
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// DialContext implements mi.Network. A machine that is cut off, or that there is not,
// lets the caller wait until ctx ends; a port where nobody listens refuses at once.
func (m *Machine) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, fmt.Errorf("virtual: dial %s %s: %w", network, address, err)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fail(err)
	}
	if host == "localhost" || host == "" {
		host = "127.0.0.1"
	}
	to, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return fail(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
	}
	conn, err := m.net.connect(m, to)
	if errors.Is(err, syscall.EHOSTUNREACH) {
		<-ctx.Done()
		err = ctx.Err()
	}
	if err != nil {
		return fail(err)
	}
	return conn, nil
}

func (n *Net) connect(m *Machine, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := m.source(netip.IPv4Unspecified(), to.Addr())
	if n.severed(from) || n.severed(to.Addr()) {
		return nil, syscall.EHOSTUNREACH
	}
	l := n.accepting(m, to)
	if l == nil && !n.inhabited(to.Addr()) {
		return nil, syscall.EHOSTUNREACH
	}
	if l == nil || len(l.waiting) == backlog {
		return nil, syscall.ECONNREFUSED
	}
	n.ephemeral[m]++
	near := netip.AddrPortFrom(from, firstFree+n.ephemeral[m]%freePorts)
	a, b := net.Pipe()
	here, there := &pipe{Conn: a, net: n, machine: m, local: near, remote: to}, &pipe{Conn: b, net: n, machine: l.machine, local: to, remote: near}
	here.peer, there.peer = there, here
	n.pipes[here], n.pipes[there] = true, true
	l.waiting <- there
	return here, nil
}

func (n *Net) accepting(m *Machine, to netip.AddrPort) *listener {
	unspecified := netip.AddrPortFrom(netip.IPv4Unspecified(), to.Port())
	if to.Addr().IsLoopback() {
		if l := n.streams[place{m, to}]; l != nil {
			return l
		}
		return n.streams[place{m, unspecified}]
	}
	if l := n.streams[place{addr: to}]; l != nil {
		return l
	}
	return n.streams[place{n.owners[to.Addr()], unspecified}]
}

// inhabited reports whether a machine has an address; a Segment has all of its own.
func (n *Net) inhabited(a netip.Addr) bool {
	if a.IsLoopback() || n.owners[a] != nil {
		return true
	}
	for _, m := range n.owners {
		if m.any && m.owns(a) {
			return true
		}
	}
	return false
}

// severed reports whether an address is cut off at the moment.
func (n *Net) severed(a netip.Addr) bool { return n.suffers(a, chaos.Cut) }

// suffers reports whether a fault happens to an address at the moment.
func (n *Net) suffers(a netip.Addr, k chaos.Kind) bool {
	for _, f := range n.faults[a] {
		if f.Kind == k && f.Covers(time.Since(n.start)) {
			return true
		}
	}
	return false
}

// Break ends every stream from and to an address, as a restart of its machine
// does.
func (n *Net) Break(addr netip.Addr) {
	n.mu.Lock()
	var broken []*pipe
	for p := range n.pipes {
		if p.local.Addr() == addr || p.remote.Addr() == addr {
			broken = append(broken, p)
		}
	}
	n.mu.Unlock()
	for _, p := range broken {
		p.Close()
	}
}

// pipe is one end of a stream.
type pipe struct {
	net.Conn
	net           *Net
	machine       *Machine
	local, remote netip.AddrPort
	peer          *pipe
	lost          bool // something was sent that never came; guarded by net.mu
}

// givenUp is how long a stream bears it that nothing arrives: nine keep-alives of
// 15 s get no answer.
const givenUp = 150 * time.Second

// hangs reports whether nothing that is written arrives at present. It needs net.mu.
func (p *pipe) hangs() bool {
	if p.local.Addr().IsLoopback() {
		return false
	}
	return p.net.severed(p.local.Addr()) || p.net.severed(p.remote.Addr()) ||
		!p.machine.owns(p.local.Addr()) || !p.peer.machine.owns(p.remote.Addr())
}

// Write implements net.Conn.
func (p *pipe) Write(b []byte) (int, error) {
	p.net.mu.Lock()
	hangs := p.hangs()
	p.lost = p.lost || hangs
	p.net.mu.Unlock()
	if hangs {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

// giveUp ends the streams that hung for long, and those of which something is
// missing though they hang no more.
func (n *Net) giveUp() {
	n.mu.Lock()
	var over []*pipe
	for p := range n.pipes {
		if hangs := p.hangs(); hangs || p.lost {
			over = append(over, p)
		}
	}
	n.mu.Unlock()
	for _, p := range over {
		p.Close()
	}
}

// LocalAddr implements net.Conn.
func (p *pipe) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(p.local) }

// RemoteAddr implements net.Conn.
func (p *pipe) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(p.remote) }

// Close implements net.Conn.
func (p *pipe) Close() error {
	p.net.mu.Lock()
	delete(p.net.pipes, p)
	p.net.mu.Unlock()
	return p.Conn.Close()
}
