package miio

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
)

// Device is one virtual device. It owns the truth about itself; its methods may
// be called from anywhere.
type Device struct {
	home  *Home
	model *model
	spec  *instance // nil for a device that speaks no MIoT
	info  mi.Info
	did   uint64
	first mi.Secret // the token it was made with

	mu       sync.Mutex // guards everything below and is never held over I/O
	seal     *seal
	conn     mi.PacketConn
	born     time.Time // of its stamp
	values   map[string]mi.Value
	inner    map[string]float64 // what it knows but does not tell
	trouble  Trouble
	packets  uint64 // received, for the dice
	sent     uint64 // sent, for the dice
	replies  memory
	executed []Execution
	changed  []string // since the last push
	events   []emitted
	emitted  int
	pushID   int
	subs     map[uint64]*subscriber
	closed   bool
}

// Execution is one order that the device carried out.
type Execution struct {
	At    time.Time
	Key   string // "2.1", "a5.3", or a legacy method
	Value string // JSON
	ID    int    // message id that caused it
	From  netip.AddrPort
}

// Trouble is what is wrong with a device. The zero value is a healthy one.
type Trouble struct {
	Silent  bool          // answers nothing at all
	Deaf    bool          // answers hellos only, as after a wrong token
	Loss    int           // percent of datagrams lost each way
	Slow    time.Duration // before each answer
	Busy    bool          // answers -9999
	Garbage bool          // answers bytes that are no JSON
	Absurd  bool          // tells values outside its spec
	Ignores bool          // accepts orders and does nothing
	Strict  bool          // hears only senders of its own /24
	Open    bool          // shows its token in the hello
	Batch   int           // most properties in one request; more is -9999; 0 is 16
	Bare    bool          // answers set_properties by a bare 0
}

func newDevice(h *Home, m *model, info mi.Info) (*Device, error) {
	did, err := strconv.ParseUint(info.DID, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("virtual: did %q: a decimal number is needed", info.DID)
	}
	d := &Device{home: h, model: m, info: info, did: did, first: info.Token, trouble: m.trouble}
	if d.seal, err = newSeal(info.Token.Reveal()); err != nil {
		return nil, err
	}
	if d.spec, err = h.spec(m); err != nil {
		return nil, err
	}
	d.reset()
	d.born = time.Now().Add(-time.Duration(h.dice(d.did, "life")%86_400) * time.Second)
	return d, nil
}

// reset gives the device its values as of the factory.
func (d *Device) reset() {
	d.values = make(map[string]mi.Value, len(d.model.values))
	d.inner = map[string]float64{}
	for _, v := range d.model.values {
		d.values[v.key] = v.value
	}
	d.boot()
}

// boot forgets what does not survive a power cut.
func (d *Device) boot() {
	d.born = time.Now()
	d.replies = memory{}
	d.subs = map[uint64]*subscriber{}
	d.changed, d.events = nil, nil
}

// Info returns who the device is and where it can be reached now.
func (d *Device) Info() mi.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.info
}

// Value returns the truth of a property: "2.1", or a legacy name.
func (d *Device) Value(key string) mi.Value {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.values[key]
}

// Prop returns the truth of a MIoT property.
func (d *Device) Prop(siid, piid int) mi.Value { return d.Value(iid(siid, piid)) }

// Values returns a copy of the whole truth.
func (d *Device) Values() map[string]mi.Value {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.values)
}

// Executed returns the orders that the device carried out, oldest first.
func (d *Device) Executed() []Execution {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Execution(nil), d.executed...)
}

// Press changes a value at the device itself, as a hand on its button would.
func (d *Device) Press(key string, v mi.Value) {
	d.mu.Lock()
	d.put(key, v)
	delete(d.inner, key)
	if d.model.wrote != nil {
		d.model.wrote(d, key)
	}
	out := d.pushes()
	d.mu.Unlock()
	d.send(out)
}

// Happen lets an event take place.
func (d *Device) Happen(siid, eiid int, args map[int]mi.Value) {
	d.mu.Lock()
	d.happen(siid, eiid, args)
	out := d.pushes()
	d.mu.Unlock()
	d.send(out)
}

// Hurt sets what is wrong with the device from now on; the zero Trouble heals it.
func (d *Device) Hurt(t Trouble) {
	d.mu.Lock()
	d.trouble = t
	d.mu.Unlock()
}

// Trouble returns what is wrong with the device.
func (d *Device) Trouble() Trouble {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trouble
}

// Reboot cuts the device's power for a moment: its stamp starts at 0, message
// ids and subscriptions are forgotten, values stay.
func (d *Device) Reboot() {
	d.mu.Lock()
	d.boot()
	d.mu.Unlock()
	d.record(history.Restart, "", "", "")
}

// Retoken gives the device another token (32 hex digits), as pairing it again does.
func (d *Device) Retoken(token mi.Secret) error {
	s, err := newSeal(token.Reveal())
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seal, d.info.Token = s, token
	return nil
}

// Move takes the device to another address, as a new DHCP lease does.
func (d *Device) Move(ctx context.Context, addr string) error {
	conn, err := d.home.world.Net.ListenUDP(ctx, addr)
	if err != nil {
		return fmt.Errorf("virtual: move %s: %w", d.info.DID, err)
	}
	d.mu.Lock()
	old := d.conn
	d.conn, d.info.Addr = conn, conn.LocalAddr().String()
	if d.home.running.Load() && !d.closed {
		d.home.wg.Go(func() { d.serve(conn) })
	}
	d.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// confess records the whole truth, as a history needs it at its start.
func (d *Device) confess() {
	if _, nobodyListens := d.home.recorder.(nobody); nobodyListens {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	truth := maps.Clone(d.values)
	if d.spec != nil {
		for key, p := range d.spec.props {
			if _, ok := truth[key]; !ok && p.read {
				truth[key] = d.blank(p)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(truth)) {
		d.record(history.Truth, key, string(truth[key].AppendJSON(nil)), "")
	}
	d.record(history.Reachable, "", "true", "")
}

func (d *Device) close() {
	d.mu.Lock()
	d.closed = true
	conn := d.conn
	for _, s := range d.subs {
		s.stop()
	}
	d.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}

func (d *Device) record(w history.What, key, value, id string) {
	d.home.recorder.Record(history.Entry{At: time.Now(), Actor: history.Thing, What: w, DID: d.info.DID, Key: key, Value: value, ID: id})
}
