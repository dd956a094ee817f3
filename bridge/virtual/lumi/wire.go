package lumi

import (
	"crypto/aes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// request is what clients ask.
type request struct {
	Cmd  string         `json:"cmd"`
	SID  string         `json:"sid"`
	Data map[string]any `json:"data"`
}

// reportOf makes a datagram of the protocol's version 1: values are JSON text
// inside a string.
func reportOf(cmd, model, sid string, short int, token string, fields map[string]any) []byte {
	m := map[string]any{"cmd": cmd, "sid": sid, "data": textOf(fields)}
	if model != "" {
		m["model"], m["short_id"] = model, short
	}
	if token != "" {
		m["token"] = token
	}
	return []byte(textOf(m))
}

func textOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil { // maps of texts and numbers always encode
		return "{}"
	}
	return string(raw)
}

func (l *Gateway) serve(conn mi.PacketConn) {
	in := []mi.Packet{{Data: make([]byte, 0, 4096)}}
	for {
		n, err := conn.ReadBatch(in)
		if err != nil {
			return
		}
		for _, p := range in[:n] {
			var r request
			if json.Unmarshal(p.Data, &r) == nil {
				l.answer(r, p.Addr)
			}
		}
		in[0].Data = in[0].Data[:0]
	}
}

func (l *Gateway) answer(r request, from netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	reply := l.reply(r)
	if l.mute || reply == nil {
		return
	}
	if l.o.Unicast && !slices.Contains(l.peers, from) {
		l.peers = append(l.peers[max(0, len(l.peers)-7):], from)
	}
	_ = l.talk.WriteBatch([]mi.Packet{{Data: reply, Addr: from}}) // UDP promises nothing
}

// reply needs l.mu.
func (l *Gateway) reply(r request) []byte {
	switch r.Cmd {
	case "whois":
		at := l.talk.LocalAddr()
		return []byte(textOf(map[string]any{
			"cmd": "iam", "ip": at.Addr().String(), "port": fmt.Sprint(at.Port()), "model": "gateway",
			"sid": l.sid, "proto_version": "1.0.9",
		}))
	case "get_id_list":
		sids := make([]string, len(l.kids))
		for i, c := range l.kids {
			sids[i] = c.sid
		}
		return []byte(textOf(map[string]any{"cmd": "get_id_list_ack", "sid": l.sid, "token": l.token, "data": textOf(sids)}))
	case "read":
		return l.shown("read_ack", r.SID)
	case "write":
		return l.write(r)
	}
	return nil
}

// shown answers with all fields of a device. It needs l.mu.
func (l *Gateway) shown(cmd, sid string) []byte {
	if sid == l.sid {
		return reportOf(cmd, "gateway", sid, 0, "", l.house)
	}
	if c := l.child(sid); c != nil {
		return reportOf(cmd, c.model, sid, c.short, "", c.fields)
	}
	return reportOf(cmd, "", sid, 0, "", map[string]any{"error": "No device"})
}

// write obeys a signed write. It needs l.mu.
func (l *Gateway) write(r request) []byte {
	key, _ := r.Data["key"].(string)
	if key != l.signature() {
		return reportOf("write_ack", "", r.SID, 0, "", map[string]any{"error": "Invalid key"})
	}
	delete(r.Data, "key")
	for _, name := range slices.Sorted(maps.Keys(r.Data)) {
		value := r.Data[name]
		if f, ok := value.(float64); ok {
			value = uint32(f)
			r.Data[name] = value
		}
		l.wrote = append(l.wrote, fmt.Sprintf("%s %s=%v", r.SID, name, value))
	}
	l.obey(r.SID, r.Data)
	return l.shown("write_ack", r.SID)
}

// obey changes what can be changed and reports it. It needs l.mu.
func (l *Gateway) obey(sid string, fields map[string]any) {
	c := l.child(sid)
	switch {
	case sid == l.sid:
		if rgb, ok := fields["rgb"]; ok {
			l.house["rgb"] = rgb
			now := map[string]any{"rgb": rgb, "illumination": l.house["illumination"]}
			l.tell(reportOf("report", "gateway", sid, 0, "", now))
		}
	case c != nil && c.model == "plug" && (fields["status"] == "on" || fields["status"] == "off"):
		c.fields["status"], c.fields["inuse"], c.fields["load_power"] = fields["status"], "0", "0.00"
		if fields["status"] == "on" {
			c.fields["inuse"], c.fields["load_power"] = "1", "65.20"
		}
		l.tell(reportOf("report", "plug", sid, c.short, "", map[string]any{"status": fields["status"]}))
	}
}

// signature is what a write has to carry now: one block, chained to the
// protocol's fixed first vector. It needs l.mu.
func (l *Gateway) signature() string {
	block, err := aes.NewCipher([]byte(l.key))
	if err != nil { // the key has 16 characters
		return ""
	}
	out, err := hex.DecodeString("17996d093d28ddb3ba695a2e6f58562e")
	if err != nil {
		return ""
	}
	for i := range out {
		out[i] ^= l.token[i]
	}
	block.Encrypt(out, out)
	return hex.EncodeToString(out)
}
