package mqtt

import (
	"cmp"
	"net"
	"slices"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	takeover = 5 * time.Second // that an old connection gets to end
	maxAway  = maxClients      // clients that are gone and want to be remembered
)

// Sessions lets one connection per client id in at a time. The broker library
// cleans up after a connection by client id alone: when the same id is back before
// the old connection has ended, that clean-up takes the new one's subscriptions
// with it. So a new connection waits until nothing is left of the old one.
type Sessions struct {
	server *mochi.Server

	mu     sync.Mutex
	byConn map[net.Conn]*seat
	byID   map[string]*seat
}

// seat is one connection that has said who it is.
type seat struct {
	client *mochi.Client
	ended  chan struct{}
}

// NewSessions returns those of one server. A hook of it calls Begin, and Talk serves
// its connections.
func NewSessions(server *mochi.Server) *Sessions {
	return &Sessions{server: server, byConn: map[net.Conn]*seat{}, byID: map[string]*seat{}}
}

// Begin gives the client its seat. It belongs into OnSessionEstablish: after the
// password was checked, before the library looks for a session to take over.
func (s *Sessions) Begin(client *mochi.Client) {
	mine := &seat{client, make(chan struct{})}
	late := time.NewTimer(takeover)
	defer late.Stop()
	for {
		s.mu.Lock()
		old := s.byID[client.ID]
		if old == nil {
			s.byID[client.ID], s.byConn[client.Net.Conn] = mine, mine
			s.forgetOldest(client.ID)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		old.client.Stop(packets.ErrSessionTakenOver)
		select {
		case <-old.ended:
		case <-late.C:
			client.Stop(packets.ErrServerBusy)
			return
		}
	}
}

// Talk serves a connection until it is over; the error says how it ended.
func (s *Sessions) Talk(listener string, conn net.Conn) error {
	defer s.end(conn)
	return s.server.EstablishConnection(listener, conn)
}

// end frees the seat of a connection that is over, whatever way it ended.
func (s *Sessions) end(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.byConn[conn]
	if mine == nil {
		return
	}
	// A client whose greeting could not be written is left behind by the library.
	if left, ok := s.server.Clients.Get(mine.client.ID); ok && left == mine.client && expires(left) {
		s.server.UnsubscribeClient(left)
		s.server.Clients.Delete(left.ID)
	}
	delete(s.byConn, conn)
	delete(s.byID, mine.client.ID)
	close(mine.ended)
}

// expires reports whether nothing is to be kept for a client that is gone.
func expires(c *mochi.Client) bool {
	if c.Properties.ProtocolVersion == 5 {
		return c.Properties.Props.SessionExpiryInterval == 0
	}
	return c.Properties.Clean
}

// tidy forgets the kept sessions that have been away too long.
func (s *Sessions) tidy(now time.Time, keep time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.away() {
		if now.Sub(time.Unix(c.StopTime(), 0)) > keep {
			s.forget(c)
		}
	}
}

// away returns the clients that are gone and remembered. It needs mu.
func (s *Sessions) away() (all []*mochi.Client) {
	for id, c := range s.server.Clients.GetAll() {
		if c.StopTime() != 0 && s.byID[id] == nil {
			all = append(all, c)
		}
	}
	return all
}

// forgetOldest makes room: whoever comes with ever new ids must not fill the memory.
// It needs mu.
func (s *Sessions) forgetOldest(coming string) {
	if s.server.Clients.Len() <= maxAway {
		return
	}
	all := slices.DeleteFunc(s.away(), func(c *mochi.Client) bool { return c.ID == coming })
	slices.SortFunc(all, func(a, b *mochi.Client) int {
		return cmp.Or(cmp.Compare(a.StopTime(), b.StopTime()), cmp.Compare(a.ID, b.ID))
	})
	for _, c := range all[:max(0, len(all)-maxAway)] {
		s.forget(c)
	}
}

func (s *Sessions) forget(c *mochi.Client) {
	c.ClearInflights()
	s.server.UnsubscribeClient(c)
	s.server.Clients.Delete(c.ID)
}
