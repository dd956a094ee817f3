package device

// Way is one route to a device as it stands.
type Way struct {
	Route string
	Addr  string // host:port; "" when the route needs none
	Used  bool   // has served the last exchange
	Heard bool   // a valid packet came by it since the start
	Down  bool   // failed lately
	Off   bool   // the user does not want it
	Err   error  // the last failure; nil when all is well
}

// Ways returns the routes to the device that are known, by preference.
func (d *Device) Ways() []Way {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Way, 0, len(d.routes))
	for _, r := range d.routes {
		all = append(all, Way{
			Route: r.Name, Addr: d.info.Merge(r.info).Addr, Used: r.Name == d.status.Connection, Heard: r.seen.Load() != 0, Down: r.down.Load(), Off: !d.reaches(r.Name), Err: r.err,
		})
	}
	return all
}
