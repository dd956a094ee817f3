package androidtv

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	keyName = "androidtv-key" // in the memory
	keyBits = 2048            // what the TVs take
)

// keyFile is the bridge's key as it is kept, both parts in DER. Who has it can
// operate every paired TV.
type keyFile struct {
	Key         []byte
	Certificate []byte
}

// Private implements mi.Private.
func (keyFile) Private() {}

// identity returns the key by which TVs know this bridge. It is made once, from the
// system's own randomness and never from the World's: it is a secret.
func (d *Driver) identity() (*tls.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.key != nil {
		return d.key, nil
	}
	var kept keyFile
	if d.o.Memory != nil && d.o.Memory.Load(keyName, &kept) {
		if key, err := kept.open(); err == nil {
			d.key = key
			return key, nil
		}
		d.o.Log.Warn().Msg("the key by which Android TVs know the bridge is damaged; pair them again")
	}
	fresh, err := newKey()
	if err != nil {
		return nil, fmt.Errorf("androidtv: key: %w", err)
	}
	key, err := fresh.open()
	if err != nil {
		return nil, fmt.Errorf("androidtv: key: %w", err)
	}
	if d.o.Memory != nil {
		d.o.Memory.Save(keyName, fresh)
	}
	d.key = key
	return key, nil
}

// newKey makes a key and a certificate that names nobody. The dates do not depend on
// a clock that may be wrong.
func newKey() (f keyFile, err error) {
	key, err := rsa.GenerateKey(nil, keyBits) // draws from the system whatever it is given
	if err != nil {
		return f, err
	}
	if f.Key, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return f, err
	}
	serial := sha256.Sum256(key.N.Bytes())
	name := pkix.Name{CommonName: clientName}
	form := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:16]), Subject: name, Issuer: name,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, SignatureAlgorithm: x509.SHA256WithRSA,
	}
	f.Certificate, err = x509.CreateCertificate(nil, form, form, &key.PublicKey, key)
	return f, err
}

// open reads a kept key.
func (f *keyFile) open() (*tls.Certificate, error) {
	key, err := x509.ParsePKCS8PrivateKey(f.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", mi.ErrProtocol, err)
	}
	leaf, err := x509.ParseCertificate(f.Certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", mi.ErrProtocol, err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(leaf.PublicKey) {
		return nil, fmt.Errorf("%w: key and certificate do not belong together", mi.ErrProtocol)
	}
	return &tls.Certificate{Certificate: [][]byte{f.Certificate}, PrivateKey: private, Leaf: leaf}, nil
}
