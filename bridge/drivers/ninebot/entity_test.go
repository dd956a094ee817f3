package ninebot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// TestEntities pins what people see of a vehicle.
func TestEntities(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	look := func(h *house, last byte) (got []string) {
		v := h.open(addr(last))
		defer v.link.Close()
		for _, e := range rules.Build(v.spec(), entity.Options{}).Entities {
			line := strings.Join([]string{e.ID, e.Component, e.Name, e.DeviceClass, e.StateClass, e.Unit, e.Category}, " ")
			if e.Enabled {
				line += " shown"
			}
			got = append(got, line)
		}
		return got
	}
	in(t, nil, func(h *house) {
		if got, want := look(h, 0), append(shared(), about()...); !slices.Equal(got, want) {
			t.Errorf("a mini shows\n%s", strings.Join(got, "\n"))
		}
		want := slices.Concat([]string{"light_5 light Light     shown", "lock_4 lock Lock    "}, shared(), cells(), about(), inside())
		if got := look(h, 1); !slices.Equal(got, want) {
			t.Errorf("a scooter shows\n%s", strings.Join(got, "\n"))
		}
	})
	in(t, func(o *ninebot.Options) { o.Writes = false }, func(h *house) {
		want := slices.Concat(shared(), cells(), []string{"p4_1 binary_sensor Locked     shown", "p5_1 binary_sensor Light     shown"}, about(), inside())
		if got := look(h, 1); !slices.Equal(got, want) {
			t.Errorf("a scooter that is only read shows\n%s", strings.Join(got, "\n"))
		}
	})
}

// shared are the entities of every vehicle.
func shared() []string {
	return []string{
		"p2_1 sensor Speed speed measurement km/h  shown",
		"p2_2 sensor Mileage distance total_increasing km  shown",
		"p2_3 sensor Trip distance total_increasing km  shown",
		"p2_4 sensor Trip time duration measurement s ",
		"p2_5 sensor Remaining range distance measurement km  shown",
		"p2_6 sensor Average speed speed measurement km/h ",
		"p2_7 sensor Temperature temperature measurement °C  shown",
		"p2_8 binary_sensor Problem problem   diagnostic shown",
		"p2_9 sensor Error code    diagnostic shown",
		"p2_10 sensor Warning code    diagnostic shown",
		"p3_1 sensor Battery battery measurement % diagnostic shown",
		"p3_2 sensor Voltage voltage measurement V diagnostic shown",
		"p3_3 sensor Current current measurement A diagnostic",
		"p3_4 sensor Charging state enum   diagnostic shown",
	}
}

func cells() []string {
	return []string{
		"p3_5 sensor Battery temperature temperature measurement °C  shown",
		"p3_6 sensor Battery health  measurement % diagnostic",
	}
}

func about() []string {
	return []string{"p6_1 sensor Serial number    diagnostic", "p6_2 sensor Firmware version    diagnostic"}
}

// inside are the entities that only scooters have, for the curious.
func inside() []string {
	return []string{
		"p2_11 sensor Actual range distance measurement km diagnostic",
		"p2_12 sensor Operation time duration total_increasing s diagnostic",
		"p2_13 sensor Riding time duration total_increasing s diagnostic",
		"p2_14 binary_sensor Speed limited    diagnostic",
		"p2_15 sensor Speed limit speed measurement km/h diagnostic",
		"p2_16 sensor Normal speed limit speed measurement km/h diagnostic",
		"p2_17 sensor Reduced speed limit speed measurement km/h diagnostic",
		"p2_18 sensor Riding mode enum   diagnostic",
		"p2_19 sensor Energy recovery enum   diagnostic",
		"p2_20 binary_sensor Cruise control    diagnostic",
		"p2_21 binary_sensor Alarm sounding    diagnostic",
		"p2_22 binary_sensor Activated    diagnostic",
		"p3_7 binary_sensor Second battery    diagnostic",
		"p3_8 sensor Battery charge   mAh diagnostic",
		"p3_9 sensor Battery capacity   mAh diagnostic",
		"p3_10 sensor Overcharges    diagnostic",
		"p3_11 sensor Overdischarges    diagnostic",
		"p6_3 sensor Battery serial number    diagnostic",
		"p6_4 sensor Battery firmware version    diagnostic",
		"p6_5 sensor Bluetooth firmware version    diagnostic",
	}
}
