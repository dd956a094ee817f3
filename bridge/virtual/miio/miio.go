package miio

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// What the devices tell about themselves and how they err (miIO error codes).
const (
	codeOK         = 0
	codeNoRead     = -4001
	codeNoWrite    = -4002
	codeNoProp     = -4003
	codeValue      = -4005
	codeArguments  = -4006
	codeBusy       = -9999
	codeNoMethod   = -32601
	codeInvalidArg = -5001

	stampSlack = 120 // seconds that a request's stamp may be off
	batchLimit = 16  // properties in one request
	bufferSize = 2 << 10
)

// request is what arrives: a call, or the answer to a push when Method is empty.
type request struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`

	from netip.AddrPort
}

// fail is an error answer.
type fail struct {
	code    int
	message string
}

var (
	errBusy       = fail{codeBusy, "user ack timeout"}
	errNoMethod   = fail{codeNoMethod, "Method not found."}
	errInvalidArg = fail{codeInvalidArg, "invalid_arg"}
)

// serve answers datagrams until the socket closes.
func (d *Device) serve(conn mi.PacketConn) {
	batch := []mi.Packet{{Data: make([]byte, bufferSize)}, {Data: make([]byte, bufferSize)}}
	for {
		n, err := conn.ReadBatch(batch)
		if err != nil {
			return
		}
		for _, p := range batch[:n] {
			d.send(d.receive(p.Data, p.Addr))
		}
	}
}

// send lets answers go, later when the device is slow.
func (d *Device) send(out []mi.Packet) {
	if len(out) == 0 {
		return
	}
	d.mu.Lock()
	conn, delay := d.conn, d.trouble.Slow
	if delay > 0 {
		delay += time.Duration(nature.Roll(d.home.world.Seed, "slow", d.did, d.sent) % uint64(time.Millisecond))
	}
	d.mu.Unlock()
	if delay == 0 {
		_ = conn.WriteBatch(out) // a lost answer is nothing that a device would notice
		return
	}
	time.AfterFunc(delay, func() { _ = conn.WriteBatch(out) })
}

// receive takes one datagram and returns what the device sends for it.
func (d *Device) receive(b []byte, from netip.AddrPort) []mi.Packet {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.packets++
	h, b, err := parseHeader(b)
	if err != nil || d.misses(from) {
		return nil
	}
	if len(b) == headerLen {
		return d.post(nil, from, d.greet(h))
	}
	text, ok := d.read(h, b)
	if !ok {
		return nil
	}
	r := request{from: from}
	if json.Unmarshal(text, &r) != nil {
		return nil
	}
	if r.Method == "" {
		d.acknowledged(r)
		return nil
	}
	return append(d.answer(r, text), d.pushes()...)
}

// misses reports whether the datagram does not reach the device's ears.
func (d *Device) misses(from netip.AddrPort) bool {
	if d.closed || d.trouble.Silent || nature.Percent(d.home.dice(d.did, "in", d.packets), d.trouble.Loss) {
		return true
	}
	if !d.trouble.Strict || d.conn == nil {
		return false
	}
	net, err := d.conn.LocalAddr().Addr().Prefix(24)
	return err != nil || !net.Contains(from.Addr())
}

// greet answers a hello.
func (d *Device) greet(h header) []byte {
	p := parseProbe(h)
	if p.vendor && d.model.push {
		var update uint32
		var kind byte
		if s := d.subs[p.client]; s != nil {
			update, kind = s.update, 1
		}
		return subscription(d.did, d.stamp(), update, kind)
	}
	if d.trouble.Open {
		return hello(d.did, d.stamp(), d.seal.token)
	}
	return hello(d.did, d.stamp(), [16]byte(bytes.Repeat([]byte{0xff}, 16)))
}

// stamp counts the seconds since the device started.
func (d *Device) stamp() uint32 { return uint32(time.Since(d.born) / time.Second) }

// read opens a sealed datagram. What is not for this device, sealed by another
// token or of another time is dropped without a word.
func (d *Device) read(h header, b []byte) ([]byte, bool) {
	if d.trouble.Deaf || h.did != d.did {
		return nil, false
	}
	if off := int64(h.stamp) - int64(d.stamp()); off > stampSlack || off < -stampSlack {
		return nil, false
	}
	text, err := d.seal.open(b)
	return text, err == nil
}

// post adds a datagram for addr, unless it gets lost.
func (d *Device) post(out []mi.Packet, addr netip.AddrPort, b []byte) []mi.Packet {
	d.sent++
	if nature.Percent(d.home.dice(d.did, "out", d.sent), d.trouble.Loss) {
		return out
	}
	return append(out, mi.Packet{Data: b, Addr: addr})
}

// answer carries a call out once: the repeat of a message gets the same answer.
func (d *Device) answer(r request, text []byte) []mi.Packet {
	if reply, again := d.replies.find(r.ID, text); again {
		if d.model.quietIDs {
			return nil
		}
		return d.post(nil, r.from, d.seal.close(d.did, d.stamp(), reply))
	}
	reply := d.damage(r, d.reply(r, d.dispatch(r)))
	if d.model.quietIDs || !strings.HasPrefix(r.Method, "get_") { // a repeated read is just another
		d.replies.keep(r.ID, text, reply)
	}
	return d.post(nil, r.from, d.seal.close(d.did, d.stamp(), reply))
}

// reply renders an answer as compact JSON.
func (d *Device) reply(r request, result any) []byte {
	b := strconv.AppendInt([]byte(`{"id":`), int64(r.ID), 10)
	switch x := result.(type) {
	case fail:
		b = strconv.AppendInt(append(b, `,"error":{"code":`...), int64(x.code), 10)
		b = mi.Text(x.message).AppendJSON(append(b, `,"message":`...))
		return append(b, "}}"...)
	case []byte:
		b = append(append(b, `,"result":`...), x...)
	default:
		b = append(append(b, `,"result":`...), marshal(x)...)
	}
	return append(b, '}')
}

func marshal(x any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil {
		panic(err) // a behaviour returned what is no JSON
	}
	return bytes.TrimSpace(buf.Bytes())
}

// damage spoils an answer as the trouble wants.
func (d *Device) damage(r request, reply []byte) []byte {
	if !d.trouble.Garbage {
		return reply
	}
	switch roll := d.home.dice(d.did, "garbage", d.packets); roll % 4 {
	case 0:
		return reply[:len(reply)/2]
	case 1:
		return []byte("\x01\x02{not json")
	case 2:
		return strconv.AppendInt([]byte(`{"result":"busy","id":`), int64(r.ID), 10) // the end is missing
	default:
		return []byte(`[[[[`)
	}
}

// dispatch finds who answers a call.
func (d *Device) dispatch(r request) any {
	switch r.Method {
	case "miIO.info":
		return d.about()
	case "miIO.sub", "miIO.unsub":
		return d.subscribe(r)
	}
	if d.trouble.Busy {
		return errBusy
	}
	if m, ok := d.model.legacy[r.Method]; ok {
		return d.old(r, m)
	}
	if d.spec != nil {
		return d.miot(r)
	}
	if d.model.quietIDs {
		return "unknown_method"
	}
	return errNoMethod
}

// memory holds the newest answers to orders, so that a repeated message is not
// carried out twice. A power cut empties it.
type memory struct {
	last [16]struct {
		id    int
		sum   uint64 // of the message
		reply []byte // nil is no entry
	}
	next int
}

func (m *memory) find(id int, text []byte) ([]byte, bool) {
	sum := sumOf(text)
	for i := range m.last {
		if e := &m.last[i]; e.id == id && e.sum == sum && e.reply != nil {
			return e.reply, true
		}
	}
	return nil, false
}

func (m *memory) keep(id int, text, reply []byte) {
	e := &m.last[m.next]
	e.id, e.sum, e.reply = id, sumOf(text), reply
	m.next = (m.next + 1) % len(m.last)
}

func sumOf(text []byte) uint64 {
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()
}
