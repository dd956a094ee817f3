// Package tv is a TV with the MIUI protocol that is not there: HTTP for keys, volume
// and apps, and magic packets that wake it.
package tv

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Options say what a TV is like.
type Options struct {
	Addr     string // host:port that it answers on; "" is a free port of 127.0.0.1
	Name     string // "" is a name of its own
	MAC      string // of its cable; "" is one of its own
	WakePort uint16 // of the magic packets that it hears, or the next free one; 0 is 9
	Off      bool   // at first
	Shy      bool   // keeps its MAC addresses to itself
	// Lazy is how long it goes on answering once it was switched off.
	Lazy time.Duration
}

// Trouble is what is wrong with a TV. The zero value is a healthy one.
type Trouble struct {
	Hangs    bool // takes every call and never answers
	Drops    bool // ends every connection without an answer
	Garbage  bool // answers what is no JSON
	Unsigned bool // refuses signed calls, as firmware with other rules does
	OldOnly  bool // knows only the older call for the volume
}

// TV is a virtual Xiaomi TV with MIUI TV, as its HTTP interface shows it.
type TV struct {
	world mi.World
	o     Options
	ear   mi.PacketConn // nil where nobody may listen for magic packets
	tasks sync.WaitGroup
	done  chan struct{} // ends with Close

	mu      sync.Mutex // guards the fields below
	server  *http.Server
	closing chan struct{} // ends the calls that hang
	on      bool
	closed  bool
	volume  int
	source  string
	app     string
	played  string
	keys    []string
	calls   int
	trouble Trouble
}

const maxVolume = 60

// New puts up a TV and opens its sockets; Close takes it down.
func New(w mi.World, o Options) (*TV, error) {
	if o.Name == "" {
		o.Name = "Living room TV"
	}
	if o.MAC == "" {
		o.MAC = "02:4d:54:56:00:01"
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.WakePort == 0 {
		o.WakePort = 9
	}
	tv := &TV{world: w, o: o, volume: 20, source: "hdmi1", app: launcher, done: make(chan struct{})}
	if err := tv.wake(); err != nil {
		return nil, err
	}
	tv.listen()
	if o.Off {
		tv.sleep()
	}
	return tv, nil
}

// listen hears magic packets, where that is allowed.
func (tv *TV) listen() {
	host, _, _ := net.SplitHostPort(tv.o.Addr)
	for port := tv.o.WakePort; port < tv.o.WakePort+50; port++ {
		ear, err := tv.world.Net.ListenUDP(context.Background(), net.JoinHostPort(host, strconv.Itoa(int(port))))
		if err != nil {
			continue
		}
		tv.ear, tv.o.WakePort = ear, port
		tv.tasks.Go(tv.hear)
		return
	}
}

// WakePort returns where the TV hears magic packets.
func (tv *TV) WakePort() uint16 { return tv.o.WakePort }

func (tv *TV) hear() {
	in := []mi.Packet{{Data: make([]byte, 0, 2048)}}
	for {
		n, err := tv.ear.ReadBatch(in)
		if err != nil {
			return
		}
		if n == 1 && slices.Equal(in[0].Data, tv.magic()) {
			_ = tv.wake() // a port that somebody else took keeps it asleep
		}
	}
}

// magic is the packet that wakes this TV.
func (tv *TV) magic() []byte {
	mac, err := net.ParseMAC(tv.o.MAC)
	if err != nil {
		return nil
	}
	return slices.Concat(slices.Repeat([]byte{255}, 6), slices.Repeat(mac, 16))
}

// wake switches the TV on.
func (tv *TV) wake() error {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	tv.on = !tv.closed
	if tv.closed || tv.server != nil {
		return nil
	}
	l, err := tv.world.Net.Listen(context.Background(), tv.o.Addr)
	if err != nil {
		tv.on = false
		return fmt.Errorf("virtual: tv: %w", err)
	}
	tv.o.Addr = l.Addr().String() // a free port stays its own
	server := &http.Server{Handler: http.HandlerFunc(tv.answer), ReadHeaderTimeout: time.Minute}
	tv.server, tv.closing = server, make(chan struct{})
	tv.tasks.Go(func() { _ = server.Serve(l) })
	return nil
}

// sleep switches the TV off: nobody answers any more.
func (tv *TV) sleep() {
	tv.mu.Lock()
	server := tv.server
	if server != nil {
		close(tv.closing)
	}
	tv.server, tv.on = nil, false
	tv.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
}

// power is the key: on when it is off, off when it is on.
func (tv *TV) power() {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	if tv.on = !tv.on; tv.on || tv.closed {
		return
	}
	tv.tasks.Go(func() {
		wait := time.NewTimer(max(tv.o.Lazy, 10*time.Millisecond)) // the answer leaves first
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-tv.done:
		}
		if !tv.On() {
			tv.sleep()
		}
	})
}

// Close takes the TV down.
func (tv *TV) Close() error {
	tv.mu.Lock()
	if !tv.closed {
		close(tv.done)
	}
	tv.closed = true
	tv.mu.Unlock()
	tv.sleep()
	if tv.ear != nil {
		_ = tv.ear.Close()
	}
	tv.tasks.Wait()
	return nil
}

// Switch turns the TV on or off by hand.
func (tv *TV) Switch(on bool) error {
	if on {
		return tv.wake()
	}
	tv.sleep()
	return nil
}

// Addr returns where the TV answers, as host:port.
func (tv *TV) Addr() string {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	return tv.o.Addr
}

// MAC returns the TV's address in its network.
func (tv *TV) MAC() string { return tv.o.MAC }

// Name returns what the TV calls itself.
func (tv *TV) Name() string { return tv.o.Name }

// On reports whether the TV is on.
func (tv *TV) On() bool {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	return tv.on
}

// State is what a TV does.
type State struct {
	Volume int
	Source string
	App    string   // package of the app in front
	Played string   // address of the last film
	Keys   []string // pressed, oldest first
	Calls  int      // that came in
}

// State returns what the TV does.
func (tv *TV) State() State {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	return State{tv.volume, tv.source, tv.app, tv.played, slices.Clone(tv.keys), tv.calls}
}

// Hurt sets what is wrong with the TV from now on; the zero Trouble heals it.
func (tv *TV) Hurt(t Trouble) {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	tv.trouble = t
}
