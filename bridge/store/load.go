package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
)

const (
	previous = ".prev" // content before the last write, kept by the Disk
	bad      = ".bad"  // damaged content, kept for whoever wants to look
)

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
	if f := s.files[name]; f != nil {
		return f.waiting
	}
	return nil
}

// fromDisk reads the file, or the copy before it.
func (s *Store) fromDisk(name string, v any) bool {
	body, err := s.read(fileName(name), v)
	switch {
	case err == nil:
		s.learn(name, body, false)
		return true
	case untouchable(err):
		s.leave(name, err)
		return false
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, sealed.ErrDamaged):
		s.complain(err) // nothing is known of the content
		return false
	}
	return s.fromCopy(name, v, err)
}

// untouchable reports whether a file is not ours to replace.
func untouchable(err error) bool {
	return errors.Is(err, sealed.ErrNewer) || errors.Is(err, sealed.ErrSealed)
}

// leave never writes a file.
func (s *Store) leave(name string, why error) {
	s.learn(name, nil, true)
	advice := "this file is left as it is"
	if errors.Is(why, sealed.ErrSealed) {
		advice = "the secrets in this file cannot be read, and the file is left as it is: give the key that it was written with as MIHOME2MQTT_DATA_KEY (after a change of the key, the old one as MIHOME2MQTT_DATA_KEY_OLD), or remove the file"
	}
	s.log.Error().Err(why).Str("file", fileName(name)).Msg(advice)
}

// fromCopy takes the copy of before. A damaged file is kept aside and mended.
func (s *Store) fromCopy(name string, v any, why error) bool {
	file := fileName(name)
	damaged := errors.Is(why, sealed.ErrDamaged)
	if damaged {
		s.keepAside(file)
	}
	body, err := s.read(file+previous, v)
	if untouchable(err) {
		s.leave(name, err)
		return false
	}
	if err != nil {
		s.learn(name, nil, false)
		if damaged {
			s.log.Error().Err(why).Str("file", file).Msg("this file and the copy before it are damaged (kept as " + file + bad + "): what they held is gone and is learnt anew; tokens come back with the account or the settings")
		}
		return false
	}
	s.learn(name, body, false)
	if damaged {
		s.log.Warn().Err(why).Str("file", file).Msg("this file is damaged (kept as " + file + bad + "): the copy before it is used, so the last change is lost")
		s.mend(file)
	}
	return true
}

// mend writes the good copy twice, so that the copy before it is good too and
// at no instant is there none.
func (s *Store) mend(file string) {
	good, err := s.disk.ReadFile(file + previous)
	for range 2 {
		if err == nil {
			err = s.disk.WriteFile(file, good)
		}
	}
	if err != nil {
		s.complain(err)
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
		if f.written == nil && body != nil {
			f.written = digestOf(body)
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
	body, err := s.key.Decode(raw)
	if err != nil {
		return nil, err
	}
	whole := reflect.New(reflect.TypeOf(v).Elem()) // so that half a value never gets into v
	if err := json.Unmarshal(body, whole.Interface()); err != nil {
		return nil, fmt.Errorf("store: %w: %w", err, sealed.ErrDamaged)
	}
	reflect.ValueOf(v).Elem().Set(whole.Elem())
	return body, nil
}
