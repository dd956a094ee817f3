package esphome

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	connectTime = 30 * time.Second // for a device to answer and to name its characteristics
	answerTime  = 10 * time.Second // for one request
	farewell    = 5 * time.Second  // for the end of a connection
)

// Connect implements mi.Central. It takes a node that Listen is connected to, with
// active connections switched on.
func (n *Node) Connect(ctx context.Context, addr mi.Address) (mi.Peripheral, error) {
	select {
	case n.slot <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p, err := n.connect(ctx, addr)
	if err != nil {
		<-n.slot
		return nil, n.fail(fmt.Errorf("connect %s: %w", bluetooth.Spell(addr), err))
	}
	return p, nil
}

// connect needs the slot, which the peripheral gives back.
func (n *Node) connect(ctx context.Context, addr mi.Address) (*peripheral, error) {
	n.mu.Lock()
	s, kind := n.now, n.kinds[addr]
	n.mu.Unlock()
	switch {
	case s == nil:
		return nil, fmt.Errorf("there is no connection to the node: %w", mi.ErrOffline)
	case s.info.proxy&canConnect == 0:
		return nil, fmt.Errorf("the node makes no connections; set bluetooth_proxy: active: true in its configuration: %w", mi.ErrUnsupported)
	case s.free.Load() == 0:
		return nil, fmt.Errorf("all connections of the node are in use: %w", mi.ErrBusy)
	}
	p := newPeripheral(s, addr, func() { <-n.slot })
	s.use(p)
	brief, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	err := p.open(brief, kind)
	if err == nil {
		go p.outlive()
		return p, nil
	}
	p.hangUp()
	s.use(nil)
	if brief.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("it did not answer within %v: %w", connectTime, mi.ErrOffline)
	}
	return nil, err
}

// answer is one message about the connection.
type answer struct {
	kind uint64
	reply
}

// peripheral is a connection to one device that a node holds.
type peripheral struct {
	session *session
	addr    uint64
	release func()
	turn    chan struct{} // holds one entry while a request is under way
	gone    chan struct{} // closed when the device has gone
	goes    func()
	closed  chan struct{} // closed by Close
	closing func()
	done    chan struct{} // closed when all is over

	characteristics map[string]characteristic // by UUID; the reader fills it before anybody else reads it

	mu      sync.Mutex
	begun   bool                         // connected
	handle  uint64                       // of the characteristic that is waited for
	want    uint64                       // kind of message that is waited for; 0 for none
	answers chan answer                  // holds one
	gots    map[uint64]func(data []byte) // by handle
}

var _ mi.Peripheral = (*peripheral)(nil)

func newPeripheral(s *session, addr mi.Address, release func()) *peripheral {
	p := &peripheral{
		session: s, addr: bluetooth.Number(addr), release: release, turn: make(chan struct{}, 1),
		gone: make(chan struct{}), closed: make(chan struct{}), done: make(chan struct{}),
		characteristics: map[string]characteristic{}, answers: make(chan answer, 1), gots: map[uint64]func([]byte){},
	}
	p.goes = sync.OnceFunc(func() { close(p.gone) })
	p.closing = sync.OnceFunc(func() { close(p.closed) })
	return p
}

// take takes a message about a connection. The session's reader calls it.
func (p *peripheral) take(kind uint64, body []byte) {
	r, err := parseReply(kind, body)
	if err != nil || r.addr != p.addr {
		return
	}
	if kind == notifyData {
		p.mu.Lock()
		got := p.gots[r.handle]
		p.mu.Unlock()
		if got != nil {
			got(r.data)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch kind {
	case servicesResponse:
		if p.want == servicesDone {
			_ = readServices(body, p.characteristics) // what is damaged is not there
		}
		return
	case deviceConnection:
		if p.begun && !r.yes {
			p.goes()
		}
		p.begun = r.yes
	}
	failed := kind == gattError || kind == deviceConnection && !r.yes
	about := p.handle == 0 || p.handle == r.handle || kind == deviceConnection
	if p.want == 0 || p.want != kind && !failed || !about {
		return
	}
	p.want = 0
	r.data = append([]byte(nil), r.data...)
	p.answers <- answer{kind, r}
}

// ask sends a request and waits for the message that answers it.
func (p *peripheral) ask(ctx context.Context, kind uint64, body []byte, want, handle uint64) (answer, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	p.await(want, handle)
	defer p.await(0, 0)
	if err := p.session.frames.write(kind, body); err != nil {
		return answer{}, broken(err)
	}
	select {
	case a := <-p.answers:
		return a, a.failure()
	case <-p.gone:
		return answer{}, fmt.Errorf("the device ended the connection: %w", mi.ErrOffline)
	case <-p.session.ended:
		return answer{}, fmt.Errorf("the node ended the connection: %w", mi.ErrOffline)
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// await says which message is waited for, and forgets a late one.
func (p *peripheral) await(want, handle uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.answers:
	default:
	}
	p.want, p.handle = want, handle
}

// Errors of Bluedroid and of ATT that tell something.
const (
	attReadNotPermitted  = 0x02
	attWriteNotPermitted = 0x03
	attAuthentication    = 0x05
	attEncryption        = 0x0F
)

// failure says what a refusal means; nil when it is none.
func (a answer) failure() error {
	switch {
	case a.kind == deviceConnection && !a.yes:
		return fmt.Errorf("the device does not answer, or is connected to somebody else (the node says %d): %w", a.err, mi.ErrOffline)
	case a.kind != gattError:
		return nil
	}
	switch a.err {
	case attReadNotPermitted, attWriteNotPermitted, attAuthentication, attEncryption:
		return fmt.Errorf("the device does not allow it (error %d): %w", a.err, mi.ErrDenied)
	}
	return fmt.Errorf("the device refuses it (error %d): %w", a.err, mi.ErrInvalid)
}

// open connects and learns the characteristics.
func (p *peripheral) open(ctx context.Context, kind byte) error {
	b := appendNumber(nil, 1, p.addr)
	b = appendNumber(b, 2, connectDevice)
	b = appendNumber(b, 3, 1) // the kind of the address follows, public being nothing
	b = appendNumber(b, 4, uint64(kind))
	if _, err := p.ask(ctx, deviceRequest, b, deviceConnection, 0); err != nil {
		return err
	}
	_, err := p.ask(ctx, servicesRequest, appendNumber(nil, 1, p.addr), servicesDone, 0)
	return err
}

// outlive waits for the end, however it comes, and tidies up.
func (p *peripheral) outlive() {
	select {
	case <-p.gone: // the node has said so: it would say it once more if asked
	case <-p.session.ended:
	case <-p.closed:
		p.hangUp()
	}
	p.session.use(nil)
	p.release()
	close(p.done)
}

// hangUp ends the connection to the device, so that its owner's phone can have it.
func (p *peripheral) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	b := appendNumber(appendNumber(nil, 1, p.addr), 2, disconnectDevice)
	_, _ = p.ask(ctx, deviceRequest, b, deviceConnection, 0) // that the device has gone is what is asked for
}

// Done implements mi.Peripheral.
func (p *peripheral) Done() <-chan struct{} { return p.done }

// Close implements mi.Peripheral. It returns when the device is free for others.
func (p *peripheral) Close() error {
	p.closing()
	<-p.done
	return nil
}

// use sends a request about a characteristic.
func (p *peripheral) use(ctx context.Context, uuid, what string, request func(characteristic) (kind uint64, body []byte, want uint64)) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, ok := p.characteristics[uuid]
	err := fmt.Errorf("the device has no such characteristic: %w", mi.ErrUnsupported)
	var a answer
	if ok {
		kind, body, want := request(c)
		a, err = p.ask(ctx, kind, body, want, c.handle)
	}
	if err != nil {
		return a, p.session.n.fail(fmt.Errorf("%s %s: %w", what, uuid, err))
	}
	return a, nil
}

// about begins a request about a handle.
func (p *peripheral) about(handle uint64) []byte {
	return appendNumber(appendNumber(nil, 1, p.addr), 2, handle)
}

// Read implements mi.Peripheral.
func (p *peripheral) Read(ctx context.Context, uuid string) ([]byte, error) {
	a, err := p.use(ctx, uuid, "read", func(c characteristic) (uint64, []byte, uint64) {
		return readRequest, p.about(c.handle), readResponse
	})
	return a.data, err
}

// Write implements mi.Peripheral.
func (p *peripheral) Write(ctx context.Context, uuid string, data []byte, response bool) error {
	if c, ok := p.characteristics[uuid]; ok && !response {
		select {
		case <-p.done:
			return p.session.n.fail(fmt.Errorf("write %s: not connected: %w", uuid, mi.ErrOffline))
		default:
		}
		if err := p.session.frames.write(writeRequest, appendBytes(p.about(c.handle), 4, data)); err != nil {
			return p.session.n.fail(fmt.Errorf("write %s: %w", uuid, broken(err)))
		}
		return nil
	}
	_, err := p.use(ctx, uuid, "write", func(c characteristic) (uint64, []byte, uint64) {
		return writeRequest, appendBytes(appendNumber(p.about(c.handle), 3, 1), 4, data), writeResponse
	})
	return err
}

// Notify implements mi.Peripheral.
func (p *peripheral) Notify(ctx context.Context, uuid string, got func([]byte)) error {
	c := p.characteristics[uuid]
	p.mu.Lock()
	p.gots[c.handle] = got
	p.mu.Unlock()
	_, err := p.use(ctx, uuid, "notify", func(c characteristic) (uint64, []byte, uint64) {
		return notifyRequest, appendNumber(p.about(c.handle), 3, 1), notifyResponse
	})
	if err != nil || c.config == 0 {
		return err
	}
	// The node listens; the device has to be told to speak by its descriptor.
	how := byte(2) // indications
	if c.properties&canNotify != 0 {
		how = 1
	}
	if err := p.session.frames.write(writeDescriptor, appendBytes(p.about(c.config), 3, []byte{how, 0})); err != nil {
		return p.session.n.fail(fmt.Errorf("notify %s: %w", uuid, broken(err)))
	}
	return nil
}
