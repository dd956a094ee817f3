package esphome

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	greetTime  = 15 * time.Second // for a node to answer at all
	pingEvery  = 20 * time.Second
	silentTime = 50 * time.Second // a node that says nothing that long is gone
)

// session is one conversation with a node.
type session struct {
	n      *Node
	conn   net.Conn
	frames *frames
	info   info
	heard  func(mi.Advert)
	free   atomic.Int64  // connections that the node can still make; -1 while unknown
	ended  chan struct{} // closed when the node is heard no more
	lastly error         // why; read once ended

	mu         sync.Mutex
	peripheral *peripheral // nil for none
}

// open connects to the node and learns what it can do.
func (n *Node) open(ctx context.Context, heard func(mi.Advert)) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	conn, err := n.net.DialContext(ctx, "tcp", n.address)
	if err != nil {
		return nil, fmt.Errorf("no node at %s; is it on, and does its configuration have api: and bluetooth_proxy:? %w: %w", n.address, mi.ErrOffline, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	s := &session{n: n, conn: conn, frames: newFrames(conn), heard: heard, ended: make(chan struct{})}
	s.free.Store(-1)
	if err := s.greet(); err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("the node does not answer: %w", mi.ErrTimeout)
		}
		return nil, broken(err)
	}
	return s, nil
}

// broken names the end of a stream.
func broken(err error) error {
	for _, kind := range mi.Kinds() {
		if errors.Is(err, kind) {
			return err
		}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return fmt.Errorf("the node has fallen silent: %w", mi.ErrTimeout)
	}
	return fmt.Errorf("the node ended the connection: %w: %w", mi.ErrOffline, err)
}

// greet says who we are, and asks who the node is.
func (s *session) greet() error {
	if len(s.n.key) > 0 {
		if err := s.frames.secure(s.n.key); err != nil {
			return err
		}
	}
	if err := s.frames.write(helloRequest, makeHello()); err != nil {
		return err
	}
	body, err := s.expect(helloResponse)
	if err != nil {
		return err
	}
	h, err := parseHello(body)
	if err == nil && h.major > 2 {
		err = fmt.Errorf("%s speaks version %d of the API; this is written for 1: %w", h.server, h.major, mi.ErrUnsupported)
	}
	if err != nil {
		return err
	}
	// A node without a password does not answer to one, so nobody waits for it.
	if err := s.frames.write(loginRequest, appendBytes(nil, 1, s.n.password.Reveal())); err != nil {
		return err
	}
	if err := s.frames.write(infoRequest, nil); err != nil {
		return err
	}
	if body, err = s.expect(infoResponse); err != nil {
		return err
	}
	s.info, err = parseInfo(body)
	return err
}

// expect reads until a message of a type comes.
func (s *session) expect(want uint64) ([]byte, error) {
	for {
		kind, body, err := s.frames.read()
		switch {
		case err != nil:
			return nil, err
		case kind == want:
			return body, nil
		case kind == loginResponse && refusedLogin(body):
			return nil, fmt.Errorf("the node refuses the password: %w", mi.ErrDenied)
		case kind == disconnectRequest:
			return nil, fmt.Errorf("the node sends us away: %w", mi.ErrBusy)
		}
	}
}

// read takes what the node says until it ends.
func (s *session) read() {
	defer close(s.ended)
	defer s.conn.Close()
	for {
		_ = s.conn.SetReadDeadline(time.Now().Add(silentTime)) // on a closed connection the read tells
		kind, body, err := s.frames.read()
		if err == nil {
			err = s.take(kind, body)
		}
		if err != nil {
			s.lastly = broken(err)
			return
		}
	}
}

// take takes one message.
func (s *session) take(kind uint64, body []byte) error {
	switch kind {
	case rawAdverts:
		if err := eachRaw(body, s.advert); err != nil {
			s.n.counts.malformed.Add(1)
		}
	case parsedAdvert:
		p, err := parseParsed(body)
		if err != nil {
			s.n.counts.malformed.Add(1)
			return nil
		}
		s.advert(p)
	case pingRequest:
		return s.frames.write(pingResponse, nil)
	case disconnectRequest:
		_ = s.frames.write(disconnectResponse, nil) // it hangs up anyway
		return fmt.Errorf("the node sends us away; it may be restarting: %w", mi.ErrOffline)
	case loginResponse:
		if refusedLogin(body) {
			return fmt.Errorf("the node refuses the password: %w", mi.ErrDenied)
		}
	case connectionsFree:
		free := uint64(0)
		if err := eachField(body, func(f field) {
			if f.num == 1 {
				free = f.n
			}
		}); err == nil {
			s.free.Store(int64(min(free, 255)))
		}
	case deviceConnection, servicesResponse, servicesDone, readResponse, writeResponse, notifyResponse, notifyData, gattError:
		s.mu.Lock()
		p := s.peripheral
		s.mu.Unlock()
		if p != nil {
			p.take(kind, body)
		}
	}
	return nil
}

// advert hands one advertisement over.
func (s *session) advert(p packet) {
	if !p.whole {
		s.n.counts.malformed.Add(1)
	}
	s.n.counts.heard.Add(1)
	s.n.note(p.advert.Addr, p.kind)
	p.advert.Receiver = s.n.Name()
	s.heard(p.advert)
}

// use makes p the one that is told about connections; nil for none.
func (s *session) use(p *peripheral) {
	s.mu.Lock()
	s.peripheral = p
	s.mu.Unlock()
}

// ping keeps the connection alive until it ends.
func (s *session) ping(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.conn.SetWriteDeadline(time.Now().Add(pingEvery)) // on a closed connection the write tells
			if s.frames.write(pingRequest, nil) != nil {
				_ = s.conn.Close() // the reader tells why
				return
			}
		case <-s.ended:
			return
		case <-ctx.Done():
			return
		}
	}
}
