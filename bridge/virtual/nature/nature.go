// Package nature is what everything in the virtual home follows: chance, drawn from
// one seed, and the pace of life.
package nature

import (
	"cmp"
	"hash/fnv"
	"time"
)

// Roll returns a number that depends on nothing but its arguments: the same
// question gets the same answer whatever else was asked, so that a run can be
// repeated and one fault taken away without changing the others.
func Roll(seed uint64, about string, n ...uint64) uint64 {
	h := fnv.New64a()
	h.Write([]byte(about))
	x := Mix(seed ^ h.Sum64())
	for _, v := range n {
		x = Mix(x ^ v)
	}
	return x
}

// Mix is the finaliser of splitmix64.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Percent reports whether roll falls among p of a hundred.
func Percent(roll uint64, p int) bool { return p > 0 && roll%100 < uint64(p) }

// Faster is how long something takes when life goes at a speed; 0 is 1.
func Faster(d time.Duration, speed float64) time.Duration {
	return max(time.Duration(float64(d)/cmp.Or(speed, 1)), time.Millisecond)
}
