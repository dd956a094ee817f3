package cloud

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// remote is what an infrared blaster has learned.
type remote struct {
	category   int
	controller int64 // 0 for one whose keys were taught
	keys       []string
}

func iid(numbers ...int) string {
	var parts []string
	for _, n := range numbers {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ".")
}

// remotes answers what concerns infrared remotes.
func (q *ask) remotes(call string) any {
	var p struct {
		DID    string
		Parent string      `json:"parent_id"`
		Key    json.Number `json:"key_id"`
	}
	if !q.read(&p) {
		return invalid()
	}
	if call == "controllers" {
		return q.controllers(p.Parent)
	}
	t := q.find(p.DID)
	if t == nil || t.remote == nil {
		return failed(-2, "device not found")
	}
	switch call {
	case "controller/keys":
		keys := []object{}
		for i, k := range t.remote.keys {
			keys = append(keys, object{"id": i + 1, "name": strings.ToUpper(strings.ReplaceAll(k, " ", "_")), "display_name": k})
		}
		return ok(object{"keys": keys})
	case "controller/info":
		return ok(object{"did": p.DID, "controller_id": t.remote.controller, "brand_id": 97, "category": t.remote.category})
	case "controller/key/click":
		n, err := strconv.Atoi(p.Key.String())
		if err != nil || n < 1 || n > len(t.remote.keys) {
			return invalid()
		}
		q.server.pressed = append(q.server.pressed, p.DID+" "+t.remote.keys[n-1])
		return ok(true)
	}
	return failed(-1, "no such api")
}

func (q *ask) controllers(parent string) any {
	list := []object{}
	for _, t := range q.here() {
		if i := t.who(); t.remote != nil && i.Parent == parent {
			list = append(list, object{"did": i.DID, "name": i.Name, "model": i.Model, "controller_id": t.remote.controller, "category": t.remote.category, "parent_id": parent})
		}
	}
	return ok(object{"controllers": list})
}

// Pressed returns what infrared remotes sent, "did key", oldest first.
func (s *Server) Pressed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pressed)
}

// Ran returns the names of the scenes that were run, oldest first.
func (s *Server) Ran() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ran)
}

// sceneCall is what names a scene.
type sceneCall struct {
	Home  json.RawMessage `json:"home_id"`
	Scene json.RawMessage `json:"scene_id"`
}

// bare is a number or a text without its quotes.
func bare(raw json.RawMessage) string { return strings.Trim(string(raw), `"`) }

// home returns the home of a call that names it, or nil.
func (q *ask) home(p sceneCall) *house {
	i := slices.IndexFunc(q.houses(), func(h *house) bool { return strconv.FormatInt(h.id, 10) == bare(p.Home) })
	if i < 0 {
		return nil
	}
	return q.houses()[i]
}

func (q *ask) sceneList() any {
	var p sceneCall
	if !q.read(&p) {
		return invalid()
	}
	list := []object{}
	if h := q.home(p); h != nil {
		for _, s := range h.scenes {
			list = append(list, object{"scene_id": s.id, "name": s.name, "icon": "", "room_id": "", "home_id": strconv.FormatInt(h.id, 10)})
		}
	}
	return ok(object{"manual_scene_info_list": list})
}

func (q *ask) runScene() any {
	var p sceneCall
	if !q.read(&p) {
		return invalid()
	}
	h := q.home(p)
	if h == nil {
		return failed(-7, "no permission")
	}
	for _, s := range h.scenes {
		if s.id != bare(p.Scene) {
			continue
		}
		for _, o := range s.orders {
			q.write(item{DID: o.did, SIID: o.siid, PIID: o.piid, Value: &o.value})
		}
		q.server.ran = append(q.server.ran, s.name)
		return ok(true)
	}
	return failed(-2, "no such scene")
}

// span is the part of a history that is asked for.
type span struct {
	DID   string
	Key   string
	Type  string
	Data  string      `json:"data_type"`
	Start json.Number `json:"time_start"`
	End   json.Number `json:"time_end"`
	Limit json.Number
}

func (p span) limits() (start, end int64, limit int) {
	start, _ = p.Start.Int64()
	end, _ = p.End.Int64()
	n, _ := p.Limit.Int64()
	if n <= 0 || n > 300 {
		n = 300
	}
	return start, end, int(n)
}

// history tells what a device told the cloud, newest first.
func (q *ask) history() any {
	var p span
	if !q.read(&p) {
		return invalid()
	}
	list := []object{}
	t := q.find(p.DID)
	if t == nil {
		return failed(-2, "device not found")
	}
	start, end, limit := p.limits()
	for _, m := range slices.Backward(t.past) {
		at := m.at.Unix()
		if len(list) < limit && m.kind == p.Type && m.key == p.Key && at >= start && (end == 0 || at <= end) {
			list = append(list, object{"uid": q.who.ID, "did": p.DID, "time": at, "key": p.Key, "type": p.Type, "value": m.value})
		}
	}
	return ok(list)
}

// statistics tells how much a meter counted by hour, day, week or month of local
// time, newest first.
func (q *ask) statistics() any {
	var p span
	if !q.read(&p) {
		return invalid()
	}
	t := q.find(p.DID)
	if t == nil || t.device == nil {
		return ok([]object{})
	}
	start, end, limit := p.limits()
	if end == 0 || end > q.now.Unix() {
		end = q.now.Unix()
	}
	list := []object{}
	for at := begin(time.Unix(end, 0).In(q.now.Location()), p.Data); len(list) < limit && at.Unix() >= start-1; at = begin(at.Add(-time.Second), p.Data) {
		used := consumed(p.DID+p.Key, at, next(at, p.Data), q.now)
		list = append(list, object{"time": at.Unix(), "value": "[" + strconv.FormatFloat(used, 'f', -1, 64) + "]"})
	}
	return ok(list)
}

// begin is when the period that holds t began.
func begin(t time.Time, kind string) time.Time {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
	switch strings.TrimSuffix(kind, "_v3") {
	case "stat_hour":
		return t.Truncate(time.Hour)
	case "stat_week":
		return day.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	case "stat_month":
		return day.AddDate(0, 0, 1-t.Day())
	}
	return day
}

// next is when the period that begins at t is over.
func next(t time.Time, kind string) time.Time {
	switch strings.TrimSuffix(kind, "_v3") {
	case "stat_hour":
		return t.Add(time.Hour)
	case "stat_week":
		return t.AddDate(0, 0, 7)
	case "stat_month":
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(0, 0, 1)
}

// consumed adds the hours up that are over, and the part of the current one, in
// kWh with two decimals. It never shrinks as time goes by.
func consumed(what string, from, to, now time.Time) float64 {
	total := 0.0
	for at := from; at.Before(to) && at.Before(now); at = at.Add(time.Hour) {
		h := fnv.New64a()
		fmt.Fprint(h, what, at.Unix()/3600)
		hour := 0.01 + float64(h.Sum64()%60)/1000
		total += hour * min(1, now.Sub(at).Hours())
	}
	return math.Floor(total*100) / 100
}
