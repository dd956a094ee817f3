package ble

// ProductNumbers returns a function that finds the MiBeacon product number of a
// model, by the vendor's name or by the name that this driver gives it.
func ProductNumbers() func(model string) (id uint16, ok bool) {
	all := map[string]uint16{}
	for _, p := range products() {
		if _, there := all[p.official()]; p.id != 0 && !there {
			all[p.official()] = p.id
		}
	}
	return func(model string) (uint16, bool) {
		id, ok := all[model]
		return id, ok
	}
}
