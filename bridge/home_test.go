package bridge_test

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

var (
	seedFlag   = flag.Uint64("home.seed", 0, "seed of the home to play")
	faultsFlag = flag.String("home.faults", "", "faults of that home instead of the seed's own: span=2h0m0s cut:460000001:10m0s-1h0m0s:5 …")
	seedsFlag  = flag.Uint64("home.seeds", 0, "how many seeds to play, from home.seed on")
	mostFlag   = flag.Int("home.most", 20, "how many broken promises are shown")
	rawFlag    = flag.Bool("home.raw", false, "do not make failing plans smaller")
)

// drawn makes the scene of a seed: how many devices of which models, whose broker,
// and the faults.
func drawn(seed uint64, span time.Duration) scene {
	r := rand.New(rand.NewPCG(seed, 0))
	all := miio.Models()
	sc := scene{external: r.IntN(2) == 0}
	for range 12 + r.IntN(13) {
		sc.models = append(sc.models, all[r.IntN(len(all))])
	}
	if span > 6*time.Hour {
		sc.models = sc.models[:8]
	}
	sc.plan = chaos.Draw(seed, span, sc.dids())
	return sc
}

// dids are those that the virtual home gives to so many devices.
func (sc scene) dids() []string {
	var out []string
	for i := range sc.models {
		did := 460_000_000 + int64(i)
		if i%8 == 7 {
			did = 2_500_000_000 + int64(i)
		}
		out = append(out, fmt.Sprint(did))
	}
	return out
}

// model returns what a did is.
func (sc scene) model(did string) string {
	if i := slices.Index(sc.dids(), did); i >= 0 {
		return sc.models[i]
	}
	return ""
}

// repro is the line that plays a plan again.
func repro(p chaos.Plan) string {
	_, rest, _ := strings.Cut(p.String(), " ")
	return fmt.Sprintf("go test ./bridge -run 'TestHome$' -home.seed=%d -home.faults='%s'", p.Seed, rest)
}

// play lets a scene happen and judges it.
func play(t *testing.T, sc scene) (*story, []history.Violation) {
	t.Helper()
	st := perform(t, sc)
	return st, st.judge()
}

// check plays a scene and, when a promise is broken, makes the plan as small as it
// can be.
func check(t *testing.T, sc scene) *story {
	t.Helper()
	began := time.Now()
	st, bad := play(t, sc)
	t.Logf("seed %d: %d devices (own broker %v), %v in %v, %d datagrams, %d entries, %d starts, %d faults, %d log lines", sc.plan.Seed, len(sc.models), !sc.external,
		sc.plan.Span, time.Since(began).Round(time.Millisecond), st.traffic.Sent, len(st.entries), st.starts, len(sc.plan.Faults), len(st.log))
	for i, v := range bad {
		if i == *mostFlag {
			t.Errorf("… %d more", len(bad)-i)
			break
		}
		who, _, _ := strings.Cut(v.Subject, " ")
		t.Error(v, sc.model(who), sc.plan.Of(who))
	}
	if len(bad) > 0 {
		if !*rawFlag {
			t.Log(repro(shrunk(t, sc, bad[0])))
		}
	}
	return st
}

// shrunk takes away the faults that a violation does not need, as far as that gets
// in two minutes.
func shrunk(t *testing.T, sc scene, v history.Violation) chaos.Plan {
	began := time.Now()
	small, _ := chaos.Shrink(sc.plan, func(p chaos.Plan) bool {
		if time.Since(began) > 2*time.Minute {
			return false
		}
		sc.plan = p
		_, bad := play(t, sc)
		return v.Same(bad)
	})
	return small
}

// replay makes the scene of a line in seeds.txt or of the flags.
func replay(t *testing.T, line string) scene {
	t.Helper()
	plan, err := chaos.ParsePlan(line)
	if err != nil {
		t.Fatal(err)
	}
	sc := drawn(plan.Seed, plan.Span)
	sc.plan = plan
	return sc
}

// TestHome plays a home of every seed: two hours with faults, then rest.
func TestHome(t *testing.T) {
	t.Parallel()
	if *faultsFlag != "" {
		check(t, replay(t, fmt.Sprintf("seed=%d %s", *seedFlag, *faultsFlag)))
		return
	}
	seeds := uint64(3)
	switch {
	case *seedsFlag > 0:
		seeds = *seedsFlag
	case os.Getenv("MIHOME_LONG") != "":
		seeds = 200
	case testing.Short():
		seeds = 1
	}
	for seed := *seedFlag; seed < *seedFlag+seeds; seed++ {
		check(t, drawn(seed, 2*time.Hour))
	}
}

// TestHomesThatOnceFailed plays every plan that ever found a defect; those of at most an
// hour when time is short.
func TestHomesThatOnceFailed(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		plan, _, _ := strings.Cut(lines.Text(), "#")
		if plan = strings.TrimSpace(plan); plan == "" {
			continue
		}
		if sc := replay(t, plan); !testing.Short() || sc.plan.Span <= time.Hour {
			check(t, sc)
		}
	}
}
