package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// query is what of the list somebody wants to see. It is the page's address.
type query struct {
	Text string
	Show string // a filter; "" is all
	Room string
	Sort string // a column, with a minus before it when it falls
	Page int    // from 0
}

func queryOf(v url.Values) query {
	q := query{Text: strings.TrimSpace(v.Get("q")), Show: v.Get("show"), Room: v.Get("room"), Sort: v.Get("sort")}
	if n, err := strconv.Atoi(v.Get("page")); err == nil && n > 0 {
		q.Page = n
	}
	return q
}

// address returns the query as the page's address has it.
func (q query) address() string {
	v := url.Values{}
	for name, value := range map[string]string{"q": q.Text, "show": q.Show, "room": q.Room, "sort": q.Sort} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Page > 0 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// filters are the kinds of devices that can be asked for, in the order shown.
var filters = []struct {
	show, word string
	fits       func(d *Device) bool
}{
	{"", "All", func(d *Device) bool { return !d.Hidden }},
	{"needs", "Needs me", func(d *Device) bool {
		return !d.Hidden && (d.State == NoAnswer || d.State == Unproven || d.Trouble != "")
	}},
	{LAN, "LAN", func(d *Device) bool { return !d.Hidden && d.State == Online && d.Route == LAN }},
	{Gateway, "Gateway", func(d *Device) bool { return !d.Hidden && d.State == Online && d.Route == Gateway }},
	{Bluetooth, "Bluetooth", func(d *Device) bool { return !d.Hidden && d.State == Online && d.Route == Bluetooth }},
	{Cloud, "Cloud", func(d *Device) bool { return !d.Hidden && d.State == Online && d.Route == Cloud }},
	{"off", "No answer", func(d *Device) bool { return !d.Hidden && d.State != Online && d.State != Asleep }},
	{"asleep", "Asleep", func(d *Device) bool { return !d.Hidden && d.State == Asleep }},
	{"hidden", "Hidden", func(d *Device) bool { return d.Hidden }},
}

// matches reports whether a device has every word of the text somewhere.
func matches(d *Device, words []string) bool {
	if len(words) == 0 {
		return true
	}
	all := strings.ToLower(strings.Join([]string{d.Name, d.Room, d.Model, d.Kind, d.DID, d.Address}, "\n"))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(all, word) })
}

// find returns the devices that a query asks for, sorted, and how many each filter
// would have.
func (q query) find(all []Device) (found []*Device, counts []int) {
	words := strings.Fields(strings.ToLower(q.Text))
	counts = make([]int, len(filters))
	for i := range all {
		d := &all[i]
		if q.Room != "" && d.Room != q.Room || !matches(d, words) {
			continue
		}
		for k := range filters {
			if !filters[k].fits(d) {
				continue
			}
			counts[k]++
			if filters[k].show == q.Show {
				found = append(found, d)
			}
		}
	}
	return q.sorted(found), counts
}

// columns are what the list can be sorted by: each has a key that sorts as text, or
// sorts by time.
var columns = []struct {
	name, word string
	key        func(d *Device) string
}{
	{"name", "Name", func(d *Device) string { return "" }},
	{"room", "Room", func(d *Device) string { return strings.ToLower(d.Room) }},
	{"", "Now", nil},
	{"state", "State", func(d *Device) string { return rank(d.State) }},
	{"route", "Route", func(d *Device) string { return d.Route }},
	{"seen", "Last seen", func(d *Device) string { return strconv.FormatInt(1<<62-max(0, d.LastSeen.UnixMilli()), 10) }},
}

// rank puts first what needs somebody.
func rank(state string) string {
	return strconv.Itoa(1 + slices.Index([]string{NoAnswer, Unproven, Starting, Online, Asleep}, state))
}

// sorted sorts by the query's column, then by name. Keys are made once: with ten
// thousand devices that is what counts.
func (q query) sorted(all []*Device) []*Device {
	column, falling := strings.CutPrefix(q.Sort, "-")
	key := columns[0].key
	for _, c := range columns {
		if c.name == column && c.key != nil {
			key = c.key
		}
	}
	type keyed struct {
		device    *Device
		key, name string
	}
	rows := make([]keyed, len(all))
	for i, d := range all {
		rows[i] = keyed{d, key(d), strings.ToLower(d.Name)}
	}
	slices.SortFunc(rows, func(a, b keyed) int {
		order := strings.Compare(a.key, b.key)
		if order == 0 {
			order = cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.device.DID, b.device.DID))
		}
		if falling {
			order = -order
		}
		return order
	})
	for i := range rows {
		all[i] = rows[i].device
	}
	return all
}

// row is one device on the page.
type row struct {
	Device
	Main string
}

type filterLink struct {
	Word   string
	Count  int
	Link   string
	Chosen bool
}

type columnLink struct {
	Word, Link, Sorted string
}

type listData struct {
	Query         query
	Filters       []filterLink
	Columns       []columnLink
	Rows          []row
	From, To      int
	Matching      int
	Total         int
	Before, After string
}

func (s *Server) devices(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "devices", "Devices")
	q := queryOf(r.URL.Query())
	all := s.opt.Bridge.Devices()
	found, counts := q.find(all)
	data := listData{Query: q, Total: len(all), Matching: len(found), Filters: p.filters(q, counts), Columns: p.columns(q)}
	size := s.opt.PageSize
	q.Page = min(q.Page, max(0, (len(found)-1)/size))
	first := q.Page * size
	last := min(first+size, len(found))
	data.From, data.To = min(first+1, last), last
	var dids []string
	for _, d := range found[first:last] {
		data.Rows = append(data.Rows, row{*d, s.opt.Bridge.Main(d.ID)})
		dids = append(dids, d.ID)
	}
	if first > 0 {
		before := q
		before.Page--
		data.Before = p.Base + "devices" + before.address()
	}
	if last < len(found) {
		after := q
		after.Page++
		data.After = p.Base + "devices" + after.address()
	}
	p.live("devices,problems", dids...)
	p.Data = data
	s.show(w, http.StatusOK, "devices", p)
}

// filters are links to the kinds that there are, and to the one chosen.
func (p *page) filters(q query, counts []int) (links []filterLink) {
	for i, f := range filters {
		chosen := f.show == q.Show
		if counts[i] == 0 && !chosen && f.show != "" {
			continue
		}
		to := query{Text: q.Text, Show: f.show, Room: q.Room, Sort: q.Sort}
		links = append(links, filterLink{p.T(f.word), counts[i], p.Base + "devices" + to.address(), chosen})
	}
	return links
}

func (p *page) columns(q query) (links []columnLink) {
	now, falling := strings.CutPrefix(q.Sort, "-")
	for _, c := range columns {
		link := columnLink{Word: p.T(c.word)}
		if c.key != nil {
			to := query{Text: q.Text, Show: q.Show, Room: q.Room, Sort: c.name}
			if c.name == cmp.Or(now, "name") {
				link.Sorted = "ascending"
				if falling {
					link.Sorted = "descending"
				} else {
					to.Sort = "-" + c.name
				}
			}
			link.Link = p.Base + "devices" + to.address()
		}
		links = append(links, link)
	}
	return links
}

// States lists every state of a device, for the words that live pages need.
func (p *page) States() []string { return []string{Online, NoAnswer, Asleep, Starting, Unproven} }

// Ways lists every way to a device.
func (p *page) Ways() []string { return []string{"", LAN, Gateway, Bluetooth, Cloud} }
