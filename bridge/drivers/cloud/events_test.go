package cloud

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// logged is a sky with so many lamps that have two events.
func logged(devices int) *sky {
	k := newSky(devices)
	k.spec.Events = []mi.Event{{SIID: 3, EIID: 1, Name: "click", Text: "Click"}, {SIID: 3, EIID: 2, Name: "double-click"}}
	return k
}

func wanting(k *sky, wanted func(mi.Info) bool) *Driver {
	d := newDriver(k)
	d.o.Events = wanted
	return d
}

func everybody(mi.Info) bool { return true }

func TestLogsConform(t *testing.T) {
	drivertest.Run(t, func(*testing.T) *drivertest.Home {
		k := logged(2)
		return &drivertest.Home{
			Driver: wanting(k, everybody), Device: mi.Info{DID: "1000.events"}, Found: true,
			Reads: []mi.Change{{Prop: 0, Value: mi.Text(time.Now().Add(-7 * time.Minute).UTC().Format(time.RFC3339))}, {Prop: 1}},
			Mute:  func() { k.put(func(k *sky) { k.mute = true }) },
		}
	}, synctest.Test)
}

func TestLogTellsWhenAnEventLastHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := logged(2)
		d := wanting(k, func(i mi.Info) bool { return i.DID == "1001" })
		var logs []mi.Info
		d.look(func(i mi.Info) {
			if i.Parent != "" {
				logs = append(logs, i)
			}
		})
		want := mi.Info{DID: "1001.events", Model: "events.acme.light.one", Name: "Lamp 1 events (delayed)", Parent: "1001"}
		if len(logs) != 1 || logs[0] != want {
			t.Fatalf("logs %+v, want %+v", logs, want)
		}
		heard := &silent{}
		link, err := d.Open(t.Context(), logs[0], heard)
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		spec, err := link.Spec(t.Context())
		if err != nil || len(spec.Props) != 2 || spec.Props[1].Key != "event-log/double-click" || spec.Props[1].ID() != "p2_3002" || spec.Props[1].Text != "double click (delayed)" {
			t.Fatalf("spec %+v, %v", spec, err)
		}
		began := time.Now()
		got, err := link.(mi.Getter).Get(t.Context(), []int{0, 1}, nil)
		if err != nil || len(got) != 2 || got[1].Value.Known() {
			t.Errorf("read %v, %v", got, err)
		}
		if at, err := time.Parse(time.RFC3339, got[0].Value.String()); err != nil || began.Sub(at) < 6*time.Minute || began.Sub(at) > 8*time.Minute {
			t.Errorf("it happened at %v, want the newest of the log", got[0].Value)
		}
		if all := k.took(); len(all) != 2 || all[0].body != `"1001 event 3.1 5"` || all[1].body != `"1001 event 3.2 5"` {
			t.Errorf("asked %+v", all)
		}
		k.put(func(k *sky) { k.known.Devices = k.known.Devices[:1] })
		d.look(func(mi.Info) {})
		if _, err := link.(mi.Getter).Get(t.Context(), []int{0}, nil); err == nil {
			t.Error("the log of a device that was removed can be read")
		}
	})
}

func TestLogsAreFewAndOnlyThoseThatAreWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			wanted func(mi.Info) bool
			want   int
		}{"none": {nil, 0}, "all of a large home": {everybody, maxLogged / 2}, "one": {func(i mi.Info) bool { return i.DID == "1005" }, 1}} {
			d := wanting(logged(80), tc.wanted)
			d.look(func(mi.Info) {})
			if n := len(d.devices.Load().journals); n != tc.want {
				t.Errorf("%s: %d logs, want %d", name, n, tc.want)
			}
			specs := map[*mi.Spec]bool{}
			for range 2 { // what did not change is no other spec
				for _, j := range d.devices.Load().journals {
					specs[j.spec] = true
				}
				d.look(func(mi.Info) {})
			}
			if len(specs) != tc.want {
				t.Errorf("%s: %d specs of %d logs", name, len(specs), tc.want)
			}
		}
	})
}
