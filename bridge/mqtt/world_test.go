package mqtt

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing/fstest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// pipes is a network of streams in memory.
type pipes struct {
	mu        sync.Mutex
	listeners map[string]*pipeListener
}

type pipeListener struct {
	address string
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1883} }

func (p *pipes) Listen(_ context.Context, address string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &pipeListener{address: address, conns: make(chan net.Conn), closed: make(chan struct{})}
	p.listeners[address] = l
	return l, nil
}

func (p *pipes) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	p.mu.Lock()
	l := p.listeners[address]
	p.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) ListenUDP(context.Context, string) (mi.PacketConn, error) {
	return nil, errors.ErrUnsupported
}

func (p *pipes) Interfaces() ([]mi.Interface, error) { return nil, nil }

// disk is a data folder in memory.
type disk struct {
	mu     sync.Mutex
	files  map[string][]byte
	writes int
	broken error
}

func (d *disk) ReadFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	data, ok := d.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(data), nil
}

func (d *disk) WriteFile(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return d.broken
	}
	if old, ok := d.files[name]; ok {
		d.files[name+".prev"] = old
	}
	d.files[name] = slices.Clone(data)
	d.writes++
	return nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
	return nil
}

func (d *disk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d.files)), func(n string) bool { return !strings.HasPrefix(n, dir) }), nil
}

func (d *disk) FS() fs.FS { return fstest.MapFS{} }

func testWorld() mi.World {
	return mi.World{
		Net:  &pipes{listeners: map[string]*pipeListener{}},
		Disk: &disk{files: map[string][]byte{}},
		Now:  time.Now,
		Seed: 1,
	}
}
