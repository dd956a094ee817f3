package bridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

const (
	base       = "mihome2mqtt/"
	silent     = 5 * time.Minute          // at the end, so that everything can come to rest
	enough     = 10900 * time.Millisecond // for every order
	invalid    = "no such thing"
	readAgain  = 53_417_911 * time.Nanosecond // at no instant at which something else happens
	orderEvery = 40 * time.Second
	touchEvery = 90 * time.Second
)

// user gives orders and takes down what the broker says.
type user struct {
	stage   *stage
	dial    dialer
	where   string
	mirrors map[string]*mirror // by model
	tokens  []string
	leaks   []string

	mu     sync.Mutex
	client *client           // nil while there is none
	count  map[string]int    // messages by topic
	up     bool              // the bridge says that it is there
	open   map[string]told   // orders that have not ended, by name
	errors map[string]string // last_error by did
}

// told is an order that waits for its end.
type told struct{ did, entity string }

func newUser(s *stage, dial dialer, where string, mirrors map[string]*mirror) *user {
	u := &user{stage: s, dial: dial, where: where, mirrors: mirrors, count: map[string]int{}, open: map[string]told{}, errors: map[string]string{}}
	for _, i := range s.known {
		u.tokens = append(u.tokens, i.Token.Reveal())
	}
	return u
}

// stay keeps a connection to the broker.
func (u *user) stay(ctx context.Context) {
	for wait(ctx, readAgain) {
		begin := sync.OnceFunc(func() { u.stage.record(history.Entry{Actor: history.Broker, What: history.Restart}) })
		c, err := connect(ctx, u.dial, u.where, "person", func(m message) {
			begin() // whatever the broker kept is told after it
			u.heard(m)
		})
		if err == nil {
			begin()
			u.mu.Lock()
			u.client = c
			u.mu.Unlock()
			select {
			case <-c.done:
			case <-ctx.Done():
			}
			c.close()
			u.left()
		}
	}
}

// left gives up what can no longer be heard of.
func (u *user) left() {
	u.mu.Lock()
	u.client = nil
	u.mu.Unlock()
	u.parted()
}

// birth says what Home Assistant says when it has started.
func (u *user) birth() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.client != nil {
		_ = u.client.publish("homeassistant/status", "online", 1, false) // a broken connection is seen elsewhere
	}
}

// parted is for a bridge that the broker cannot reach: its orders get lost.
func (u *user) parted() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.up = false
	for name := range u.open {
		u.end(name, "the connection broke")
	}
	u.stage.record(history.Entry{Actor: history.Broker, What: history.Restart})
}

// end needs u.mu.
func (u *user) end(name, how string) {
	o := u.open[name]
	delete(u.open, name)
	u.stage.record(history.Entry{Actor: history.Bridge, What: history.Done, DID: o.did, Value: how, ID: name})
}

// ended ends what waits for a device, or for one entity of it.
func (u *user) ended(did, entity, how string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for name, o := range u.open {
		if o.did == did && o.entity != "" && (entity == "" || o.entity == entity) {
			u.end(name, how)
		}
	}
}

// explained ends an order whose failure last_error tells already, in the words of
// the connection that is broken.
func (u *user) explained(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if o, waits := u.open[name]; waits && o.entity != "" && u.errors[o.did] != "None" {
		u.end(name, u.errors[o.did])
	}
}

func (u *user) heard(m message) {
	u.scan(m.topic, m.payload)
	u.mu.Lock()
	u.count[m.topic]++
	u.mu.Unlock()
	rest, ours := strings.CutPrefix(m.topic, base)
	if !ours {
		return
	}
	did, rest, _ := strings.Cut(rest, "/")
	e := history.Entry{Actor: history.Bridge, DID: did, Key: rest, Value: m.payload}
	if did == "bridge" {
		u.fromBridge(rest, m)
		return
	}
	switch what, role, _ := strings.Cut(rest, "/"); {
	case what == "availability":
		e.What = history.Available
	case what == "last_error":
		u.mu.Lock()
		u.errors[did] = m.payload
		u.mu.Unlock()
		u.ended(did, "", m.payload)
		return
	case role == "event" && m.payload == "{}": // nothing happened
		return
	case role == "event":
		e.What = history.Event
		if m.retained {
			e.ID = "retained"
		}
	case role == "trigger", role == "", strings.HasSuffix(role, "/set"):
		return
	default:
		e.What = history.State
		u.ended(did, what, "")
	}
	u.stage.record(e)
}

func (u *user) fromBridge(what string, m message) {
	if what == "availability" {
		u.mu.Lock()
		u.up = m.payload == "online"
		u.mu.Unlock()
		return
	}
	if !strings.HasPrefix(what, "response/") {
		return
	}
	var r struct{ Status, Error, Transaction string }
	if json.Unmarshal([]byte(m.payload), &r) != nil || r.Transaction == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, waits := u.open[r.Transaction]; waits {
		u.end(r.Transaction, r.Error)
	}
}

// scan looks for secrets.
func (u *user) scan(where, text string) {
	if len(text) < 32 {
		return
	}
	for _, token := range u.tokens {
		if strings.Contains(text, token) {
			u.leaks = append(u.leaks, where)
		}
	}
}

// order gives orders until shortly before the end. Each is a function of the seed
// and its number, whatever happened before.
func (u *user) order(ctx context.Context, began time.Time) {
	plan := u.stage.scene.plan
	for n := uint64(0); ; n++ {
		r := rand.New(rand.NewPCG(plan.Seed, n))
		if !wait(ctx, time.Duration(r.Int64N(int64(2*orderEvery)))) || time.Since(began) > plan.Span-silent {
			return
		}
		devices := u.stage.home.Devices()
		d := devices[r.IntN(len(devices))]
		m := u.mirrors[d.Info().Model]
		if len(m.commands) == 0 {
			continue
		}
		u.give(fmt.Sprint("o", n), d, m, m.commands[r.IntN(len(m.commands))], r)
	}
}

// give orders one thing, in one of three ways.
func (u *user) give(name string, d *miio.Device, m *mirror, c command, r *rand.Rand) {
	did := d.Info().DID
	payload := c.payload(r)
	if r.IntN(20) == 0 {
		payload = invalid
	}
	topic := base + did + "/" + m.model.Entities[c.entity].ID + "/" + string(c.role) + "/set"
	order, err := m.model.Order(c.entity, c.role, payload, m.now(d.Values()))
	waits := told{did, m.model.Entities[c.entity].ID}
	if raw := m.raw(order, did, name); raw.verb != "" && r.IntN(2) == 0 && err == nil {
		topic, payload, waits.entity = base+"bridge/request/"+raw.verb, raw.payload, ""
	} else if !c.visible && err == nil {
		waits.did = "" // nobody tells how a press ends
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, want := range m.effects(order) {
		want.DID, want.Actor, want.What, want.ID = did, history.User, history.Order, name
		u.stage.record(want)
	}
	u.open[name] = waits
	time.AfterFunc(enough, func() { u.explained(name) })
	switch {
	case u.client == nil:
		u.end(name, "no connection")
	case u.client.publish(topic, payload, 1, false) != nil:
		u.end(name, "no connection")
	case !u.up:
		u.end(name, "the bridge is away")
	case waits.did == "":
		u.end(name, "cannot be seen")
	}
}

// touch presses buttons at the devices themselves and lets events happen.
func (s *stage) touch(ctx context.Context, began time.Time) {
	plan := s.scene.plan
	for n := uint64(0); ; n++ {
		r := rand.New(rand.NewPCG(plan.Seed^0x746f756368, n))
		if !wait(ctx, time.Duration(r.Int64N(int64(2*touchEvery)))) || time.Since(began) > plan.Span-silent {
			return
		}
		devices := s.home.Devices()
		d := devices[r.IntN(len(devices))]
		m := s.user.mirrors[d.Info().Model]
		if events := m.spec.Events; m.miot && len(events) > 0 && r.IntN(2) == 0 {
			e := events[r.IntN(len(events))]
			args := map[int]mi.Value{}
			for _, p := range e.Args {
				args[m.spec.Props[p].PIID] = mi.Int(int64(n))
			}
			d.Happen(e.SIID, e.EIID, args)
			continue
		}
		if len(m.commands) == 0 || !m.miot {
			continue
		}
		c := m.commands[r.IntN(len(m.commands))]
		if o, err := m.model.Order(c.entity, c.role, c.payload(r), m.values(d.Values())); err == nil {
			for _, set := range o.Set {
				p := &m.spec.Props[set.Prop]
				d.Press(iid(p.SIID, p.PIID), set.Value)
			}
		}
	}
}

// command is one way to order something by a topic.
type command struct {
	entity  int
	role    entity.Role
	visible bool // has a state
	payload func(*rand.Rand) string
}

// commandsOf lists what a person might order of a model.
func commandsOf(m *entity.Model) []command {
	var all []command
	for i := range m.Entities {
		for k := range m.Entities[i].Binds {
			b := &m.Entities[i].Binds[k]
			if say := words(m.Entities[i].Component, b); b.Command && say != nil {
				all = append(all, command{i, b.Role, b.State, say})
			}
		}
	}
	return all
}

// words returns what can be said to a role; nil when that is hard to guess.
func words(component string, b *entity.Bind) func(*rand.Rand) string {
	switch {
	case b.Role == "press":
		return func(*rand.Rand) string { return "PRESS" }
	case len(b.Options) > 0:
		return func(r *rand.Rand) string { return b.Options[r.IntN(len(b.Options))] }
	case b.Min < b.Max:
		return func(r *rand.Rand) string {
			step := max(b.Step, 1)
			return fmt.Sprint(b.Min + step*float64(r.IntN(int((b.Max-b.Min)/step)+1)))
		}
	case component == "switch":
		return func(r *rand.Rand) string { return []string{"ON", "OFF"}[r.IntN(2)] }
	}
	return nil
}
