package ble

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sender is a device as it is heard. Times are those of Driver.now.
type sender struct {
	d    *Driver
	addr mi.Address
	text string // addr for people
	last atomic.Int64
	kept atomic.Bool // somebody wants it

	// mu guards the fields below and orders what the sink hears. It is held over
	// the sink, which never calls back.
	mu      sync.Mutex
	did     string
	product *product  // nil until it is known
	token   mi.Secret // what the account has
	secret  mi.Secret // what key was read from
	key     *bindKey
	session *session // nil while it is not open
	model   *model   // nil until it is asked for
	sheet   []string // what it has beyond its kind
	worth   bool     // it told something, or would with its key
	sighted time.Duration
	told    time.Duration // when the device loop last heard of it
	noted   time.Duration // when the record was made

	past    past
	trust   trust
	signal  signal
	motion  motion
	rival   rival
	reading reading
	values  map[string]mi.Value // by key, in the form that is shown
	changes []mi.Change
	missing []string
}

// signal is how well the device is heard.
type signal struct {
	rssi     int
	receiver string
	at       time.Duration // of the frame that they are of
	shown    time.Duration
}

// rival is the best of several formats in which the device speaks.
type rival struct {
	rank int
	at   time.Duration
}

// newSender needs Driver.mu.
func newSender(d *Driver, addr mi.Address) *sender {
	s := &sender{d: d, addr: addr, text: addressText(addr), values: map[string]mi.Value{}}
	s.did = prefix + strings.ReplaceAll(s.text, ":", "")
	if info, ok := d.known[addr]; ok {
		s.did, s.token = info.DID, info.Token
	}
	if r, ok := d.records[s.text]; ok {
		s.past = past{record: true, counter: r.Counter, counted: r.Proved, newest: r.Last}
		s.trust.proved = r.Proved
		s.sheet, s.product = slices.Clone(r.Sheet), d.decoder.models[r.Product]
		maps.Copy(s.values, r.Values)
	}
	s.last.Store(int64(d.now()))
	s.takeKey()
	return s
}

// useless reports a sender that nobody wants and that was silent for long.
func (s *sender) useless() bool {
	return !s.kept.Load() && s.d.now()-time.Duration(s.last.Load()) > forgetAfter
}

// takeKey reads the key: that of the settings, or else the token. A key that
// cannot be one counts as none.
func (s *sender) takeKey() {
	secret := s.token
	for _, name := range []string{s.did, s.text} {
		if own := s.d.keys[name]; own != "" {
			secret = own
		}
	}
	if secret == s.secret {
		return
	}
	s.secret, s.key = secret, nil
	if key, err := parseKey(secret); err == nil {
		s.key = key
	}
}

// hand takes in what the device loop knows of the device: its did and its key. It
// reports whether that is another key: the device was paired again, and counts
// anew. It needs s.mu.
func (s *sender) hand(info mi.Info) (changed bool) {
	before := s.secret
	s.did = info.DID
	if info.Token != "" {
		s.token = info.Token
	}
	if s.takeKey(); s.secret == before {
		return false
	}
	s.trust = trust{fault: s.trust.fault}
	if s.key != nil {
		s.trust.fault = noFault
	}
	s.past.counted, s.past.run = false, 0
	return true
}

// wanted reports whether the user wants to know of the device. It needs s.mu.
func (s *sender) wanted() bool {
	d := s.d
	switch {
	case !strings.HasPrefix(s.did, prefix) && !strings.HasPrefix(s.did, accountPrefix):
		return false // it has another way
	case d.allowed != nil:
		return d.allowed[s.text] || d.allowed[s.did]
	case d.all || s.session != nil || s.past.record || s.key != nil:
		return true
	case s.product.kind.name == "bthome":
		return !strings.HasPrefix(s.did, prefix)
	}
	return true
}

// sighting is what Find reports of the device now, if anything.
func (s *sender) sighting(now time.Duration) (mi.Info, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.worth || s.product == nil || !s.wanted() {
		return mi.Info{}, false
	}
	heard := time.Duration(s.last.Load())
	if s.sighted != 0 && (now-s.sighted < sightAgain || heard < s.sighted) {
		return mi.Info{}, false
	}
	s.sighted = max(1, now)
	return mi.Info{DID: s.did, Model: s.product.official(), MAC: s.text}, true
}

// identify notes what the device is. The number in a MiBeacon tells more than the
// format of a frame. It needs s.mu.
func (s *sender) identify(p *product) {
	if p == nil || s.product == p || s.product != nil && (p.id == 0 || s.product.id == p.id) {
		return
	}
	s.product, s.model = p, nil
	s.values = map[string]mi.Value{}
	s.grow()
}

// like returns what the device has. It needs s.mu.
func (s *sender) like() *model {
	if s.model == nil {
		sheet := append(slices.Clone(s.product.kind.sheet), "rssi", "receiver")
		s.model = s.d.modelOf(s.product, append(sheet, s.sheet...))
	}
	return s.model
}

const maxSheet = 64 // entries beyond the kind's

// learn adds what a frame has told that was not known of the device. It needs
// s.mu.
func (s *sender) learn() {
	s.missing = s.like().miss(s.d.decoder, &s.reading, s.missing[:0])
	more := false
	for _, entry := range s.missing {
		if len(s.sheet) < maxSheet && !slices.Contains(s.sheet, entry) {
			s.sheet = append(s.sheet, entry)
			more = true
		}
	}
	if !more {
		return
	}
	s.model = nil
	s.note(false)
	s.grow()
}

// grow has the device loop ask for the spec anew. It needs s.mu.
func (s *sender) grow() {
	if s.session == nil {
		return
	}
	s.d.mu.Lock()
	s.d.grown[s.product.official()] = true
	s.d.mu.Unlock()
}

// note keeps for the next run what it must know. It needs s.mu.
func (s *sender) note(urgent bool) {
	if s.product == nil || !s.kept.Load() {
		return
	}
	s.noted = s.d.now()
	r := record{
		Product: s.product.model, Counter: s.past.counter, Proved: s.trust.proved, Last: s.past.newest, Sheet: slices.Clone(s.sheet),
	}
	if s.product.sleepy {
		r.Values = maps.Clone(s.values)
		maps.DeleteFunc(r.Values, func(key string, _ mi.Value) bool {
			return key == "motion" || key == "rssi" || key == "receiver"
		})
	}
	s.d.remember(s.text, r, urgent)
}
