package entity_test

import (
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestMannerOfALight(t *testing.T) {
	spec := &mi.Spec{
		Model: "yeelink.light.strip6", Type: "light", Services: []mi.Service{{IID: 2, Name: "light", Key: "light"}},
		Props:  []mi.Property{{SIID: 2, PIID: 1, Key: "light/on", Name: "on", Format: mi.FormatBool, Access: mi.Read | mi.Write | mi.Notify}},
		Tuning: mi.Tuning{Fades: true},
	}
	model := shipped(t).Build(spec, entity.Options{})
	if !model.Entities[0].Fades {
		t.Error("the light does not fade")
	}
	for payload, want := range map[string]mi.Manner{
		`{"state":"ON"}`:                     {},
		`{"state":"ON","transition":2.5}`:    {Fades: true, Fade: 2500 * time.Millisecond},
		`{"state":"OFF","transition":0}`:     {Fades: true},
		`{"state":"ON","flash":10}`:          {Flash: 10 * time.Second},
		`{"state":"ON","flash":"short"}`:     {Flash: 2 * time.Second},
		`{"state":"ON","transition":-1}`:     {},
		`{"state":"ON","transition":99999}`:  {},
		`{"state":"ON","flash":"sometimes"}`: {},
		`{"state":"ON","flash":true}`:        {},
	} {
		o, err := model.Order(0, "json", payload, []mi.Value{mi.Bool(false)})
		if refused := len(payload) > 0 && want == (mi.Manner{}) && payload != `{"state":"ON"}`; refused != (err != nil) {
			t.Errorf("%s: err = %v", payload, err)
		}
		if err == nil && o.Manner != want {
			t.Errorf("%s: manner %+v, want %+v", payload, o.Manner, want)
		}
	}
}
