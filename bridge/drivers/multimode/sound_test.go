package multimode

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// mouth is a receiver whose adverts the test makes.
type mouth struct{ said chan mi.Advert }

func (*mouth) Name() string   { return "kitchen" }
func (*mouth) Hearing() error { return nil }
func (m *mouth) Listen(ctx context.Context, heard func(mi.Advert)) error {
	for {
		select {
		case a := <-m.said:
			heard(a)
		case <-ctx.Done():
			return nil
		}
	}
}

// shownAs names attributes as drivers/ble does: its property, or its event.
func shownAs() map[string]string {
	return map[string]string{
		"temperature": "temperature", "humidity": "relative-humidity", "illuminance": "illumination", "moisture": "soil-moisture",
		"conductivity": "soil-ec", "motion": "motion-state", "light": "light-state", "battery": "battery-level",
		"idle_time": "no-motion-duration", "power": "powered", "contact": "contact-state", "smoke": "smoke-state",
		"water_leak": "submersion-state", "occupancy": "occupancy-status", "has_someone_duration": "has-someone-duration",
		"weight": "weight", "heart_rate": "heart-rate", "impedance_high": "impedance-high", "impedance_low": "impedance-low",
		"profile_id": "profile-id", "battery_low": "low-battery-state", "key_id": "operation-id",
	}
}

func TestVectorsOfBluetoothSensors(t *testing.T) {
	c := newCatalog()
	for n, v := range vectors(t) {
		model := fmt.Sprint(v.Model)
		product, err := strconv.Atoi(model)
		if err != nil || v.Op != "decode" || v.Format == "lumi/miot" && c.find(model) != nil || v.Format == "silabs_zcl" {
			continue
		}
		t.Run(v.ID+" "+model, func(t *testing.T) {
			if why := apart()[v.ID]; why != "" {
				t.Skip(why)
			}
			synctest.Test(t, func(t *testing.T) { checkSound(t, &v, uint16(product), byte(n)) })
		})
	}
}

// apart names the vectors whose meaning is another here, as drivers/ble follows
// xiaomi-ble where two libraries disagree.
func apart() map[string]string {
	const other = "xiaomi-ble says otherwise"
	return map[string]string{
		"mm-014": "the door left open is a state", "mm-016": "a fault is no event", "mm-022": other, "mm-065": other,
		"mm-031": "tells nothing", "mm-059": "tells nothing", "mm-053": other, "mm-054": other, "mm-056": other, "mm-057": other, "mm-058": other, "mm-061": other,
	}
}

func checkSound(t *testing.T, v *vector, product uint16, counter byte) {
	b := beacon{addr: mi.Address{0x54, 0xef, 0x44, 1, 2, 3}, product: product, counter: counter, objects: objectsOf(t, v.Input)}
	m := &mouth{said: make(chan mi.Advert)}
	d := ble.New(mi.World{Now: time.Now}, ble.Options{Receivers: []mi.Receiver{m}, Devices: []string{"all"}, Log: zerolog.Nop()})
	info := found(t, d, m, b.advert("kitchen"))
	sink := &told{Sink: &drivertest.Sink{}}
	link, err := d.Open(t.Context(), info, sink)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if _, err := link.Spec(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.counter++
	m.said <- b.advert("kitchen")
	synctest.Wait()
	spec, err := link.Spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.counter++
	m.said <- b.advert("kitchen")
	synctest.Wait()
	sink.check(t, spec, v.Output)
}

func objectsOf(t *testing.T, raw json.RawMessage) (out []object) {
	var e struct {
		EID   int
		EData string
	}
	if err := json.Unmarshal(raw, &e); err == nil && e.EID > 0 {
		b, err := parseBeacon(fmt.Appendf(nil, `{"dev":{"mac":"54EF44010203","pdid":1},"evt":[%s]}`, raw))
		if err != nil {
			t.Fatal(err)
		}
		return b.objects
	}
	for _, it := range itemsOf(t, raw) {
		if o, ok := objectOf(it); ok {
			out = append(out, o)
		}
	}
	return out
}

// found makes the driver find the device.
func found(t *testing.T, d *ble.Driver, m *mouth, a mi.Advert) (info mi.Info) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	go func() { m.said <- a }()
	_ = d.Find(ctx, func(i mi.Info) { info = i })
	return info
}

// told remembers the newest values and the events.
type told struct {
	*drivertest.Sink
	changes []mi.Change
	events  []mi.Happening
}

func (s *told) Changed(c []mi.Change)   { s.changes = append(s.changes, c...) }
func (s *told) Happened(h mi.Happening) { s.events = append(s.events, h) }

func (s *told) check(t *testing.T, spec *mi.Spec, want map[string]any) {
	got := map[string]mi.Value{}
	for _, c := range s.changes {
		got[spec.Props[c.Prop].Name] = c.Value
	}
	for attr, value := range want {
		if attr == "action" {
			if len(s.events) == 0 {
				t.Errorf("no event, want %v; got %v", value, got)
			}
			continue
		}
		name, ok := shownAs()[attr]
		if !ok || value == nil {
			t.Logf("%s = %v is not looked at; got %v", attr, value, got)
			continue
		}
		v := got[name]
		if attr == "contact" {
			closed, ok := v.Bool()
			v = mi.Value{}
			if ok {
				v = mi.Bool(!closed)
			}
		}
		f, number := v.Float()
		w, numeric := value.(float64)
		if numeric && (!number || math.Abs(f-w) > 0.051) || !numeric && v.String() != fmt.Sprint(value) {
			t.Errorf("%s: %s = %v, want %v; got %v", attr, name, v, value, got)
		}
	}
}
