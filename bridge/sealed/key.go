// Package sealed is the form of the files that the bridge keeps: JSON behind a line
// that tells version and checksum. With a key, the files that hold secrets are
// encrypted: AES-256-GCM, the key derived from a passphrase by PBKDF2.
package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Version is the form of the files that this bridge writes.
const Version = 1

const (
	rounds    = 600_000    // of the key's derivation, as OWASP advises for SHA-256
	oldRounds = 200_000    // of files that do not tell, in the first builds
	maxRounds = 10_000_000 // that are believed
	saltSize  = 16
	keySize   = 64 // of the cipher and of its nonces, half each
)

// What can be wrong with a file.
var (
	ErrDamaged = errors.New("damaged")
	ErrNewer   = errors.New("written by a newer version of mihome2mqtt; install that version, or move the file away to start anew")
	ErrSealed  = errors.New("encrypted with another MIHOME2MQTT_DATA_KEY")
)

// Key encrypts. A nil Key, or one without a passphrase, leaves everything open. It
// is safe for concurrent use.
type Key struct {
	passphrase mi.Secret

	mu      sync.Mutex
	random  *rand.Rand // a salt need not be secret, only another one each time
	salt    []byte     // of what is written; nil until it is needed
	derived map[string][]byte
}

// NewKey returns the key of a passphrase; salts are drawn from random.
func NewKey(passphrase mi.Secret, random *rand.Rand) *Key {
	return &Key{passphrase: passphrase, random: random, derived: map[string][]byte{}}
}

// open reports whether the key leaves everything open.
func (k *Key) open() bool { return k == nil || k.passphrase == "" }

// head is the first line of a file.
type head struct {
	Version int    `json:"version"`
	CRC     uint32 `json:"crc"`              // of what follows
	Secret  bool   `json:"secret,omitempty"` // to be encrypted as soon as there is a key
	Salt    []byte `json:"salt,omitempty"`   // encrypted when there is one
	Rounds  int    `json:"rounds,omitempty"`
}

// Encode returns the file that holds body; one with a secret is encrypted when there
// is a key. The same body gives the same file.
func (k *Key) Encode(body []byte, secret bool) ([]byte, error) {
	h := head{Version: Version, Secret: secret}
	if secret && !k.open() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.salt == nil {
			k.salt = k.fresh()
		}
		h.Salt, h.Rounds = k.salt, rounds
		var err error
		if body, err = k.shut(h, body); err != nil {
			return nil, fmt.Errorf("sealed: %w", err)
		}
	}
	h.CRC = crc32.ChecksumIEEE(body)
	first, err := json.Marshal(h)
	if err != nil { // numbers and bytes always encode
		return nil, fmt.Errorf("sealed: %w", err)
	}
	return slices.Concat(first, []byte("\n"), body), nil
}

// Decode returns what a file holds. The error wraps ErrDamaged, ErrNewer or
// ErrSealed.
func (k *Key) Decode(raw []byte) ([]byte, error) {
	h, body, err := split(raw)
	if err != nil || len(h.Salt) == 0 {
		return body, err
	}
	if k.open() {
		return nil, fmt.Errorf("sealed: no key is given: %w", ErrSealed)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	gcm, _, err := k.aead(h)
	if err != nil {
		return nil, err
	}
	if len(body) < gcm.NonceSize() {
		return nil, fmt.Errorf("sealed: too short: %w", ErrDamaged)
	}
	opened, err := gcm.Open(nil, body[:gcm.NonceSize()], body[gcm.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("sealed: the key does not fit: %w", ErrSealed)
	}
	if k.salt == nil && h.Rounds == rounds {
		k.salt = h.Salt // one derivation serves all files
	}
	return opened, nil
}

// split checks the first line of a file and what it says of the rest.
func split(raw []byte) (h head, body []byte, err error) {
	first, body, ok := bytes.Cut(raw, []byte("\n"))
	if !ok || json.Unmarshal(first, &h) != nil || h.Version < 1 {
		return h, nil, fmt.Errorf("sealed: the first line is not that of a file of ours: %w", ErrDamaged)
	}
	if h.Version > Version {
		return h, nil, fmt.Errorf("sealed: version %d: %w", h.Version, ErrNewer)
	}
	if crc32.ChecksumIEEE(body) != h.CRC {
		return h, nil, fmt.Errorf("sealed: the checksum is wrong: %w", ErrDamaged)
	}
	return h, body, nil
}

// fresh draws a salt. It needs mu.
func (k *Key) fresh() []byte {
	salt := make([]byte, saltSize)
	for i := range salt {
		salt[i] = byte(k.random.Uint32())
	}
	return salt
}

// aead returns the cipher of a file, and the key of its nonces. It needs mu.
func (k *Key) aead(h head) (cipher.AEAD, []byte, error) {
	of := fmt.Sprintf("%d %x", h.Rounds, h.Salt)
	keys := k.derived[of]
	if keys == nil {
		var err error
		if keys, err = k.derive(h); err != nil {
			return nil, nil, err
		}
		k.derived[of] = keys
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, nil, err
	}
	gcm, err := cipher.NewGCM(block)
	return gcm, keys[32:], err
}

// derive makes the keys of a file, which takes a while on purpose.
func (k *Key) derive(h head) ([]byte, error) {
	switch {
	case h.Rounds == 0:
		return pbkdf2.Key(sha256.New, k.passphrase.Reveal(), h.Salt, oldRounds, keySize)
	case h.Rounds < 0 || h.Rounds > maxRounds:
		return nil, fmt.Errorf("sealed: %d rounds: %w", h.Rounds, ErrDamaged)
	}
	slow, err := pbkdf2.Key(sha256.New, k.passphrase.Reveal(), h.Salt, h.Rounds, sha256.Size)
	if err != nil {
		return nil, err
	}
	return hkdf.Expand(sha256.New, slow, "mihome2mqtt data folder", keySize)
}

// shut encrypts. The nonce is a keyed hash of the text, so that it never repeats for
// another text, however good the random numbers are. It needs mu.
func (k *Key) shut(h head, body []byte) ([]byte, error) {
	gcm, key, err := k.aead(h)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	nonce := mac.Sum(nil)[:gcm.NonceSize()]
	return gcm.Seal(nonce, nonce, body, nil), nil
}
