package ble

import (
	"errors"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	rivalAge  = 10 * time.Minute // in which the better format of a device goes before
	proofAge  = 24 * time.Hour   // without a sealed frame, after which others count
	noteEvery = 5 * time.Minute  // between two records of a device that only measures
	seenEvery = 30 * time.Second // between two signs of life of a device that repeats itself
)

// hear takes one frame of the device from one receiver.
func (s *sender) hear(e *ear, a *mi.Advert, data *mi.ServiceData) {
	now := s.d.now()
	h := hash(data.UUID, data.Data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if heard, believed := s.past.again(h, now); heard {
		s.double(e, a.RSSI, now, believed)
		return
	}
	s.reading.reset()
	p, _, err := s.d.decoder.decode(s.addr, *data, s.key, &s.reading)
	if err != nil {
		s.refuse(&p, err, h, now)
		return
	}
	if a.Vouched {
		p.vouched, p.sealed = true, true
		s.trust.vouched = max(1, now)
	}
	if !p.wide && p.counted && h == s.past.newest {
		s.past.keep(h, now, true)
		s.past.heard = true
		s.double(e, a.RSSI, now, true)
		return
	}
	if !s.believe(&p, h, now) || s.beaten(data, now) {
		return
	}
	s.last.Store(int64(now))
	if s.identify(p.product); !s.wanted() {
		s.d.counts.unwanted.Add(1)
		return
	}
	s.take(&p, e, a.RSSI, now)
}

// refuse counts a frame that told nothing, and notes what that says of the key.
func (s *sender) refuse(p *packet, err error, h uint64, now time.Duration) {
	c := &s.d.counts
	switch {
	case errors.Is(err, errMesh):
		c.mesh.Add(1)
	case errors.Is(err, errForeign):
		c.spoofed.Add(1)
	case errors.Is(err, errKeyless):
		c.keyless.Add(1)
		s.past.keep(h, now, false)
		s.last.Store(int64(now))
		s.identify(p.product)
		s.worth = s.worth || s.product != nil && s.product.kind.name != "other" && s.product.kind.name != "band"
		s.complain(s.trust.lacking(now))
	case errors.Is(err, errForged):
		c.forged.Add(1)
		s.past.keep(h, now, false)
		s.identify(p.product)
		s.worth = true
		s.complain(s.trust.refused(now))
	default:
		c.malformed.Add(1)
	}
}

// complain says once what is wrong with the key, and lets the device loop see it.
func (s *sender) complain(fresh bool) {
	if !fresh || s.product == nil || !s.wanted() {
		return
	}
	s.d.o.Log.Warn().Str("address", s.text).Str("model", s.product.official()).Msg("Bluetooth device " + s.trust.fault.words())
	s.grow()
}

// words tell a fault to people.
func (f fault) words() string {
	switch f {
	case keyMissing:
		return "sends encrypted; its key is missing"
	case keyWrong:
		return "sends encrypted; its key does not fit: it was paired again since, or the key is of another device"
	}
	return ""
}

// believe reports whether a frame is new and the device's own. It needs s.mu.
func (s *sender) believe(p *packet, h uint64, now time.Duration) bool {
	c := &s.d.counts
	if !p.sealed && s.trust.proved && !p.idle && now-s.past.at < proofAge {
		s.past.keep(h, now, false)
		c.unsealed.Add(1) // whoever has its key would have sealed it
		return false
	}
	if p.wide {
		switch s.past.judge(p.counter, now) {
		case old:
			s.past.keep(h, now, false)
			c.replayed.Add(1)
			return false
		case reborn:
			s.past.heard = false
			s.past.record = false
		}
		s.past.counter, s.past.counted = p.counter, true
	}
	if p.proof {
		s.past.at = now
	}
	if p.sealed && s.trust.opened(p.proof) {
		s.grow()
	}
	s.past.keep(h, now, true)
	c.accepted.Add(1)
	return true
}

// beaten reports a frame whose sender also speaks a better format: thermometers
// with other firmware send several, and their values differ in the last digit.
func (s *sender) beaten(data *mi.ServiceData, now time.Duration) bool {
	rank := 0
	switch {
	case data.UUID == uuidATC && (len(data.Data) == 15 || len(data.Data) == 11):
		rank = 3
	case data.UUID == uuidATC && len(data.Data) == 13:
		rank = 2
	case data.UUID == uuidMiBeacon:
		rank = 1
	case data.UUID != uuidATC:
		return false
	}
	r := &s.rival
	if rank < r.rank && now-r.at < rivalAge {
		return true
	}
	r.rank, r.at = rank, now
	return false
}

// take tells what a frame says. It needs s.mu.
func (s *sender) take(p *packet, e *ear, rssi int, now time.Duration) {
	r := &s.reading
	if p.product == nil || s.product == nil {
		return
	}
	s.worth = s.worth || !r.empty() && !p.idle
	quiet := s.past.silent(p, now, s.d.doubtful(now))
	s.past.heard = true
	if r.stirred {
		s.stir()
	}
	s.learn()
	s.changes = s.changes[:0]
	s.absorb()
	s.follow(p.clears)
	s.hearing(e, rssi, now)
	s.tell(now)
	if len(r.presses) > 0 {
		if !quiet {
			s.past.press(p, now)
			s.happen()
		}
		s.note(true)
	} else if s.product.sleepy || now-s.noted >= noteEvery {
		s.note(false)
	}
}

// tell hands the changes to the session. It needs s.mu.
func (s *sender) tell(now time.Duration) {
	if s.session != nil {
		s.told = now
		s.session.tell(s.changes)
	}
}

// stir makes motion a state and an event, however it was told.
func (s *sender) stir() {
	r := &s.reading
	told := false
	for i := range r.facts {
		told = told || r.facts[i].key == "motion"
	}
	if !told {
		r.flag("motion", true)
	}
	if len(r.presses) == 0 {
		r.press("motion", "motion_detected")
	}
}

// absorb turns facts into changes.
func (s *sender) absorb() {
	m := s.like()
	for i := range s.reading.facts {
		f := &s.reading.facts[i]
		key := f.key
		if f.n > 0 {
			key = f.entry()
		}
		at, ok := m.props[key]
		if !ok {
			continue
		}
		v := f.value
		if c, ok := s.d.decoder.facets[f.key]; ok {
			v = c.show(f.key, v)
		}
		if v.Known() {
			s.values[key] = v
			s.changes = append(s.changes, mi.Change{Prop: at, Value: v})
		}
	}
}

// happen tells the presses of a frame.
func (s *sender) happen() {
	if s.session == nil {
		return
	}
	m := s.like()
	for i := range s.reading.presses {
		p := &s.reading.presses[i]
		e, ok := m.events[p.group+"/"+p.kind]
		if !ok {
			continue
		}
		h := mi.Happening{Event: e, At: s.d.w.Now()}
		for _, key := range m.args[e] {
			h.Args = append(h.Args, p.arg(key))
		}
		s.session.happen(h)
	}
}

func (p *press) arg(key string) mi.Value {
	for i := range p.args {
		if p.args[i].key == key {
			return p.args[i].value
		}
	}
	return mi.Value{}
}

// motion is the motion that the driver ends by itself.
type motion struct {
	on    bool
	until time.Duration
	timer *time.Timer
}

// follow lets the motion last until the device or the driver ends it. clears says
// that the device always does. It needs s.mu.
func (s *sender) follow(clears bool) {
	for i := range s.reading.facts {
		if s.reading.facts[i].key != "motion" {
			continue
		}
		s.motion.on, _ = s.reading.facts[i].value.Bool()
		if !s.motion.on || clears {
			continue
		}
		after := s.d.o.ClearAfter
		s.motion.until = s.d.now() + after
		if s.motion.timer == nil {
			s.motion.timer = time.AfterFunc(after, s.still)
		} else {
			s.motion.timer.Reset(after)
		}
	}
}

// still ends the motion that nobody renewed.
func (s *sender) still() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.motion.on || s.d.now() < s.motion.until {
		return
	}
	s.motion.on = false
	s.values["motion"] = mi.Bool(false)
	if at, ok := s.like().props["motion"]; ok && s.session != nil {
		s.session.tell([]mi.Change{{Prop: at, Value: mi.Bool(false)}})
	}
}

const signalEvery = time.Minute // between two reports of the signal

// hearing notes who heard a frame, and tells it with the frame now and then.
func (s *sender) hearing(e *ear, rssi int, now time.Duration) {
	g := &s.signal
	g.rssi, g.receiver, g.at = rssi, e.name, max(1, now)
	if g.shown != 0 && now-g.shown < signalEvery {
		return
	}
	g.shown = g.at
	s.shine()
}

// double takes a frame that was heard before. Another receiver may hear it better,
// and the device is there. It needs s.mu.
func (s *sender) double(e *ear, rssi int, now time.Duration, believed bool) {
	s.d.counts.doubled.Add(1)
	s.last.Store(int64(now))
	g := &s.signal
	if !believed || s.product == nil || g.shown == 0 {
		return
	}
	s.changes = s.changes[:0]
	if rssi != 0 && g.receiver != e.name && (g.rssi == 0 || rssi > g.rssi) && now-g.at < pause {
		g.rssi, g.receiver = rssi, e.name
		if g.shown == g.at {
			s.shine()
		}
	}
	if len(s.changes) > 0 || now-s.told >= seenEvery {
		s.tell(now)
	}
}

// shine adds the signal to the changes.
func (s *sender) shine() {
	m := s.like()
	g := &s.signal
	if g.rssi != 0 {
		s.values["rssi"] = mi.Int(int64(g.rssi))
		s.changes = append(s.changes, mi.Change{Prop: m.props["rssi"], Value: s.values["rssi"]})
	}
	s.values["receiver"] = mi.Text(g.receiver)
	s.changes = append(s.changes, mi.Change{Prop: m.props["receiver"], Value: s.values["receiver"]})
}
