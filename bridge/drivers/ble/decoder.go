package ble

import (
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The UUIDs of service data that mean something here.
const (
	uuidMiBeacon = 0xfe95
	uuidPlant    = 0xfd50
	uuidScale1   = 0x181d
	uuidScale2   = 0x181b
	uuidQingping = 0xfdcd
	uuidATC      = 0x181a
)

// decoder holds the tables. It is shared and never changes.
type decoder struct {
	products map[uint16]*product // MiBeacon
	models   map[string]*product // all formats, by what the device is called there
	official map[string]*product // all formats, by the name vendor.type.version
	objects  map[uint16]object
	bthome   map[byte]objectBTHome
	qingping map[byte]string
	other    *family // of products that are not in the table
	facets   map[string]facet
	shelves  map[int]shelf
	verbs    map[string]verb
	kinds    map[string]int
	spec     func(model string) *mi.Spec // nil when there is none
}

func (d *decoder) specOf(p *product) *mi.Spec {
	if d.spec == nil || p.miot == "" {
		return nil
	}
	return d.spec(p.miot)
}

func newDecoder() *decoder {
	d := &decoder{
		products: map[uint16]*product{}, models: map[string]*product{}, official: map[string]*product{}, objects: objectTable(),
		bthome: objectsBTHome(), qingping: qingpingModels(), other: families()["other"],
		facets: facets(), shelves: shelves(), verbs: verbs(), kinds: kindNumbers(),
	}
	for _, p := range products() {
		if p.id != 0 {
			d.products[p.id] = p
		}
		if d.models[p.model] == nil {
			d.models[p.model] = p
		}
		if d.official[p.official()] == nil {
			d.official[p.official()] = p
		}
	}
	return d
}

// packet is what a frame is, besides what it tells.
type packet struct {
	product *product // nil when that is not told
	counter uint32
	counted bool // there is a counter
	sealed  bool // the sender proved that it has the key
	wide    bool // the counter has 32 bits and grows
	proof   bool // the seal has a tag
	idle    bool // it carries no objects
	clears  bool // the sender itself tells that motion is over
	vouched bool // the receiver opened the seal; of the counter it knows one byte
}

// decode reads one entry of service data. known is false for data of a kind that
// is not read here.
func (d *decoder) decode(sender mi.Address, s mi.ServiceData, key *bindKey, r *reading) (p packet, known bool, err error) {
	switch s.UUID {
	case uuidMiBeacon:
		p, err = d.decodeBeacon(sender, s.Data, key, r)
	case uuidPlant:
		p, err = packet{product: d.models["HHCCJCY10"]}, parsePlant(s.Data, r)
	case uuidScale1:
		p, err = packet{product: d.models["XMTZC01HM/XMTZC04HM"]}, parseScale1(s.Data, r)
	case uuidScale2:
		p, err = packet{product: d.models["XMTZC02HM/XMTZC05HM/NUN4049CN"]}, parseScale2(s.Data, r)
	case uuidQingping:
		p, err = d.decodeQingping(s.Data, r)
	case uuidATC:
		var a atcPacket
		a, err = parseATC(sender, s.Data, key, r)
		sealed := len(s.Data) < 13
		p = packet{product: d.models["ATC"], counter: uint32(a.counter), counted: true, sealed: sealed, proof: sealed}
	case uuidBTHome1, uuidBTHome1Sealed, uuidBTHome2:
		var b packetBTHome
		b, err = d.parseBTHome(sender, s.UUID, s.Data, key, r)
		p = packet{product: d.models["BTHome"], counter: b.counter, counted: b.counted, sealed: b.sealed, wide: b.sealed, proof: b.sealed, clears: true}
	default:
		return packet{}, false, nil
	}
	return p, true, err
}

func (d *decoder) decodeQingping(b []byte, r *reading) (packet, error) {
	q, err := parseQingping(b, r)
	model := d.qingping[q.device]
	if model == "" {
		r.reset()
		return packet{}, errMalformed
	}
	return packet{product: d.models[model], counter: uint32(q.counter), counted: q.counter >= 0, clears: true}, err
}

func (d *decoder) decodeBeacon(sender mi.Address, b []byte, key *bindKey, r *reading) (packet, error) {
	f, err := parseBeacon(sender, b)
	if err != nil {
		return packet{}, err
	}
	p := packet{
		product: d.product(f.product), counter: uint32(f.counter), counted: true,
		sealed: f.sealed, wide: f.sealed && f.version >= 4, proof: f.sealed && f.version >= 4,
	}
	if !f.object {
		if p.product.settles {
			r.flag("steady", false)
		}
		p.sealed, p.wide, p.proof, p.idle = false, false, false, true
		return p, nil
	}
	plain, counter, err := f.open(key, d.known)
	if err != nil {
		return p, err
	}
	p.counter = counter
	objects(plain, func(id uint16, data []byte) { d.object(id, data, p.product, r) })
	return p, nil
}

func (d *decoder) known(id uint16) bool {
	_, ok := d.objects[id]
	return ok
}

// object reads one object: by the table, by the product's own spec, or by what
// its number usually means.
func (d *decoder) object(id uint16, data []byte, p *product, r *reading) {
	if o, ok := d.objects[id]; ok {
		if o.takes(len(data)) {
			o.read(data, p, r)
		}
		return
	}
	if s := d.specOf(p); s == nil || !own(s, id, data, r) {
		guess(id, data, r)
	}
}

// product returns what is known of a product; one that is not known has a name
// made of its number.
func (d *decoder) product(id uint16) *product {
	if p := d.products[id]; p != nil {
		return p
	}
	text := fmt.Sprintf("0x%04X", id)
	return &product{id: id, model: text, name: "Xiaomi BLE " + text, kind: d.other}
}
