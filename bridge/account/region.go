package account

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const maxPages = 100 // of one list

// regionList is what one region says of one account.
type regionList struct {
	region  string
	homes   []Home
	rooms   map[string]place // by did
	devices map[string]Device
	scenes  []Scene
	scened  bool // the scenes could be asked for
	err     error
}

// place is where a device stands.
type place struct{ home, homeName, room string }

// reader asks one region for the lists of one account.
type reader struct {
	m      *Manager
	c      *client
	region string
	out    *regionList
	quiet  bool // the region is not known to have anything
}

// askRegion asks one region for everything that it has of an account.
func (m *Manager) askRegion(ctx context.Context, c *client, region string) *regionList {
	r := reader{m, c, region, &regionList{region: region, rooms: map[string]place{}, devices: map[string]Device{}}, !c.has(region)}
	for _, step := range []func(context.Context) error{r.askDevices, r.askHomes, r.askShared, r.askHomeDevices, r.askScenes} {
		if r.out.err = step(ctx); r.out.err != nil {
			return r.out
		}
	}
	r.place()
	return r.out
}

func (r *reader) call(ctx context.Context, path string, params any) (json.RawMessage, error) {
	return r.send(ctx, path, params, r.quiet)
}

// try sends a request that not every server knows.
func (r *reader) try(ctx context.Context, path string, params any) (json.RawMessage, error) {
	return r.send(ctx, path, params, true)
}

func (r *reader) send(ctx context.Context, path string, params any, quiet bool) (json.RawMessage, error) {
	data, err := marshal(params)
	if err != nil {
		return nil, err
	}
	return r.m.call(ctx, r.c, request{r.region, path, data, quiet})
}

// homesQuery asks for the homes.
type homesQuery struct {
	Fg            bool `json:"fg"`
	FetchShare    bool `json:"fetch_share"`
	FetchShareDev bool `json:"fetch_share_dev"`
	FetchCariot   bool `json:"fetch_cariot,omitempty"`
	Limit         int  `json:"limit"`
	AppVer        int  `json:"app_ver"`
	PlatForm      int  `json:"plat_form"`
}

func (r *reader) askHomes(ctx context.Context) error {
	query := homesQuery{Fg: true, FetchShare: true, FetchShareDev: true, FetchCariot: true, Limit: 300, AppVer: 7}
	result, err := r.try(ctx, "/v2/homeroom/gethome_merged", query)
	if unknown(err) { // the path of before
		query.FetchCariot = false
		result, err = r.call(ctx, "/v2/homeroom/gethome", query)
	}
	if err != nil {
		return err
	}
	list, fields, err := rows(result, "homelist", "share_home_list")
	if err != nil {
		return err
	}
	for _, raw := range list {
		r.home(raw)
	}
	if field(fields, "has_more") == "true" {
		return r.moreRooms(ctx, field(fields, "max_id"))
	}
	return nil
}

// refused reports whether the server said no to one request alone.
func refused(err error) bool {
	_, is := errors.AsType[*Refusal](err)
	return is
}

// unknown reports whether a server does not know a request, or not for everybody.
func unknown(err error) bool {
	return refused(err) || errors.Is(err, mi.ErrProtocol) || errors.Is(err, ErrAuthExpired)
}

func (r *reader) home(raw []byte) {
	var h homeRow
	if json.Unmarshal(raw, &h) != nil || !number(h.ID) {
		return
	}
	known := r.add(Home{ID: string(h.ID), Owner: string(h.UID), Name: clean(string(h.Name))})
	for _, did := range h.DIDs {
		r.out.rooms[string(did)] = place{known.ID, known.Name, ""}
	}
	for _, room := range h.Rooms {
		name := known.room(string(room.ID), clean(string(room.Name)))
		for _, did := range room.DIDs {
			r.out.rooms[string(did)] = place{known.ID, known.Name, name}
		}
	}
}

// room notes a room and returns its name: later pages may lack it.
func (h *Home) room(id, name string) string {
	for _, r := range h.Rooms {
		if r.ID == id {
			return r.Name
		}
	}
	h.Rooms = append(h.Rooms, Room{id, name})
	return name
}

// add returns the home of that id, which is new or known already.
func (r *reader) add(h Home) *Home {
	for i := range r.out.homes {
		if r.out.homes[i].ID == h.ID {
			return &r.out.homes[i]
		}
	}
	if !number(text(h.Owner)) {
		h.Owner = r.c.id
	}
	h.Account, h.Region, h.Shared = r.c.id, r.region, h.Owner != r.c.id
	r.out.homes = append(r.out.homes, h)
	return &r.out.homes[len(r.out.homes)-1]
}

func number(t text) bool {
	return t != "" && len(t) <= 20 && t[0] != '0' && strings.Trim(string(t), "0123456789") == ""
}

// moreRooms asks for the devices of big homes that did not fit.
func (r *reader) moreRooms(ctx context.Context, start string) error {
	for range maxPages {
		result, err := r.try(ctx, "/v2/homeroom/get_dev_room_page", struct {
			Start string `json:"start_id"`
			Limit int    `json:"limit"`
		}{start, 150})
		if unknown(err) {
			return nil
		}
		if err != nil {
			return err
		}
		list, fields, err := rows(result, "info")
		if err != nil {
			return err
		}
		for _, raw := range list {
			r.home(raw)
		}
		next := field(fields, "max_id")
		if field(fields, "has_more") != "true" || next == start || next == "" {
			return nil
		}
		start = next
	}
	return nil
}

// askShared asks for homes of others, which the list of homes may lack.
func (r *reader) askShared(ctx context.Context) error {
	result, err := r.try(ctx, "/v2/user/get_device_cnt", struct {
		Own   bool `json:"fetch_own"`
		Share bool `json:"fetch_share"`
	}{true, true})
	if unknown(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var count struct {
		Share struct {
			Family []struct {
				ID    text `json:"home_id"`
				Owner text `json:"home_owner"`
			} `json:"share_family"`
		} `json:"share"`
	}
	if json.Unmarshal(result, &count) != nil {
		return nil
	}
	for _, f := range count.Share.Family {
		if number(f.ID) && number(f.Owner) {
			r.add(Home{ID: string(f.ID), Owner: string(f.Owner)})
		}
	}
	return nil
}

func (r *reader) askDevices(ctx context.Context) error {
	result, err := r.call(ctx, "/home/device_list", struct {
		Virtual bool `json:"getVirtualModel"`
		Huami   int  `json:"getHuamiDevices"`
		Split   bool `json:"get_split_device"`
		Smart   bool `json:"support_smart_home"`
	}{true, 1, false, true})
	if err != nil {
		return err
	}
	list, _, err := rows(result, "list")
	if err != nil {
		return err
	}
	r.take(list)
	return nil
}

// take notes devices of a list. A later list counts where it says something.
func (r *reader) take(list []json.RawMessage) {
	now := r.m.opt.World.Now()
	for _, raw := range list {
		d, ok := parseRow(raw)
		if !ok {
			continue
		}
		if was, known := r.out.devices[d.DID]; known {
			d = lay(was, d)
		}
		d.Account, d.Region, d.Asked = r.c.id, r.region, now
		d.Shared = d.Owner != "" && d.Owner != r.c.id
		r.out.devices[d.DID] = d
	}
}

// lay lays what another list says over a device.
func lay(d, other Device) Device {
	d.Info = d.Merge(other.Info)
	d.Online = d.Online || other.Online
	for _, f := range []struct{ to, from *string }{
		{&d.Connect, &other.Connect}, {&d.SSID, &other.SSID}, {&d.URN, &other.URN}, {&d.Owner, &other.Owner},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	d.Remote = d.Remote || other.Remote
	return d
}

// homeDevicesQuery asks for the devices of one home.
type homeDevicesQuery struct {
	Owner  json.Number `json:"home_owner"`
	Home   json.Number `json:"home_id"`
	Limit  int         `json:"limit"`
	Start  string      `json:"start_did"`
	Split  bool        `json:"get_split_device"`
	Smart  bool        `json:"support_smart_home"`
	Cariot bool        `json:"get_cariot_device"`
	Third  bool        `json:"get_third_device"`
}

func (r *reader) askHomeDevices(ctx context.Context) error {
	for _, h := range r.out.homes {
		query := homeDevicesQuery{Owner: json.Number(h.Owner), Home: json.Number(h.ID), Limit: 200, Smart: true, Cariot: true, Third: true}
		for range maxPages {
			result, err := r.try(ctx, "/v2/home/home_device_list", query)
			if unknown(err) {
				break
			}
			if err != nil {
				return err
			}
			list, fields, err := rows(result, "device_info")
			if err != nil {
				return err
			}
			r.take(list)
			r.inHome(list, h)
			next := field(fields, "max_did")
			if field(fields, "has_more") != "true" || next == query.Start || next == "" {
				break
			}
			query.Start = next
		}
	}
	return nil
}

// inHome notes the home of devices that no room has.
func (r *reader) inHome(list []json.RawMessage, h Home) {
	for _, raw := range list {
		if d, ok := parseRow(raw); ok {
			if _, known := r.out.rooms[d.DID]; !known {
				r.out.rooms[d.DID] = place{h.ID, h.Name, ""}
			}
		}
	}
}

// place puts the devices into their rooms and drops mere parts.
func (r *reader) place() {
	for did, d := range r.out.devices {
		if split(d, r.out.devices) {
			delete(r.out.devices, did)
			continue
		}
		at := r.out.rooms[did]
		d.Home, d.HomeName, d.Room = at.home, at.homeName, at.room
		r.out.devices[did] = d
	}
}
