package bluez

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// peripheral is a connection to one device, with a connection to the bus of its
// own.
type peripheral struct {
	conn     *dbus.Conn
	at       dbus.ObjectPath
	release  func()
	ready    chan struct{} // closed when at is set
	resolved chan struct{} // closed when bluetoothd knows the characteristics
	resolve  func()
	gone     chan struct{} // closed when the device or bluetoothd has gone
	goes     func()
	closing  func()
	closed   chan struct{} // closed by Close
	done     chan struct{} // closed when all is over

	characteristics map[string]dbus.ObjectPath // by UUID; set before anybody reads it

	mu   sync.Mutex
	gots map[dbus.ObjectPath]func([]byte)
}

var _ mi.Peripheral = (*peripheral)(nil)

func newPeripheral(release func()) *peripheral {
	p := &peripheral{
		release: release, ready: make(chan struct{}), resolved: make(chan struct{}), gone: make(chan struct{}),
		closed: make(chan struct{}), done: make(chan struct{}), gots: map[dbus.ObjectPath]func([]byte){},
	}
	p.resolve = sync.OnceFunc(func() { close(p.resolved) })
	p.goes = sync.OnceFunc(func() { close(p.gone) })
	p.closing = sync.OnceFunc(func() { close(p.closed) })
	return p
}

// take takes every signal.
func (p *peripheral) take(s *dbus.Signal) {
	select {
	case <-p.ready:
	default:
		return
	}
	if left(s) || vanished(s, deviceInterface) == p.at {
		p.goes()
		return
	}
	iface, props := changed(s)
	switch {
	case iface == deviceInterface && s.Path == p.at:
		if on, ok := props["Connected"].Value().(bool); ok && !on {
			p.goes()
		}
		if on, ok := props["ServicesResolved"].Value().(bool); ok && on {
			p.resolve()
		}
	case iface == gattInterface:
		data, ok := props["Value"].Value().([]byte)
		p.mu.Lock()
		got := p.gots[s.Path]
		p.mu.Unlock()
		if ok && got != nil {
			got(data)
		}
	}
}

// learn waits until bluetoothd knows the characteristics, and reads their names.
func (p *peripheral) learn(ctx context.Context) error {
	var known dbus.Variant
	err := p.conn.Object(service, p.at).CallWithContext(ctx, properties+".Get", 0, deviceInterface, "ServicesResolved").Store(&known)
	if err != nil {
		return explain(err)
	}
	if on, _ := known.Value().(bool); on {
		p.resolve()
	}
	select {
	case <-p.resolved:
	case <-p.gone:
		return fmt.Errorf("it ended the connection: %w", mi.ErrOffline)
	case <-p.conn.Context().Done():
		return fmt.Errorf("%w: %w", errBroken, mi.ErrOffline)
	case <-ctx.Done():
		return ctx.Err()
	}
	all, err := ask(ctx, p.conn)
	if err != nil {
		return err
	}
	p.characteristics = map[string]dbus.ObjectPath{}
	for _, at := range slices.Backward(slices.Sorted(maps.Keys(all))) { // the first of the same name stays
		if g, ok := all[at][gattInterface]; ok && strings.HasPrefix(string(at), string(p.at)+"/") {
			p.characteristics[strings.ToLower(text(g["UUID"]))] = at
		}
	}
	return nil
}

// outlive waits for the end, however it comes, and tidies up.
func (p *peripheral) outlive() {
	select {
	case <-p.gone:
	case <-p.closed:
	case <-p.conn.Context().Done():
	}
	p.hangUp()
	_ = p.conn.Close()
	p.release()
	close(p.done)
}

// hangUp ends the connection to the device, so that its owner's phone can have it.
func (p *peripheral) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_ = p.conn.Object(service, p.at).CallWithContext(ctx, deviceInterface+".Disconnect", 0).Err // one that has gone is not there to be told
}

// Done implements mi.Peripheral.
func (p *peripheral) Done() <-chan struct{} { return p.done }

// Close implements mi.Peripheral. It returns when the device is free for others.
func (p *peripheral) Close() error {
	p.closing()
	<-p.done
	return nil
}

// use calls a method of a characteristic.
func (p *peripheral) use(ctx context.Context, characteristic, method string, args ...any) (*dbus.Call, error) {
	fail := func(err error) (*dbus.Call, error) {
		return nil, fmt.Errorf("bluetooth: %s %s: %w", strings.ToLower(method), characteristic, err)
	}
	at, ok := p.characteristics[characteristic]
	if !ok {
		return fail(fmt.Errorf("the device has no such characteristic: %w", mi.ErrUnsupported))
	}
	call := p.conn.Object(service, at).CallWithContext(ctx, gattInterface+"."+method, 0, args...)
	if call.Err != nil {
		return fail(explain(call.Err))
	}
	return call, nil
}

// Read implements mi.Peripheral.
func (p *peripheral) Read(ctx context.Context, characteristic string) (data []byte, err error) {
	call, err := p.use(ctx, characteristic, "ReadValue", map[string]dbus.Variant{})
	if err != nil {
		return nil, err
	}
	if err := call.Store(&data); err != nil {
		return nil, fmt.Errorf("bluetooth: read %s: %w: %w", characteristic, mi.ErrProtocol, err)
	}
	return data, nil
}

// Write implements mi.Peripheral.
func (p *peripheral) Write(ctx context.Context, characteristic string, data []byte, response bool) error {
	kind := "command"
	if response {
		kind = "request"
	}
	_, err := p.use(ctx, characteristic, "WriteValue", data, map[string]dbus.Variant{"type": dbus.MakeVariant(kind)})
	return err
}

// Notify implements mi.Peripheral.
func (p *peripheral) Notify(ctx context.Context, characteristic string, got func([]byte)) error {
	p.mu.Lock()
	p.gots[p.characteristics[characteristic]] = got
	p.mu.Unlock()
	_, err := p.use(ctx, characteristic, "StartNotify")
	return err
}
