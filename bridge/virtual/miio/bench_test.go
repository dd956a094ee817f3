package miio

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// BenchmarkPoll is one poll of eight properties on the device's side.
func BenchmarkPoll(b *testing.B) {
	h, err := New(mi.World{Net: world.NewNet(1).Segment(world.Topology{Prefix: homeNet}), Seed: 1}, Options{Models: []string{"zhimi.humidifier.ca4"}, Address: homeAddress})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	d := h.Devices()[0]
	text := []byte(`{"id":1,"method":"get_properties","params":[`)
	for _, p := range []string{"1", "2", "5", "6", "7", "8", "9"} {
		text = append(text, `{"did":"460000000","siid":2,"piid":`+p+`},`...)
	}
	text = append(text, `{"did":"460000000","siid":3,"piid":7}]}`...)
	packet := d.seal.close(d.did, d.stamp(), text)
	from := mustAddr("10.1.255.1:4000")
	b.ReportAllocs()
	for b.Loop() {
		if len(d.receive(packet, from)) != 1 {
			b.Fatal("no answer")
		}
	}
}
