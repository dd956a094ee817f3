package ble_test

import "encoding/json"

func jsonInto(raw []byte, v any) bool { return json.Unmarshal(raw, v) == nil }

func jsonOf(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
