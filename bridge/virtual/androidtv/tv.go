// Package androidtv is an Android TV that is not there: pairing by a code on its
// screen, and the remote control over TLS. It has its own protobuf code.
package androidtv

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Options say what an Android TV is like.
type Options struct {
	// Addr is where it is operated, as host:port; it pairs at the next port. "" is two
	// free ports of 127.0.0.1.
	Addr string
	Name string // "" is a name of its own
	MAC  string // as its certificate has it; "" is one of its own
	// Key is one of Key; nil is made when somebody connects, which takes a
	// moment.
	Key *tls.Certificate
	// Show is told each code that comes to the screen; it may be nil.
	Show func(code string)
}

// Trouble is what is wrong with an Android TV. The zero value is a healthy
// one.
type Trouble struct {
	Hangs   bool // takes connections and says nothing, not even on those that are open
	Garbage bool // says what is no message
	Deaf    bool // its sound goes elsewhere: it tells no volume and changes none
	Coarse  bool // each volume key counts three times
	Lazy    bool // takes a while to show that it turned on or off
	Old     bool // speaks no newer TLS than 1.2, in which who is not known is told so earlier
}

// TV is a virtual TV with Google TV, as its remote control service shows it.
type TV struct {
	world mi.World
	o     Options
	key   func() (*tls.Certificate, error)
	tasks sync.WaitGroup

	mu        sync.Mutex // guards the fields below
	dice      *rand.Rand
	listeners []net.Listener // none while its network sleeps
	conns     map[net.Conn]bool
	talks     map[*talk]bool
	friends   map[[32]byte]bool // certificates that were paired
	code      string            // on the screen
	closed    bool
	state     State
	trouble   Trouble
}

// State is what an Android TV does.
type State struct {
	On     bool
	Level  int // of MaxVolume
	Muted  bool
	App    string   // package in front
	Links  []string // opened, oldest first
	Keys   []int    // pressed, oldest first
	Calls  int      // connections that came in, to be operated or paired
	Talks  int      // connections that were let in to operate it
	Denied int      // connections that were not
}

// MaxVolume is the highest volume.
const MaxVolume = 50

const launcher = "com.google.android.apps.tv.launcherx"

// New puts up a TV and opens its sockets; Close takes it down.
func New(w mi.World, o Options) (*TV, error) {
	if o.Name == "" {
		o.Name = "Bedroom TV"
	}
	if o.MAC == "" {
		o.MAC = "02:41:54:56:00:01"
	}
	tv := &TV{
		world: w, o: o, dice: w.Rand("android tv"), conns: map[net.Conn]bool{}, talks: map[*talk]bool{},
		friends: map[[32]byte]bool{}, state: State{On: true, Level: 10, App: launcher},
	}
	tv.key = sync.OnceValues(func() (*tls.Certificate, error) {
		if o.Key != nil {
			return o.Key, nil
		}
		return Key(o.Name, o.MAC)
	})
	return tv, tv.Wake()
}

// Key makes a key and a certificate as a TV of that name shows it.
func Key(name, mac string) (*tls.Certificate, error) {
	key, err := rsa.GenerateKey(nil, 2048)
	if err != nil {
		return nil, err
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "atvremote/virtual/virtual/" + name + "/" + mac},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	raw, err := x509.CreateCertificate(nil, form, form, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(raw)
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}, err
}

// Wake brings the TV's network up; whether the TV is on stays as it was.
func (tv *TV) Wake() error {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	if tv.closed || len(tv.listeners) > 0 {
		return nil
	}
	first, second, err := tv.listen()
	if err != nil {
		return fmt.Errorf("virtual: android tv: %w", err)
	}
	tv.o.Addr = first.Addr().String() // a free port stays its own
	tv.listeners = []net.Listener{first, second}
	tv.tasks.Go(func() { tv.accept(first, tv.operate) })
	tv.tasks.Go(func() { tv.accept(second, tv.pair) })
	return nil
}

// listen opens two ports, one after the other.
func (tv *TV) listen() (first, second net.Listener, err error) {
	for range 50 {
		first, err = tv.world.Net.Listen(context.Background(), orElse(tv.o.Addr, "127.0.0.1:0"))
		if err != nil {
			return nil, nil, err
		}
		host, port, _ := net.SplitHostPort(first.Addr().String())
		n, _ := strconv.Atoi(port)
		second, err = tv.world.Net.Listen(context.Background(), net.JoinHostPort(host, strconv.Itoa(n+1)))
		if err == nil || tv.o.Addr != "" {
			break
		}
		_ = first.Close()
	}
	if err != nil {
		_ = first.Close()
	}
	return first, second, err
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Sleep takes the TV's network down, as deep sleep does.
func (tv *TV) Sleep() {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	for _, l := range tv.listeners {
		_ = l.Close()
	}
	tv.listeners = nil
	tv.hangUp()
}

// hangUp ends every connection. It needs tv.mu.
func (tv *TV) hangUp() {
	for c := range tv.conns {
		_ = c.Close()
	}
}

// Close takes the TV down.
func (tv *TV) Close() error {
	tv.mu.Lock()
	tv.closed = true
	tv.mu.Unlock()
	tv.Sleep()
	tv.tasks.Wait()
	return nil
}

// Addr returns where the TV is operated, as host:port.
func (tv *TV) Addr() string {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	return tv.o.Addr
}

// MAC returns the TV's hardware address.
func (tv *TV) MAC() string { return tv.o.MAC }

// Name returns what the TV calls itself.
func (tv *TV) Name() string { return tv.o.Name }

// Code returns the code on the screen; "" when there is none.
func (tv *TV) Code() string {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	return tv.code
}

// State returns what the TV does.
func (tv *TV) State() State {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	s := tv.state
	s.Links, s.Keys = slices.Clone(s.Links), slices.Clone(s.Keys)
	return s
}

// Hurt sets what is wrong with the TV from now on; the zero Trouble heals it.
func (tv *TV) Hurt(t Trouble) {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	if tv.trouble.Hangs && !t.Hangs {
		tv.hangUp()
	}
	tv.trouble = t
}

// Forget removes every pairing and ends the connections, as clearing the service's
// storage on the TV does.
func (tv *TV) Forget() {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	clear(tv.friends)
	tv.hangUp()
}

// Press presses a key of the TV's own remote control.
func (tv *TV) Press(code int) {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	tv.press(code)
}

// Start brings an app to the front by hand.
func (tv *TV) Start(app string) {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	tv.front(app)
}

func (tv *TV) accept(l net.Listener, serve func(*tls.Conn)) {
	for {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		tv.mu.Lock()
		if len(tv.listeners) == 0 {
			_ = raw.Close()
		}
		tv.conns[raw] = true
		tv.state.Calls++
		tv.mu.Unlock()
		tv.tasks.Go(func() {
			defer func() {
				_ = raw.Close()
				tv.mu.Lock()
				delete(tv.conns, raw)
				tv.mu.Unlock()
			}()
			if conn := tv.greet(raw, l); conn != nil {
				serve(conn)
			}
		})
	}
}

var errStranger = errors.New("not paired")

// greet does the TLS handshake; nil when that fails.
func (tv *TV) greet(raw net.Conn, l net.Listener) *tls.Conn {
	key, err := tv.key()
	if err != nil || tv.hangs() {
		_, _ = raw.Read(make([]byte, 1)) // the other side loses patience
		for err == nil && tv.hangs() {
			_, err = raw.Read(make([]byte, 512))
		}
		return nil
	}
	tv.mu.Lock()
	operating := len(tv.listeners) > 0 && l == tv.listeners[0]
	newest := uint16(tls.VersionTLS13)
	if tv.trouble.Old {
		newest = tls.VersionTLS12
	}
	tv.mu.Unlock()
	conn := tls.Server(raw, &tls.Config{
		Certificates: []tls.Certificate{*key}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12, MaxVersion: newest, SessionTicketsDisabled: true,
		VerifyPeerCertificate: func(certs [][]byte, _ [][]*x509.Certificate) error {
			if operating && !tv.knows(certs[0]) {
				return errStranger
			}
			return nil
		},
	})
	if conn.Handshake() != nil {
		return nil
	}
	return conn
}

func (tv *TV) hangs() bool {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	return tv.trouble.Hangs
}

func (tv *TV) knows(certificate []byte) bool {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	known := tv.friends[sha256.Sum256(certificate)]
	if known {
		tv.state.Talks++
	} else {
		tv.state.Denied++
	}
	return known
}
