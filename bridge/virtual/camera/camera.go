// Package camera is an action camera that is not there, with its JSON over TCP.
package camera

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Trouble is what is wrong with a camera. The zero value is a healthy one.
type Trouble struct {
	Hangs   bool // takes every request and never answers
	Taken   bool // refuses the session: another client has it
	Garbage bool // answers what is no message
}

// State is what a camera does.
type State struct {
	Recording bool
	Mode      string // record or capture
	Photos    int
	Sessions  int   // that are open
	Most      int   // sessions that were open at the same time
	Requests  []int // numbers of those that came in, oldest first
}

// Camera is a virtual action camera that speaks JSON over TCP, one session per
// connection.
type Camera struct {
	world mi.World
	tasks sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	addr     string
	listener net.Listener       // nil while it is off
	conns    map[net.Conn]int64 // with the token of their session, 0 for none
	settings map[string]string  // by name
	names    []string           // of the settings, in their order
	battery  string
	token    int64
	state    State
	trouble  Trouble
}

// New puts up a camera at addr (host:port; "" is a free port of 127.0.0.1)
// and opens its socket; Close takes it down.
func New(w mi.World, addr string) (*Camera, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	c := &Camera{world: w, addr: addr, conns: map[net.Conn]int64{}, battery: "86", settings: map[string]string{}}
	for _, pair := range [][2]string{
		{"system_mode", "record"}, {"app_status", "idle"}, {"sd_card_status", "insert"}, {"sw_version", "YDXJv22_1.4.6"},
		{"hw_version", "YDXJ_v22"}, {"video_resolution", "1920x1080 60P 16:9"}, {"video_quality", "S.Fine"}, {"photo_size", "16M (4608x3456 4:3)"},
	} {
		c.names, c.settings[pair[0]] = append(c.names, pair[0]), pair[1]
	}
	return c, c.Switch(true)
}

// Switch turns the camera on or off by hand.
func (c *Camera) Switch(on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case on && c.listener == nil:
		l, err := c.world.Net.Listen(context.Background(), c.addr)
		if err != nil {
			return fmt.Errorf("virtual: camera: %w", err)
		}
		c.listener, c.addr = l, l.Addr().String() // a free port stays its own
		c.tasks.Go(func() { c.accept(l) })
	case !on && c.listener != nil:
		_ = c.listener.Close()
		c.listener = nil
		for conn := range c.conns {
			_ = conn.Close()
		}
	}
	return nil
}

// Close takes the camera down.
func (c *Camera) Close() error {
	err := c.Switch(false)
	c.tasks.Wait()
	return err
}

// Addr returns where the camera answers, as host:port.
func (c *Camera) Addr() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addr
}

// Hurt sets what is wrong with the camera from now on; the zero Trouble
// heals it.
func (c *Camera) Hurt(t Trouble) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble = t
}

// Take ends all sessions, as another client does that starts one.
func (c *Camera) Take() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		c.conns[conn] = 0
	}
	c.trouble.Taken = true
}

// State returns what the camera does.
func (c *Camera) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	s.Recording, s.Mode = c.settings["app_status"] == "record", c.settings["system_mode"]
	s.Requests = slices.Clone(s.Requests)
	s.Sessions = c.sessions()
	return s
}

func (c *Camera) sessions() (n int) {
	for _, token := range c.conns {
		if token != 0 {
			n++
		}
	}
	return n
}

// Drain sets the battery and tells it to whoever has a session.
func (c *Camera) Drain(percent int) {
	c.mu.Lock()
	c.battery = fmt.Sprint(percent)
	c.mu.Unlock()
	c.Say(fmt.Appendf(nil, `{"msg_id":7,"type":"battery","param":"%d"}`, percent))
}

// Say sends bytes to all clients, byte by byte, as a slow network does.
func (c *Camera) Say(b []byte) {
	c.mu.Lock()
	var all []net.Conn
	for conn := range c.conns {
		all = append(all, conn)
	}
	c.mu.Unlock()
	for _, conn := range all {
		for i := range b {
			if _, err := conn.Write(b[i : i+1]); err != nil {
				break // a client that left
			}
		}
	}
}

func (c *Camera) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		if c.listener != l {
			_ = conn.Close()
		}
		c.conns[conn] = 0
		c.mu.Unlock()
		c.tasks.Go(func() { c.serve(conn) })
	}
}

// request is what a client sends.
type request struct {
	ID    int    `json:"msg_id"`
	Token int64  `json:"token"`
	Type  string `json:"type"`
	Param string `json:"param"`
}

func (c *Camera) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		c.mu.Lock()
		delete(c.conns, conn)
		c.mu.Unlock()
	}()
	in := json.NewDecoder(conn)
	for {
		var r request
		if in.Decode(&r) != nil {
			return
		}
		for _, m := range c.answer(conn, r) {
			if _, err := conn.Write(m); err != nil {
				return
			}
		}
	}
}

// answer carries out one request and returns what is sent for it, in one piece:
// the objects follow one another without anything in between.
func (c *Camera) answer(conn net.Conn, r request) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Requests = append(c.state.Requests, r.ID)
	switch {
	case c.trouble.Hangs:
		return nil
	case c.trouble.Garbage:
		return [][]byte{[]byte(`<html>{"msg_id":}`)}
	}
	reply := map[string]any{"msg_id": r.ID, "rval": 0}
	var notice map[string]any
	switch token := c.conns[conn]; {
	case r.ID == 257 && c.trouble.Taken:
		reply["rval"] = -3
	case r.ID == 257:
		c.token++
		c.conns[conn] = c.token
		c.state.Most = max(c.state.Most, c.sessions())
		reply["param"] = c.token
	case token == 0 || token != r.Token:
		reply["rval"] = -4
	case r.ID == 258:
		c.conns[conn] = 0
	default:
		notice = c.carryOut(r, reply)
	}
	out, _ := json.Marshal(reply)
	if notice != nil {
		notice["msg_id"] = 7
		more, _ := json.Marshal(notice)
		out = append(out, more...)
	}
	half := len(out) / 2
	return [][]byte{out[:half], out[half:]}
}

// carryOut does what a client with a session asks, fills the reply and returns
// what everybody is told.
func (c *Camera) carryOut(r request, reply map[string]any) map[string]any {
	switch r.ID {
	case 2:
		return c.change(r, reply)
	case 3:
		var list []map[string]string
		for _, name := range c.names {
			list = append(list, map[string]string{name: c.settings[name]})
		}
		reply["param"] = list
	case 5:
		reply["param"] = map[string]int{"total": 7_774_208, "free": 3_000_000}[r.Type]
	case 13:
		reply["type"], reply["param"] = "battery", c.battery
	case 513:
		if c.settings["sd_card_status"] != "insert" {
			reply["rval"] = -27
			return nil
		}
		c.settings["app_status"] = "record"
		return map[string]any{"type": "start_video_record"}
	case 514:
		c.settings["app_status"] = "idle"
		return map[string]any{"type": "video_record_complete", "param": "/tmp/fuse_d/DCIM/100MEDIA/YDXJ0001.mp4"}
	case 769:
		c.state.Photos++
		return map[string]any{"type": "photo_taken", "param": "/tmp/fuse_d/DCIM/100MEDIA/YDXJ0002.jpg"}
	default:
		reply["rval"] = -23
	}
	return nil
}

// change sets a setting.
func (c *Camera) change(r request, reply map[string]any) map[string]any {
	old, known := c.settings[r.Type]
	switch {
	case !known:
		reply["rval"] = -9
	case old == r.Param:
		reply["rval"] = -21
	default:
		c.settings[r.Type] = r.Param
		return map[string]any{"type": "setting_changed", "param": r.Type, "value": r.Param}
	}
	return nil
}
