package ble

import (
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// TestSealIsAsInTheAir seals what real sensors sent, and gets the same bytes.
func TestSealIsAsInTheAir(t *testing.T) {
	for _, tc := range []struct{ name, key, nonce, plain, extra, want string }{
		{
			"a bed sensor", "13f072b8c8469f54ac2c333ee746d771",
			"7b37d6d1b5ccdb200a020000", "0354014c", "11", "e79fcf95" + "a0e4f773",
		},
	} {
		var in [4][]byte
		for i, text := range []string{tc.key, tc.nonce, tc.plain, tc.extra} {
			var err error
			if in[i], err = hex.DecodeString(text); err != nil {
				t.Fatal(err)
			}
		}
		sealed, tag := seal(in[0], in[1], in[2], in[3])
		if got := hex.EncodeToString(append(sealed, tag...)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestRadioLives has a day of the virtual devices heard by both receivers.
func TestRadioLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRadio(mi.World{Now: time.Now, Seed: 4})
		heard := map[string]int{}
		senders := map[mi.Address]bool{}
		for _, e := range r.Receivers() {
			go func() {
				_ = e.Listen(t.Context(), func(a mi.Advert) {
					heard[a.Receiver]++
					senders[a.Addr] = true
				})
			}()
		}
		synctest.Wait()
		go func() { _ = r.Run(t.Context()) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(heard) != 2 || heard["virtual radio upstairs"] != heard["virtual radio downstairs"] || len(senders) != devices {
			t.Errorf("heard %v of %d devices", heard, len(senders))
		}
	})
}
