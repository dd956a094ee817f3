package ble

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	benchSensors   = 500
	benchReceivers = 5
)

// idleEar is a receiver that hears nothing by itself.
type idleEar string

func (idleEar) Listen(ctx context.Context, _ func(mi.Advert)) error { <-ctx.Done(); return nil }
func (idleEar) Hearing() error                                      { return nil }
func (e idleEar) Name() string                                      { return string(e) }

// quietSink takes everything.
type quietSink struct{ changes int }

func (s *quietSink) Changed(c []mi.Change) { s.changes += len(c) }
func (*quietSink) Happened(mi.Happening)   {}
func (*quietSink) Seen()                   {}

// crowd is many sealed thermometers.
type crowd struct {
	d    *Driver
	sink quietSink
	key  *bindKey
	data []mi.ServiceData
	no   uint32
}

func newCrowd(b *testing.B) *crowd {
	const key = "000102030405060708090a0b0c0d0e0f"
	c := &crowd{key: sampleKey(b)}
	o := Options{Log: zerolog.Nop(), Keys: map[string]mi.Secret{}}
	for i := range benchReceivers {
		o.Receivers = append(o.Receivers, idleEar(fmt.Sprint("receiver ", i)))
	}
	for i := range benchSensors {
		o.Keys[addressText(crowdAddr(i))] = key
	}
	c.d = New(mi.World{Now: time.Now}, o)
	c.data = make([]mi.ServiceData, benchSensors)
	c.d.acquire()
	b.Cleanup(c.d.release)
	c.next(b)
	c.hear(b.N)
	for i := range benchSensors {
		link, err := c.d.Open(b.Context(), mi.Info{DID: fmt.Sprintf("ble.%x", crowdAddr(i)), Model: "miaomiaoce.sensor_ht.t2"}, &c.sink)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := link.Spec(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = link.Close() })
	}
	return c
}

func crowdAddr(i int) mi.Address {
	return mi.Address{0xa4, 0xc1, 0x38, 0, byte(i >> 8), byte(i)}
}

// next makes the next frame of every sensor.
func (c *crowd) next(b *testing.B) {
	c.no++
	aead, err := ccm.NewCCM(c.key.block, tagSize, nonceMiBeacon)
	if err != nil {
		b.Fatal(err)
	}
	for i := range c.data {
		addr := crowdAddr(i)
		head := []byte{0x58, 0x58, 0x5b, 0x05, byte(c.no)}
		turned := make([]byte, 6)
		for k := range turned {
			turned[k] = addr[5-k]
		}
		more := binary.LittleEndian.AppendUint32(nil, c.no>>8)[:3]
		nonce := append(append(append([]byte{}, turned...), head[2:5]...), more...)
		plain := []byte{0x0d, 0x10, 4, byte(c.no), 0, 0xf4, 1}
		sealed := aead.Seal(nil, nonce, plain, []byte{0x11})
		cut := len(sealed) - tagSize
		frame := append(append(head, turned...), sealed[:cut]...)
		frame = append(append(frame, more...), sealed[cut:]...)
		c.data[i] = mi.ServiceData{UUID: uuidMiBeacon, Data: frame}
	}
}

// hear has every receiver hear every sensor once; at most so many adverts.
func (c *crowd) hear(limit int) (adverts int) {
	a := mi.Advert{Service: make([]mi.ServiceData, 1)}
	for i := range c.data {
		for _, e := range c.d.ears {
			if adverts == limit {
				return adverts
			}
			adverts++
			a.Addr, a.RSSI, a.Service[0] = crowdAddr(i), -60, c.data[i]
			c.d.heard(e, &a)
		}
	}
	return adverts
}

// BenchmarkAdvert is one advertisement of one of 500 sealed sensors, each of which
// five receivers hear.
func BenchmarkAdvert(b *testing.B) {
	c := newCrowd(b)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		b.StopTimer()
		c.next(b)
		b.StartTimer()
		n += c.hear(b.N - n)
	}
	b.StopTimer()
	if b.N > benchSensors*benchReceivers && c.sink.changes == 0 {
		b.Error("nothing was told")
	}
}

// BenchmarkDecode is one sealed frame, opened and read.
func BenchmarkDecode(b *testing.B) {
	c := newCrowd(b)
	var r reading
	b.ReportAllocs()
	for b.Loop() {
		r.reset()
		if _, _, err := c.d.decoder.decode(crowdAddr(7), c.data[7], c.key, &r); err != nil || len(r.facts) != 2 {
			b.Fatal(err, r)
		}
	}
}
