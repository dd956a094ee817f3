package cloud

import (
	"cmp"
	"encoding/hex"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// The homes of an unfurnished cloud.
const (
	HomeID    int64 = 123_000_000_001 // Anna's, in "de"
	GuestID   int64 = 123_000_000_002 // Otto's, shared with Anna, in "de"
	FarHomeID int64 = 55_001          // Anna's second, in "cn"
)

// What has no LAN in an unfurnished cloud.
const (
	CameraDID   = "1012345678"
	MotionDID   = "blt.3.1mf0motion00"
	OldBLEDID   = "blt.3.1mf0oldone00"
	BlasterDID  = "1012345679"
	RemoteDID   = "ir.1012345680"
	ACRemoteDID = "ir.1012345681"
	firstAway   = 700_000_000
)

// furnish fills homes and lists.
func (s *Server) furnish(o Options) error {
	anna, otto := s.people[0], s.people[len(s.people)-1]
	home := &house{id: HomeID, name: "Virtual home", region: "de", owner: anna}
	guest := &house{id: GuestID, name: "Grandma", region: "de", owner: otto, shared: []*person{anna}}
	far := &house{id: FarHomeID, name: "杭州的家", region: "cn", owner: anna}
	s.houses = []*house{home, guest, far}
	s.readTypes()
	if o.Home != nil {
		for _, d := range o.Home.Devices() {
			s.put(home, &thing{device: d, info: d.Info()})
		}
	}
	for _, i := range o.Listed {
		i.Name = cmp.Or(i.Name, i.Model)
		t := &thing{info: i}
		if i.Parent != "" {
			t.pid = pidSubDevice
		}
		s.put(home, t)
	}
	if err := s.furnishAway(o.Away, home, guest, far); err != nil {
		return err
	}
	s.furnishStill(home)
	if !o.Deaf {
		s.furnishSensors(home)
	}
	s.furnishScenes(home)
	return nil
}

// put adds a thing to a home. Who is there already stays.
func (s *Server) put(h *house, t *thing) {
	did := t.who().DID
	if s.things[did] != nil {
		return
	}
	t.house = h
	h.things = append(h.things, t)
	s.things[did], s.order = t, append(s.order, did)
}

// furnishAway makes the devices without a LAN. They live in a network in memory
// where nobody can find them.
func (s *Server) furnishAway(o miio.Options, home, guest, far *house) (err error) {
	plain := len(o.Models) == 0 && o.Count == 0
	if plain {
		o.Models = []string{"cuco.plug.cp5pro", "cuco.plug.cp5pro", "dmaker.fan.p10"}
	}
	o.First, o.Address = firstAway, nil
	w := s.world
	w.Net = world.NewNet(w.Seed).Segment(world.Topology{Prefix: netip.MustParsePrefix("10.99.0.1/16")})
	if s.away, err = miio.New(w, o); err != nil {
		return err
	}
	names := [][2]string{{"Garage plug", "Garage"}, {"Grandma's plug", "Kitchen"}, {"风扇", "卧室"}}
	for i, d := range s.away.Devices() {
		t := &thing{device: d, info: d.Info(), away: true}
		to := home
		if plain {
			t.info.Name, t.info.Room = names[i][0], names[i][1]
			to = []*house{home, guest, far}[i]
		}
		s.put(to, t)
	}
	return nil
}

// furnishStill makes the things without a life of their own: a camera, and a blaster
// with two infrared remotes.
func (s *Server) furnishStill(home *house) {
	s.put(home, &thing{
		away: true, info: mi.Info{DID: CameraDID, Model: "virtual.camera.v1", Name: "Door camera", Room: "Entrance", MAC: "02:4d:ca:00:00:01", Token: s.token()},
		values: map[string]mi.Value{"1.2": mi.Text("virtual.camera.v1"), "2.1": mi.Bool(true), "2.2": mi.Int(0), "2.3": mi.Bool(false)}, writes: map[string]bool{"2.1": true, "2.2": true},
	})
	s.put(home, &thing{
		away: true, info: mi.Info{DID: BlasterDID, Model: "virtual.blaster.v1", Name: "Blaster", Room: "Living room", MAC: "02:4d:ca:00:00:02", Token: s.token()},
		values: map[string]mi.Value{"1.2": mi.Text("virtual.blaster.v1"), "2.1": mi.Bool(true)}, writes: map[string]bool{"2.1": true},
	})
	s.put(home, &thing{
		away: true, pid: pidRemote, info: mi.Info{DID: RemoteDID, Model: "miir.tv.ir01", Name: "Old TV", Room: "Living room", Parent: BlasterDID},
		remote: &remote{category: 1, controller: 2001, keys: []string{"power", "volume up", "volume down", "mute", "channel up", "channel down"}},
	})
	s.put(home, &thing{
		away: true, pid: pidRemote, info: mi.Info{DID: ACRemoteDID, Model: "miir.aircondition.ir01", Name: "Bedroom AC remote", Room: "Bedroom", Parent: BlasterDID},
		remote: &remote{category: 5, controller: 10727, keys: []string{"power on", "power off"}},
		values: map[string]mi.Value{"2.1": mi.Int(1), "2.2": mi.Int(24)}, writes: map[string]bool{"2.1": true, "2.2": true},
	})
}

// furnishSensors makes two Bluetooth sensors, of which one saw somebody today.
func (s *Server) furnishSensors(home *house) {
	s.put(home, &thing{
		away: true, pid: pidBLE, beacon: hex.EncodeToString(s.bytes(16)),
		info:   mi.Info{DID: MotionDID, Model: "lumi.motion.bmgl01", Name: "Hall motion", Room: "Hall", MAC: "02:4d:b1:00:00:01", Token: s.token()},
		values: map[string]mi.Value{},
	})
	s.put(home, &thing{
		away: true, pid: pidBLE, beacon: hex.EncodeToString(s.bytes(12)),
		info: mi.Info{DID: OldBLEDID, Model: "cleargrass.sensor_ht.dk1", Name: "Old thermometer", Room: "Hall", MAC: "02:4d:b1:00:00:02"},
	})
	now := s.now()
	for i := range 3 { // it saw somebody three times today; object 15 is motion with light, 4106 the battery
		s.things[MotionDID].past = append(s.things[MotionDID].past, moment{now.Add(time.Duration(i-4) * time.Hour), "event", "15", `["58020000"]`})
	}
	s.things[MotionDID].past = append(s.things[MotionDID].past, moment{now.Add(-6 * time.Hour), "prop", "4106", `["5c"]`})
}

// token makes up a device's token.
func (s *Server) token() mi.Secret { return mi.Secret(hex.EncodeToString(s.bytes(16))) }

// furnishScenes makes two scenes out of what is there.
func (s *Server) furnishScenes(home *house) {
	night := scene{id: strconv.Itoa(880_001), name: "Good night"}
	morning := scene{id: strconv.Itoa(880_002), name: "Good morning"}
	for _, t := range home.things {
		i := t.who()
		if t.device == nil || !strings.Contains(i.Model, ".plug.cp5pro") && !strings.Contains(i.Model, ".light.color5") {
			continue
		}
		night.orders = append(night.orders, order{i.DID, 2, 1, mi.Bool(false)})
		morning.orders = append(morning.orders, order{i.DID, 2, 1, mi.Bool(true)})
	}
	home.scenes = []scene{night, morning}
}

// readTypes learns the URN of every virtual model.
func (s *Server) readTypes() {
	for _, from := range []fs.FS{miio.Specs(), Specs()} {
		names, err := fs.Glob(from, "*.json")
		if err != nil {
			panic(err) // the pattern is well formed
		}
		for _, name := range names {
			raw, err := fs.ReadFile(from, name)
			if err == nil {
				s.types[strings.TrimSuffix(name, ".json")] = typeOf(raw)
			}
		}
	}
}
