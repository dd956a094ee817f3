package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// memory keeps JSON.
type memory map[string][]byte

func (m memory) Load(name string, v any) bool {
	raw, ok := m[name]
	return ok && json.Unmarshal(raw, v) == nil
}

func (m memory) Save(name string, v any) { m[name], _ = json.Marshal(v) }

// furnished is a sky with a home, three scenes and two remotes.
func furnished() *sky {
	k := newSky(1)
	k.known.Homes = []Home{
		{"me", "de", "880", "17", "Berlin"},
		{"me", "de", "881", "17", "Without scenes"},
		{"other", "de", "880", "17", "Berlin"}, // shared with another account
	}
	for i, name := range []string{"Good night", "离家", "Movie Time"} {
		k.known.Scenes = append(k.known.Scenes, Scene{"me", "de", "880", "17", fmt.Sprint(int64(9_000_000_000) + int64(i)), name})
	}
	k.add(Device{Info: mi.Info{DID: "ir.5", Model: "miir.tv.ir01", Name: "TV", Parent: "1000"}, Account: "me", Region: "de", Online: true, Remote: true})
	return k
}

func newFurnished(k *sky, m mi.Memory) *Driver {
	d := newDriver(k)
	d.numbers, d.o.Memory = loadNumbers(m), m
	return d
}

func TestPanelsConform(t *testing.T) {
	for _, did := range []string{"home.880", "ir.5"} {
		drivertest.Run(t, func(*testing.T) *drivertest.Home {
			k := furnished()
			return &drivertest.Home{Driver: newFurnished(k, memory{}), Device: mi.Info{DID: did}, Call: &mi.Call{Action: 1}, Found: true}
		}, synctest.Test)
	}
}

// buttons opens a panel and lists its actions.
func buttons(t *testing.T, d *Driver, did string) (*panel, []string) {
	t.Helper()
	link, err := d.Open(t.Context(), mi.Info{DID: did}, &silent{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = link.Close() })
	spec, err := link.Spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range spec.Actions {
		out = append(out, spec.Actions[i].ID()+" "+spec.Actions[i].Text)
	}
	return link.(*panel), out
}

func TestScenesAreActionsOfTheHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, kept := furnished(), memory{}
		d := newFurnished(k, kept)
		var told []string
		d.o.Changed = func(model string) { told = append(told, model) }
		var found []string
		d.look(func(i mi.Info) { found = append(found, i.DID+" "+i.Name) })
		if !slices.Contains(found, "home.880 Mi Home Berlin") || len(found) != 3 {
			t.Errorf("found %q", found)
		}
		p, got := buttons(t, d, "home.880")
		if want := []string{"a2_1 Good night", "a2_2 离家", "a2_3 Movie Time"}; !slices.Equal(got, want) {
			t.Errorf("scenes %q, want %q", got, want)
		}
		if _, err := p.Call(t.Context(), 1, nil); err != nil {
			t.Fatal(err)
		}
		all := k.took()
		if r := all[len(all)-1]; r.path != "run" || r.body != `"9000000001"` {
			t.Errorf("sent %+v", r)
		}
		told = nil
		d.look(func(mi.Info) {})
		if len(told) != 0 {
			t.Errorf("told %q though nothing changed", told)
		}
		// One scene goes, another comes, one is renamed: numbers stay, also over a restart.
		k.put(func(k *sky) {
			k.known.Scenes = []Scene{{"me", "de", "880", "17", "9000000009", "New"}, {"me", "de", "880", "17", "9000000002", "Cinema"}}
		})
		d.look(func(mi.Info) {})
		if len(told) != 1 {
			t.Errorf("told %q", told)
		}
		for _, d := range []*Driver{d, newFurnished(k, kept)} {
			if _, got := buttons(t, d, "home.880"); !slices.Equal(got, []string{"a2_4 New", "a2_3 Cinema"}) {
				t.Errorf("scenes %q", got)
			}
		}
	})
}

func TestKeysOfARemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, kept := furnished(), memory{}
		p, got := buttons(t, newFurnished(k, kept), "ir.5")
		if !slices.Equal(got, []string{"a2_1 power", "a2_2 Volume up"}) {
			t.Errorf("keys %q", got)
		}
		if _, err := p.Call(t.Context(), 1, nil); err != nil {
			t.Fatal(err)
		}
		all := k.took()
		if r := all[len(all)-1]; r.path != "press" || r.body != `"ir.5 3"` {
			t.Errorf("sent %+v", r)
		}
		k.put(func(k *sky) { k.fail = fmt.Errorf("dial: %w", mi.ErrOffline) })
		p, got = buttons(t, newFurnished(k, kept), "ir.5")
		if len(got) != 2 {
			t.Errorf("without the cloud: keys %q", got)
		}
		if _, err := p.Call(t.Context(), 0, nil); !errors.Is(err, mi.ErrOffline) || !strings.Contains(err.Error(), "cannot be reached") {
			t.Errorf("Call = %v", err)
		}
	})
}

// climate is a source with the spec of an air conditioner's remote.
type climate struct{}

func (climate) Spec(_ context.Context, model string) (*mi.Spec, error) {
	return &mi.Spec{Model: model, Props: []mi.Property{{SIID: 2, PIID: 1, Access: mi.Write}}}, nil
}

func TestRemoteOfAnAirConditionerHasItsSpec(t *testing.T) {
	k := furnished()
	k.add(Device{Info: mi.Info{DID: "ir.6", Model: "miir.aircondition.ir02"}, Account: "me", Region: "de", Online: true, Remote: true})
	d := newDriver(k)
	d.o.Specs = climate{}
	link, err := d.Open(t.Context(), mi.Info{DID: "ir.6"}, &silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if _, ok := link.(mi.Setter); !ok {
		t.Errorf("opened %T", link)
	}
}
