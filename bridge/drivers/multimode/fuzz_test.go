package multimode

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func FuzzZigbee(f *testing.F) {
	f.Add([]byte(`{"cmd":"report","did":"lumi.158d00aa","params":[{"res_name":"3.1.85","value":1}]}`))
	f.Add([]byte(`{"cmd":"heartbeat","params":[{"did":"lumi.158d00aa","res_list":[{"res_name":"8.0.2008","value":3005}]}]}`))
	f.Add([]byte(`{"cmd":"write_rsp","did":"lumi.158d00aa","results":[{"error_code":-5020}]}`))
	f.Add([]byte(`{"cmd":"report","did":"lumi.158d00aa","mi_spec":[{"siid":2,"eiid":1,"arguments":[{"piid":1,"value":9}]}]}`))
	c := newCatalog()
	models := []string{"lumi.sensor_motion.aq2", "lumi.lock.acn03", "lumi.airrtc.tcpecn02", "lumi.motion.acn001", "10441"}
	f.Fuzz(func(t *testing.T, b []byte) {
		all, _ := parseZigbee(b)
		for _, r := range all {
			for _, m := range models {
				k := c.find(m)
				for _, ch := range k.changes(r.items, map[place]mi.Value{}, nil) {
					if ch.Prop < 0 || ch.Prop >= len(k.spec.Props) || !ch.Value.Known() {
						t.Errorf("%s: %v", m, ch)
					}
				}
				k.happens(r.items, nil, nil)
			}
		}
	})
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"method":"properties_changed","params":[{"did":"1000000417","siid":2,"piid":1,"value":true}]}`))
	f.Add([]byte(`{"method":"_async.ble_event","params":{"dev":{"mac":"54:EF:44:00:AA:01","pdid":2701},"evt":[{"eid":15,"edata":"780000"}],"frmCnt":3}}`))
	f.Add([]byte(`{"method":"event_occured","params":{"did":"blt.3.x","siid":3,"eiid":1012,"arguments":[]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, heard, err := parseReport(b)
		if heard != nil && err == nil {
			if a := heard.advert("x"); len(a.Service) != 1 || len(a.Service[0].Data) < 5 {
				t.Errorf("%+v", a)
			}
		}
		for _, r := range all {
			for _, it := range r.items {
				objectOf(it)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"id":7,"result":[{"did":"1","siid":2,"piid":1,"code":0,"value":1}]}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if a, err := parseAnswer(b); err == nil {
			_ = refusal(a.Result)
		}
	})
}
