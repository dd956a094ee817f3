package mqtt

import "encoding/json"

// encode returns v as compact JSON. It is used for our own plain structs only,
// which always encode.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("mqtt: encode: " + err.Error())
	}
	return data
}
