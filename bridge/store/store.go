// Package store keeps what the bridge knows in its data folder. Every file is
// JSON behind a line with its version and checksum; a damaged file falls back to
// the copy of before and is kept aside as .bad.
package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	version   = 1
	saveDelay = 5 * time.Second  // collects changes of one file
	quiet     = 10 * time.Minute // between two complaints about the disk
	maxNames  = 4096             // small facts kept
)

// ErrNewer says that a file was written by a newer version of the bridge.
var ErrNewer = errors.New("written by a newer version of mihome2mqtt; install that version, or move the file away to start anew")

var nameForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// Store is the data folder. It implements mi.Memory.
type Store struct {
	disk mi.Disk
	log  zerolog.Logger

	mu         sync.Mutex // guards what follows; never held over I/O
	dirty      map[string][]byte
	frozen     map[string]bool // files of a newer version: never overwritten
	complained time.Time
	wake       chan struct{}
}

var _ mi.Memory = (*Store)(nil)

// New returns a Store over disk. Nothing is written before Run.
func New(disk mi.Disk, log zerolog.Logger) *Store {
	return &Store{disk: disk, log: log, dirty: map[string][]byte{}, frozen: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// Save implements mi.Memory. The newest value of each name is written within a
// few seconds.
func (s *Store) Save(name string, v any) {
	raw, err := json.Marshal(v)
	if err != nil || !nameForm.MatchString(name) {
		s.log.Error().Err(err).Str("name", name).Msg("this cannot be kept")
		return
	}
	s.mu.Lock()
	_, known := s.dirty[name]
	full := !known && len(s.dirty) >= maxNames
	if !full && !s.frozen[name] {
		s.dirty[name] = raw
	}
	s.mu.Unlock()
	if full {
		s.log.Warn().Str("name", name).Msg("too much to keep at once, dropped")
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Load implements mi.Memory: it fills v from what was saved last.
func (s *Store) Load(name string, v any) bool {
	if raw, ok := s.waiting(name); ok {
		return json.Unmarshal(raw, v) == nil
	}
	file := fileName(name)
	for _, try := range []string{file, file + ".prev"} {
		raw, err := s.read(try)
		if err == nil && json.Unmarshal(raw, v) == nil {
			return true
		}
		if errors.Is(err, ErrNewer) {
			s.freeze(name, err)
			return false
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.putAside(try, err)
		}
	}
	return false
}

func (s *Store) waiting(name string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, ok := s.dirty[name]
	return raw, ok
}

func (s *Store) freeze(name string, err error) {
	s.mu.Lock()
	s.frozen[name] = true
	s.mu.Unlock()
	s.log.Error().Err(err).Str("file", fileName(name)).Msg("this file is left as it is")
}

// putAside keeps a damaged file under another name, for whoever wants to look.
func (s *Store) putAside(file string, why error) {
	s.log.Warn().Err(why).Str("file", file).Msg("damaged file; what it held is taken from the copy before it, if there is one")
	if raw, err := s.disk.ReadFile(file); err == nil && s.disk.WriteFile(file+".bad", raw) == nil {
		_ = s.disk.Remove(file) // it was said already that it is damaged
	}
}

func fileName(name string) string { return name + ".json" }

func (s *Store) read(file string) ([]byte, error) {
	raw, err := s.disk.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return decode(raw)
}

// header is the first line of every file.
type header struct {
	Version int    `json:"version"`
	CRC     uint32 `json:"crc"`
}

func encode(body []byte) []byte {
	head, _ := json.Marshal(header{version, crc32.ChecksumIEEE(body)}) // two numbers always encode
	return slices.Concat(head, []byte("\n"), body)
}

func decode(raw []byte) ([]byte, error) {
	first, body, ok := bytes.Cut(raw, []byte("\n"))
	var h header
	if !ok || json.Unmarshal(first, &h) != nil || h.Version < 1 {
		return nil, errors.New("store: the first line is not that of a file of ours")
	}
	if h.Version > version {
		return nil, fmt.Errorf("store: version %d: %w", h.Version, ErrNewer)
	}
	if crc32.ChecksumIEEE(body) != h.CRC {
		return nil, errors.New("store: the checksum is wrong")
	}
	return body, nil
}

// Run writes what is to be kept until ctx ends, and all of the rest then.
func (s *Store) Run(ctx context.Context) {
	defer s.flush()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		pause := time.NewTimer(saveDelay)
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
			s.flush()
		}
	}
}

func (s *Store) flush() {
	s.mu.Lock()
	dirty := s.dirty
	s.dirty = map[string][]byte{}
	s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(dirty)) {
		if err := s.disk.WriteFile(fileName(name), encode(dirty[name])); err != nil {
			s.again(name, dirty[name])
			s.complain(err)
		}
	}
}

// again keeps what could not be written for the next time, unless it is newer.
func (s *Store) again(name string, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, newer := s.dirty[name]; !newer {
		s.dirty[name] = raw
	}
}

func (s *Store) complain(err error) {
	s.mu.Lock()
	now := time.Now()
	said := !s.complained.IsZero() && now.Sub(s.complained) < quiet
	if !said {
		s.complained = now
	}
	s.mu.Unlock()
	if !said {
		s.log.Error().Err(err).Msg("the data folder cannot be written; the bridge goes on from memory")
	}
}

// device is a device as it is kept.
type device struct {
	mi.Info
	Token string // in clear: this is the one place that keeps it
}

// SaveDevices keeps the known devices, tokens included.
func (s *Store) SaveDevices(list []mi.Info) {
	out := make([]device, len(list))
	for i, d := range list {
		out[i] = device{d, d.Token.Reveal()}
	}
	s.Save("devices", out)
}

// LoadDevices returns the devices of earlier runs.
func (s *Store) LoadDevices() []mi.Info {
	var in []device
	s.Load("devices", &in)
	var out []mi.Info
	for _, d := range in {
		if d.DID == "" || strings.ContainsAny(d.DID, "/+#\x00") {
			continue
		}
		d.Info.Token = mi.Secret(d.Token)
		out = append(out, d.Info)
	}
	return out
}
