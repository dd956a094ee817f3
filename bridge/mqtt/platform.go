package mqtt

import (
	"context"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	platformFirst = time.Minute      // after a connection: a platform that starts too has come by then
	platformEvery = 10 * time.Minute // between two looks while none was seen
	platformName  = "platform"       // what is kept of it
)

// Platform is what is known of the home platform that reads the announcements.
type Platform struct {
	Seen   bool // it has spoken at this broker, or somebody reads the announcements
	Away   bool // its last word was that it leaves
	Unread bool // the broker says that nobody reads the announcements
}

// platform watches whether a home platform is at the broker: by its words on the
// status topic, and by who reads the announcements, where the broker tells.
type platform struct {
	home   *Home
	memory mi.Memory // nil remembers for this run

	mu    sync.Mutex // guards state
	state Platform
}

func newPlatform(h *Home) *platform {
	p := &platform{home: h, memory: h.opt.Memory}
	var broker string
	if p.memory != nil && p.memory.Load(platformName, &broker) {
		p.state.Seen = broker == h.client.broker
	}
	return p
}

// Platform returns what is known of the home platform.
func (h *Home) Platform() Platform {
	h.platform.mu.Lock()
	defer h.platform.mu.Unlock()
	return h.platform.state
}

// arrived takes a message on a status topic.
func (p *platform) arrived(a arrival) {
	p.set(Platform{Seen: true, Away: string(a.payload) == "offline"})
}

func (p *platform) set(s Platform) {
	p.mu.Lock()
	news := s.Seen && !p.state.Seen
	p.state = s
	p.mu.Unlock()
	if news && p.memory != nil {
		p.memory.Save(platformName, p.home.client.broker)
	}
}

// run looks for a platform as long as none was seen.
func (p *platform) run(ctx context.Context) {
	wait := platformFirst
	for sleep(ctx, wait) {
		if !p.home.Platform().Seen || p.home.Platform().Unread {
			p.look(ctx)
		}
		wait = platformEvery
	}
}

// look finds out who reads the announcements.
func (p *platform) look(ctx context.Context) {
	for _, t := range p.home.opt.Targets {
		switch read, told := p.home.read(ctx, t.Prefix+"/sensor/mihome2mqtt_trial/config"); {
		case !told:
			return
		case read:
			p.set(Platform{Seen: true})
			return
		}
	}
	if len(p.home.opt.Targets) > 0 {
		p.set(Platform{Seen: p.home.Platform().Seen, Unread: true})
	}
}

// SeekPlatform looks now whether anybody reads the announcements.
func (h *Home) SeekPlatform(ctx context.Context) Platform {
	h.platform.look(ctx)
	return h.Platform()
}

// read reports whether anybody reads a topic; told is false where the broker does
// not say.
func (h *Home) read(ctx context.Context, topic string) (read, told bool) {
	if h.broker != nil {
		return h.broker.read(topic, h.client.who.clientID), true
	}
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	read, told, err := readers(ctx, h.client, topic, h.topics.Bridge("trial")+"/"+h.client.who.clientID)
	if err != nil {
		h.log.Debug().Err(err).Msg("the broker does not tell whether anybody reads the announcements")
	}
	return read, told
}

// read reports whether anybody but one client reads a topic.
func (b *Broker) read(topic, but string) bool {
	for id := range b.server.Topics.Subscribers(topic).Subscriptions {
		if id != but {
			return true
		}
	}
	return false
}
