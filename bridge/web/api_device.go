package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	usualLimit = 100
	maxLimit   = 500
)

func (s *Server) deviceEndpoints() []endpoint {
	confirm := []parameter{{"confirm", "true for an order that can do harm"}}
	return []endpoint{
		{method: "GET", path: "devices", does: "The devices, sorted", query: []parameter{
			{"q", "words that a device has somewhere"}, {"show", "needs, lan, gateway, bluetooth, cloud, off, asleep or hidden"}, {"room", "in this room"},
			{"sort", "name, room, state, route or seen, with a minus to fall"}, {"limit", "how many at most, 500 or less"}, {"cursor", "what next said"},
		}, out: list[liveDevice]{}, handle: s.apiDevices},
		{method: "GET", path: "devices/{id}", does: "All about one device", out: Detail{}, handle: s.apiDevice},
		{method: "PATCH", path: "devices/{id}", does: "Rename, move to a room, hide, choose by which way it is reached (automatic, local, cloud) how many entities it has (default, minimal, normal, all), and whether its silence is normal", in: Wish{}, out: Detail{}, handle: s.apiPatch},
		{method: "DELETE", path: "devices/{id}", does: "Forget a device", out: accepted{}, handle: s.apiRemove},
		{method: "POST", path: "devices/{id}/set", does: "Write roles (entity/role) or properties (siid.piid)", query: confirm, in: map[string]mi.Value{}, out: results{}, handle: s.apiSet},
		{method: "POST", path: "devices/{id}/get", does: "Read again, and what is known now", out: values{}, handle: s.apiGet},
		{method: "POST", path: "devices/{id}/call", does: "Run an action", query: confirm, in: callRequest{}, out: Done{}, handle: s.apiCall},
		{method: "POST", path: "devices/{id}/refresh", does: "Read everything again soon", out: accepted{}, handle: s.apiRefresh},
		{method: "GET", path: "devices/{id}/report", does: "What helps to find a mistake, without secrets", query: []parameter{{"names", "keep names, rooms and addresses"}}, kind: "text/plain", handle: s.apiDeviceReport},
	}
}

func (s *Server) apiDevices(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	limit, first := usualLimit, 0
	for _, n := range []struct {
		name    string
		into    *int
		highest int
	}{{"limit", &limit, maxLimit}, {"cursor", &first, 1 << 30}} {
		text := v.Get(n.name)
		if text == "" {
			continue
		}
		number, err := strconv.Atoi(text)
		if err != nil || number < 0 || number > n.highest {
			writeProblem(w, badField(n.name, "%s is a number from 0 to %d, not %q.", n.name, n.highest, text))
			return
		}
		*n.into = number
	}
	found, _ := queryOf(v).find(s.opt.Bridge.Devices())
	first = min(first, len(found))
	last := min(first+limit, len(found))
	out := list[liveDevice]{Items: []liveDevice{}, Total: len(found)}
	for _, d := range found[first:last] {
		out.Items = append(out.Items, liveDevice{*d, s.opt.Bridge.Main(d.ID)})
	}
	if last < len(found) {
		out.Next = strconv.Itoa(last)
	}
	writeJSON(w, http.StatusOK, out)
}

// found returns the device of a request; it answers by itself when there is none.
func (s *Server) found(w http.ResponseWriter, r *http.Request) *Detail {
	d := s.opt.Bridge.Device(r.PathValue("id"))
	if d == nil {
		writeProblem(w, failed(ErrNoDevice))
	}
	return d
}

func (s *Server) apiDevice(w http.ResponseWriter, r *http.Request) {
	if d := s.found(w, r); d != nil {
		writeJSON(w, http.StatusOK, d)
	}
}

func (s *Server) apiPatch(w http.ResponseWriter, r *http.Request) {
	d := s.found(w, r)
	var in Wish
	if d == nil || !s.read(w, r, &in) {
		return
	}
	err := s.opt.Orders.Choose(d.ID, in)
	s.answer(w, s.opt.Bridge.Device(d.ID), err)
}

func (s *Server) apiRemove(w http.ResponseWriter, r *http.Request) {
	if d := s.found(w, r); d != nil {
		s.answer(w, accepted{true}, s.opt.Orders.Remove(d.ID))
	}
}

// results are what came of the writes of one request.
type results struct {
	Results []result `json:"results"`
	Route   string   `json:"route,omitempty"`
	MS      int64    `json:"ms"`
}

type result struct {
	Key   string   `json:"key"`
	OK    bool     `json:"ok"`
	Value mi.Value `json:"value"`
	Code  string   `json:"code,omitempty"`
	Error string   `json:"error,omitempty"`
}

func (s *Server) apiSet(w http.ResponseWriter, r *http.Request) {
	d := s.found(w, r)
	in := map[string]mi.Value{}
	if d == nil || !s.read(w, r, &in) {
		return
	}
	if len(in) == 0 {
		writeProblem(w, badField("", `Nothing is asked for. Send an object such as {"2.4": 1}.`))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.opt.MaxWait)
	defer cancel()
	began, out, code := time.Now(), results{Results: []result{}}, http.StatusOK
	var last *failure
	for _, key := range sortedKeys(in) {
		done, err := s.opt.Orders.Set(ctx, d.ID, Write{Key: key, Value: in[key], Confirmed: r.URL.Query().Get("confirm") == "true"})
		one := result{Key: key, OK: err == nil, Value: in[key]}
		if err != nil {
			last = failed(err)
			last.Device, last.Field = d.DID, key
			one.Code, one.Error, code = last.Code, last.Detail, http.StatusMultiStatus
		} else {
			out.Route = done.Route
		}
		out.Results = append(out.Results, one)
	}
	if last != nil && len(in) == 1 {
		writeProblem(w, last)
		return
	}
	out.MS = time.Since(began).Milliseconds()
	writeJSON(w, code, out)
}

// values are what is known of the properties of a device.
type values struct {
	Values map[string]mi.Value `json:"values"` // by key of the property
}

func (s *Server) apiGet(w http.ResponseWriter, r *http.Request) {
	d := s.found(w, r)
	if d == nil {
		return
	}
	out := values{map[string]mi.Value{}}
	for i := range d.Properties {
		if d.Properties[i].Value.Known() {
			out.Values[d.Properties[i].Key] = d.Properties[i].Value
		}
	}
	s.answer(w, out, s.opt.Orders.Refresh(d.ID))
}

// callRequest asks for an action.
type callRequest struct {
	Action string     `json:"action"`
	Args   []mi.Value `json:"args,omitempty"`
}

func (s *Server) apiCall(w http.ResponseWriter, r *http.Request) {
	d := s.found(w, r)
	var in callRequest
	if d == nil || !s.read(w, r, &in) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.opt.MaxWait)
	defer cancel()
	done, err := s.opt.Orders.Call(ctx, d.ID, Call{Action: in.Action, Args: in.Args, Confirmed: r.URL.Query().Get("confirm") == "true"})
	s.answer(w, done, err)
}

func (s *Server) apiRefresh(w http.ResponseWriter, r *http.Request) {
	if d := s.found(w, r); d != nil {
		s.answer(w, accepted{true}, s.opt.Orders.Refresh(d.ID))
	}
}

func (s *Server) apiDeviceReport(w http.ResponseWriter, r *http.Request) {
	if d := s.found(w, r); d != nil {
		s.textReport(w, r, d.ID)
	}
}
