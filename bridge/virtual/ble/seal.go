package ble

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math"
)

// tagLen is the size of a tag in the air.
const tagLen = 4

// seal is AES-CCM by the letter of RFC 3610, written out: the virtual devices
// share no line with the driver that hears them.
func seal(key, nonce, plain, extra []byte) (sealed, tag []byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the keys are made here
	}
	sum := checksum(block, nonce, plain, extra)
	pad := keystream(block, nonce, 0)
	for i := range tagLen {
		tag = append(tag, sum[i]^pad[i])
	}
	for i := range plain {
		if i%aes.BlockSize == 0 {
			pad = keystream(block, nonce, 1+i/aes.BlockSize)
		}
		sealed = append(sealed, plain[i]^pad[i%aes.BlockSize])
	}
	return sealed, tag
}

// checksum is the CBC-MAC of everything.
func checksum(block cipher.Block, nonce, plain, extra []byte) [aes.BlockSize]byte {
	var sum [aes.BlockSize]byte
	width := aes.BlockSize - 1 - len(nonce)
	first := counterBlock(byte(8*(tagLen-2)/2+width-1), nonce, len(plain))
	if len(extra) > 0 {
		first[0] |= 0x40
	}
	absorb := func(b []byte) {
		for i := range b {
			sum[i] ^= b[i]
		}
		block.Encrypt(sum[:], sum[:])
	}
	absorb(first[:])
	if len(extra) > 0 {
		absorb(append([]byte{byte(len(extra) >> 8), byte(len(extra))}, extra...))
	}
	for len(plain) > 0 {
		n := min(len(plain), aes.BlockSize)
		absorb(plain[:n])
		plain = plain[n:]
	}
	return sum
}

// keystream is one block of the key stream.
func keystream(block cipher.Block, nonce []byte, count int) (pad [aes.BlockSize]byte) {
	counter := counterBlock(byte(aes.BlockSize-2-len(nonce)), nonce, count)
	block.Encrypt(pad[:], counter[:])
	return pad
}

// counterBlock is a flag, the nonce and a number that fills the rest.
func counterBlock(flag byte, nonce []byte, number int) (b [aes.BlockSize]byte) {
	binary.BigEndian.PutUint64(b[aes.BlockSize-8:], uint64(number))
	b[0] = flag
	copy(b[1:], nonce)
	return b
}

func float(f float32) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(f))
}
