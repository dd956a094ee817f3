package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
)

const (
	saveDelay = 5 * time.Second  // collects changes of one file
	wear      = time.Minute      // between two writes of one file
	quiet     = 10 * time.Minute // between two complaints about the disk
	maxNames  = 4096             // files kept
	maxSize   = 16 << 20         // of one file
)

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)

// Store is the data folder. It implements mi.Memory.
type Store struct {
	disk mi.Disk
	key  *sealed.Key
	log  zerolog.Logger
	wake chan struct{}

	mu         sync.Mutex // guards what follows; never held over I/O
	files      map[string]*file
	complained time.Time
	failed     error // of the last write
}

// file is what is known of one name.
type file struct {
	waiting []byte    // newest value that is not written yet
	written *digest   // of what the disk holds; nil when that is not known
	at      time.Time // of the last write
	seen    bool      // what the disk held before was looked at
	frozen  bool      // of a newer version, or under another key: never overwritten
	secret  bool      // encrypted when there is a key
	scrub   bool      // the next write is done twice, so that no copy of before stays
}

// digest stands for a file's content: what ten thousand devices are kept as would
// take 2 MB.
type digest [sha256.Size]byte

func digestOf(raw []byte) *digest {
	d := digest(sha256.Sum256(raw))
	return &d
}

func (d *digest) is(raw []byte) bool { return d != nil && *d == sha256.Sum256(raw) }

var _ mi.Memory = (*Store)(nil)

// New returns a Store over disk that encrypts what is mi.Private by key. Nothing is
// written before Run, except to mend a damaged file.
func New(disk mi.Disk, key *sealed.Key, log zerolog.Logger) *Store {
	return &Store{disk: disk, key: key, log: log, files: map[string]*file{}, wake: make(chan struct{}, 1)}
}

// Save implements mi.Memory. The newest value of each name is written within a
// few seconds, but each file once a minute at most.
func (s *Store) Save(name string, v any) {
	raw, err := json.Marshal(v)
	if err != nil || !nameForm.MatchString(name) || len(raw) > maxSize {
		s.log.Error().Err(err).Str("name", name).Int("bytes", len(raw)).Msg("this cannot be kept")
		return
	}
	_, secret := v.(mi.Private)
	if !s.put(name, raw, secret) {
		s.log.Warn().Str("name", name).Msg("too much to keep, dropped")
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Store) put(name string, raw []byte, secret bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.file(name)
	if f == nil {
		return false
	}
	f.waiting, f.secret = raw, secret
	if f.frozen || f.written.is(raw) {
		f.waiting = nil
	}
	return true
}

// file returns what is known of a name; nil when there are too many. The caller
// holds mu.
func (s *Store) file(name string) *file {
	f := s.files[name]
	if f == nil && len(s.files) < maxNames {
		f = &file{}
		s.files[name] = f
	}
	return f
}

// Run writes what is to be kept until ctx ends, and all of the rest then.
func (s *Store) Run(ctx context.Context) {
	defer s.flush(true)
	timer := time.NewTimer(saveDelay)
	defer timer.Stop()
	armed := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			if !armed {
				timer.Reset(saveDelay)
				armed = true
			}
		case <-timer.C:
			next := s.flush(false)
			armed = next > 0
			if armed {
				timer.Reset(max(next, time.Second))
			}
		}
	}
}

// flush writes the names that are due, or all of them; only Run calls it. It returns the time until
// the next one is; 0 when nothing waits.
func (s *Store) flush(everything bool) time.Duration {
	due, next := s.due(everything)
	for _, name := range slices.Sorted(maps.Keys(due)) {
		if name == devicesName && s.waits(tokensName) {
			next = wear // the list may be all that still holds the tokens
			continue
		}
		if err := s.write(name, due[name]); err != nil {
			s.complain(err)
			next = wear // it is tried again then
		}
	}
	return next
}

func (s *Store) due(everything bool) (due map[string][]byte, next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	due = map[string][]byte{}
	for name, f := range s.files {
		if f.waiting == nil {
			continue
		}
		left := wear - time.Since(f.at)
		if everything || f.at.IsZero() || left <= 0 {
			due[name] = f.waiting
		} else if next == 0 || left < next {
			next = left
		}
	}
	return due, next
}

// write puts one value on the disk. What a name held before is looked at first,
// so that a newer version's file is left alone.
func (s *Store) write(name string, raw []byte) error {
	if !s.wasSeen(name) {
		var old json.RawMessage
		s.fromDisk(name, &old)
	}
	s.mu.Lock()
	f := s.files[name]
	skip := f.frozen || f.written.is(raw)
	if skip && bytes.Equal(f.waiting, raw) {
		f.waiting = nil
	}
	s.mu.Unlock()
	if skip {
		return nil
	}
	err := s.replace(name, raw, f)
	s.mu.Lock()
	defer s.mu.Unlock()
	f.at, s.failed = time.Now(), err
	if err != nil {
		return err
	}
	f.written, f.scrub = digestOf(raw), false
	if bytes.Equal(f.waiting, raw) { // otherwise a newer value came meanwhile
		f.waiting = nil
	}
	return nil
}

// replace writes a file, twice when the copy of before is not to stay.
func (s *Store) replace(name string, raw []byte, f *file) error {
	s.mu.Lock()
	secret, scrub := f.secret, f.scrub
	s.mu.Unlock()
	err := s.key.Write(s.disk, fileName(name), raw, secret)
	if err != nil || !scrub {
		return err
	}
	if err := s.disk.Remove(fileName(name) + bad); err != nil {
		return err
	}
	return s.key.Write(s.disk, fileName(name), raw, secret)
}

// waits reports whether the newest value of a name is not on the disk yet.
func (s *Store) waits(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[name]
	return f != nil && f.waiting != nil
}

func (s *Store) wasSeen(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name].seen
}

// complain says once in a while that the disk cannot be written.
func (s *Store) complain(err error) {
	s.mu.Lock()
	now := time.Now()
	said := !s.complained.IsZero() && now.Sub(s.complained) < quiet
	if !said {
		s.complained = now
	}
	s.mu.Unlock()
	if !said {
		s.log.Error().Err(err).Msg("the data folder cannot be written; the bridge goes on from memory and tries again every minute")
	}
}

// Failing returns why the last write failed; nil when it did not.
func (s *Store) Failing() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// trial is a file that is written to see whether that works.
const trial = "trial"

// Try finds out whether the data folder can be written now, and leaves nothing there.
func (s *Store) Try() error {
	err := s.disk.WriteFile(trial, []byte("the bridge tries whether it can write here\n"))
	if err == nil {
		err = s.disk.Remove(trial)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	return err
}
