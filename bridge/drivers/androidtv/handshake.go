package androidtv

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The parts of a pairing message, as field numbers.
const (
	partRequest    protowire.Number = 10
	partRequestAck protowire.Number = 11
	partOptions    protowire.Number = 20
	partConfig     protowire.Number = 30
	partConfigAck  protowire.Number = 31
	partSecret     protowire.Number = 40
	partSecretAck  protowire.Number = 41
)

const (
	pairingVersion = 2
	statusOK       = 200
	statusSecret   = 402 // wrong secret

	hexadecimal = 3 // kind of code
	codeLength  = 6 // digits
	roleInput   = 1 // we are where the code is typed in
)

// pairingFrame makes a pairing message with its length in front.
func pairingFrame(part protowire.Number, body []byte) []byte {
	m := number(number(nil, 1, pairingVersion), 2, statusOK)
	return protowire.AppendBytes(nil, blob(m, part, body))
}

func encoding() []byte { return number(number(nil, 1, hexadecimal), 2, codeLength) }

func pairingRequest(client string) []byte {
	return pairingFrame(partRequest, blob(blob(nil, 1, "atvremote"), 2, client))
}

func pairingOptions() []byte {
	return pairingFrame(partOptions, number(blob(nil, 1, encoding()), 3, roleInput))
}

func pairingConfig() []byte {
	return pairingFrame(partConfig, number(blob(nil, 1, encoding()), 2, roleInput))
}

func pairingSecret(secret []byte) []byte { return pairingFrame(partSecret, blob(nil, 1, secret)) }

var errWrongCode = errors.New("this is not the code on the TV's screen")

// parsePairing checks that a message of the TV says that all is well and holds the
// part that is waited for.
func parsePairing(b []byte, want protowire.Number) error {
	fields, err := split(b)
	if err != nil {
		return err
	}
	held := false
	for _, f := range fields {
		switch {
		case f.num == 2 && f.n == statusSecret:
			return fmt.Errorf("%w: %w", errWrongCode, mi.ErrInvalid)
		case f.num == 2 && f.n != statusOK:
			return fmt.Errorf("the TV refuses with status %d: %w", f.n, mi.ErrDenied)
		}
		held = held || f.num == want && f.b != nil
	}
	if !held {
		return fmt.Errorf("%w: no part %d", mi.ErrProtocol, want)
	}
	return nil
}

// secretOf returns what both sides can only compute when they see the same
// certificates and the same code: the hash over both public keys and the code
// without its first two digits, which are the hash's own first byte.
func secretOf(client, server *x509.Certificate, code string) ([]byte, error) {
	digits, err := parseCode(code)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	for _, c := range []*x509.Certificate{client, server} {
		key, ok := c.PublicKey.(*rsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("%w: a certificate without an RSA key", mi.ErrProtocol)
		}
		h.Write(key.N.Bytes())
		h.Write(big.NewInt(int64(key.E)).Bytes())
	}
	h.Write(digits[1:])
	secret := h.Sum(nil)
	if secret[0] != digits[0] {
		return nil, fmt.Errorf("%w; look again and type its six characters: %w", errWrongCode, mi.ErrInvalid)
	}
	return secret, nil
}

// parseCode reads a code as people type it.
func parseCode(code string) ([]byte, error) {
	code = strings.NewReplacer(" ", "", "-", "").Replace(code)
	digits, err := hex.DecodeString(code)
	if err != nil || len(digits) != codeLength/2 {
		return nil, fmt.Errorf("the code has six characters, each one of 0 to 9 and A to F: %w", mi.ErrInvalid)
	}
	return digits, nil
}
