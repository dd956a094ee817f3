package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"reflect"
	"slices"
)

// version is the schema of the files that this bridge writes.
const version = 1

const (
	previous = ".prev" // content before the last write, kept by the Disk
	bad      = ".bad"  // damaged content, kept for whoever wants to look
)

// ErrNewer says that a file was written by a newer version of the bridge.
var ErrNewer = errors.New("written by a newer version of mihome2mqtt; install that version, or move the file away to start anew")

// errDamaged is the kind of everything that is wrong with a file's content.
var errDamaged = errors.New("damaged")

// Load implements mi.Memory: it fills v from what was saved last.
func (s *Store) Load(name string, v any) bool {
	if !nameForm.MatchString(name) {
		return false
	}
	if raw := s.inMemory(name); raw != nil {
		return json.Unmarshal(raw, v) == nil
	}
	return s.fromDisk(name, v)
}

func (s *Store) inMemory(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[name]
	switch {
	case f == nil:
		return nil
	case f.waiting != nil:
		return f.waiting
	}
	return f.written
}

// fromDisk reads the file, or the copy before it.
func (s *Store) fromDisk(name string, v any) bool {
	body, err := s.read(fileName(name), v)
	switch {
	case err == nil:
		s.learn(name, body, false)
		return true
	case errors.Is(err, ErrNewer):
		s.learn(name, nil, true)
		s.log.Error().Err(err).Str("file", fileName(name)).Msg("this file is left as it is")
		return false
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errDamaged):
		s.complain(err) // nothing is known of the content
		return false
	}
	return s.fromCopy(name, v, err)
}

// fromCopy takes the copy of before. A damaged file is kept aside and mended.
func (s *Store) fromCopy(name string, v any, why error) bool {
	file := fileName(name)
	damaged := errors.Is(why, errDamaged)
	if damaged {
		s.keepAside(file)
	}
	body, err := s.read(file+previous, v)
	if err != nil {
		s.learn(name, nil, errors.Is(err, ErrNewer))
		if damaged {
			s.log.Error().Err(why).Str("file", file).Msg("this file and the copy before it are damaged (kept as " + file + bad + "): what they held is gone and is learnt anew; tokens come back with the account or the settings")
		}
		return false
	}
	s.learn(name, body, false)
	if damaged {
		s.log.Warn().Err(why).Str("file", file).Msg("this file is damaged (kept as " + file + bad + "): the copy before it is used, so the last change is lost")
		s.mend(file, body)
	}
	return true
}

// mend writes a good value twice, so that the copy before it is good too and
// at no instant is there none.
func (s *Store) mend(file string, body []byte) {
	for range 2 {
		if err := s.disk.WriteFile(file, encode(body)); err != nil {
			s.complain(err)
			return
		}
	}
}

// keepAside copies a damaged file, for whoever wants to look.
func (s *Store) keepAside(file string) {
	raw, err := s.disk.ReadFile(file)
	if err == nil {
		err = s.disk.WriteFile(file+bad, raw)
	}
	if err != nil {
		s.complain(err)
	}
}

// learn notes what the disk holds under a name.
func (s *Store) learn(name string, body []byte, frozen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.file(name); f != nil {
		f.seen, f.frozen = true, frozen
		if f.written == nil {
			f.written = body
		}
	}
}

func fileName(name string) string { return name + ".json" }

// read fills v, a pointer, from a file.
func (s *Store) read(file string, v any) ([]byte, error) {
	raw, err := s.disk.ReadFile(file)
	if err != nil {
		return nil, err
	}
	body, err := decode(raw)
	if err != nil {
		return nil, err
	}
	whole := reflect.New(reflect.TypeOf(v).Elem()) // so that half a value never gets into v
	if err := json.Unmarshal(body, whole.Interface()); err != nil {
		return nil, fmt.Errorf("store: %w: %w", err, errDamaged)
	}
	reflect.ValueOf(v).Elem().Set(whole.Elem())
	return body, nil
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
		return nil, fmt.Errorf("store: the first line is not that of a file of ours: %w", errDamaged)
	}
	if h.Version > version {
		return nil, fmt.Errorf("store: version %d: %w", h.Version, ErrNewer)
	}
	if crc32.ChecksumIEEE(body) != h.CRC {
		return nil, fmt.Errorf("store: the checksum is wrong: %w", errDamaged)
	}
	return body, nil
}
