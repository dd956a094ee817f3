package miio

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// plug is a device of its own making: nothing of packet.go is in it.
type plug struct {
	t     testing.TB
	conn  mi.PacketConn
	did   uint64
	token []byte
	model string

	mu     sync.Mutex
	boot   time.Time
	mute   bool // says nothing
	deaf   bool // answers hellos only
	strict bool // ignores stamps that are far from its own
	values map[string]any
	answer func(method string, params json.RawMessage) (member string, raw string) // overrides; "" is the default
	push   string                                                                  // bytes 16.. of a probe's answer, if it knows probes
	calls  []string
	ids    []uint64
	peer   netip.AddrPort
	acks   []uint64
}

const plugToken = mi.Secret("00112233445566778899aabbccddeeff")

func newPlug(t testing.TB, n *memNet, addr string, did uint64) *plug {
	t.Helper()
	conn, err := n.ListenUDP(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &plug{
		t: t, conn: conn, did: did, model: "test.plug.v1", boot: time.Now().Add(-1234 * time.Second), strict: true,
		token:  []byte{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff},
		values: map[string]any{"2.1": true, "2.2": 55, "2.3": 21.5, "2.4": "red"},
	}
	go p.run(conn)
	return p
}

func (p *plug) run(conn mi.PacketConn) {
	in := make([]mi.Packet, 8)
	for {
		for i := range in {
			in[i].Data = make([]byte, 0, 4096)
		}
		n, err := conn.ReadBatch(in)
		if err != nil {
			return
		}
		for _, one := range in[:n] {
			p.take(one)
		}
	}
}

// move gives the plug another address.
func (p *plug) move(n *memNet, addr string) {
	conn, err := n.ListenUDP(p.t.Context(), addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.conn.Close()
	p.conn = conn
	go p.run(conn)
}

func (p *plug) stamp() uint32 { return uint32(time.Since(p.boot) / time.Second) }

func (p *plug) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// heard returns the requests that arrived.
func (p *plug) heard() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// asked returns their ids.
func (p *plug) asked() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ids)
}

func (p *plug) take(in mi.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := in.Data
	if p.mute || len(b) < 32 || b[0] != 0x21 || b[1] != 0x31 {
		return
	}
	if len(b) == 32 {
		p.hello(in)
		return
	}
	if p.deaf {
		return
	}
	late := int64(binary.BigEndian.Uint32(b[12:])) - int64(p.stamp())
	if p.strict && (late < -30 || late > 30) {
		return
	}
	text := p.open(b)
	if text == nil {
		return
	}
	p.peer = in.Addr
	var req struct {
		ID     uint64
		Method string
		Params json.RawMessage
		Result json.RawMessage
	}
	if err := json.Unmarshal(text, &req); err != nil {
		p.t.Errorf("the driver sent %q: %v", text, err)
		return
	}
	if req.Method == "" {
		p.acks = append(p.acks, req.ID)
		return
	}
	p.calls, p.ids = append(p.calls, req.Method+string(req.Params)), append(p.ids, req.ID)
	member, raw := "", ""
	if p.answer != nil {
		member, raw = p.answer(req.Method, req.Params)
	}
	if member == "" {
		member, raw = "result", p.serve(req.Method, req.Params)
	}
	if member == "silence" {
		return
	}
	if member == "whole" {
		p.say(raw)
		return
	}
	p.say(fmt.Sprintf(`{"id":%d,"%s":%s}`, req.ID, member, raw))
}

func (p *plug) hello(in mi.Packet) {
	b := make([]byte, 32)
	copy(b, in.Data[:4])
	binary.BigEndian.PutUint64(b[4:], p.did)
	binary.BigEndian.PutUint32(b[12:], p.stamp())
	for i := 16; i < 32; i++ {
		b[i] = 0xff
	}
	if string(in.Data[16:20]) == "MDID" && p.push != "" {
		copy(b[16:], p.push)
	}
	_ = p.conn.WriteBatch([]mi.Packet{{Data: b, Addr: in.Addr}})
}

func (p *plug) serve(method string, params json.RawMessage) string {
	type prop struct {
		DID   string `json:"did"`
		SIID  int    `json:"siid"`
		PIID  int    `json:"piid"`
		Code  int    `json:"code"`
		Value any    `json:"value,omitempty"`
	}
	var list []prop
	switch method {
	case "miIO.info":
		return fmt.Sprintf(`{"model":%q,"mac":"AA:BB:CC:00:11:22","fw_ver":"1.2.3","hw_ver":"ESP","token":"00112233445566778899aabbccddeeff"}`, p.model)
	case "get_properties":
		_ = json.Unmarshal(params, &list)
		for i := range list {
			v, ok := p.values[iids(list[i].SIID, list[i].PIID)]
			list[i].Value = v
			if !ok {
				list[i].Code = -4003
			}
		}
	case "set_properties":
		_ = json.Unmarshal(params, &list)
		for i := range list {
			p.values[iids(list[i].SIID, list[i].PIID)] = list[i].Value
			list[i].Value = nil
		}
	case "action":
		return `{"code":0,"out":[7]}`
	default:
		return `{"code":0}`
	}
	out, _ := json.Marshal(list)
	return string(out)
}

func iids(siid, piid int) string { return strconv.Itoa(siid) + "." + strconv.Itoa(piid) }

// say sends a message to whoever spoke last.
func (p *plug) say(text string) {
	_ = p.conn.WriteBatch([]mi.Packet{{Data: p.seal(text, p.stamp()), Addr: p.peer}})
}

func (p *plug) cipher() (cipher.Block, []byte) {
	k := md5.Sum(p.token)
	iv := md5.Sum(append(k[:], p.token...))
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err)
	}
	return block, iv[:]
}

func (p *plug) seal(text string, stamp uint32) []byte {
	block, iv := p.cipher()
	plain := []byte(text)
	for pad, n := 16-len(plain)%16, 0; n < pad; n++ {
		plain = append(plain, byte(pad))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	b := binary.BigEndian.AppendUint16(nil, 0x2131)
	b = binary.BigEndian.AppendUint16(b, uint16(32+len(plain)))
	b = binary.BigEndian.AppendUint64(b, p.did)
	b = binary.BigEndian.AppendUint32(b, stamp)
	sum := md5.Sum(append(append(append([]byte(nil), b...), p.token...), plain...))
	return append(append(b, sum[:]...), plain...)
}

func (p *plug) open(b []byte) []byte {
	sum := md5.Sum(append(append(append([]byte(nil), b[:16]...), p.token...), b[32:]...))
	if [16]byte(b[16:32]) != sum || len(b)%16 != 0 {
		return nil
	}
	block, iv := p.cipher()
	plain := append([]byte(nil), b[32:]...)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, plain)
	return plain[:len(plain)-int(plain[len(plain)-1])]
}

// plugSpec is what a plug has.
func plugSpec() *mi.Spec {
	rw := mi.Read | mi.Write | mi.Notify
	return &mi.Spec{
		Model:    "test.plug.v1",
		Services: []mi.Service{{IID: 2, Name: "switch", Key: "switch"}},
		Props: []mi.Property{
			{SIID: 2, PIID: 1, Name: "on", Format: mi.FormatBool, Access: rw},
			{SIID: 2, PIID: 2, Name: "level", Format: mi.FormatInt, Access: rw},
			{SIID: 2, PIID: 3, Name: "heat", Format: mi.FormatFloat, Access: rw},
			{SIID: 2, PIID: 4, Name: "label", Format: mi.FormatText, Access: rw},
			{SIID: 2, PIID: 9, Name: "missing", Format: mi.FormatInt, Access: rw},
		},
		Actions: []mi.Action{{SIID: 2, AIID: 1, Name: "blink", In: []int{1}, Out: []int{1}}},
		Events:  []mi.Event{{SIID: 2, EIID: 1, Name: "click", Args: []int{1, 2}}},
	}
}

type specMap map[string]*mi.Spec

func (m specMap) Spec(_ context.Context, model string) (*mi.Spec, error) {
	if s := m[model]; s != nil {
		return s, nil
	}
	return nil, mi.ErrUnsupported
}

// memory is a mi.Memory.
type memory map[string]json.RawMessage

func (m memory) Load(name string, v any) bool {
	raw, ok := m[name]
	return ok && json.Unmarshal(raw, v) == nil
}

func (m memory) Save(name string, v any) { m[name], _ = json.Marshal(v) }

// ear is a mi.Sink.
type ear struct {
	mu       sync.Mutex
	changes  []mi.Change
	happened []mi.Happening
	seen     int
}

func (e *ear) Changed(c []mi.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changes = append(e.changes, c...)
}

func (e *ear) Happened(h mi.Happening) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.happened = append(e.happened, h)
}

func (e *ear) Seen() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen++
}

// total returns how many authenticated packets were told.
func (e *ear) total() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen
}

// home is a driver with one device in one network.
type home struct {
	t    testing.TB
	net  *memNet
	d    *Driver
	plug *plug
	ear  *ear
	mem  memory
}

const (
	plugDID  = 4000000001 // above 2^31
	plugAddr = "192.168.1.50:54321"
)

func newHome(t testing.TB, change ...func(*Options)) *home {
	t.Helper()
	h := &home{t: t, net: newMemNet(), ear: &ear{}, mem: memory{}}
	o := Options{
		Specs: specMap{"test.plug.v1": plugSpec()}, Memory: h.mem, Log: zerolog.Nop(),
	}
	for _, c := range change {
		c(&o)
	}
	h.d = New(mi.World{Net: h.net, Now: time.Now, Seed: 7}, o)
	h.plug = newPlug(t, h.net, plugAddr, plugDID)
	t.Cleanup(func() { _ = h.plug.conn.Close() })
	return h
}

func (h *home) info() mi.Info {
	return mi.Info{DID: strconv.FormatUint(plugDID, 10), Addr: plugAddr, Model: "test.plug.v1", Token: plugToken}
}

func (h *home) open(info mi.Info) *session {
	h.t.Helper()
	link, err := h.d.Open(h.t.Context(), info, h.ear)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = link.Close() })
	return link.(*session)
}
