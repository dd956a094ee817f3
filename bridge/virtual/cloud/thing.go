package cloud

import (
	"encoding/json"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// How a device is connected, as the lists have it ("pid").
const (
	pidWiFi      = 0
	pidBLE       = 6
	pidRemote    = 15
	pidSubDevice = 18
)

// thing is one device in a list.
type thing struct {
	device *miio.Device // nil for a thing without a life of its own
	info   mi.Info      // of a thing without; else what the cloud calls the device
	house  *house
	pid    int
	away   bool   // has no LAN
	beacon string // Bluetooth key in hex
	off    bool   // has no connection to the cloud
	hidden bool   // was removed from the account
	remote *remote
	values map[string]mi.Value // of a thing without a device
	writes map[string]bool
	past   []moment
}

// moment is something that was.
type moment struct {
	at    time.Time
	kind  string // "prop" or "event"
	key   string
	value string // JSON
}

// who returns who a thing is now.
func (t *thing) who() mi.Info {
	if t.device == nil {
		return t.info
	}
	real := t.device.Info()
	real.Name, real.Room = t.info.Name, t.info.Room
	if t.away {
		real.Addr = ""
	}
	return real
}

// house is a home of an account.
type house struct {
	id     int64
	name   string
	region string
	owner  *person
	shared []*person
	things []*thing
	scenes []scene
}

// scene is something that people made in the app.
type scene struct {
	id, name string
	orders   []order
}

type order struct {
	did        string
	siid, piid int
	value      mi.Value
}

// knownPort reports whether clients know a port of themselves.
func knownPort(port string) bool { return port == "54321" || port == "55443" }

// localIP is the address that the cloud has of a thing: without a port, and none at
// all when the port is not the usual one, for a client could do nothing with it.
func localIP(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !knownPort(port) {
		return ""
	}
	return host
}

// describe is a thing in a list, for one who may see it.
func (q *ask) describe(t *thing) object {
	i := t.who()
	mine := t.house.owner == q.who
	token := i.Token.Reveal()
	if !mine {
		token = "" // a guest does not get it
	}
	o := object{
		"did": i.DID, "token": token, "name": i.Name, "model": i.Model, "pid": strconv.Itoa(t.pid), "localip": localIP(i.Addr), "mac": i.MAC,
		"isOnline": !t.off, "parent_id": i.Parent, "parent_model": "", "ssid": "", "bssid": "", "rssi": 0, "uid": t.house.owner.ID,
		"permitLevel": 16, "adminFlag": 1, "shareFlag": 0, "show_mode": 1, "longitude": "0.00000000", "latitude": "0.00000000", "desc": "",
		"extra": object{"isSetPincode": 0, "pincodeType": 0, "fw_version": i.Firmware}, "spec_type": q.server.types[i.Model],
	}
	if t.pid == pidWiFi {
		o["ssid"], o["bssid"], o["rssi"] = "Virtual home", "02:00:00:00:00:01", -48
	}
	if p := q.server.things[i.Parent]; p != nil {
		o["parent_model"] = p.who().Model
	}
	if !mine {
		o["permitLevel"], o["adminFlag"], o["shareFlag"] = 36, 0, 1
		o["owner"] = object{"userid": t.house.owner.ID, "nickname": t.house.owner.Name}
	}
	return o
}

// sees reports whether somebody may see a home.
func (h *house) sees(p *person) bool { return h.owner == p || slices.Contains(h.shared, p) }

// find returns a thing that the asker may use in this region, or nil.
func (q *ask) find(did string) *thing {
	t := q.server.things[did]
	if t == nil || t.hidden || t.house.region != q.region || !t.house.sees(q.who) {
		return nil
	}
	return t
}

// here returns the things of the region that the asker sees, in order.
func (q *ask) here() (all []*thing) {
	for _, did := range q.server.order {
		if t := q.find(did); t != nil {
			all = append(all, t)
		}
	}
	return all
}

// Online connects a device to the cloud, or cuts it off.
func (s *Server) Online(did string, on bool) { s.touch(did, func(t *thing) { t.off = !on }) }

// Hide removes a device from the account, or brings it back.
func (s *Server) Hide(did string, hidden bool) { s.touch(did, func(t *thing) { t.hidden = hidden }) }

// Rename gives a device another name in the app.
func (s *Server) Rename(did, name string) { s.touch(did, func(t *thing) { t.info.Name = name }) }

// Happen adds to the history of a device what it told the cloud: kind is "prop" or
// "event", value is JSON.
func (s *Server) Happen(did, kind, key, value string) {
	at := s.now()
	s.touch(did, func(t *thing) { t.past = append(t.past, moment{at, kind, key, value}) })
}

func (s *Server) touch(did string, change func(*thing)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.things[did]; t != nil {
		change(t)
	}
}

// Values returns the truth of a device, by "siid.piid" or legacy name.
func (s *Server) Values(did string) map[string]mi.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.things[did]
	switch {
	case t == nil:
		return nil
	case t.device != nil:
		return t.device.Values()
	}
	return maps.Clone(t.values)
}

// Device returns the virtual device behind a did, also of one without a LAN; nil
// when there is none.
func (s *Server) Device(did string) *miio.Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.things[did]; t != nil {
		return t.device
	}
	return nil
}

// Listing is a device as the cloud knows it.
type Listing struct {
	mi.Info
	Region  string
	House   string
	Owner   string // who owns the home
	LAN     bool   // a device of the virtual home, with an address of its own
	Virtual bool   // a virtual device stands behind it: it has values
	Beacon  mi.Secret
}

// Listings returns every device of every account and region that was not removed.
func (s *Server) Listings() (all []Listing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, did := range s.order {
		if t := s.things[did]; !t.hidden {
			all = append(all, Listing{
				Info: t.who(), Region: t.house.region, House: t.house.name, Owner: t.house.owner.Email,
				LAN: !t.away, Virtual: t.device != nil, Beacon: mi.Secret(t.beacon),
			})
		}
	}
	return all
}

// typeOf reads the URN out of a spec instance.
func typeOf(raw []byte) string {
	var spec struct{ Type string }
	if json.Unmarshal(raw, &spec) != nil {
		return ""
	}
	return spec.Type
}
