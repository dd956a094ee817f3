package sealed

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	suffix   = ".json"
	previous = ".prev" // content before the last write, kept by the Disk
	bad      = ".bad"  // damaged content that was put aside
)

// Write replaces a file. Where the content before it showed a secret, or hid it by
// another key, that does not stay either.
func (k *Key) Write(disk mi.Disk, name string, body []byte, secret bool) error {
	whole, err := k.Encode(body, secret)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(name, whole); err != nil || !secret {
		return err
	}
	if old, err := disk.ReadFile(name + previous); err != nil || k.hides(old) {
		return nil // there is none, or it tells nothing
	}
	if err := disk.Remove(name + bad); err != nil {
		return err
	}
	return disk.WriteFile(name, whole) // the copy is the same then
}

// hides reports whether a file is as the key wants it: nothing secret in it is
// open, or hidden by another key.
func (k *Key) hides(raw []byte) bool {
	h, _, err := split(raw)
	switch {
	case err != nil:
		return errors.Is(err, ErrNewer)
	case len(h.Salt) == 0:
		return !h.Secret || k.open()
	case k.open() || h.Rounds != rounds:
		return false
	}
	_, err = k.Decode(raw)
	return err == nil
}

// Reseal brings every file of a data folder under the key, whether it was open
// before or encrypted with an old key, and returns how many it wrote. What none of
// them opens is left alone; the error names it and wraps ErrSealed. To be cut off in
// the middle does no harm: the next time it goes on.
func (k *Key) Reseal(disk mi.Disk, old ...*Key) (written int, err error) {
	names, err := disk.List("")
	if err != nil {
		return 0, fmt.Errorf("sealed: %w", err)
	}
	var errs []error
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) {
			continue
		}
		did, err := k.reseal(disk, name, old)
		if did {
			written++
		}
		errs = append(errs, err)
	}
	return written, errors.Join(errs...)
}

func (k *Key) reseal(disk mi.Disk, name string, old []*Key) (bool, error) {
	now, err := disk.ReadFile(name)
	if err != nil {
		return false, fmt.Errorf("sealed: %w", err)
	}
	before, err := disk.ReadFile(name + previous)
	if errors.Is(err, fs.ErrNotExist) {
		before, err = now, nil
	}
	if err != nil {
		return false, fmt.Errorf("sealed: %w", err)
	}
	if !secret(now) && !secret(before) || k.hides(now) && k.hides(before) {
		return false, nil
	}
	keys := append([]*Key{k}, old...)
	body, err := decode(now, keys)
	if errors.Is(err, ErrDamaged) {
		body, err = decode(before, keys)
	}
	if err != nil {
		return false, fmt.Errorf("sealed: %s: %w", name, err)
	}
	return true, k.Write(disk, name, body, true)
}

// decode opens a file with the first key that fits.
func decode(raw []byte, keys []*Key) (body []byte, err error) {
	for _, k := range keys {
		if body, err = k.Decode(raw); !errors.Is(err, ErrSealed) {
			break
		}
	}
	return body, err
}

// secret reports whether a file says that it holds secrets.
func secret(raw []byte) bool {
	h, _, err := split(raw)
	return err == nil && (h.Secret || len(h.Salt) > 0)
}
