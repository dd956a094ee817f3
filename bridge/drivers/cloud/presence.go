package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	pathList    = "/v2/home/device_list_page"
	maxListed   = 150              // devices in one question who is there
	lookAway    = 45 * time.Second // between two looks at a device that is away
	lookPresent = 5 * time.Minute  // and at one that is there
)

// sight is what the list of devices last said of one.
type sight struct {
	online bool
	at     time.Time // when it was asked
}

// shows reports whether an answer proves that the device is there: the cloud also
// tells old values of devices that are not. It needs p.mu.
func (p *pool) shows(s *session, a *answer) bool {
	known := p.sight(s.did)
	return known.online || a.updated.After(known.at)
}

// sight returns the newest word on whether a device is there. It needs p.mu.
func (p *pool) sight(did string) sight {
	own := p.sights[did]
	if known := p.d.device(did); known != nil && known.Asked.After(own.at) {
		own.online, own.at = known.Online, known.Asked
	}
	return own
}

// sweep asks who is there, of those that are read by this route. The account's own
// list is fetched a few times a day.
func (p *pool) sweep(ctx context.Context) {
	for part := range slices.Chunk(p.overdue(), maxListed) {
		listed, err := p.listed(ctx, part)
		if err != nil {
			return // the next read tells why
		}
		p.saw(part, listed)
	}
}

// overdue returns the devices to look at now.
func (p *pool) overdue() (due []string) {
	open := p.d.sessions()
	now := p.d.w.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.swept) < lookAway {
		return nil
	}
	p.swept = now
	for _, s := range open {
		if s.at.Load() == p && p.isDue(s.did, now) {
			due = append(due, s.did)
		}
	}
	slices.Sort(due)
	return due
}

// isDue needs p.mu.
func (p *pool) isDue(did string, now time.Time) bool {
	known := p.sight(did)
	wait := lookAway
	if known.online {
		wait = lookPresent
	}
	return now.Sub(known.at) >= wait
}

// listed asks the list about devices.
func (p *pool) listed(ctx context.Context, dids []string) (map[string]bool, error) {
	params := map[string]any{"dids": dids, "limit": 200, "get_split_device": true, "support_smart_home": true}
	result, err := p.call(ctx, gathering, pathList, params)
	if err != nil {
		return nil, err
	}
	return parseList(result)
}

// parseList reads who is online from a list of devices.
func parseList(result json.RawMessage) (map[string]bool, error) {
	var r struct {
		List []json.RawMessage
	}
	if json.Unmarshal(result, &r) != nil {
		return nil, errors.Join(errNoList, mi.ErrProtocol)
	}
	out := map[string]bool{}
	for _, raw := range r.List {
		var e struct {
			DID    mi.Value `json:"did"`
			Online *bool    `json:"isOnline"`
		}
		if json.Unmarshal(raw, &e) == nil && e.Online != nil {
			out[e.DID.String()] = *e.Online
		}
	}
	return out, nil
}

var errNoList = errors.New("cloud: the list of devices is none")

// saw takes in the list. A device that is back is told so.
func (p *pool) saw(asked []string, listed map[string]bool) {
	now := p.d.w.Now()
	back := map[string]bool{}
	p.mu.Lock()
	for _, did := range asked {
		online, there := listed[did]
		if !there {
			continue
		}
		back[did] = online && !p.sight(did).online
		own := p.sights[did]
		own.online, own.at = online, now
		p.sights[did] = own
	}
	p.mu.Unlock()
	for _, s := range p.d.sessions() {
		if back[s.did] {
			s.sink.Seen()
		}
	}
}
