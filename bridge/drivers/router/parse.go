package router

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// client is one entry of misystem/devicelist.
type client struct {
	mac    string // lower case, colon separated
	name   string
	ip     string
	parent string // MAC of the mesh node that serves it; "" is the router
	node   bool   // is itself a mesh node
	online bool
	band   number // connection*
}

// How a client is connected.
const (
	connectedLAN   = 0
	connected24    = 1
	connected5     = 2
	connectedGuest = 3
	connectedGame  = 6
)

const (
	maxClients = 2048
	maxNodes   = 64
)

func parseClients(body []byte) ([]client, error) {
	var in struct {
		List each[struct {
			MAC    words  `json:"mac"`
			Name   words  `json:"name"`
			Own    words  `json:"oname"`
			Node   number `json:"isap"`
			Parent words  `json:"parent"`
			Online number `json:"online"`
			Type   number `json:"type"`
			IP     each[struct {
				IP words `json:"ip"`
			}] `json:"ip"`
		}] `json:"list"`
	}
	if err := parse(body, &in); err != nil {
		return nil, err
	}
	out, seen := make([]client, 0, len(in.List)), map[string]bool{}
	for _, e := range in.List {
		mac := cleanMAC(string(e.MAC))
		if mac == "" || seen[mac] || len(out) == maxClients {
			continue
		}
		seen[mac] = true
		c := client{
			mac: mac, name: label(string(e.Name), string(e.Own)), parent: cleanMAC(string(e.Parent)),
			node: e.Node.known && e.Node.value != 0, online: e.Online.known && e.Online.value > 0, band: e.Type,
		}
		for _, a := range e.IP {
			if ip, err := netip.ParseAddr(string(a.IP)); err == nil {
				c.ip = ip.String()
				break
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// label returns the first text that has anything to read, cleaned and cut.
func label(texts ...string) string {
	for _, t := range texts {
		t = strings.Join(strings.Fields(strings.ToValidUTF8(t, "")), " ")
		if r := []rune(t); len(r) > 64 {
			t = string(r[:64])
		}
		if t != "" {
			return t
		}
	}
	return ""
}

// cleanMAC writes a MAC in lower case with colons; "" when it is none.
func cleanMAC(s string) string {
	s = strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.TrimSpace(s)))
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 6 || s == "000000000000" {
		return ""
	}
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", raw[0], raw[1], raw[2], raw[3], raw[4], raw[5])
}

// radio is one network of xqnetwork/wifi_diag_detail_all.
type radio struct {
	ifname  string
	ssid    string
	on      bool
	channel number
	raw     json.RawMessage // all settings, with the network's password
}

// Names of the networks on every model whose answers are known.
const (
	radio24    = "wl1"
	radio5     = "wl0"
	radioGame  = "wl2"
	radioGuest = "wl14"
)

// bands are the networks with channels of their own; the router counts them from 1.
func bands() []string { return []string{radio24, radio5, radioGame} }

func parseRadios(body []byte) (map[string]radio, error) {
	var in struct {
		Info each[json.RawMessage] `json:"info"`
	}
	if err := parse(body, &in); err != nil {
		return nil, err
	}
	out := map[string]radio{}
	for _, raw := range in.Info {
		var e struct {
			Name    words  `json:"ifname"`
			SSID    words  `json:"ssid"`
			Status  number `json:"status"`
			Channel number `json:"channel"`
			Info    maybe[struct {
				Channel number `json:"channel"`
			}] `json:"channelInfo"`
		}
		if json.Unmarshal(raw, &e) != nil {
			continue
		}
		r := radio{ifname: string(e.Name), ssid: string(e.SSID), on: e.Status.known && e.Status.value > 0, channel: e.Channel, raw: raw}
		if now := e.Info.it.Channel; now.known {
			r.channel = now // the one in use, where the setting says automatic
		}
		out[r.ifname] = r
	}
	return out, nil
}

// settings are the fields that xqnetwork/set_wifi wants back, by its names.
func (r *radio) settings() map[string]string {
	var e struct {
		SSID       words `json:"ssid"`
		Password   words `json:"password"`
		Encryption words `json:"encryption"`
		Channel    words `json:"channel"`
		Bandwidth  words `json:"bandwidth"`
		Power      words `json:"txpwr"`
		Hidden     words `json:"hidden"`
		AX         words `json:"ax"`
		Beam       words `json:"txbf"`
		Info       maybe[struct {
			Bandwidth words `json:"bandwidth"`
		}] `json:"channelInfo"`
	}
	if json.Unmarshal(r.raw, &e) != nil {
		return nil
	}
	if now := e.Info.it.Bandwidth; now != "" {
		e.Bandwidth = now
	}
	out := map[string]string{"ssid": string(e.SSID), "pwd": string(e.Password), "encryption": string(e.Encryption)}
	for name, value := range map[string]words{
		"channel": e.Channel, "bandwidth": e.Bandwidth, "txpwr": e.Power, "hidden": e.Hidden, "ax": e.AX, "txbf": e.Beam,
	} {
		if value != "" {
			out[name] = string(value)
		}
	}
	return out
}

// parseChannels reads the channels that a network may be set to: 0 is automatic.
func parseChannels(body []byte) ([]int, error) {
	var in struct {
		List each[struct {
			Channel number `json:"c"`
		}] `json:"list"`
	}
	if err := parse(body, &in); err != nil {
		return nil, err
	}
	var out []int
	for _, e := range in.List {
		if c := e.Channel; c.known && c.value >= 0 && c.value < 256 && len(out) < 64 {
			out = append(out, int(c.value))
		}
	}
	return out, nil
}

// uplink is xqnetwork/wan_info.
type uplink struct {
	Info maybe[struct {
		Uptime  number `json:"uptime"` // seconds; 0 while there is no connection
		Details maybe[struct {
			IP words `json:"ipaddr"`
		}] `json:"details"`
		IPv4 each[struct {
			IP words `json:"ip"`
		}] `json:"ipv4"`
	}] `json:"info"`
}

func (u *uplink) address() string {
	for _, a := range u.Info.it.IPv4 {
		if a.IP != "" {
			return string(a.IP)
		}
	}
	return string(u.Info.it.Details.it.IP)
}

// rom is xqsystem/check_rom_update.
type rom struct {
	Need    number `json:"needUpdate"`
	Version words  `json:"version"`
}

// leaf is a node of misystem/topo_graph.
type leaf struct {
	Name     words           `json:"name"`
	Hardware words           `json:"hardware"`
	IP       words           `json:"ip"`
	Leafs    json.RawMessage `json:"leafs"`
}

// parseGraph returns the nodes below the router by their address.
func parseGraph(body []byte) (map[string]leaf, error) {
	var in struct {
		Graph maybe[leaf] `json:"graph"`
	}
	if err := parse(body, &in); err != nil {
		return nil, err
	}
	out := map[string]leaf{}
	gather(in.Graph.it.Leafs, out, 8)
	return out, nil
}

func gather(raw json.RawMessage, into map[string]leaf, depth int) {
	var leafs each[leaf]
	if depth == 0 || json.Unmarshal(raw, &leafs) != nil {
		return
	}
	for _, l := range leafs {
		if l.IP != "" && len(into) < maxNodes {
			into[string(l.IP)] = l
		}
		gather(l.Leafs, into, depth-1)
	}
}

// megabytes reads "256MB"; ok is false when there is no number.
func megabytes(s string) (int64, bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.ParseInt(s[:end], 10, 32)
	return n, err == nil
}
