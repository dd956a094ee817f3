package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLimitsOfWhatIsTakenIn(t *testing.T) {
	t.Parallel()
	h := newHouse(5)
	s := serve(t, h, func(o *Options) { o.Token = token })
	big := strings.Repeat("a", 2<<20)
	if w := (asked{method: "POST", path: "/devices/" + purifier + "/options", form: "form=" + formOf(s) + "&name=" + big}.of(s)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 2 MiB: %d", w.Code)
	}
	w := asked{method: "POST", path: "/api/v1/devices/" + purifier + "/set", json: `{"2.4":"` + big + `"}`, header: map[string]string{"Authorization": "Bearer " + token.Reveal()}}.of(s)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("JSON of 2 MiB: %d", w.Code)
	}
	if h.done() != "" {
		t.Errorf("it did %s", h.done()[:40])
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), l) }()
	// Header lines without end.
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: %s\r\n\r\n", strings.Repeat("a", 40<<10))
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(answer, "431") {
		t.Errorf("40 KiB of header: %q %v", answer, err)
	}
	// Whoever sends nothing is sent away.
	slow, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprint(slow, "GET / HTTP/1.1\r\n")
	if err := slow.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := io.Copy(io.Discard, slow); err != nil || time.Since(began) > 15*time.Second {
		t.Errorf("a header that never ends is waited for: %v, %v", time.Since(began), err)
	}
}

// crowd is a listener that never waits: somebody always comes, and says nothing.
type crowd struct {
	came chan net.Conn
	over chan struct{}
}

func (c *crowd) Accept() (net.Conn, error) {
	select {
	case <-c.over:
		return nil, net.ErrClosed
	default:
	}
	ours, theirs := net.Pipe()
	c.came <- theirs
	return ours, nil
}

func (c *crowd) Close() error   { close(c.over); return nil }
func (c *crowd) Addr() net.Addr { return &net.TCPAddr{} }

func TestConnectionsAreLimited(t *testing.T) {
	s := serve(t, newHouse(1), nil)
	c := &crowd{came: make(chan net.Conn, 2*maxConns), over: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(ctx, c) }()
	take := func(what string, want bool) {
		select {
		case conn := <-c.came:
			if !want {
				t.Errorf("%s: another one got in", what)
			}
			t.Cleanup(func() { _ = conn.Close() })
		case <-time.After(map[bool]time.Duration{true: 20 * time.Second, false: 100 * time.Millisecond}[want]):
			if want {
				t.Fatal(what, ": nobody got in")
			}
		}
	}
	first := <-c.came
	for range maxConns - 1 {
		take("up to the limit", true)
	}
	take("beyond the limit", false)
	_ = first.Close()
	take("after one has left", true)
	take("after one has left and another one came", false)
	stop()
	<-ended
}
