package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
)

// The files of the data folder.
const (
	idFile      = "account/device_id"
	sessionFile = "account/session"
	loginFile   = "account/login"
	homesFile   = "account/homes"
	budgetFile  = "account/budget"
)

const previous = ".prev" // content before the last write, kept by the Disk

// vault keeps the files of the account, all of them secret. It writes at once, so that
// not even a crash forgets that Xiaomi was just asked.
type vault struct {
	disk mi.Disk // nil keeps nothing
	key  *sealed.Key
	log  zerolog.Logger

	mu     sync.Mutex
	frozen map[string]error // files that are not ours to overwrite, and why
}

func newVault(w mi.World, key *sealed.Key, log zerolog.Logger) *vault {
	return &vault{disk: w.Disk, key: key, log: log, frozen: map[string]error{}}
}

// load fills v from a file, or from the copy before it. fs.ErrNotExist means
// that there is none; ErrSealed, that it wants another key.
func (v *vault) load(name string, to any) error {
	if v.disk == nil {
		return fs.ErrNotExist
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.read(name+".json", to)
	if errors.Is(err, sealed.ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
		if v.read(name+".json"+previous, to) == nil {
			return nil
		}
	}
	if errors.Is(err, ErrSealed) || errors.Is(err, sealed.ErrNewer) {
		v.frozen[name] = err
		v.log.Error().Err(err).Str("file", name+".json").Msg("this file is left as it is; give the key it was written with as MIHOME2MQTT_DATA_KEY (after a change of the key, the old one as MIHOME2MQTT_DATA_KEY_OLD), or remove it and sign in again")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.log.Warn().Err(err).Str("file", name+".json").Msg("this file cannot be used; what it held is asked for anew")
	}
	return err
}

func (v *vault) read(file string, to any) error {
	raw, err := v.disk.ReadFile(file)
	if err != nil {
		return err
	}
	body, err := v.key.Decode(raw)
	if errors.Is(err, sealed.ErrSealed) {
		return fmt.Errorf("account: %s: %w: %w", file, err, ErrSealed)
	}
	if err != nil {
		return fmt.Errorf("account: %s: %w", file, err)
	}
	if err := json.Unmarshal(body, to); err != nil {
		return fmt.Errorf("account: %s: %w", file, sealed.ErrDamaged)
	}
	return nil
}

// save replaces a file. It reports whether it is on the disk now.
func (v *vault) save(name string, what any) bool {
	if v.disk == nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.frozen[name] != nil {
		return false
	}
	body, err := json.Marshal(what)
	if err == nil {
		err = v.key.Write(v.disk, name+".json", body, true)
	}
	if err != nil {
		v.log.Error().Err(err).Str("file", name+".json").Msg("the account cannot be kept; the bridge goes on and forgets it at the next start")
	}
	return err == nil
}

func (v *vault) remove(name string) {
	if v.disk == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.frozen[name] != nil {
		return
	}
	if err := v.disk.Remove(name + ".json"); err != nil {
		v.log.Error().Err(err).Str("file", name+".json").Msg("this file cannot be removed; remove it by hand")
	}
}

// trouble returns why a file can neither be used nor replaced; nil when all is well.
func (v *vault) trouble() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(v.frozen)) {
		return fmt.Errorf("account: %s: %w", name+".json", v.frozen[name])
	}
	return nil
}
