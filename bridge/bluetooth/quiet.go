package bluetooth

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	usual    = 10              // adverts, after which silence tells something
	quietFor = 5 * time.Minute // since the last one
)

// voice is one that hears for a receiver, such as one of several gateways.
type voice struct {
	count atomic.Uint64
	last  atomic.Int64 // nanoseconds since Share
}

// Quiet is one that used to hear adverts and hears none any more.
type Quiet struct {
	Name string
	For  time.Duration
}

// note takes down that somebody heard an advert.
func (s *Shared) note(name string) {
	if name == "" {
		name = s.Name()
	}
	v, ok := s.last.Load(name)
	if !ok {
		v, _ = s.last.LoadOrStore(name, new(voice))
	}
	one := v.(*voice)
	one.count.Add(1)
	one.last.Store(int64(time.Since(s.began)))
}

// Quiet lists who has fallen silent within a day, sorted by name.
func (s *Shared) Quiet() (all []Quiet) {
	now := time.Since(s.began)
	s.last.Range(func(name, v any) bool {
		one := v.(*voice)
		silent := now - time.Duration(one.last.Load())
		if one.count.Load() >= usual && silent >= quietFor && silent < forget {
			all = append(all, Quiet{name.(string), silent})
		}
		return true
	})
	slices.SortFunc(all, func(a, b Quiet) int { return strings.Compare(a.Name, b.Name) })
	return all
}
