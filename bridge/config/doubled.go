package config

// Doubled is a device that the setting DEVICES lists twice.
type Doubled struct {
	Setting string // as it was given: MIHOME2MQTT_DEVICES, or _FILE
	What    string // did or address that both entries have
	// First and Second are where the entries stand: "entry 3", or "line 4" of CSV.
	First, Second string
	// Rival is set where the entries name different dids at one address. There, who
	// answers counts; else the later entry does.
	Rival bool
}

// Doubled returns the devices that the setting DEVICES lists twice and not alike, each
// with the entry before.
func (c *Config) Doubled() (out []Doubled) {
	all, _ := parseDevices(c.Devices.Reveal()) // Load has checked them
	places := map[string]int{}
	for i, e := range all {
		for _, key := range []string{e.DID, e.Addr} {
			at, known := places[key]
			if key == "" {
				continue
			}
			places[key] = i
			if !known || at == i || e.Info == all[at].Info || e.Parent != "" || all[at].Parent != "" {
				continue
			}
			rival := e.DID != "" && all[at].DID != "" && e.DID != all[at].DID
			out = append(out, Doubled{c.given("DEVICES"), key, all[at].at, e.at, rival})
			break
		}
	}
	return out
}
