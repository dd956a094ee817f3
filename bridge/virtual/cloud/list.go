package cloud

import (
	"encoding/json"
	"slices"
	"strconv"
)

// How much one answer holds when the call does not say it.
const (
	pageDevices = 200
	pageRooms   = 300 // dids in the rooms of all homes
	pageMore    = 150
)

// cutAfter returns the part of list after start, at most limit long, and whether there
// is more.
func cutAfter(list []*thing, start string, limit json.Number, usual int) ([]*thing, bool) {
	if i := slices.IndexFunc(list, func(t *thing) bool { return t.who().DID == start }); i >= 0 {
		list = list[i+1:]
	}
	n, err := limit.Int64()
	if err != nil || n <= 0 || n > int64(usual) {
		n = int64(usual)
	}
	if int64(len(list)) <= n {
		return list, false
	}
	return list[:n], true
}

func (q *ask) describeAll(list []*thing) []object {
	out := make([]object, len(list))
	for i, t := range list {
		out[i] = q.describe(t)
	}
	return out
}

// devices lists what the asker owns.
func (q *ask) devices(paged bool) any {
	var p struct {
		StartDID string `json:"start_did"`
		Limit    json.Number
		DIDs     []string
	}
	if !q.read(&p) {
		return invalid()
	}
	mine := slices.DeleteFunc(q.here(), func(t *thing) bool {
		return t.house.owner != q.who || len(p.DIDs) > 0 && !slices.Contains(p.DIDs, t.who().DID)
	})
	if !paged {
		return ok(object{"list": q.describeAll(mine)})
	}
	part, more := cutAfter(mine, p.StartDID, p.Limit, pageDevices)
	result := object{"list": q.describeAll(part), "has_more": more, "next_start_did": ""}
	if more {
		result["next_start_did"] = part[len(part)-1].who().DID
	}
	return ok(result)
}

// homeDevices lists one home.
func (q *ask) homeDevices() any {
	var p struct {
		Owner    json.Number `json:"home_owner"`
		Home     json.Number `json:"home_id"`
		StartDID string      `json:"start_did"`
		Limit    json.Number
	}
	if !q.read(&p) {
		return invalid()
	}
	for _, h := range q.houses() {
		if strconv.FormatInt(h.id, 10) != p.Home.String() || h.owner.id() != p.Owner.String() {
			continue
		}
		all := slices.DeleteFunc(slices.Clone(h.things), func(t *thing) bool { return t.hidden })
		part, more := cutAfter(all, p.StartDID, p.Limit, pageRooms)
		result := object{"device_info": q.describeAll(part), "has_more": more, "max_did": ""}
		if more {
			result["max_did"] = part[len(part)-1].who().DID
		}
		return ok(result)
	}
	return ok(object{"device_info": nil, "has_more": false, "max_did": ""})
}

// houses returns the homes of the region that the asker sees.
func (q *ask) houses() (list []*house) {
	for _, h := range q.server.houses {
		if h.region == q.region && h.sees(q.who) {
			list = append(list, h)
		}
	}
	return list
}

// homes tells homes and rooms, with their first dids.
func (q *ask) homes() any {
	own, shared := []object{}, []object{}
	rest, more := q.rooms(0, pageRooms)
	for i, h := range q.houses() {
		o := object{
			"id": strconv.FormatInt(h.id, 10), "uid": h.owner.ID, "name": h.name, "city_id": 0, "longitude": 0, "latitude": 0, "shareflag": 0, "permit_level": 16,
			"dids": rest[i]["dids"], "roomlist": rest[i]["roomlist"], "status": 0, "create_time": 1_600_000_000,
		}
		if h.owner == q.who || q.path == "/v2/homeroom/gethome_merged" {
			own = append(own, o)
			continue
		}
		o["shareflag"] = 1
		shared = append(shared, o)
	}
	result := object{"homelist": own, "share_home_list": shared, "has_more": more > 0, "max_id": ""}
	if more > 0 {
		result["max_id"] = strconv.Itoa(more)
	}
	return ok(result)
}

// moreRooms tells further dids of the rooms.
func (q *ask) moreRooms() any {
	var p struct {
		StartID json.RawMessage `json:"start_id"`
	}
	if !q.read(&p) {
		return invalid()
	}
	var text string
	if json.Unmarshal(p.StartID, &text) != nil {
		text = string(p.StartID)
	}
	start, err := strconv.Atoi(text)
	if err != nil || start < 0 {
		return invalid()
	}
	info, more := q.rooms(start, pageMore)
	result := object{"info": info, "has_more": more > 0, "max_id": ""}
	if more > 0 {
		result["max_id"] = strconv.Itoa(more)
	}
	return ok(result)
}

// rooms tells the dids number start and following of all homes, at most limit of
// them, by home and room. more is the number of the next one, 0 at the end.
func (q *ask) rooms(start, limit int) (info []object, more int) {
	n := 0
	for _, h := range q.houses() {
		dids, rooms, order := []string{}, map[string][]string{}, []string{}
		for _, t := range h.things {
			room := t.who().Room
			if _, known := rooms[room]; !known && room != "" {
				order, rooms[room] = append(order, room), []string{}
			}
			if t.hidden {
				continue
			}
			if n++; n <= start || n > start+limit {
				continue
			}
			if room == "" {
				dids = append(dids, t.who().DID)
				continue
			}
			rooms[room] = append(rooms[room], t.who().DID)
		}
		list := []object{}
		for i, room := range order {
			list = append(list, object{"id": strconv.FormatInt(h.id*100+int64(i), 10), "name": room, "dids": rooms[room], "parentid": strconv.FormatInt(h.id, 10)})
		}
		info = append(info, object{"id": strconv.FormatInt(h.id, 10), "dids": dids, "roomlist": list})
	}
	if n > start+limit {
		more = start + limit
	}
	return info, more
}

// counts tells the homes that others share with the asker.
func (q *ask) counts() any {
	own, family := 0, []object{}
	for _, h := range q.houses() {
		if h.owner == q.who {
			own += len(h.things)
			continue
		}
		family = append(family, object{"home_id": h.id, "home_owner": h.owner.ID, "home_name": h.name, "device_cnt": len(h.things)})
	}
	return ok(object{"own": object{"device_cnt": own}, "share": object{"share_family": family, "share_device": []any{}}})
}

// beaconKey tells the key of a Bluetooth device.
func (q *ask) beaconKey() any {
	var p struct{ DID string }
	if !q.read(&p) {
		return invalid()
	}
	t := q.find(p.DID)
	if t == nil || t.beacon == "" {
		return failed(-2, "device not found")
	}
	return ok(object{"beaconkey": t.beacon})
}
