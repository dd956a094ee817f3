package yeelight

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	lampConns = 4  // at once
	lampQuota = 60 // commands a minute of each connection
)

// Lamp is one virtual Yeelight lamp.
type Lamp struct {
	did      uint64
	kind     kind
	net      mi.Network
	addr     string
	listener net.Listener
	search   mi.PacketConn // nil when it cannot be found

	mu       sync.Mutex // guards the fields below and is never held over I/O
	props    map[string]string
	changed  map[string]any // since the last report
	conns    map[*session]bool
	tasks    sync.WaitGroup // of the connections
	orders   []string
	asked    int // commands, get_prop too
	refused  int // of them, beyond the quota
	mute     bool
	closed   bool
	flows    map[string]*time.Timer
	off      *time.Timer
	defaults map[string]string
}

// session is one client.
type session struct {
	conn net.Conn
	out  chan []byte
	sent []time.Time // newest commands, for the quota

	music bool // made by the lamp: no quota and no answers
}

// Addr returns where the lamp takes commands.
func (l *Lamp) Addr() string { return l.addr }

// Prop returns the truth of a property by its wire name.
func (l *Lamp) Prop(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.props[name]
}

// Orders returns every command but get_prop that the lamp carried out, as they came.
func (l *Lamp) Orders() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.orders...)
}

// Asked returns how many commands came, get_prop too.
func (l *Lamp) Asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// Refused returns how many commands were beyond the quota.
func (l *Lamp) Refused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// Mute makes the lamp silent, or lets it speak again.
func (l *Lamp) Mute(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = on
}

// Press switches the lamp by hand.
func (l *Lamp) Press() {
	l.mu.Lock()
	c := call{l: l}
	c.turn(!c.isOn())
	out := l.report()
	l.mu.Unlock()
	l.tell(out)
}

// Say sends bytes to every client.
func (l *Lamp) Say(b []byte) { l.tell(bytes.Clone(b)) }

// Drop ends every connection, as a power cut does.
func (l *Lamp) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.conn.Close()
	}
}

func (l *Lamp) close() {
	l.mu.Lock()
	l.closed = true
	for _, t := range l.flows {
		t.Stop()
	}
	if l.off != nil {
		l.off.Stop()
	}
	l.mu.Unlock()
	if l.listener != nil {
		_ = l.listener.Close()
	}
	if l.search != nil {
		_ = l.search.Close()
	}
	l.Drop()
}

// accept serves clients until the listener is closed.
func (l *Lamp) accept() {
	defer l.tasks.Wait()
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		c := newSession(conn)
		l.mu.Lock()
		full := len(l.conns) >= lampConns || l.closed
		if !full {
			l.conns[c] = true
		}
		l.mu.Unlock()
		if full {
			_ = conn.Close()
			continue
		}
		l.tasks.Go(func() { l.serve(c) })
	}
}

func newSession(conn net.Conn) *session {
	return &session{conn: conn, out: make(chan []byte, 1024)}
}

// sing connects to whoever asked for music mode. Commands come there; what the lamp
// has to say goes to its other clients.
func (l *Lamp) sing(address string) {
	conn, err := l.net.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return
	}
	c := newSession(conn)
	c.music = true
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.conns[c] = true
	}
	l.mu.Unlock()
	if closed {
		_ = conn.Close()
		return
	}
	l.serve(c)
}

func (l *Lamp) serve(c *session) {
	var writer sync.WaitGroup
	writer.Go(func() {
		for b := range c.out {
			if _, err := c.conn.Write(b); err != nil {
				_ = c.conn.Close()
			}
		}
	})
	for in := bufio.NewScanner(c.conn); in.Scan(); {
		if text := bytes.TrimSpace(in.Bytes()); len(text) > 0 {
			l.obey(c, text)
		}
	}
	l.mu.Lock()
	delete(l.conns, c)
	close(c.out) // under the lock, under which it is written to
	l.mu.Unlock()
	_ = c.conn.Close()
	writer.Wait()
}

// tell sends bytes to every client.
func (l *Lamp) tell(b []byte) {
	if len(b) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		l.post(c, b)
	}
}

// post queues bytes for a client; it needs l.mu. A client that does not read loses
// them.
func (l *Lamp) post(c *session, b []byte) {
	if l.mute || c.music || !l.conns[c] {
		return
	}
	select {
	case c.out <- b:
	default:
	}
}

// obey carries out one line.
func (l *Lamp) obey(c *session, text []byte) {
	var in struct {
		ID     int        `json:"id"`
		Method string     `json:"method"`
		Params []mi.Value `json:"params"`
	}
	if json.Unmarshal(text, &in) != nil || in.Method == "" {
		l.answer(c, map[string]any{"id": in.ID, "error": failure(-1, "invalid command")})
		return
	}
	l.mu.Lock()
	l.asked++
	allowed := c.music || c.count(time.Now())
	var result []any
	fault := failure(-1, "client quota exceeded")
	if allowed {
		if in.Method != "get_prop" {
			l.orders = append(l.orders, string(text))
		}
		result, fault = l.run(in.Method, in.Params)
	} else {
		l.refused++
	}
	out := l.report()
	l.mu.Unlock()
	if fault != nil {
		l.answer(c, map[string]any{"id": in.ID, "error": fault})
	} else {
		l.answer(c, map[string]any{"id": in.ID, "result": result})
	}
	l.tell(out)
}

// count notes a command; it reports false when there were too many lately.
func (c *session) count(now time.Time) bool {
	for len(c.sent) > 0 && now.Sub(c.sent[0]) >= time.Minute {
		c.sent = c.sent[1:]
	}
	if len(c.sent) >= lampQuota {
		return false
	}
	c.sent = append(c.sent, now)
	return true
}

func (l *Lamp) answer(c *session, v any) {
	b := lineOf(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.post(c, b)
}

// report makes the line that tells what changed; it needs l.mu.
func (l *Lamp) report() []byte {
	if len(l.changed) == 0 {
		return nil
	}
	b := lineOf(map[string]any{"method": "props", "params": l.changed})
	l.changed = map[string]any{}
	return b
}

func lineOf(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	return append(b, '\r', '\n')
}

func failure(code int, text string) map[string]any {
	return map[string]any{"code": code, "message": text}
}
