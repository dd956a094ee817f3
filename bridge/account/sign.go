package account

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	skipped   = 1024     // bytes of key stream that are thrown away
	maxOpened = 16 << 20 // of an unpacked answer
	maxRatio  = 200      // unpacked to packed, beyond freeOpened
	// freeOpened bytes may come out of anything.
	freeOpened = 1 << 20
)

var base = base64.StdEncoding

// seal signs and encrypts one request, and opens its answer.
type seal struct {
	nonce  [12]byte
	signed [sha256.Size]byte // hash of the session's secret and the nonce
}

// newNonce is eight bytes of any kind and the minute, which the server compares
// with its own clock.
func newNonce(random uint64, at time.Time) (n [12]byte) {
	binary.BigEndian.PutUint64(n[:8], random)
	binary.BigEndian.PutUint32(n[8:], uint32(at.Unix()/60))
	return n
}

func newSeal(ssecurity string, nonce [12]byte) (*seal, error) {
	key, err := base.DecodeString(ssecurity)
	if err != nil || len(key) == 0 {
		return nil, fmt.Errorf("account: the session's secret makes no sense: %w", ErrAuthExpired)
	}
	return &seal{nonce, sha256.Sum256(append(key, nonce[:]...))}, nil
}

// crypt encrypts or decrypts, which is the same.
func (s *seal) crypt(data []byte) []byte {
	c, err := rc4.NewCipher(s.signed[:])
	if err != nil { // 32 bytes are a key
		return nil
	}
	var waste [skipped]byte
	c.XORKeyStream(waste[:], waste[:])
	out := make([]byte, len(data))
	c.XORKeyStream(out, data)
	return out
}

// hash is the signature of the old kind over what it is given.
func (s *seal) hash(method, path string, fields ...string) string {
	all := append([]string{method, path}, fields...)
	sum := sha1.Sum([]byte(strings.Join(append(all, base.EncodeToString(s.signed[:])), "&")))
	return base.EncodeToString(sum[:])
}

// form is the body of an encrypted request. path has no /app.
func (s *seal) form(method, path, data string) string {
	hidden := base.EncodeToString(s.crypt([]byte(data)))
	check := base.EncodeToString(s.crypt([]byte(s.hash(method, path, "data="+data))))
	signature := s.hash(method, path, "data="+hidden, "rc4_hash__="+check)
	return "data=" + url.QueryEscape(hidden) + "&rc4_hash__=" + url.QueryEscape(check) +
		"&signature=" + url.QueryEscape(signature) + "&_nonce=" + url.QueryEscape(base.EncodeToString(s.nonce[:]))
}

// plainForm is the body of a request that is signed alone.
func (s *seal) plainForm(path, data string) string {
	nonce := base.EncodeToString(s.nonce[:])
	mac := hmac.New(sha256.New, s.signed[:])
	mac.Write([]byte(strings.Join([]string{path, base.EncodeToString(s.signed[:]), nonce, "data=" + data}, "&")))
	return "_nonce=" + url.QueryEscape(nonce) + "&data=" + url.QueryEscape(data) +
		"&signature=" + url.QueryEscape(base.EncodeToString(mac.Sum(nil)))
}

// open decrypts an answer and unpacks it where it is packed.
func (s *seal) open(body []byte) ([]byte, error) {
	raw := make([]byte, base.DecodedLen(len(body)))
	n, err := base.Decode(raw, body)
	if err != nil {
		return nil, fmt.Errorf("account: neither JSON nor encrypted: %w", mi.ErrProtocol)
	}
	return unpack(s.crypt(raw[:n]))
}

// unpack undoes gzip where there is any.
func unpack(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("account: packed answer: %w: %w", err, mi.ErrProtocol)
	}
	most := min(maxOpened, max(freeOpened, maxRatio*len(data)))
	out, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil {
		return nil, fmt.Errorf("account: packed answer: %w: %w", err, mi.ErrProtocol)
	}
	if len(out) > most {
		return nil, fmt.Errorf("account: packed answer unpacks to more than %d KiB: %w", most>>10, mi.ErrProtocol)
	}
	return out, nil
}

// passwordHash is what is sent in place of a password.
func passwordHash(password mi.Secret) string {
	sum := md5.Sum([]byte(password.Reveal()))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// clientSign proves at the token server that the secret is known. nonce is as
// the login answer wrote it: it does not fit a float.
func clientSign(nonce, ssecurity string) string {
	sum := sha1.Sum([]byte("nonce=" + nonce + "&" + ssecurity))
	return base.EncodeToString(sum[:])
}
