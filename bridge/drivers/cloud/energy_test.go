package cloud

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// metered is a sky whose lamps measure energy.
func metered() *sky {
	k := newSky(2)
	k.spec.Props = append(k.spec.Props, mi.Property{SIID: 11, PIID: 1, Key: "power-consumption/power-consumption", Name: "power-consumption", Format: mi.FormatInt, Access: mi.Read})
	return k
}

func TestMetersConform(t *testing.T) {
	drivertest.Run(t, func(*testing.T) *drivertest.Home {
		k := metered()
		time.Sleep(time.Hour) // it was midnight
		days := float64(time.Now().Day())
		return &drivertest.Home{
			Driver: newDriver(k), Device: mi.Info{DID: "1000.energy"}, Found: true,
			Reads: []mi.Change{{Prop: energyToday, Value: mi.Float(0.25)}, {Prop: energyMonth, Value: mi.Float((days-1)/2 + 0.25)}},
			Mute:  func() { k.put(func(k *sky) { k.mute = true }) },
		}
	}, synctest.Test)
}

func TestEnergyIsAskedUnderTheKeyOfItsProperty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := metered()
		d := newDriver(k)
		link, err := d.Open(t.Context(), mi.Info{DID: "1001.energy"}, &silent{})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		if _, err := link.(mi.Getter).Get(t.Context(), []int{energyToday, energyMonth}, nil); err != nil {
			t.Fatal(err)
		}
		if all := k.took(); len(all) != 1 || all[0].body != `"1001 11.1 day"` {
			t.Errorf("asked %+v", all)
		}
		k.spec.Props[len(k.spec.Props)-1].Access = mi.Notify // by a mapping file: some must not be read
		if got := d.meterKey(k.spec.Model); got != "11.1" {
			t.Errorf("what is not read is counted under %q", got)
		}
		d.o.NoEnergy = true
		found := 0
		d.look(func(mi.Info) { found++ })
		if found != 2 {
			t.Errorf("found %d, want the two lamps", found)
		}
	})
}

func TestConsumed(t *testing.T) {
	berlin, shanghai := time.FixedZone("CET", 3600), time.FixedZone("CST", 8*3600)
	day := func(zone *time.Location, month time.Month, n int, kWh float64) Sample {
		return Sample{time.Date(2026, month, n, 0, 0, 0, 0, zone), mi.Float(kWh)}
	}
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, berlin)
	for _, tc := range []struct {
		name         string
		days         []Sample
		now          time.Time
		today, month mi.Value
	}{
		{"nothing", nil, noon, mi.Value{}, mi.Value{}},
		{"own zone", []Sample{day(berlin, 2, 28, 4), day(berlin, 3, 1, 1.1), day(berlin, 3, 2, 0.2)}, noon, mi.Float(0.2), mi.Float(1.3)},
		{"newest first", []Sample{day(berlin, 3, 2, 0.2), day(berlin, 3, 1, 1.1), day(berlin, 2, 28, 4)}, noon, mi.Float(0.2), mi.Float(1.3)},
		{"nothing today", []Sample{day(berlin, 3, 1, 1.1)}, noon, mi.Float(0), mi.Float(1.1)},
		{"another zone", []Sample{day(shanghai, 2, 28, 4), day(shanghai, 3, 1, 1.1), day(shanghai, 3, 2, 0.2)}, noon, mi.Float(0.2), mi.Float(1.3)},
		{"no number", []Sample{{noon.Add(-time.Hour), mi.Text("?")}, day(berlin, 3, 1, 1.1)}, noon, mi.Float(0), mi.Float(1.1)},
	} {
		if today, month := consumed(tc.days, tc.now); today != tc.today || month != tc.month {
			t.Errorf("%s: %v today, %v this month, want %v, %v", tc.name, today, month, tc.today, tc.month)
		}
	}
}
