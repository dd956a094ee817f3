package androidtv

import (
	"bufio"
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"time"
)

// talk is one connection by which an Android TV is operated.
type talk struct {
	out    chan []byte // what is to be said
	active bool        // the other side has said what it wants to hear
}

const features = 1 | 2 | 4 | 32 | 64 | 512

// operate serves a connection on the first port.
func (tv *TV) operate(conn *tls.Conn) {
	t := &talk{out: make(chan []byte, 256)}
	gone := make(chan struct{})
	tv.tasks.Go(func() { tv.say(conn, t, gone) })
	tv.mu.Lock()
	tv.talks[t] = true
	t.send(proto(1, proto(1, features, 2, proto(1, "MiTV-AFR0", 2, "Xiaomi", 3, 1, 4, "2", 5, "com.google.android.tv.remote.service", 6, "6.1.0"))))
	tv.mu.Unlock()
	in := bufio.NewReader(conn)
	for {
		message, err := readLengthFirst(in)
		if err != nil {
			break
		}
		tv.mu.Lock()
		if !tv.trouble.Hangs {
			tv.obey(t, message)
		}
		tv.mu.Unlock()
	}
	tv.mu.Lock()
	delete(tv.talks, t)
	tv.mu.Unlock()
	close(gone)
}

// say writes what is to be said, and a ping every five seconds.
func (tv *TV) say(conn *tls.Conn, t *talk, gone chan struct{}) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for pings := 1; ; {
		var message []byte
		select {
		case <-gone:
			return
		case message = <-t.out:
		case <-tick.C:
			message = proto(8, proto(1, pings))
			pings++
		}
		tv.mu.Lock()
		trouble := tv.trouble
		tv.mu.Unlock()
		switch {
		case trouble.Hangs:
			continue
		case trouble.Garbage:
			message = bytes.Repeat([]byte{0xff}, 20)
		}
		if _, err := conn.Write(lengthFirst(message)); err != nil {
			_ = conn.NetConn().Close()
			return
		}
	}
}

// send queues a message; who does not read loses it.
func (t *talk) send(message []byte) {
	select {
	case t.out <- message:
	default:
	}
}

// tell sends a message to everybody who wants to hear. It needs tv.mu.
func (tv *TV) tell(message []byte) {
	for t := range tv.talks {
		if t.active {
			t.send(message)
		}
	}
}

func (tv *TV) powerMessage() []byte {
	on := 0
	if tv.state.On {
		on = 1
	}
	return proto(40, proto(1, on))
}

func (tv *TV) volumeMessage() []byte {
	level, most, muted := tv.state.Level, MaxVolume, 0
	if tv.state.Muted {
		muted = 1
	}
	if tv.trouble.Deaf {
		level, most = 0, 0
	}
	return proto(50, proto(1, 0, 3, "MiTV-AFR0", 6, most, 7, level, 8, muted))
}

func (tv *TV) appMessage() []byte {
	return proto(20, proto(1, proto(1, 0, 12, tv.state.App), 2, proto(1, 0)))
}

// obey takes in a message. It needs tv.mu.
func (tv *TV) obey(t *talk, message []protoField) {
	for _, part := range message {
		switch part.num {
		case 1:
			t.send(proto(2, []byte{}))
		case 2:
			t.active = true
			t.send(tv.powerMessage())
			t.send(tv.appMessage())
			t.send(tv.volumeMessage())
		case 10:
			fields, _ := readProto(part.data)
			if code, ok := within(fields, 1); ok {
				tv.press(int(code.n & 0xffff))
			}
		case 90:
			fields, _ := readProto(part.data)
			if link, ok := within(fields, 1); ok {
				tv.open(string(link.data))
			}
		}
	}
}

func (tv *TV) open(link string) {
	tv.state.Links = append(tv.state.Links, link)
	if app, ok := strings.CutPrefix(link, "market://launch?id="); ok {
		tv.front(app)
	} else if strings.Contains(link, "youtube.com/") {
		tv.front("com.google.android.youtube.tv")
	}
}

func (tv *TV) front(app string) {
	tv.state.App = app
	tv.tell(tv.appMessage())
}

// press does what a key does. It needs tv.mu.
func (tv *TV) press(code int) {
	tv.state.Keys = append(tv.state.Keys, code)
	switch code {
	case 26:
		tv.state.On = !tv.state.On
		tv.power()
	case 3:
		tv.front(launcher)
	case 24:
		tv.louder(1)
	case 25:
		tv.louder(-1)
	case 164:
		tv.state.Muted = !tv.state.Muted
		tv.tell(tv.volumeMessage())
	}
}

func (tv *TV) power() {
	if !tv.trouble.Lazy {
		tv.tell(tv.powerMessage())
		return
	}
	tv.tasks.Go(func() {
		wait := time.NewTimer(4 * time.Second)
		defer wait.Stop()
		<-wait.C
		tv.mu.Lock()
		defer tv.mu.Unlock()
		tv.tell(tv.powerMessage())
	})
}

func (tv *TV) louder(by int) {
	if tv.trouble.Coarse {
		by *= 3
	}
	if !tv.trouble.Deaf {
		tv.state.Level = min(max(tv.state.Level+by, 0), MaxVolume)
	}
	tv.tell(tv.volumeMessage())
}

// pair serves a connection on the second port: it shows a code when it is asked to
// and takes the secret that only comes of it.
func (tv *TV) pair(conn *tls.Conn) {
	client := conn.ConnectionState().PeerCertificates[0]
	code, secret := "", []byte(nil)
	defer func() { tv.screen("", code) }()
	in := bufio.NewReader(conn)
	for {
		message, err := readLengthFirst(in)
		if err != nil || tv.hangs() {
			return
		}
		status, answer := 200, []any(nil)
		if _, ok := within(message, 10); ok {
			answer = []any{11, proto(1, tv.o.Name)}
		} else if _, ok := within(message, 20); ok {
			answer = []any{20, proto(1, proto(1, 3, 2, 6), 3, 2)}
		} else if _, ok := within(message, 30); ok {
			code, secret = tv.draw(client)
			tv.screen(code, "")
			answer = []any{31, []byte{}}
		} else if s, ok := within(inner(message, 40), 1); ok && secret != nil && bytes.Equal(s.data, secret) {
			tv.befriend(client)
			tv.screen("", code)
			answer = []any{41, proto(1, string(secret))}
		} else {
			status = 402
		}
		if _, err := conn.Write(lengthFirst(proto(slices.Concat([]any{1, 2, 2, status}, answer)...))); err != nil || status != 200 {
			return
		}
	}
}

// draw makes a code for a client, and the secret that comes of it.
func (tv *TV) draw(client *x509.Certificate) (string, []byte) {
	key, err := tv.key()
	if err != nil {
		return "", nil
	}
	tv.mu.Lock()
	nonce := []byte{byte(tv.dice.Uint32()), byte(tv.dice.Uint32())}
	tv.mu.Unlock()
	h := sha256.New()
	for _, c := range []*x509.Certificate{client, key.Leaf} {
		if public, ok := c.PublicKey.(*rsa.PublicKey); ok {
			h.Write(public.N.Bytes())
			h.Write(big.NewInt(int64(public.E)).Bytes())
		}
	}
	h.Write(nonce)
	secret := h.Sum(nil)
	return strings.ToUpper(hex.EncodeToString([]byte{secret[0], nonce[0], nonce[1]})), secret
}

// screen shows a code, or takes old away; a code of somebody else stays.
func (tv *TV) screen(code, old string) {
	tv.mu.Lock()
	if code != "" || tv.code == old {
		tv.code = code
	}
	tv.mu.Unlock()
	if code != "" && tv.o.Show != nil {
		tv.o.Show(code)
	}
}

func (tv *TV) befriend(client *x509.Certificate) {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	tv.friends[sha256.Sum256(client.Raw)] = true
}
