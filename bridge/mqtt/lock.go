package mqtt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// ErrTaken means that another bridge is alive on the same base topic.
var ErrTaken = errors.New("the base topic is taken")

const (
	echoWithin   = 2 * time.Second // in which our own question comes back
	answerWithin = 2 * time.Second // that another bridge has to answer
	heartbeat    = time.Minute
	askVerb      = "alive"
)

// record is what a bridge leaves on bridge/instance.
type record struct {
	ID      string    `json:"id"`
	Host    string    `json:"host,omitempty"`
	Version string    `json:"version,omitempty"`
	Since   time.Time `json:"since"`
	Beat    time.Time `json:"beat"`
}

// lock makes sure that one bridge alone lives on a base topic. A starting bridge
// asks whether anybody is there; one that is up answers with its record.
type lock struct {
	base    string
	mine    record
	now     func() time.Time
	log     zerolog.Logger
	topic   string // of the record
	ask     string // of the question
	client  *Client
	answers func(m message) // sends a message soon

	mu     sync.Mutex
	up     bool
	warned bool
	other  *record       // found retained: may be long dead
	alive  *record       // heard live
	echo   chan struct{} // closed when our own question came back
	heard  chan struct{} // closed when alive is set
}

// arrived takes a message on one of the lock's topics.
func (l *lock) arrived(a arrival) {
	if a.topic == l.ask {
		l.asked(string(a.payload), a.retained)
		return
	}
	var r record
	if json.Unmarshal(a.payload, &r) != nil || r.ID == "" || r.ID == l.mine.ID {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case a.retained:
		l.other = &r
	case l.up:
		l.clash(r)
	case l.heard != nil && l.alive == nil:
		l.alive = &r
		close(l.heard)
	}
}

// asked answers another bridge that starts.
func (l *lock) asked(id string, retained bool) {
	if retained {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case id != l.mine.ID && l.up:
		l.answers(l.message())
	case id == l.mine.ID && l.echo != nil:
		close(l.echo)
		l.echo = nil
	}
}

// clash is called when two live bridges meet after all, such as after a broken
// connection healed: both say so. It needs l.mu.
func (l *lock) clash(r record) {
	if !l.warned {
		l.warned = true
		l.log.Error().Str("host", r.Host).Str("version", r.Version).Time("since", r.Since).Msg("another bridge uses the same base topic; stop one of the two")
	}
}

// take asks whether another bridge is there and, if not, leaves our record.
func (l *lock) take(ctx context.Context, s *session) error {
	echo, heard := make(chan struct{}), make(chan struct{})
	l.mu.Lock()
	l.up, l.other, l.alive, l.echo, l.heard = false, nil, nil, echo, heard
	l.mu.Unlock()
	if _, err := s.subscribe(ctx, []string{l.topic, l.ask}); err != nil {
		return err
	}
	if err := s.confirm(ctx, message{topic: l.ask, payload: l.mine.ID}); err != nil {
		return err
	}
	if err := l.await(ctx, s, echo, heard); err != nil {
		return err
	}
	l.mu.Lock()
	l.up = true
	own := l.message()
	l.mu.Unlock()
	return s.confirm(ctx, own)
}

// await waits for our question to come back, by when the retained record is here
// as well, and if there is one of somebody else, for its owner to answer.
func (l *lock) await(ctx context.Context, s *session, echo, heard chan struct{}) error {
	if err := pause(ctx, s, echoWithin, echo, heard); err != nil {
		return err
	}
	l.mu.Lock()
	other := l.other
	l.mu.Unlock()
	if other != nil {
		if err := pause(ctx, s, answerWithin, heard, nil); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alive == nil {
		return nil
	}
	return fmt.Errorf("%w: %w: another bridge (host %s, version %s, running since %s) uses %q; stop it, or give this one a MIHOME2MQTT_BASE_TOPIC of its own",
		errGiveUp, ErrTaken, l.alive.Host, l.alive.Version, l.alive.Since.Format(time.RFC3339), l.base)
}

// pause waits for one of two events, at most d.
func pause(ctx context.Context, s *session, d time.Duration, one, two chan struct{}) error {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-one:
	case <-two:
	case <-late.C:
	case <-s.lost:
		return s.cause
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (l *lock) message() message {
	r := l.mine
	r.Beat = l.now().UTC().Truncate(time.Second)
	return message{topic: l.topic, payload: string(encode(r)), retained: true, sure: true}
}

// beat renews the record now and then.
func (l *lock) beat(ctx context.Context) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.mu.Lock()
			if l.up && l.client.Connection().Up {
				l.answers(l.message())
			}
			l.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// release takes the record back.
func (l *lock) release(ctx context.Context, s *session) error {
	l.mu.Lock()
	l.up = false
	l.mu.Unlock()
	return s.confirm(ctx, message{topic: l.topic, retained: true})
}
