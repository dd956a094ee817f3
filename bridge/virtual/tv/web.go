package tv

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const launcher = "com.mitv.tvhome"

// apps are the apps of every TV.
func apps() [][2]string {
	return [][2]string{
		{"Home", launcher}, {"Video", "com.mitv.videoplayer"}, {"Gallery", "com.mitv.gallery"},
		{"Settings", "com.xiaomi.mitv.settings"}, {"Kodi", "org.xbmc.kodi"},
	}
}

// answer serves one call.
func (tv *TV) answer(w http.ResponseWriter, r *http.Request) {
	tv.mu.Lock()
	tv.calls++
	trouble, closing := tv.trouble, tv.closing
	tv.mu.Unlock()
	switch {
	case trouble.Hangs:
		select {
		case <-closing:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case trouble.Drops:
		panic(http.ErrAbortHandler)
	case trouble.Garbage:
		io.WriteString(w, "<html>")
		return
	}
	q := r.URL.Query()
	if q.Get("action") == "getResource" {
		tv.draw(w, r.URL.RawQuery)
		return
	}
	reply, ok := tv.serve(r.URL.Path+" "+q.Get("action"), q, r.URL.RawQuery)
	if !ok {
		reply = map[string]any{"status": 1, "msg": "illegal request"}
	}
	_ = json.NewEncoder(w).Encode(reply) // who does not wait for the answer loses it
}

func success(data any) map[string]any {
	return map[string]any{"status": 0, "msg": "success", "data": data}
}

// serve carries out one call.
func (tv *TV) serve(call string, q url.Values, raw string) (map[string]any, bool) {
	switch call {
	case "/request isalive":
		return success(map[string]any{
			"devicename": tv.o.Name, "ip": tv.Addr(), "feature": []string{"photo", "video", "airkan"},
			"url": []string{}, "platform": 606, "build": 2, "version": 16777498,
		}), true
	case "/controller getsysteminfo":
		facts := success(map[string]any{
			"devicename": tv.o.Name, "deviceid": "5b5c0a5d6f", "ptf": 606, "codever": 6,
			"wifimac": "02:4d:54:57:00:01", "ethmac": tv.o.MAC,
		})
		if tv.o.Shy {
			facts["data"].(map[string]any)["wifimac"], facts["data"].(map[string]any)["ethmac"] = "", ""
		}
		return facts, true
	case "/controller getinstalledapp":
		return success(map[string]any{"AppInfo": installed()}), true
	case "/controller getvolume", "/general getVolum":
		return tv.loudness(call)
	case "/controller capturescreen":
		return tv.screen(sealed(raw, tvToken))
	}
	return tv.obey(call, q)
}

func installed() (list []map[string]any) {
	for i, a := range apps() {
		list = append(list, map[string]any{"AppName": a[0], "PackageName": a[1], "IconURL": "", "Order": i})
	}
	return list
}

func (tv *TV) loudness(call string) (map[string]any, bool) {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	if call == "/general getVolum" {
		return success(fmt.Sprintf(`{"stream":3,"maxVolum":%d,"volum":%d}`, maxVolume, tv.volume)), true
	}
	return success(map[string]any{"volume": tv.volume, "maxVolume": maxVolume}), !tv.trouble.OldOnly
}

func (tv *TV) screen(sealed bool) (map[string]any, bool) {
	tv.mu.Lock()
	app := tv.app
	sealed = sealed && !tv.trouble.Unsigned
	tv.mu.Unlock()
	return success(map[string]any{
		"url": "http://0.0.0.0:6095/controller?action=getResource&name=screen", "token": tvPictureToken, "pkg": app, "label": "", "clz": "",
	}), sealed
}

// draw sends the screen as a picture.
func (tv *TV) draw(w http.ResponseWriter, raw string) {
	tv.mu.Lock()
	shade := uint8(len(tv.app) * 7)
	allowed := sealed(raw, tvPictureToken) && !tv.trouble.Unsigned
	tv.mu.Unlock()
	if !allowed {
		io.WriteString(w, `{"status":1,"msg":"illegal request"}`)
		return
	}
	screen := image.NewGray(image.Rect(0, 0, 320, 180))
	for i := range screen.Pix {
		screen.Pix[i] = shade + uint8(i%320/4)
	}
	w.Header().Set("Content-Type", "image/jpeg")
	_ = jpeg.Encode(w, screen, nil) // who does not wait for it loses it
}

// The tokens that clients begin with, and that the picture of a screen has.
const (
	tvToken        = "881fd5a8c94b4945b46527b07eca2431"
	tvPictureToken = "tok"
)

// sealed reports whether the last parameter of a query is the seal over the others
// and a token.
func sealed(raw, token string) bool {
	covered, seal, ok := strings.Cut(raw, "&opaque=")
	h := hmac.New(sha1.New, []byte("2840d5f0d078472dbc5fb78e39da123e"))
	io.WriteString(h, covered+"&token="+token)
	return ok && seal == fmt.Sprintf("%x", h.Sum(nil))
}

// obey carries out an order.
func (tv *TV) obey(call string, q url.Values) (map[string]any, bool) {
	done := success(nil)
	switch call {
	case "/controller keyevent":
		return done, tv.press(q.Get("keycode"))
	case "/controller changesource":
		return done, tv.change(func() bool {
			known := slices.Contains([]string{"hdmi1", "hdmi2"}, q.Get("source"))
			if known {
				tv.source = q.Get("source")
			}
			return known
		})
	case "/controller startapp":
		return done, tv.change(func() bool {
			known := slices.ContainsFunc(apps(), func(a [2]string) bool { return a[1] == q.Get("packagename") })
			if known {
				tv.app = q.Get("packagename")
			}
			return known
		})
	case "/controller play":
		return done, tv.change(func() bool {
			known := tv.signed(q, q.Get("url"), q.Get("apikey"))
			if known {
				tv.played = q.Get("url")
			}
			return known
		})
	case "/general setVolum":
		return map[string]any{"request_result": 200}, tv.change(func() bool {
			n, err := strconv.Atoi(q.Get("volum"))
			if err != nil || n < 0 || !tv.signed(q, q.Get("volum"), tv.o.MAC) {
				return false
			}
			tv.volume = min(n, maxVolume)
			return true
		})
	}
	return nil, false
}

func (tv *TV) change(f func() bool) bool {
	tv.mu.Lock()
	defer tv.mu.Unlock()
	return f()
}

// signed checks the signature of a call. It needs tv.mu.
func (tv *TV) signed(q url.Values, arg, key string) bool {
	ts := q.Get("ts")
	if len(ts) < 5 || tv.trouble.Unsigned {
		return false
	}
	want := fmt.Sprintf("%x", md5.Sum([]byte("mitvsignsalt"+arg+key+ts[len(ts)-5:])))
	return q.Get("sign") == want
}

// press presses a key.
func (tv *TV) press(key string) bool {
	known := []string{"power", "up", "down", "left", "right", "enter", "back", "home", "menu", "volumeup", "volumedown"}
	if !slices.Contains(known, key) {
		return false
	}
	tv.mu.Lock()
	tv.keys = append(tv.keys, key)
	switch key {
	case "home":
		tv.app = launcher
	case "volumeup":
		tv.volume = min(tv.volume+1, maxVolume)
	case "volumedown":
		tv.volume = max(tv.volume-1, 0)
	}
	tv.mu.Unlock()
	if key == "power" {
		tv.power()
	}
	return true
}
