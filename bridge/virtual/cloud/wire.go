package cloud

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Why a call is refused.
var (
	errNonce     = errors.New("invalid nonce")
	errSignature = errors.New("invalid signature")
	errHash      = errors.New("invalid rc4_hash__")
)

// nonceLen is 8 random bytes and the minutes since 1970, big-endian.
const nonceLen = 12

// dropped is how much of an RC4 key stream is thrown away before use.
const dropped = 1024

// call is a verified request to the API.
type call struct {
	data   []byte // JSON
	key    []byte // that seals the answer
	sealed bool   // encrypted, and so is its answer
	minute uint32 // of the nonce
}

// rule is how a call is signed. The zero rule is the real one.
type rule struct {
	other bool // hashes are taken over something else
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// signNonce makes the key of one call from the session's secret.
func signNonce(ssecurity, nonce []byte) []byte {
	h := sha256.New()
	h.Write(ssecurity)
	h.Write(nonce)
	return h.Sum(nil)
}

// crypt seals or opens data by RC4.
func crypt(key, data []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err) // a key is always 32 bytes
	}
	var skip [dropped]byte
	c.XORKeyStream(skip[:], skip[:])
	out := make([]byte, len(data))
	c.XORKeyStream(out, data)
	return out
}

func sum(parts ...string) string {
	s := sha1.Sum([]byte(strings.Join(parts, "&")))
	return encode(s[:])
}

func macOf(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(strings.Join(parts, "&")))
	return h.Sum(nil)
}

// openCall verifies a request and takes its JSON out. path is without "/app"; form
// holds the parameters from body or query.
func (r rule) openCall(method, path string, form url.Values, ssecurity []byte) (call, error) {
	nonce, err := base64.StdEncoding.DecodeString(form.Get("_nonce"))
	if err != nil || len(nonce) != nonceLen {
		return call{}, errNonce
	}
	if r.other {
		path += "?"
	}
	c := call{key: signNonce(ssecurity, nonce), minute: binary.BigEndian.Uint32(nonce[8:]), sealed: form.Get("rc4_hash__") != ""}
	if c.sealed {
		return c, c.unseal(method, path, form)
	}
	c.data = []byte(form.Get("data"))
	mac := macOf(c.key, path, encode(c.key), form.Get("_nonce"), "data="+form.Get("data"))
	if !same(encode(mac), form.Get("signature")) {
		return call{}, errSignature
	}
	return c, nil
}

// unseal verifies both hashes of an encrypted request.
func (c *call) unseal(method, path string, form url.Values) error {
	data, hash := form.Get("data"), form.Get("rc4_hash__")
	if !same(sum(method, path, "data="+data, "rc4_hash__="+hash, encode(c.key)), form.Get("signature")) {
		return errSignature
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return errSignature
	}
	sealed, err := base64.StdEncoding.DecodeString(hash)
	if err != nil {
		return errHash
	}
	c.data = crypt(c.key, raw)
	if !same(sum(method, path, "data="+string(c.data), encode(c.key)), string(crypt(c.key, sealed))) {
		return errHash
	}
	return nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// age is how far the clock of a call is off.
func (c *call) age(now time.Time) time.Duration {
	return now.Sub(time.Unix(int64(c.minute)*60, 0)).Abs()
}

// seal makes the body of the answer.
func (c *call) seal(body []byte, zip bool) []byte {
	if !c.sealed {
		return body
	}
	if zip {
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		_, err := z.Write(body)
		if err := errors.Join(err, z.Close()); err != nil {
			panic(err) // a buffer takes everything
		}
		body = buf.Bytes()
	}
	return []byte(encode(crypt(c.key, body)))
}

// hashPassword is what a login sends in place of a password.
func hashPassword(password string) string {
	return fmt.Sprintf("%X", md5.Sum([]byte(password)))
}

// clientSign proves to the token service that the login's secret is known.
func clientSign(nonce int64, ssecurity string) string {
	return sum("nonce="+strconv.FormatInt(nonce, 10), ssecurity)
}

func decode(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }
