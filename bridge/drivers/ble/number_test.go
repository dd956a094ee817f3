package ble_test

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
)

func TestProductNumbers(t *testing.T) {
	find := ble.ProductNumbers()
	if id, ok := find("hhcc.plantmonitor.v1"); !ok || id != 0x0098 {
		t.Errorf("the plant monitor is %#x, %v", id, ok)
	}
	if id, ok := find("zhimi.fan.za5"); ok {
		t.Errorf("a fan is %#x", id)
	}
}
