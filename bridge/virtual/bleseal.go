package virtual

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math"
)

// bleTag is the size of a tag in the air.
const bleTag = 4

// bleSeal is AES-CCM by the letter of RFC 3610, written out: the virtual devices
// share no line with the driver that hears them.
func bleSeal(key, nonce, plain, extra []byte) (sealed, tag []byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the keys are made here
	}
	sum := bleSum(block, nonce, plain, extra)
	pad := blePad(block, nonce, 0)
	for i := range bleTag {
		tag = append(tag, sum[i]^pad[i])
	}
	for i := range plain {
		if i%aes.BlockSize == 0 {
			pad = blePad(block, nonce, 1+i/aes.BlockSize)
		}
		sealed = append(sealed, plain[i]^pad[i%aes.BlockSize])
	}
	return sealed, tag
}

// bleSum is the CBC-MAC of everything.
func bleSum(block cipher.Block, nonce, plain, extra []byte) [aes.BlockSize]byte {
	var sum [aes.BlockSize]byte
	width := aes.BlockSize - 1 - len(nonce)
	first := bleBlock(byte(8*(bleTag-2)/2+width-1), nonce, len(plain))
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

// blePad is one block of the key stream.
func blePad(block cipher.Block, nonce []byte, count int) (pad [aes.BlockSize]byte) {
	counter := bleBlock(byte(aes.BlockSize-2-len(nonce)), nonce, count)
	block.Encrypt(pad[:], counter[:])
	return pad
}

// bleBlock is a flag, the nonce and a number that fills the rest.
func bleBlock(flag byte, nonce []byte, number int) (b [aes.BlockSize]byte) {
	binary.BigEndian.PutUint64(b[aes.BlockSize-8:], uint64(number))
	b[0] = flag
	copy(b[1:], nonce)
	return b
}

func bleFloat(f float32) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(f))
}
