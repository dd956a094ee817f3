package chaos

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var someDIDs = []string{"11", "12", "13", "14", "15", "16", "17", "18", "19", "20"}

func TestPlanIsOneLineAndBack(t *testing.T) {
	for seed := range uint64(50) {
		p := Draw(seed, 2*time.Hour, someDIDs)
		got, err := ParsePlan(p.String())
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("seed %d: %v, %v, want %v", seed, got, err, p)
		}
	}
}

func TestParsePlanSaysWhatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"seed=x":                 `virtual: plan: "seed=x": `,
		"span=soon":              `virtual: plan: "span=soon": `,
		"cut:11":                 `kind:subject:from-to:amount is needed`,
		"fire:11:1m-2m:5":        `there is no fault "fire"`,
		"cut:11:1m-later:5":      `invalid duration "later"`,
		"loss:11:1m-2m:everyone": `parsing "everyone"`,
	} {
		if _, err := ParsePlan(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

func TestDrawnPlansSwarmAndEndInTime(t *testing.T) {
	kinds, sets := map[Kind]int{}, map[string]bool{}
	for seed := range uint64(300) {
		p := Draw(seed, 4*time.Hour, someDIDs)
		here := map[Kind]bool{}
		for _, f := range p.Faults {
			here[f.Kind] = true
			kinds[f.Kind]++
			if f.To > p.Quiet() || f.From >= p.Quiet() || f.From > f.To || (f.Subject != World && !slices.Contains(someDIDs, f.Subject)) {
				t.Errorf("seed %d: %v does not fit", seed, f)
			}
		}
		var names []string
		for k := range here {
			names = append(names, string(k))
		}
		slices.Sort(names)
		sets[strings.Join(names, " ")] = true
	}
	if want := len(deviceKinds) + len(worldKinds); len(kinds) != want {
		t.Errorf("%d kinds were ever drawn, want %d: %v", len(kinds), want, kinds)
	}
	if len(sets) < 150 {
		t.Errorf("only %d mixtures in 300 seeds", len(sets))
	}
}

func TestShrinkKeepsTheGuiltyOnly(t *testing.T) {
	p := Draw(3, 4*time.Hour, append(someDIDs, someDIDs...))
	guilty := Fault{Kind: Cut, Subject: "15", From: 61 * time.Minute, To: 95*time.Minute + 7*time.Second, Amount: 9}
	p.Faults = slices.Insert(p.Faults, 4, guilty)
	got, runs := Shrink(p, func(p Plan) bool {
		return slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.Kind == Cut && f.Subject == "15" })
	})
	want := "seed=3 span=4h0m0s cut:15:1h1m0s-1h35m0s:9"
	if got.String() != want || runs > 40 {
		t.Errorf("%d faults shrink to %q in %d runs, want %q", len(p.Faults), got, runs, want)
	}
}
