package pages

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Overview implements web.Bridge.
func (p *Pages) Overview() web.Overview {
	out := web.Overview{Version: p.opt.Version, Started: p.began}
	out.Connections = append(out.Connections, p.broker(), p.platform())
	if p.opt.Accounts != nil {
		for _, a := range (Accounts{p.opt.Accounts}).Accounts() {
			out.Connections = append(out.Connections, accountRow(a))
		}
	}
	if one, ok := p.network(); ok {
		out.Connections = append(out.Connections, one)
	}
	return out
}

// broker says how things stand with the broker.
func (p *Pages) broker() web.Connection {
	c := p.opt.Topics.Connection()
	out := web.Connection{What: "mqtt", Name: "MQTT broker", State: "ok", Word: "Connected", Text: c.Broker}
	if c.Broker == "inside" {
		out.Text = "Inside the bridge, at " + p.opt.Config.Broker.Listen
	}
	if p.opt.Config.MQTT.Insecure {
		out.State, out.Word, out.Text = "warn", "Not checked", c.Broker+"; anybody may pretend to be it, since MIHOME2MQTT_MQTT_INSECURE is set"
	}
	if !c.Up {
		out.State, out.Word, out.Text = "bad", "Away", cmp.Or(c.Problem, "Not connected yet")
	}
	return out
}

// accountWords are what each condition of an account is called.
var accountWords = map[string][2]string{
	"ok": {"ok", "Signed in"}, "expiring": {"warn", "Ends soon"}, "limited": {"warn", "Slowed down"}, "away": {"warn", "Cloud away"},
}

func accountRow(a web.Account) web.Connection {
	words, ok := accountWords[a.State]
	if !ok {
		words = [2]string{"bad", "Sign-in needed"}
	}
	return web.Connection{What: "account", Name: "Xiaomi account", State: words[0], Word: words[1], Text: strings.TrimSpace(a.Label + " " + a.Text)}
}

// platform says where devices are announced.
func (p *Pages) platform() web.Connection {
	out := web.Connection{What: "home_assistant", Name: "Home Assistant", State: "off", Word: "Off", Text: "Nothing is announced"}
	var places []string
	for _, a := range p.opt.Config.Discovery {
		places = append(places, a.Prefix)
	}
	if len(places) > 0 {
		n := 0
		for _, d := range p.opt.Home().All() {
			if _, shown := p.opt.Topics.Look(d.ID()); shown {
				n++
			}
		}
		out.State, out.Word, out.Text = "ok", "Announced", fmt.Sprintf("%d devices below %s", n, strings.Join(places, ", "))
		switch seen := p.opt.Topics.Platform(); {
		case seen.Unread:
			out.State, out.Word = "warn", "Not seen"
		case seen.Seen && !seen.Away:
			out.Word = "Seen"
		}
	}
	return out
}

// network says on which networks the bridge looks for devices.
func (p *Pages) network() (web.Connection, bool) {
	all, err := p.opt.World.Net.Interfaces()
	out := web.Connection{What: "network", Name: "Home network", State: "ok", Word: "Good"}
	if err != nil {
		out.State, out.Word, out.Text = "bad", "Away", err.Error()
		return out, true
	}
	var names []string
	for _, i := range mi.Outward(all, p.opt.Config.Interfaces) {
		names = append(names, i.Name+" "+i.Prefix.String())
	}
	out.Text = strings.Join(names, ", ")
	if len(names) == 0 {
		out.State, out.Word, out.Text = "warn", "None", "Only this machine itself can be reached"
	}
	return out, !p.opt.Alone
}

// Recent implements web.Bridge.
func (p *Pages) Recent() []web.Recent {
	var out []web.Recent
	for _, c := range p.diary.newest() {
		d := p.brief(c.device)
		look, ok := p.opt.Topics.Look(d.ID)
		if !ok || look.Model.Spec != c.spec {
			continue
		}
		for _, i := range look.Model.Touched(c.prop) {
			if text := p.mainText(look, i); text != "" && look.Model.Entities[i].Enabled {
				out = append(out, web.Recent{ID: d.ID, Name: d.Name, Icon: d.Icon, At: c.at, Text: text})
				break
			}
		}
	}
	return out
}

// Routes implements web.Bridge: a branch for each network, gateway and other way.
func (p *Pages) Routes() []web.Branch {
	branches := map[string]*web.Branch{}
	all := p.opt.Home().All()
	for _, d := range all {
		one, info := p.brief(d), d.Info()
		b := web.Branch{ID: one.Route, Kind: one.Route, Name: one.Route}
		parent := p.opt.Home().Device(info.Parent)
		switch {
		case one.State != web.Online:
			b = web.Branch{ID: "~", Kind: "", Name: "No answer"}
		case parent != nil && info.Parent != "":
			b = web.Branch{ID: "gateway " + parent.ID(), Kind: web.Gateway, Name: p.brief(parent).Name, Address: mi.Host(parent.Info().Addr)}
		case one.Route == web.LAN:
			b = web.Branch{ID: "lan " + subnet(one.Address), Kind: web.LAN, Name: "LAN", Address: subnet(one.Address)}
		case one.Route == web.Gateway: // the gateway itself, with its children
			b = web.Branch{ID: "gateway " + d.ID(), Kind: web.Gateway, Name: one.Name, Address: mi.Host(info.Addr)}
		case one.Route == web.Bluetooth:
			b.Name = "Bluetooth"
		case one.Route == web.Cloud:
			b.Name = "Cloud"
		}
		if branches[b.ID] == nil {
			b.Devices = []web.Device{}
			branches[b.ID] = &b
		}
		branches[b.ID].Devices = append(branches[b.ID].Devices, one)
	}
	out := []web.Branch{}
	for _, id := range slices.Sorted(maps.Keys(branches)) {
		slices.SortStableFunc(branches[id].Devices, func(a, b web.Device) int { return cmp.Compare(a.Name, b.Name) })
		out = append(out, *branches[id])
	}
	return out
}

// subnet is the network of a home that an address is in.
func subnet(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil || !addr.Is4() {
		return ""
	}
	prefix, err := addr.Prefix(24)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// Settings implements web.Bridge.
func (p *Pages) Settings() []web.Setting {
	var out []web.Setting
	for _, s := range p.opt.Config.Show(p.opt.Origins) {
		out = append(out, web.Setting{Name: s.Variable, Value: s.Value, From: s.From, Doc: s.Text, Secret: s.Secret})
	}
	return out
}

// Problems implements web.Bridge.
func (p *Pages) Problems() []web.Problem { return p.opt.Diagnosis.Problems() }

// Solved implements web.Bridge.
func (p *Pages) Solved() []web.Problem { return p.opt.Diagnosis.Solved() }

// Examine implements web.Bridge.
func (p *Pages) Examine(ctx context.Context, tell func(done, total int, c web.Check)) {
	p.opt.Diagnosis.Examine(ctx, tell)
}
