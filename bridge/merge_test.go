package bridge_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// TestMergeFindsTheSameDevice compares Merge with looking through the whole list.
func TestMergeFindsTheSameDevice(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func(prefix string) string {
		if n := random.IntN(6); n > 0 {
			return prefix + strconv.Itoa(n)
		}
		return ""
	}
	list := func() (all []mi.Info) {
		for i := range random.IntN(8) {
			all = append(all, mi.Info{DID: some("did"), Addr: some("addr"), Name: strconv.Itoa(i)})
		}
		return all
	}
	for range 5000 {
		older, newer := list(), list()
		want := slices.Clone(older)
		for _, d := range newer {
			i := slices.IndexFunc(want, func(o mi.Info) bool {
				if o.DID != "" && d.DID != "" {
					return o.DID == d.DID
				}
				return d.Addr != "" && o.Addr == d.Addr
			})
			if i < 0 {
				want = append(want, d)
			} else {
				want[i] = want[i].Merge(d)
			}
		}
		if got := bridge.Merge(older, newer); !slices.Equal(got, want) {
			t.Fatalf("Merge(%v, %v) = %v, want %v", older, newer, got, want)
		}
	}
}
