package router

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sheet is what one kind of device has, with the way to each value. It is
// immutable and shared.
type sheet struct {
	spec  *mi.Spec
	read  []func(*state, *presence) mi.Value
	write map[int]func(context.Context, *router, mi.Value) error
}

// Models of what is no router, in the form of Xiaomi's.
const clientModel = "miwifi.client.v1"

const (
	readable = mi.Read | mi.Notify
	settable = mi.Read | mi.Notify | mi.Write
)

func newSheet(model, kind string) *sheet {
	return &sheet{spec: &mi.Spec{Model: model, Type: kind}, write: map[int]func(context.Context, *router, mi.Value) error{}}
}

// service begins a service; text tells it apart from its like.
func (s *sheet) service(iid int, name, text string) {
	key, n := name, 1
	for i := range s.spec.Services {
		if s.spec.Services[i].Name == name {
			n++
			key = name + "-" + strconv.Itoa(n)
		}
	}
	s.spec.Services = append(s.spec.Services, mi.Service{IID: iid, Name: name, Key: key, Text: text})
}

// add adds a property to the newest service and returns it.
func (s *sheet) add(piid int, name string, format mi.Format, unit string, read func(*state, *presence) mi.Value) *mi.Property {
	at := len(s.spec.Services) - 1
	service := &s.spec.Services[at]
	s.spec.Props = append(s.spec.Props, mi.Property{
		Service: at, SIID: service.IID, PIID: piid, Key: mi.Key(service.Key + "/" + name), Name: name, Format: format, Unit: unit, Access: readable,
	})
	s.read = append(s.read, read)
	return &s.spec.Props[len(s.spec.Props)-1]
}

// takes makes the newest property one that can be set.
func (s *sheet) takes(write func(context.Context, *router, mi.Value) error) {
	at := len(s.spec.Props) - 1
	s.spec.Props[at].Access = settable
	s.write[at] = write
}

// values reads every property.
func (s *sheet) values(from *state, p *presence) []mi.Value {
	out := make([]mi.Value, len(s.read))
	for i, read := range s.read {
		out[i] = read(from, p)
	}
	return out
}

// The action of a router.
const restartAction = 0

// routerSheet says what this router has. writes opens what can cut people off.
func routerSheet(model string, s *state, writes bool) *sheet {
	sh := newSheet(model, "router")
	sh.service(2, "router", "")
	sh.traffic()
	sh.people()
	sh.health(s)
	sh.spec.Actions = []mi.Action{{Service: 0, SIID: 2, AIID: 1, Key: "router/restart", Name: "restart", Text: "Restart"}}
	for i, band := range []struct{ ifname, text string }{{radio24, "WIFI 2.4G"}, {radio5, "WIFI 5G"}, {radioGame, "WIFI 5G GAME"}} {
		if _, ok := s.radios[band.ifname]; ok {
			sh.service(3+i, "wifi", band.text)
			sh.radio(band.ifname, s.channels[band.ifname], writes)
		}
	}
	if _, ok := s.radios[radioGuest]; ok {
		sh.service(6, "guest-wifi", "")
		sh.radio(radioGuest, nil, writes)
	}
	if s.led.known {
		sh.service(7, "indicator-light", "")
		sh.add(1, "on", mi.FormatBool, "", func(s *state, _ *presence) mi.Value { return mi.Bool(s.led.value == 1) })
		sh.takes(setLED)
	}
	return sh
}

// traffic is what goes through the router to the internet.
func (s *sheet) traffic() {
	s.add(1, "download-speed", mi.FormatInt, "B/s", func(s *state, _ *presence) mi.Value { return whole(s.status.WAN.it.DownSpeed, 1) })
	s.add(2, "upload-speed", mi.FormatInt, "B/s", func(s *state, _ *presence) mi.Value { return whole(s.status.WAN.it.UpSpeed, 1) })
	s.add(3, "download-traffic", mi.FormatInt, "MB", func(s *state, _ *presence) mi.Value { return whole(s.status.WAN.it.Download, 1e-6) })
	s.add(4, "upload-traffic", mi.FormatInt, "MB", func(s *state, _ *presence) mi.Value { return whole(s.status.WAN.it.Upload, 1e-6) })
	s.add(5, "internet-connected", mi.FormatBool, "", func(s *state, _ *presence) mi.Value {
		if up := s.uplink.Info.it.Uptime; up.known {
			return mi.Bool(up.value > 0)
		}
		return mi.Value{}
	})
	s.add(6, "ip-address", mi.FormatText, "", func(s *state, _ *presence) mi.Value { return text(s.uplink.address()) })
}

// people counts who is connected.
func (s *sheet) people() {
	s.add(7, "connected-device-number", mi.FormatInt, "", func(s *state, _ *presence) mi.Value {
		return mi.Int(s.count(func(*presence) bool { return true }))
	})
	for i, kind := range []struct {
		name string
		band float64
	}{
		{"wired-device-number", connectedLAN}, {"wifi-2.4g-device-number", connected24}, {"wifi-5g-device-number", connected5},
		{"guest-device-number", connectedGuest}, {"wifi-5g-game-device-number", connectedGame},
	} {
		s.add(8+i, kind.name, mi.FormatInt, "", func(s *state, _ *presence) mi.Value {
			return mi.Int(s.count(func(p *presence) bool { return p.band.is(kind.band) }))
		})
	}
}

// health is how the router itself does.
func (s *sheet) health(have *state) {
	s.add(13, "cpu-usage", mi.FormatInt, "percentage", func(s *state, _ *presence) mi.Value { return whole(s.status.CPU.it.Load, 100) })
	s.add(14, "memory-usage", mi.FormatInt, "percentage", func(s *state, _ *presence) mi.Value { return whole(s.status.Memory.it.Usage, 100) })
	if t := have.status.Temperature; t.known && t.value > 0 {
		s.add(15, "temperature", mi.FormatFloat, "celsius", func(s *state, _ *presence) mi.Value {
			return mi.Float(s.status.Temperature.value)
		})
	}
	s.add(16, "online-time", mi.FormatInt, "seconds", func(s *state, _ *presence) mi.Value { return whole(s.status.Uptime, 1) })
	s.add(17, "mode", mi.FormatInt, "", func(s *state, _ *presence) mi.Value { return whole(s.mode, 1) }).List = []mi.Choice{
		{Value: mi.Int(0), Label: "Router"}, {Value: mi.Int(1), Label: "Repeater"}, {Value: mi.Int(2), Label: "Access point"}, {Value: mi.Int(9), Label: "Mesh"},
	}
	s.add(18, "firmware-version", mi.FormatText, "", func(s *state, _ *presence) mi.Value { return text(s.firmware()) })
	s.add(19, "firmware-update", mi.FormatBool, "", func(s *state, _ *presence) mi.Value {
		if !s.rom.Need.known {
			return mi.Value{}
		}
		return mi.Bool(s.rom.Need.value > 0)
	})
	s.add(20, "latest-firmware-version", mi.FormatText, "", func(s *state, _ *presence) mi.Value {
		return text(label(string(s.rom.Version), s.firmware()))
	})
	if total, ok := megabytes(string(have.status.Memory.it.Total)); ok {
		s.add(21, "memory-total", mi.FormatInt, "MB", func(*state, *presence) mi.Value { return mi.Int(total) })
	}
}

// radio is one network: its switch, name and channel.
func (s *sheet) radio(ifname string, channels []int, writes bool) {
	s.add(1, "on", mi.FormatBool, "", func(s *state, _ *presence) mi.Value {
		r, ok := s.radios[ifname]
		if !ok {
			return mi.Value{}
		}
		return mi.Bool(r.on)
	})
	if writes {
		s.takes(func(ctx context.Context, r *router, v mi.Value) error { return r.switchRadio(ctx, ifname, v) })
	}
	s.add(2, "wifi-ssid", mi.FormatText, "", func(s *state, _ *presence) mi.Value { return text(s.radios[ifname].ssid) })
	if ifname == radioGuest {
		return // it lives on the channels of the others
	}
	p := s.add(3, "wifi-channel", mi.FormatInt, "", func(s *state, _ *presence) mi.Value { return whole(s.radios[ifname].channel, 1) })
	if !writes || len(channels) == 0 {
		return
	}
	for _, c := range slices.Sorted(slices.Values(channels)) {
		name := strconv.Itoa(c)
		if c == 0 {
			name = "Automatic"
		}
		p.List = append(p.List, mi.Choice{Value: mi.Int(int64(c)), Label: name})
	}
	s.takes(func(ctx context.Context, r *router, v mi.Value) error { return r.setChannel(ctx, ifname, v) })
}

// sheets are those of mesh nodes and clients, by model.
type sheets map[string]*sheet

func (s sheets) of(model string) *sheet {
	if s[model] == nil {
		if model == clientModel {
			s[model] = clientSheet()
		} else {
			s[model] = nodeSheet(model)
		}
	}
	return s[model]
}

// nodeSheet says what a mesh node has.
func nodeSheet(model string) *sheet {
	s := newSheet(model, "router")
	s.service(2, "router", "")
	s.add(1, "connected", mi.FormatBool, "", func(_ *state, p *presence) mi.Value { return mi.Bool(p.there()) })
	s.add(2, "connected-device-number", mi.FormatInt, "", func(s *state, p *presence) mi.Value {
		return mi.Int(s.count(func(c *presence) bool { return c.parent == p.mac }))
	})
	s.add(3, "ip-address", mi.FormatText, "", func(_ *state, p *presence) mi.Value { return text(p.ip) })
	return s
}

// clientSheet says what a phone, or anything else on the network, has.
func clientSheet() *sheet {
	s := newSheet(clientModel, "network-client")
	s.service(2, "network-client", "")
	s.add(1, "connected", mi.FormatBool, "", func(_ *state, p *presence) mi.Value {
		if !p.known {
			return mi.Value{}
		}
		return mi.Bool(p.home)
	})
	s.add(2, "access-point", mi.FormatText, "", func(s *state, p *presence) mi.Value {
		if !p.known {
			return mi.Value{}
		}
		return mi.Text(s.place(p))
	})
	s.add(3, "connection", mi.FormatInt, "", func(_ *state, p *presence) mi.Value { return whole(p.band, 1) }).List = []mi.Choice{
		{Value: mi.Int(connectedLAN), Label: "Cable"}, {Value: mi.Int(connected24), Label: "2.4 GHz"}, {Value: mi.Int(connected5), Label: "5 GHz"},
		{Value: mi.Int(connectedGuest), Label: "Guest"}, {Value: mi.Int(connectedGame), Label: "5 GHz game"},
	}
	s.add(4, "ip-address", mi.FormatText, "", func(_ *state, p *presence) mi.Value { return text(p.ip) })
	return s
}

// whole is a number times scale, rounded.
func whole(n number, scale float64) mi.Value {
	if !n.known || math.Abs(n.value*scale) > 1<<53 {
		return mi.Value{}
	}
	return mi.Int(int64(math.Round(n.value * scale)))
}

// text is a text, unknown when empty.
func text(s string) mi.Value {
	if s == "" {
		return mi.Value{}
	}
	return mi.Text(s)
}
