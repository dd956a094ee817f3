package ble

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const tagSize = 4 // of every sealed frame that has a tag

// The sizes of keys: of MiBeacon 2 and 3, and of everything else.
const (
	oldKeySize = 12
	keySize    = 16
)

// Nonces of the formats, in bytes.
const (
	nonceMiBeacon = 12
	nonceBTHome1  = 12
	nonceBTHome2  = 13
	noncePvvx     = 11
)

// bindKey opens the frames of one device.
type bindKey struct {
	size  int // of the key as people write it
	block cipher.Block
	aeads map[int]cipher.AEAD // by nonce size, made when needed
}

// parseKey reads a key of 24 or 32 hexadecimal digits.
func parseKey(s mi.Secret) (*bindKey, error) {
	raw, err := hex.DecodeString(s.Reveal())
	if err != nil || len(raw) != oldKeySize && len(raw) != keySize {
		return nil, fmt.Errorf("ble: key of %d characters: want 32 hexadecimal digits, or 24 for an old remote: %w", len(s), mi.ErrInvalid)
	}
	size := len(raw)
	if size == oldKeySize {
		full := append([]byte{}, raw[:6]...)
		full = append(full, 0x8d, 0x3d, 0x3c, 0x97)
		raw = append(full, raw[6:]...)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("ble: key: %w", err)
	}
	return &bindKey{size: size, block: block, aeads: map[int]cipher.AEAD{}}, nil
}

// open opens a sealed payload; ok is false when it was not sealed by this key.
func (k *bindKey) open(nonce, sealed, extra []byte) (plain []byte, ok bool) {
	if k.size != keySize || len(sealed) < tagSize {
		return nil, false
	}
	aead := k.aeads[len(nonce)]
	if aead == nil {
		made, err := ccm.NewCCM(k.block, tagSize, len(nonce))
		if err != nil {
			return nil, false
		}
		aead, k.aeads[len(nonce)] = made, made
	}
	plain, err := aead.Open(nil, nonce, sealed, extra)
	return plain, err == nil
}

// stream undoes the encryption of MiBeacon 2 and 3, which has no tag: CCM's
// counter mode, beginning at block 1.
func (k *bindKey) stream(nonce [13]byte, data []byte) []byte {
	var counter [aes.BlockSize]byte
	counter[0] = 1 // the length field has two bytes
	copy(counter[1:], nonce[:])
	counter[15] = 1
	plain := make([]byte, len(data))
	cipher.NewCTR(k.block, counter[:]).XORKeyStream(plain, data)
	return plain
}
