package mqtt

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// dozenModel has twelve entities with a state each.
func dozenModel(spec *mi.Spec, _ string) (*entity.Model, renderer) {
	m := &entity.Model{Spec: spec}
	for i := range 12 {
		m.Entities = append(m.Entities, entity.Entity{ID: fmt.Sprintf("p2_%d", i), Component: "sensor", Binds: []entity.Bind{{Role: "state", State: true}}})
	}
	return m, lampRules{}
}

// TestMemoryPerDevice keeps what a device with twelve entities costs here below a
// third of the 12 KiB that it may cost in all.
func TestMemoryPerDevice(t *testing.T) {
	const n = 2000
	h := still(t)
	h.build = dozenModel
	var known []mi.Info
	for i := range n {
		known = append(known, mi.Info{DID: fmt.Sprintf("m%d", i), Model: "acme.light.one", Token: "1"})
	}
	home := device.New(device.Options{World: h.opt.World, View: h, Known: known})
	spec := lampSpec()
	before := heap()
	for _, d := range home.All() {
		h.Opened(d, spec)
		v := h.view(d.ID())
		v.tell(device.Status{Online: true, Connection: "lan"})
		for i := range 12 {
			v.page.put(firstRole+i, fmt.Sprintf("%d.5", i))
		}
		v.notice.last, v.notice.sums = v.notice.what(), make([]sum, 1)
	}
	each := (heap() - before) / n
	t.Logf("%d bytes per device", each)
	if each > 4096 {
		t.Errorf("%d bytes per device, want at most 4096", each)
	}
	runtime.KeepAlive(home)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
