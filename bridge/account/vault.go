package account

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The files of the data folder.
const (
	idFile      = "account/device_id"
	sessionFile = "account/session"
	loginFile   = "account/login"
	homesFile   = "account/homes"
	budgetFile  = "account/budget"
)

const (
	vaultVersion = 1
	rounds       = 200_000 // of the key's derivation
	previous     = ".prev" // content before the last write, kept by the Disk
)

// errDamaged says that a file is not as it was written.
var errDamaged = errors.New("damaged")

// errNewer says that a newer version wrote a file.
var errNewer = errors.New("written by a newer version of mihome2mqtt")

// vault keeps the files of the account: JSON behind a line that says what it is,
// encrypted when there is a key. It writes at once, so that not even a crash
// forgets that Xiaomi was just asked.
type vault struct {
	disk mi.Disk // nil keeps nothing
	key  mi.Secret
	log  zerolog.Logger
	rand *rand.Rand // guarded by mu

	mu     sync.Mutex
	salt   []byte
	keys   map[string][]byte // by salt
	frozen map[string]error  // files that are not ours to overwrite, and why
}

func newVault(w mi.World, key mi.Secret, log zerolog.Logger) *vault {
	return &vault{disk: w.Disk, key: key, log: log, rand: w.Rand("account salt"), keys: map[string][]byte{}, frozen: map[string]error{}}
}

// header is the first line of a file.
type header struct {
	Version int    `json:"version"`
	CRC     uint32 `json:"crc"`            // of what follows
	Salt    []byte `json:"salt,omitempty"` // encrypted when there is one
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
	if errors.Is(err, errDamaged) || errors.Is(err, fs.ErrNotExist) {
		if v.read(name+".json"+previous, to) == nil {
			return nil
		}
	}
	if errors.Is(err, ErrSealed) || errors.Is(err, errNewer) {
		v.frozen[name] = err
		v.log.Error().Err(err).Str("file", name+".json").Msg("this file is left as it is; give the key it was written with as MIHOME2MQTT_DATA_KEY, or remove it and sign in again")
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
	first, body, ok := bytes.Cut(raw, []byte("\n"))
	var h header
	if !ok || json.Unmarshal(first, &h) != nil || h.Version < 1 || crc32.ChecksumIEEE(body) != h.CRC {
		return fmt.Errorf("account: %s: %w", file, errDamaged)
	}
	if h.Version > vaultVersion {
		return fmt.Errorf("account: %s: %w", file, errNewer)
	}
	if len(h.Salt) > 0 {
		if body, err = v.open(h.Salt, body); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(body, to); err != nil {
		return fmt.Errorf("account: %s: %w", file, errDamaged)
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
	var h header
	if err == nil && v.key != "" {
		if v.salt == nil {
			v.salt = v.fresh()
		}
		h.Salt = v.salt
		body, err = v.shut(h.Salt, body)
	}
	if err == nil {
		err = v.write(name+".json", h, body)
	}
	if err != nil {
		v.log.Error().Err(err).Str("file", name+".json").Msg("the account cannot be kept; the bridge goes on and forgets it at the next start")
	}
	return err == nil
}

// write puts a file on the disk. Where an open file becomes an encrypted one, no
// copy of the open one stays.
func (v *vault) write(file string, h header, body []byte) error {
	h.Version, h.CRC = vaultVersion, crc32.ChecksumIEEE(body)
	first, err := json.Marshal(h)
	if err != nil {
		return err
	}
	whole := append(append(first, '\n'), body...)
	if err := v.disk.WriteFile(file, whole); err != nil {
		return err
	}
	old, err := v.disk.ReadFile(file + previous)
	if len(h.Salt) == 0 || err != nil || bytes.Contains(firstLine(old), []byte(`"salt"`)) {
		return nil
	}
	return v.disk.WriteFile(file, whole)
}

func firstLine(raw []byte) []byte {
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	return first
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

// fresh draws a salt. It needs mu.
func (v *vault) fresh() []byte {
	salt := make([]byte, 16)
	for i := range salt {
		salt[i] = byte(v.rand.Uint32())
	}
	return salt
}

// aead returns the cipher of a salt, and the key of its nonces. It needs mu.
func (v *vault) aead(salt []byte) (cipher.AEAD, []byte, error) {
	keys := v.keys[string(salt)]
	if keys == nil {
		var err error
		if keys, err = pbkdf2.Key(sha256.New, v.key.Reveal(), salt, rounds, 64); err != nil {
			return nil, nil, err
		}
		v.keys[string(salt)] = keys
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, nil, err
	}
	gcm, err := cipher.NewGCM(block)
	return gcm, keys[32:], err
}

// shut encrypts. The nonce is a keyed hash of the text, so that it never repeats
// for another text, however good the random numbers are.
func (v *vault) shut(salt, body []byte) ([]byte, error) {
	gcm, key, err := v.aead(salt)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	nonce := mac.Sum(nil)[:gcm.NonceSize()]
	return gcm.Seal(nonce, nonce, body, nil), nil
}

func (v *vault) open(salt, body []byte) ([]byte, error) {
	if v.key == "" {
		return nil, fmt.Errorf("account: no key is given: %w", ErrSealed)
	}
	gcm, _, err := v.aead(salt)
	if err != nil || len(body) < gcm.NonceSize() {
		return nil, fmt.Errorf("account: %w", errDamaged)
	}
	opened, err := gcm.Open(nil, body[:gcm.NonceSize()], body[gcm.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("account: the key does not fit: %w", ErrSealed)
	}
	v.salt = salt
	return opened, nil
}
