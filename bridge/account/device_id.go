package account

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// keptID is the file of the device id.
type keptID struct {
	ID string `json:"id"`
}

// loadID returns the one device id of this installation: Xiaomi takes a new one
// for a new phone, and asks for codes.
func loadID(v *vault, w mi.World) string {
	var kept keptID
	if v.load(idFile, &kept) == nil && len(kept.ID) == 16 {
		return kept.ID
	}
	r := w.Rand("account device id")
	id := make([]byte, 16)
	for i := range id {
		id[i] = letters[r.IntN(len(letters))]
	}
	kept.ID = string(id)
	v.save(idFile, kept)
	return kept.ID
}
