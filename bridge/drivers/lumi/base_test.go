package lumi_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestGatewayLightAndSounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		link, e := h.open(0)
		defer link.Close()
		set := func(c ...mi.Change) {
			t.Helper()
			if err := link.(mi.Setter).Set(t.Context(), c); err != nil {
				t.Errorf("Set(%v) = %v", c, err)
			}
			settle()
		}
		set(mi.Change{Prop: 0, Value: mi.Bool(true)}, mi.Change{Prop: 1, Value: mi.Int(40)}, mi.Change{Prop: 2, Value: mi.Int(0x00ff10)})
		set(mi.Change{Prop: 0, Value: mi.Bool(false)})
		h.want(e, "light/on", mi.Bool(false))
		h.want(e, "light/color", mi.Int(0x00ff10))
		set(mi.Change{Prop: 0, Value: mi.Bool(true)}) // as it was
		set(mi.Change{Prop: 5, Value: mi.Int(70)})
		set(mi.Change{Prop: 4, Value: mi.Bool(true)})
		h.want(e, "alarm/alarm", mi.Bool(true))
		if _, err := link.(mi.Caller).Call(t.Context(), 0, []mi.Value{mi.Int(10)}); err != nil {
			t.Errorf("play = %v", err)
		}
		if _, err := link.(mi.Caller).Call(t.Context(), 1, nil); err != nil {
			t.Errorf("stop = %v", err)
		}
		h.want(e, "alarm/alarm", mi.Bool(false))
		sid := h.gateway.SID()
		want := []string{
			sid + " rgb=671153936", sid + " rgb=0", sid + " rgb=671153936",
			sid + " mid=0", sid + " vol=70", sid + " mid=10", sid + " vol=70", sid + " mid=10000",
		}
		if got := h.gateway.Wrote(); !slices.Equal(got, want) {
			t.Errorf("the gateway took %v, want %v", got, want)
		}
	})
}
