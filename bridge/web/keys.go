package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	cookieName  = "mihome2mqtt"
	sessionLife = 7 * 24 * time.Hour
	keySize     = 32
	nonceSize   = 16
	memoryName  = "web"
)

// keys are what sessions and forms are sealed with. A session is a cookie that
// only we can have made: nothing of it is kept, so it outlives a restart; another
// password or a press on Lock ends all of them.
type keys struct {
	random   io.Reader
	memory   mi.Memory
	password mi.Secret
	token    mi.Secret

	key *sealKey
}

type sealKey struct {
	mu    sync.Mutex
	bytes []byte
}

// stored is what the data folder holds.
type stored struct {
	Key string `json:"key"`
}

// Private implements mi.Private.
func (stored) Private() {}

func newKeys(o Options) (keys, error) {
	k := keys{random: o.Random, memory: o.Memory, password: o.Password, token: o.Token, key: &sealKey{}}
	var kept stored
	if o.Memory.Load(memoryName, &kept) {
		if key, err := hex.DecodeString(kept.Key); err == nil && len(key) == keySize {
			k.key.bytes = key
			return k, nil
		}
	}
	return k, k.renew()
}

// renew makes another key: every session ends.
func (k keys) renew() error {
	key, err := k.draw(keySize)
	if err != nil {
		return err
	}
	k.key.mu.Lock()
	k.key.bytes = key
	k.key.mu.Unlock()
	k.memory.Save(memoryName, stored{hex.EncodeToString(key)})
	return nil
}

func (k keys) draw(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(k.random, b); err != nil {
		return nil, fmt.Errorf("web: random bytes: %w", err)
	}
	return b, nil
}

// seal returns a text that only we can make for these words and the password.
func (k keys) seal(words ...string) string {
	k.key.mu.Lock()
	mac := hmac.New(sha256.New, k.key.bytes)
	k.key.mu.Unlock()
	for _, w := range append(words, k.password.Reveal()) {
		fmt.Fprintf(mac, "%d:%s", len(w), w)
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// same compares in a time that tells nothing of where two secrets differ, or of
// how long they are.
func (k keys) same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func (k keys) isPassword(text string) bool {
	return k.password != "" && k.same(text, k.password.Reveal())
}

func (k keys) isToken(text string) bool {
	return k.token != "" && text != "" && k.same(text, k.token.Reveal())
}

// form returns the token of the forms of a visitor.
func (k keys) form(mark string) string { return k.seal("form", mark) }

func (k keys) isForm(token, mark string) bool { return token != "" && k.same(token, k.form(mark)) }

// open makes a session and returns its cookie.
func (k keys) open(now time.Time, secure bool) (*http.Cookie, error) {
	nonce, err := k.draw(nonceSize)
	if err != nil {
		return nil, err
	}
	id := base64.RawURLEncoding.EncodeToString(nonce)
	until := strconv.FormatInt(now.Add(sessionLife).Unix(), 10)
	return &http.Cookie{
		Name: cookieName, Value: strings.Join([]string{id, until, k.seal("session", id, until)}, "."),
		MaxAge: int(sessionLife / time.Second), HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	}, nil
}

// session returns the id of the request's session, "" when it has none that holds.
func (k keys) session(r *http.Request, now time.Time) string {
	if k.password == "" {
		return ""
	}
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	id, rest, _ := strings.Cut(c.Value, ".")
	until, seal, _ := strings.Cut(rest, ".")
	at, err := strconv.ParseInt(until, 10, 64)
	if err != nil || now.Unix() >= at || !k.same(seal, k.seal("session", id, until)) {
		return ""
	}
	return id
}

// gone is the cookie that takes a session off a browser.
func gone() *http.Cookie {
	return &http.Cookie{Name: cookieName, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}
