package router

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// pageKey salts passwords; the login page shows it.
const pageKey = "a2ffa5c9be07488bbb04a3a47d3c5f6a"

type object = map[string]any

// ServeHTTP implements http.Handler.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.total++
	path := strings.TrimPrefix(req.URL.Path, "/cgi-bin/luci/")
	hang := r.mute || r.every > 1 && r.total%r.every != 0
	r.mu.Unlock()
	if hang {
		select {
		case <-req.Context().Done():
		case <-r.closed:
		}
		return
	}
	if path == "web" || path == "web/home" {
		fmt.Fprintf(w, "<html><script>var Encrypt = {\n  key: '%s',\n};\nvar deviceId = '%s';</script></html>", pageKey, "5A:CB:52:FF:FF:01")
		return
	}
	if err := req.ParseForm(); err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	answer := r.answer(path, req.Form)
	r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// answer needs the mutex.
func (r *Router) answer(path string, form url.Values) object {
	token, api, private := strings.Cut(strings.TrimPrefix(path, ";stok="), "/api/")
	switch {
	case path == "api/xqsystem/init_info":
		return r.greeting()
	case path == "api/xqsystem/login":
		return r.login(form)
	case !private || token == "" || token != r.token:
		return object{"code": 401, "msg": "Invalid token"}
	}
	out := r.show(api, form)
	if out == nil {
		out = r.change(api, form)
	}
	if out == nil {
		return object{"code": 1523, "msg": "no such question"}
	}
	if _, ok := out["code"]; !ok {
		out["code"] = 0
	}
	return out
}

func (r *Router) greeting() object {
	out := object{
		"code": 0, "hardware": "RD03", "romversion": "1.0.90", "routername": "Virtual router", "model": "xiaomi.router.rd03",
		"inited": 1, "countrycode": "EU", "id": "12345/A6XX00000", "language": "en",
	}
	if !r.o.Shy && r.o.Modern {
		out["newEncryptMode"] = 1
	}
	return out
}

func (r *Router) login(form url.Values) object {
	nonce := form.Get("nonce")
	parts := strings.Split(nonce, "_")
	used := r.nonces[nonce]
	r.nonces[nonce] = true
	if len(parts) != 4 || used || form.Get("username") != "admin" || form.Get("logtype") != "2" || form.Get("password") != r.proof(nonce) {
		r.refused++
		return object{"code": 401, "msg": "not auth"}
	}
	r.logins++
	r.token = fmt.Sprintf("%032x", nature.Roll(r.world.Seed, "stok", uint64(r.logins)))
	return object{"code": 0, "token": r.token, "url": "/cgi-bin/luci/;stok=" + r.token + "/web/home"}
}

// show answers what changes nothing; nil is none of it.
func (r *Router) show(api string, form url.Values) object {
	switch api {
	case "misystem/status":
		return r.status()
	case "misystem/newstatus":
		return object{"hardware": r.hardware(), "count": r.count(), "re_count": len(r.nodes), "cap_count": 1, "2g": object{}, "5g": object{}}
	case "misystem/devicelist":
		return r.list()
	case "xqnetwork/wan_info":
		return object{"info": object{
			"uptime": r.uptime(), "link": 1, "status": 1, "gateWay": "203.0.113.1", "details": object{"wanType": "dhcp", "ipaddr": "203.0.113.7"},
			"ipv4": []object{{"ip": "203.0.113.7", "mask": "255.255.255.0"}},
		}}
	case "xqnetwork/wan_statistics":
		return object{"upspeed": 1200, "downspeed": 34000, "statistics": object{"download": "3855068297", "upload": "1314095390"}}
	case "xqnetwork/wifi_diag_detail_all":
		return r.radios(len(r.networks))
	case "xqnetwork/wifi_detail_all":
		return r.radios(2)
	case "xqnetwork/avaliable_channels": //nolint:misspell // the routers' own word
		return channels(form.Get("wifiIndex"))
	case "xqnetwork/mode":
		return object{"mode": 0}
	case "misystem/topo_graph":
		return r.graph()
	case "xqsystem/check_rom_update":
		return object{"needUpdate": 1, "version": "1.0.91", "changeLog": "", "fileSize": 10}
	}
	return nil
}

func (r *Router) uptime() int { return int(time.Since(r.boot)/time.Second) + 1 }

func (r *Router) hardware() object {
	return object{"mac": r.MAC(), "platform": "RD03", "version": "1.0.90", "channel": "release", "sn": "12345/A6XX00000"}
}

func (r *Router) count() int {
	n := 0
	for _, g := range r.guests {
		if g.there {
			n++
		}
	}
	return n
}

func (r *Router) status() object {
	up := r.uptime()
	return object{
		"mem": object{"usage": 0.53, "total": "256MB", "hz": "1333MHz", "type": "DDR3"}, "cpu": object{"core": 4, "hz": "716MHz", "load": 0.12},
		"temperature": 48, "upTime": fmt.Sprintf("%d.96", up), "hardware": r.hardware(), "count": object{"all": len(r.guests), "online": r.count()},
		"wan": object{
			"downspeed": strconv.Itoa(34_000 + up%1000), "upspeed": "1200", "download": strconv.FormatInt(3_855_068_297+34_000*int64(up), 10),
			"upload": "1314095390", "devname": "nil",
		},
		"dev": []object{},
	}
}

// list holds everybody that was ever there; numbers come as texts, as they do.
func (r *Router) list() object {
	flag := map[bool]int{true: 1}
	out := []object{}
	for _, n := range r.nodes {
		out = append(out, object{
			"mac": n.mac, "name": n.name, "oname": n.name, "isap": 8, "parent": "", "online": flag[n.there], "type": 0,
			"ip": []object{{"ip": n.ip, "active": flag[n.there], "online": "3600", "upspeed": "0", "downspeed": "0"}},
		})
	}
	for _, g := range r.guests {
		out = append(out, object{
			"mac": g.mac, "name": g.name, "oname": "android-" + g.ip, "isap": 0, "parent": g.parent, "online": flag[g.there], "type": g.kind, "push": 0, "times": 0,
			"ip":         []object{{"ip": g.ip, "active": flag[g.there], "online": "120", "upspeed": "0", "downspeed": "0"}},
			"statistics": object{"downspeed": "0", "online": "120", "upspeed": "0"}, "authority": object{"wan": 1, "lan": 1, "admin": 1},
		})
	}
	return object{"mac": "00:00:00:00:00:00", "list": out}
}

func (r *Router) radios(n int) object {
	flag := map[bool]string{true: "1", false: "0"}
	info := []object{}
	for _, w := range r.networks[:n] {
		one := object{"ifname": w.ifname, "ssid": w.ssid, "password": w.password, "encryption": "psk2", "status": flag[w.on], "iftype": w.index}
		if w.ifname != "wl14" {
			one["channel"], one["channelInfo"] = "0", object{"channel": w.channel, "bandwidth": "40", "bandList": []string{"20", "40"}}
			one["txpwr"], one["hidden"], one["ax"], one["txbf"], one["bandwidth"] = "max", "0", "1", "3", "0"
		}
		info = append(info, one)
	}
	return object{"bsd": 0, "info": info}
}

func channels(index string) object {
	list := map[string][]int{"1": {0, 1, 6, 11}, "2": {0, 36, 44, 149}}[index]
	out := []object{}
	for _, c := range list {
		out = append(out, object{"c": strconv.Itoa(c), "b": []string{"20", "40"}})
	}
	return object{"list": out}
}

func (r *Router) graph() object {
	leafs := []object{}
	for _, n := range r.nodes {
		if n.there {
			leafs = append(leafs, object{"name": n.name, "hardware": "RA82", "ip": n.ip, "mode": 3, "locale": "Hall", "ssid": "Virtual home"})
		}
	}
	return object{"show": 1, "graph": object{"name": "Virtual router", "hardware": "RD03", "ip": "192.168.31.1", "mode": 0, "leafs": leafs}}
}

// change does what it is told; nil is nothing that it knows.
func (r *Router) change(api string, form url.Values) object {
	switch api {
	case "misystem/led":
		if on := form.Get("on"); on != "" {
			r.led = on == "1"
		}
		return object{"status": map[bool]int{true: 1}[r.led]}
	case "xqsystem/reboot":
		r.reboots++
		r.token, r.boot = "", time.Now()
		return object{}
	case "xqnetwork/wifi_up", "xqnetwork/wifi_down":
		n := r.network(form.Get("ifname"))
		if n == nil {
			return object{"code": 1523}
		}
		n.on = strings.HasSuffix(api, "up")
		return object{}
	case "xqnetwork/set_wifi", "xqnetwork/set_wifi_without_restart":
		return r.rewrite(form)
	}
	return nil
}

// rewrite takes all settings of a network; what is missing is lost.
func (r *Router) rewrite(form url.Values) object {
	for _, n := range r.networks {
		if strconv.Itoa(n.index) != form.Get("wifiIndex") {
			continue
		}
		n.ssid, n.password, n.on = form.Get("ssid"), form.Get("pwd"), form.Get("on") == "1"
		if c, err := strconv.Atoi(form.Get("channel")); err == nil && c > 0 {
			n.channel = c
		}
		return object{}
	}
	return object{"code": 1523}
}
