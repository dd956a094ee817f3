package account

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// BenchmarkList reads the lists of a home with 10,000 devices and lays them over
// what was known.
func BenchmarkList(b *testing.B) {
	var list []json.RawMessage
	for i := range 10_000 {
		list = append(list, json.RawMessage(device(fmt.Sprint(100_000+i), "")))
	}
	m := &Manager{}
	m.opt.World.Now = time.Now
	known := homes{}
	b.ReportAllocs()
	for b.Loop() {
		r := reader{m: m, c: newClient(userID, "", session{}, time.Time{}), region: "de", out: &regionList{region: "de", rooms: map[string]place{}, devices: map[string]Device{}}}
		r.take(list)
		r.place()
		known = known.with([]*regionList{r.out}, time.Now())
	}
	if len(known.devices) != 10_000 {
		b.Fatal(len(known.devices))
	}
}

// BenchmarkSign seals a request for 150 properties and opens an answer of 16 KiB.
func BenchmarkSign(b *testing.B) {
	data := make([]byte, 6<<10)
	answer := make([]byte, 16<<10)
	b.ReportAllocs()
	for b.Loop() {
		s, err := newSeal(ssecurity, newNonce(1, time.Unix(1, 0)))
		if err != nil {
			b.Fatal(err)
		}
		_ = s.form("POST", "/miotspec/prop/get", string(data))
		_ = s.crypt(answer)
	}
}
