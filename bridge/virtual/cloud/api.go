package cloud

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// maxAge is how far the clock of a call may be off. What Xiaomi allows is not known.
const maxAge = 10 * time.Minute

// ask is a verified call that has its answer looked for.
type ask struct {
	server *Server
	who    *person
	region string
	path   string
	data   []byte
	now    time.Time
	size   int // properties in it
}

// serveAPI answers the API of one region. It needs s.mu.
func (s *Server) serveAPI(v *visit) reply {
	region := regionOf(v.host)
	if region == "" {
		return missing()
	}
	one := s.sessions[v.value("serviceToken")]
	if one == nil || !one.fits(v) || one.ended && !one.softly {
		return plain(http.StatusUnauthorized, 3, "auth error")
	}
	key, err := decode(one.ssecurity)
	if err != nil {
		return plain(http.StatusInternalServerError, -1, "no secret")
	}
	c, err := rule{other: s.mood.OtherHash}.openCall(v.Method, v.path, v.Form, key)
	switch {
	case err != nil:
		return plain(http.StatusUnauthorized, 3, err.Error())
	case c.age(v.now) > maxAge:
		return plain(http.StatusUnauthorized, 2, "auth err: the nonce is of another time")
	}
	q := &ask{server: s, who: one.who, region: region, path: v.path, data: c.data, now: v.now}
	answer := any(expiredSoftly())
	if !one.ended {
		answer = q.answer()
	}
	v.note.Size = q.size
	return reply{kind: typeJSON, body: c.seal(marshal(answer), strings.EqualFold(v.Header.Get("Miot-Accept-Encoding"), "GZIP"))}
}

// fits checks the cookies of a call against its session.
func (one *session) fits(v *visit) bool {
	optional := func(cookie, want string) bool { got := v.value(cookie); return got == "" || got == want }
	return (one.sid == "xiaomiio" || one.sid == "mijia") && v.value("userId") == one.who.id() && optional("cUserId", one.who.cUserID) &&
		optional("yetAnotherServiceToken", v.value("serviceToken")) && (v.Form.Get("ssecurity") == "" || v.Form.Get("ssecurity") == one.ssecurity)
}

// ok is an answer with a result.
func ok(result any) object { return object{"code": 0, "message": "ok", "result": result} }

// failed is an answer without.
func failed(code int, message string) object { return object{"code": code, "message": message} }

// read takes the parameters out of a call; numbers stay exact.
func (q *ask) read(into any) bool {
	d := json.NewDecoder(bytes.NewReader(q.data))
	d.UseNumber()
	return d.Decode(into) == nil
}

// invalid is the answer to parameters that make no sense.
func invalid() object { return failed(-6, "invalid param") }

// answer carries a call out.
func (q *ask) answer() any {
	switch q.path {
	case "/miotspec/prop/get", "/miotspec/prop/set":
		return q.properties()
	case "/miotspec/action":
		return q.action()
	case "/device/batchdevicedatas":
		return q.lastKnown()
	case "/user/get_user_device_data":
		return q.history()
	case "/v2/user/statistics":
		return q.statistics()
	case "/v2/message/v2/check_new_msg":
		return ok(object{"new_msg": false, "msg_count": 0, "user_id": q.who.ID})
	case "/v2/message/v2/typelist":
		return ok(object{"messages": []any{}})
	case "/appgateway/miot/appsceneservice/AppSceneService/GetSimpleSceneList":
		return q.sceneList()
	case "/appgateway/miot/appsceneservice/AppSceneService/NewRunScene":
		return q.runScene()
	}
	switch {
	case strings.HasPrefix(q.path, "/home/rpc/"):
		return q.rpc(strings.TrimPrefix(q.path, "/home/rpc/"))
	case strings.HasPrefix(q.path, "/v2/irdevice/"):
		return q.remotes(strings.TrimPrefix(q.path, "/v2/irdevice/"))
	}
	return q.list()
}

// list answers what asks who and what there is.
func (q *ask) list() any {
	switch q.path {
	case "/home/device_list":
		return q.devices(false)
	case "/v2/home/device_list_page":
		return q.devices(true)
	case "/v2/homeroom/gethome", "/v2/homeroom/gethome_merged", "/homeroom/gethome":
		return q.homes()
	case "/v2/homeroom/get_dev_room_page":
		return q.moreRooms()
	case "/v2/home/home_device_list", "/home/home_device_list":
		return q.homeDevices()
	case "/v2/user/get_device_cnt":
		return q.counts()
	case "/v2/device/blt_get_beaconkey":
		return q.beaconKey()
	case "/v2/home/standard_consumable_items":
		return ok(object{"items": []any{object{"consumes_data": []any{}}}})
	}
	return failed(-1, "no such api")
}
