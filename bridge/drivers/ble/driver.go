// Package ble hears what Bluetooth sensors advertise: MiBeacon and the formats
// beside it. Any number of receivers hear for it; a device is heard once, however
// many of them heard it. It never connects to anything.
package ble

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	prefix        = "ble." // of the did of a device that the account does not know
	accountPrefix = "blt." // of one that it knows
	maxSenders    = 4096
	defaultClear  = 90 * time.Second
	everything    = "all"
)

// Options set up a Driver.
type Options struct {
	Receivers []mi.Receiver
	// Keys are the devices' keys in hexadecimal digits, by address (with or without
	// colons) or did. They go before the tokens of the account.
	Keys map[string]mi.Secret
	// Devices names whom to listen to, by address or did. Empty is everybody whose
	// format is Xiaomi's, and of the open format BTHome those that have a key or are
	// known; "all" is everybody that is understood.
	Devices []string
	// ClearAfter is the time after which motion is over that nobody renewed; 0 is
	// 90 s.
	ClearAfter time.Duration
	Known      func() []mi.Info // devices of the account and of earlier runs; may be nil
	Memory     mi.Memory        // may be nil
	Specs      mi.Specs         // may be nil
	// Changed is told the model of devices whose spec is another now; may be nil.
	Changed func(model string)
	Log     zerolog.Logger
}

// Driver listens while anybody uses it.
type Driver struct {
	w       mi.World
	o       Options
	decoder *decoder
	counts  counters
	ears    []*ear
	zero    time.Time            // of the times within
	keys    map[string]mi.Secret // Options.Keys by canonical name
	allowed map[string]bool      // addresses and dids; nil is everybody of Xiaomi's
	all     bool
	finding atomic.Bool

	turn  sync.Mutex // one beginning or end of listening at a time; guards the next two
	users int
	stop  func()

	mu      sync.Mutex    // guards the fields below; the last lock that is taken
	since   time.Duration // when listening began
	senders map[mi.Address]*sender
	behind  map[string]*ear        // by name: those that a receiver stands for
	known   map[mi.Address]mi.Info // of the account and of earlier runs
	records map[string]record      // by address: what earlier runs left
	forgot  time.Duration
	models  map[string]*model
	grown   map[string]bool // models that Options.Changed is to be told
	clean   bool            // the last run ended in order
	sure    bool            // the one before this did
	dirty   bool            // records differ from what was saved
	urgent  bool            // and must be saved soon
}

var _ mi.Driver = (*Driver)(nil)

// New returns a driver. It begins to listen when it is first used.
func New(w mi.World, o Options) *Driver {
	if o.ClearAfter <= 0 {
		o.ClearAfter = defaultClear
	}
	d := &Driver{
		w: w, o: o, decoder: newDecoder(), zero: time.Now(), keys: map[string]mi.Secret{},
		senders: map[mi.Address]*sender{}, behind: map[string]*ear{}, known: map[mi.Address]mi.Info{},
		records: map[string]record{}, models: map[string]*model{}, grown: map[string]bool{},
	}
	d.decoder.spec = d.specOf
	for _, r := range o.Receivers {
		d.ears = append(d.ears, &ear{receiver: r, name: r.Name()})
	}
	for name, key := range o.Keys {
		d.keys[canonical(name)] = key
	}
	d.allow(o.Devices)
	d.recall()
	d.learnKnown()
	return d
}

// recall reads what the last run left.
func (d *Driver) recall() {
	var last kept
	if d.o.Memory != nil && d.o.Memory.Load(memoryName, &last) && last.Devices != nil {
		d.clean, d.records = last.Clean, last.Devices
	}
}

func (d *Driver) allow(devices []string) {
	for _, name := range devices {
		if name == everything {
			d.all = true
			continue
		}
		if d.allowed == nil {
			d.allowed = map[string]bool{}
		}
		d.allowed[canonical(name)] = true
	}
	if d.all {
		d.allowed = nil
	}
}

// specOf returns the vendor's spec of a model when it is at hand.
func (d *Driver) specOf(model string) *mi.Spec {
	if d.o.Specs == nil {
		return nil
	}
	s, err := d.o.Specs.Spec(context.Background(), model)
	if err != nil {
		return nil
	}
	return s
}

// learnKnown takes in what others know of addresses: who they are, and their keys.
// The account's did goes before the one made here.
func (d *Driver) learnKnown() {
	if d.o.Known == nil {
		return
	}
	for _, info := range d.o.Known() {
		addr, ok := addressOf(info.DID)
		if !ok {
			addr, ok = ParseAddress(info.MAC)
		}
		if old := d.known[addr]; ok && (old.DID == "" || strings.HasPrefix(old.DID, prefix)) {
			d.known[addr] = info
		}
	}
}

// now is the time since New.
func (d *Driver) now() time.Duration { return time.Since(d.zero) }

// canonical is a did, or an address in the form that is used here.
func canonical(name string) string {
	if addr, ok := ParseAddress(name); ok {
		return addressText(addr)
	}
	return name
}

// ParseAddress reads a Bluetooth address with or without colons.
func ParseAddress(s string) (a mi.Address, ok bool) {
	plain := strings.ReplaceAll(s, ":", "")
	if len(plain) != 12 {
		return a, false
	}
	n, err := fmt.Sscanf(strings.ToLower(plain), "%02x%02x%02x%02x%02x%02x", &a[0], &a[1], &a[2], &a[3], &a[4], &a[5])
	return a, err == nil && n == len(a)
}

func addressText(a mi.Address) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}

// addressOf is the address that is in a did of this driver's.
func addressOf(did string) (mi.Address, bool) {
	text, ok := strings.CutPrefix(did, prefix)
	if !ok {
		return mi.Address{}, false
	}
	return ParseAddress(text)
}

// Find implements mi.Driver: it reports whom it hears, for as long as it hears
// them. One Find at a time.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	d.acquire()
	defer d.release()
	d.finding.Store(true)
	defer d.finding.Store(false)
	tick := time.NewTicker(findEvery)
	defer tick.Stop()
	for {
		for _, info := range d.sightings() {
			found(info)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

const (
	findEvery   = time.Second
	sightAgain  = time.Minute // between two reports of one device
	forgetAfter = time.Hour   // of silence, for those that nobody wants
	forgetEvery = time.Minute
)

// sightings lists whom to report now, sorted by address.
func (d *Driver) sightings() []mi.Info {
	now := d.now()
	d.mu.Lock()
	all := slices.SortedFunc(maps.Values(d.senders), func(a, b *sender) int { return strings.Compare(a.text, b.text) })
	d.mu.Unlock()
	var out []mi.Info
	for _, s := range all {
		if info, ok := s.sighting(now); ok {
			out = append(out, info)
		}
	}
	return out
}

// Open implements mi.Driver. It takes the dids that Find reports, also those of an
// earlier run, and devices of the account that were heard.
func (d *Driver) Open(_ context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	fail := func(err error) (mi.Link, error) {
		return nil, fmt.Errorf("ble: open %s: %w", info.DID, err)
	}
	addr, ok := addressOf(info.DID)
	if !ok && strings.HasPrefix(info.DID, accountPrefix) {
		addr, ok = ParseAddress(info.MAC)
	}
	if !ok {
		return fail(mi.ErrUnsupported)
	}
	s := d.meet(addr, info)
	if other := d.officialDID(addr, info); other != "" {
		return fail(fmt.Errorf("the account has it as %s: %w", other, mi.ErrUnsupported))
	}
	if s == nil {
		return fail(fmt.Errorf("it was not heard yet: %w", mi.ErrUnsupported))
	}
	link, err := s.begin(info, sink)
	if err != nil {
		return fail(err)
	}
	d.acquire()
	return link, nil
}

// meet returns the sender of that address. One that was not heard yet is made
// when an earlier run heard it; the account knows many that nobody can hear.
func (d *Driver) meet(addr mi.Address, info mi.Info) *sender {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.senders[addr]; s != nil {
		return s
	}
	_, heard := d.records[addressText(addr)]
	if !heard && d.decoder.kindOf(info) == nil {
		return nil
	}
	return d.enter(addr)
}

// officialDID returns the did under which the account has the device, when it is
// another; it learns it from info.
func (d *Driver) officialDID(addr mi.Address, info mi.Info) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasPrefix(info.DID, accountPrefix) {
		d.known[addr] = info
		return ""
	}
	if have := d.known[addr].DID; strings.HasPrefix(have, accountPrefix) {
		return have
	}
	return ""
}

// kindOf is what a device is that this driver found once; nil for others.
func (d *decoder) kindOf(info mi.Info) *product {
	if !strings.HasPrefix(info.DID, prefix) {
		return nil
	}
	return d.official[info.Model]
}

// enter makes a sender. It needs d.mu.
func (d *Driver) enter(addr mi.Address) *sender {
	if len(d.senders) >= maxSenders && !d.forget() {
		d.counts.crowded.Add(1)
		return nil
	}
	s := newSender(d, addr)
	d.senders[addr] = s
	return s
}

// forget drops those that nobody wants and who are silent, now and then. It needs
// d.mu.
func (d *Driver) forget() (some bool) {
	now := d.now()
	if now < d.forgot+forgetEvery {
		return false
	}
	d.forgot = now
	for addr, s := range d.senders {
		if s.useless() {
			delete(d.senders, addr)
			some = true
		}
	}
	return some
}

// heard takes an advertisement; any receiver calls it.
func (d *Driver) heard(e *ear, a *mi.Advert) {
	now := d.now()
	e.note(now)
	if real := d.earOf(e, a.Receiver); real != e {
		real.note(now)
		e = real
	}
	for i := range a.Service {
		if understood(a.Service[i].UUID) {
			if s := d.sender(a.Addr); s != nil {
				s.hear(e, a, &a.Service[i])
			}
		}
	}
}

func understood(uuid uint16) bool {
	switch uuid {
	case uuidMiBeacon, uuidPlant, uuidScale1, uuidScale2, uuidQingping, uuidATC, uuidBTHome1, uuidBTHome1Sealed, uuidBTHome2:
		return true
	}
	return false
}

func (d *Driver) sender(addr mi.Address) *sender {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.senders[addr]; s != nil {
		return s
	}
	return d.enter(addr)
}

// modelOf returns the model of a product and a sheet, shared by pointer.
func (d *Driver) modelOf(p *product, sheet []string) *model {
	id := p.official() + " " + strings.Join(sheet, " ")
	d.mu.Lock()
	m := d.models[id]
	d.mu.Unlock()
	if m != nil {
		return m
	}
	m = d.decoder.build(p, sheet)
	d.mu.Lock()
	defer d.mu.Unlock()
	if have := d.models[id]; have != nil {
		return have
	}
	if len(d.models) < maxSenders {
		d.models[id] = m
	}
	return m
}
