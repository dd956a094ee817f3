// Package multimode is a multimode gateway that is not there, with the broker that
// its children report to.
package multimode

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The children of a Gateway, by their did.
const (
	Motion = "lumi.158d00aa000001" // and light
	Door   = "lumi.158d00aa000002"
	Plug   = "lumi.158d00aa000003"
	Lamp   = "1000000417" // by mesh
	Sound  = "blt.3.1multimode"
)

// Gateway is a multimode gateway whose own broker answers, with a motion sensor,
// a door, a plug, a mesh lamp and a Bluetooth motion sensor. It is that broker,
// too, unless Serve gives it another.
type Gateway struct {
	w mi.World

	mu     sync.Mutex // guards the fields below
	subs   []*listener
	out    mi.Bus // of Serve; nil without
	on     bool
	bright int64
	kelvin int64
	plug   int64
	frames int
	mute   bool
}

// listener is one who listens at the gateway's own broker.
type listener struct {
	filter  string
	arrived func(topic string, payload []byte, retained bool)
}

// New returns the gateway.
func New(w mi.World) *Gateway {
	return &Gateway{w: w, on: true, bright: 40, kelvin: 4000, plug: 1}
}

// Children lists what the vendor's account would know of the children.
func (*Gateway) Children() []mi.Info {
	return []mi.Info{
		{DID: Motion, Model: "lumi.sensor_motion.aq2", Name: "Landing motion", Room: "Landing"},
		{DID: Door, Model: "lumi.sensor_magnet.aq2", Name: "Cellar door", Room: "Cellar"},
		{DID: Plug, Model: "lumi.plug.mmeu01", Name: "Landing plug", Room: "Landing"},
		{DID: Lamp, Model: "xiaomi.mesh.3416", Name: "Landing lamp", Room: "Landing"},
	}
}

// Connect connects to the gateway's broker; it has the shape that drivers want.
func (m *Gateway) Connect(context.Context, string) (mi.Bus, error) { return bus{m}, nil }

// bus is the broker as a client sees it.
type bus struct{ m *Gateway }

// Subscribe implements mi.Bus.
func (b bus) Subscribe(ctx context.Context, filter string, arrived func(string, []byte, bool)) error {
	s := &listener{filter, arrived}
	b.m.mu.Lock()
	b.m.subs = append(b.m.subs, s)
	b.m.mu.Unlock()
	<-ctx.Done()
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	for i, other := range b.m.subs {
		if other == s {
			b.m.subs = append(b.m.subs[:i:i], b.m.subs[i+1:]...)
			break
		}
	}
	return nil
}

// Publish implements mi.Bus.
func (b bus) Publish(_ context.Context, topic string, payload []byte) error {
	go b.m.hear(topic, payload) // a broker hands on in its own time
	return nil
}

// Serve has the gateway speak at another broker, until ctx ends.
func (m *Gateway) Serve(ctx context.Context, bus mi.Bus) error {
	m.mu.Lock()
	m.out = bus
	m.mu.Unlock()
	var tasks sync.WaitGroup
	for _, topic := range []string{"zigbee/recv", "miio/command"} {
		tasks.Go(func() {
			_ = bus.Subscribe(ctx, topic, func(topic string, payload []byte, _ bool) {
				go m.hear(topic, append([]byte(nil), payload...)) // who takes a message must not publish
			})
		})
	}
	tasks.Wait()
	return ctx.Err()
}

// Mute makes the gateway and its children silent for good.
func (m *Gateway) Mute() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mute = true
}

// Say has the gateway publish something.
func (m *Gateway) Say(topic, payload string) {
	m.mu.Lock()
	if m.mute {
		m.mu.Unlock()
		return
	}
	subs, out := append([]*listener(nil), m.subs...), m.out
	m.mu.Unlock()
	if out != nil {
		_ = out.Publish(context.Background(), topic, []byte(payload)) // lost like any message without a broker
		return
	}
	for _, s := range subs {
		if s.filter == topic {
			s.arrived(topic, []byte(payload), false)
		}
	}
}

// Stir has the motion sensor see somebody.
func (m *Gateway) Stir(lux int) {
	m.Say("zigbee/send", fmt.Sprintf(`{"cmd":"report","did":%q,"time":1,"params":[{"res_name":"0.3.85","value":%d},{"res_name":"3.1.85","value":1}]}`, Motion, lux))
}

// Door opens or closes the door.
func (m *Gateway) Door(open bool) {
	n := 0
	if open {
		n = 1
	}
	m.Say("zigbee/send", fmt.Sprintf(`{"cmd":"report","did":%q,"params":[{"res_name":"3.1.85","value":%d}]}`, Door, n))
}

// Sound has the gateway hear the Bluetooth motion sensor.
func (m *Gateway) Sound() {
	m.mu.Lock()
	m.frames++
	n := m.frames
	m.mu.Unlock()
	m.Say("miio/report", fmt.Sprintf(`{"id":%d,"method":"_async.ble_event","params":{"dev":{"did":%q,"mac":"54:EF:44:00:AA:01","pdid":2701},`+
		`"evt":[{"eid":15,"edata":"780000"}],"frmCnt":%d,"gwts":1}}`, n, Sound, n%256))
}

// Beat has everybody give a sign of life.
func (m *Gateway) Beat() {
	for did, list := range map[string]string{
		Motion: `[{"res_name":"8.0.2008","value":3005},{"res_name":"3.1.85","value":1}]`,
		Door:   `[{"res_name":"8.0.2008","value":3100}]`,
		Plug:   `[{"res_name":"4.1.85","value":1},{"res_name":"0.12.85","value":12.5}]`,
	} {
		m.Say("zigbee/send", fmt.Sprintf(`{"cmd":"heartbeat","params":[{"did":%q,"res_list":%s}]}`, did, list))
	}
	m.Say("miio/report", fmt.Sprintf(`{"method":"_sync.ble_mesh_keep_alive","params":[{"did":%q}]}`, Lamp))
	m.Say("miio/report", `{"method":"event.gw.heartbeat","params":[]}`)
}

// The pace of a multimode home: signs of life first, so that nobody waits for them.
const (
	step      = 20 * time.Second
	greeting  = time.Second
	greetings = 5 // steps
)

// Live has people move through the house, until ctx ends.
func (m *Gateway) Live(ctx context.Context) {
	for n := 0; ; n++ {
		pause := step
		switch {
		case n < greetings:
			pause = greeting
			m.Beat()
			if !m.listened() {
				n = -1 // whoever comes later is told as well
			}
		case n%3 == 0: // a driver that was not there yet soon knows everybody
			m.Beat()
		case n%3 == 1:
			m.Stir(20 + n%50)
			m.Sound()
		case n%7 == 2:
			m.Door(n%2 == 0)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// listened reports whether somebody hears what the gateway says.
func (m *Gateway) listened() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.subs) > 0 || m.out != nil
}

// order is what others want of the gateway.
type order struct {
	ID     int             `json:"id"`
	Cmd    string          `json:"cmd"`
	Method string          `json:"method"`
	DID    string          `json:"did"`
	Params json.RawMessage `json:"params"`
}

// item is one value of an order or an answer.
type item struct {
	DID   string   `json:"did,omitempty"`
	Res   string   `json:"res_name,omitempty"`
	SIID  int      `json:"siid,omitempty"`
	PIID  int      `json:"piid,omitempty"`
	Value mi.Value `json:"value"`
	Code  int      `json:"code"`
}

// hear takes an order.
func (m *Gateway) hear(topic string, payload []byte) {
	var o order
	if json.Unmarshal(payload, &o) != nil {
		return
	}
	var items []item
	if json.Unmarshal(o.Params, &items) != nil {
		items = nil
	}
	for i := range items {
		items[i].Code = m.do(&o, &items[i])
	}
	b, _ := json.Marshal(items) // plain values
	if topic == "miio/command" {
		m.Say("miio/command_ack", fmt.Sprintf(`{"id":%d,"result":%s}`, o.ID, b))
		return
	}
	m.Say("zigbee/send", fmt.Sprintf(`{"cmd":"%s_rsp","did":%q,"results":%s}`, o.Cmd, o.DID, b))
}

// do carries out one item of an order and returns its code.
func (m *Gateway) do(o *order, it *item) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	write := o.Cmd == "write" || o.Method == "set_properties"
	number, _ := it.Value.Int()
	switch {
	case o.DID == Plug && it.Res == "4.1.85":
		return swapped(write, &m.plug, number, it)
	case it.DID != Lamp || it.SIID != 2:
		return -4003
	case it.PIID == 1:
		if write {
			m.on, _ = it.Value.Bool()
		}
		it.Value = mi.Bool(m.on)
		return 0
	case it.PIID == 2:
		return swapped(write, &m.bright, number, it)
	case it.PIID == 3:
		return swapped(write, &m.kelvin, number, it)
	}
	return -4003
}

func swapped(write bool, have *int64, wanted int64, it *item) int {
	if write {
		*have = wanted
	}
	it.Value = mi.Int(*have)
	return 0
}

// Lamp tells how the mesh lamp is, for people.
func (m *Gateway) Lamp() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := "off"
	if m.on {
		state = "on"
	}
	return strings.Join([]string{state, fmt.Sprint(m.bright, " %"), fmt.Sprint(m.kelvin, " K")}, ", ")
}
