package miio

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
)

const (
	repeatAfter = 2 * time.Second // a push that nobody answered
	repeats     = 5
	maxPending  = 64 // pushes that wait for an answer, for each subscriber
)

// subscriber is a client that wants to be told.
type subscriber struct {
	client  uint64
	addr    netip.AddrPort
	update  uint32
	pending map[int]*pending
}

type pending struct {
	text  []byte
	left  int
	timer *time.Timer
}

// emitted is an event on its way.
type emitted struct {
	siid, eiid int
	args       []byte
}

func (s *subscriber) stop() {
	for _, p := range s.pending {
		p.timer.Stop()
	}
}

// subscribe answers miIO.sub and miIO.unsub.
func (d *Device) subscribe(r request) any {
	var p struct {
		DID    string `json:"did"`
		Update uint32 `json:"update_ts"`
	}
	if !d.model.push {
		return errNoMethod
	}
	client, err := strconv.ParseUint(p.DID, 10, 64)
	if json.Unmarshal(r.Params, &p) == nil {
		client, err = strconv.ParseUint(p.DID, 10, 64)
	}
	if err != nil {
		return errInvalidArg
	}
	if old := d.subs[client]; old != nil {
		old.stop()
		delete(d.subs, client)
	}
	if r.Method == "miIO.sub" {
		d.subs[client] = &subscriber{client: client, addr: r.from, update: p.Update, pending: map[int]*pending{}}
	}
	return map[string]int{"code": 0}
}

// happen lets an event take place; args are by piid.
func (d *Device) happen(siid, eiid int, args map[int]mi.Value) {
	d.emitted++
	d.record(history.Emitted, "e"+iid(siid, eiid), "", strconv.Itoa(d.emitted))
	if len(d.subs) == 0 {
		return // nobody listens, and nothing is kept
	}
	type argument struct {
		PIID  int      `json:"piid"`
		Value mi.Value `json:"value"`
	}
	list := []argument{}
	for piid, v := range args {
		list = append(list, argument{piid, v})
	}
	slices.SortFunc(list, func(a, b argument) int { return a.PIID - b.PIID })
	d.events = append(d.events, emitted{siid, eiid, marshal(list)})
}

// pushes returns what subscribers are told of the newest changes and events.
func (d *Device) pushes() []mi.Packet {
	if len(d.changed)+len(d.events) == 0 {
		return nil
	}
	var out []mi.Packet
	for _, s := range d.subscribers() {
		if len(d.changed) > 0 {
			out = d.push(out, s, d.changes())
		}
		for _, e := range d.events {
			out = d.push(out, s, d.event(e))
		}
	}
	d.changed, d.events = d.changed[:0], d.events[:0]
	return out
}

func (d *Device) subscribers() []*subscriber {
	list := make([]*subscriber, 0, len(d.subs))
	for _, s := range d.subs {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *subscriber) int {
		if a.client < b.client {
			return -1
		}
		return 1
	})
	return list
}

func (d *Device) changes() []byte {
	slices.Sort(d.changed)
	b := []byte(`"method":"properties_changed","params":[`)
	for i, key := range slices.Compact(d.changed) {
		if i > 0 {
			b = append(b, ',')
		}
		siid, piid := splitIID(key)
		b = d.address(b, siid)
		b = strconv.AppendInt(append(b, `,"piid":`...), int64(piid), 10)
		b = append(d.values[key].AppendJSON(append(b, `,"value":`...)), '}')
	}
	return append(b, ']')
}

// event renders an event. The wire spells the method with one r.
func (d *Device) event(e emitted) []byte {
	b := d.address([]byte(`"method":"event_occured","params":`), e.siid)
	b = strconv.AppendInt(append(b, `,"eiid":`...), int64(e.eiid), 10)
	return append(append(append(b, `,"arguments":`...), e.args...), '}')
}

// address begins an object that names this device and one of its services.
func (d *Device) address(b []byte, siid int) []byte {
	b = append(append(append(b, `{"did":"`...), d.info.DID...), `","siid":`...)
	return strconv.AppendInt(b, int64(siid), 10)
}

// push sends a message to a subscriber, again and again until it is answered.
func (d *Device) push(out []mi.Packet, s *subscriber, body []byte) []mi.Packet {
	if len(s.pending) >= maxPending {
		return out
	}
	d.pushID = d.pushID%1_000_000 + 1
	id := d.pushID
	text := append(strconv.AppendInt([]byte(`{"id":`), int64(id), 10), ',')
	p := &pending{text: append(append(text, body...), '}'), left: repeats}
	p.timer = time.AfterFunc(d.pause(id), func() { d.repeat(s, id) })
	s.pending[id] = p
	if d.trouble.Silent {
		return out
	}
	return d.post(out, s.addr, d.seal.close(d.did, d.stamp(), p.text))
}

// pause is drawn to the nanosecond, so that no two devices repeat at once.
func (d *Device) pause(id int) time.Duration {
	return repeatAfter + time.Duration(d.home.dice(d.did, "repeat", uint64(id))%uint64(200*time.Millisecond))
}

func (d *Device) repeat(s *subscriber, id int) {
	d.mu.Lock()
	p := s.pending[id]
	if p == nil || d.closed || d.subs[s.client] != s {
		d.mu.Unlock()
		return
	}
	if p.left--; p.left == 0 {
		s.stop() // the client is gone: it has to subscribe again
		delete(d.subs, s.client)
		d.mu.Unlock()
		return
	}
	p.timer.Reset(d.pause(id))
	var out []mi.Packet
	if !d.trouble.Silent {
		out = d.post(nil, s.addr, d.seal.close(d.did, d.stamp(), p.text))
	}
	d.mu.Unlock()
	d.send(out)
}

// acknowledged notes that a subscriber answered a push.
func (d *Device) acknowledged(r request) {
	for _, s := range d.subs {
		if p := s.pending[r.ID]; p != nil && s.addr == r.from {
			p.timer.Stop()
			delete(s.pending, r.ID)
		}
	}
}
