package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// deviceData is what a device's page shows.
type deviceData struct {
	*Detail
	Controls []control
	Readings []reading
	Note     string // what came of the last press of a button
	Bad      bool
	Rooms    []string
	Reaches  []option // ways to choose from; none where there is no choice
	Levels   []option
}

func (s *Server) device(w http.ResponseWriter, r *http.Request) {
	d := s.opt.Bridge.Device(r.PathValue("id"))
	if d == nil {
		s.missing(w, r)
		return
	}
	p := s.page(r, "devices", "Device")
	p.Title = d.Name
	p.live("devices,problems", d.ID)
	data := deviceData{Detail: d, Rooms: rooms(s.opt.Bridge.Devices())}
	data.Controls, data.Readings = p.panel(d)
	data.Reaches, data.Levels = s.reaches(p, d), p.options(levels, d.Level)
	p.Data = data
	s.show(w, http.StatusOK, "device", p)
}

// reachWords and levels are what can be chosen for a device, and how people say it.
var (
	reachWords = []option{{Value: "automatic", Word: "By whatever works, the nearest first"}, {Value: "local", Word: "Locally, never by the cloud"}, {Value: "cloud", Word: "By the cloud only"}}
	levels     = []option{{Value: "default", Word: "As the settings say"}, {Value: "minimal", Word: "Few"}, {Value: "normal", Word: "The usual ones"}, {Value: "all", Word: "All"}}
)

// reaches are the ways to choose from: none without a cloud.
func (s *Server) reaches(p *page, d *Detail) []option {
	if s.opt.Accounts == nil && d.Reach == reachWords[0].Value {
		return nil
	}
	return p.options(reachWords, d.Reach)
}

// options are words of a list in the language of the page.
func (p *page) options(all []option, chosen string) []option {
	out := make([]option, len(all))
	for i, o := range all {
		out[i] = option{o.Value, p.T(o.Word), o.Value == chosen}
	}
	return out
}

// rooms are those that there are, sorted, for the field that names one.
func rooms(all []Device) (names []string) {
	seen := map[string]bool{}
	for i := range all {
		if room := all[i].Room; room != "" && !seen[room] {
			seen[room] = true
			names = append(names, room)
		}
	}
	return sorted(names)
}

// confirmData is what the page shows that asks once more.
type confirmData struct {
	Device *Detail
	What   string
	Danger string
	Action string // address of the form
	Fields url.Values
}

func (s *Server) deviceSet(w http.ResponseWriter, r *http.Request) {
	key, value := r.PostFormValue("key"), r.PostFormValue("value")
	if strings.HasSuffix(key, "/rgb") {
		value = rgb(value)
	}
	s.order(w, r, key+" = "+value, func(ctx context.Context, id string, confirmed bool) error {
		_, err := s.opt.Orders.Set(ctx, id, Write{Key: key, Value: mi.Text(value), Confirmed: confirmed})
		return err
	})
}

func (s *Server) deviceCall(w http.ResponseWriter, r *http.Request) {
	action := r.PostFormValue("action")
	var args []mi.Value
	for _, text := range r.PostForm["arg"] {
		args = append(args, mi.Text(text))
	}
	s.order(w, r, action, func(ctx context.Context, id string, confirmed bool) error {
		_, err := s.opt.Orders.Call(ctx, id, Call{Action: action, Args: args, Confirmed: confirmed})
		return err
	})
}

// order carries an order out and shows the device again, with what came of it; or
// asks once more first.
func (s *Server) order(w http.ResponseWriter, r *http.Request, what string, give func(ctx context.Context, id string, confirmed bool) error) {
	d := s.opt.Bridge.Device(r.PathValue("id"))
	if d == nil {
		s.missing(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.opt.MaxWait)
	defer cancel()
	err := give(ctx, d.ID, r.PostFormValue("confirmed") == "yes")
	if errors.Is(err, ErrConfirm) {
		s.ask(w, r, d, what, err.Error())
		return
	}
	see(w, r, "devices/"+url.PathEscape(d.ID)+"#order")
}

// ask shows the page that asks once more before something that cannot be undone.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, d *Detail, what, why string) {
	p := s.page(r, "devices", "Are you sure?")
	fields := url.Values{}
	for name, values := range r.PostForm {
		if name != "form" && name != "confirmed" {
			fields[name] = values
		}
	}
	steps := strings.Split(r.URL.Path, "/")
	p.Data = confirmData{Device: d, What: what, Danger: why, Action: steps[len(steps)-1], Fields: fields}
	s.show(w, http.StatusOK, "confirm", p)
}

func (s *Server) deviceOptions(w http.ResponseWriter, r *http.Request) {
	var c Wish
	for name, into := range map[string]**string{"name": &c.Name, "room": &c.Room, "reach": &c.Reach, "detail": &c.Detail} {
		if r.PostForm.Has(name) {
			*into = new(r.PostFormValue(name))
		}
	}
	for name, into := range map[string]**bool{"hidden": &c.Hidden, "asleep": &c.Asleep} {
		if said := r.PostForm[name]; len(said) > 0 { // a box that is not ticked says no by a field before it
			*into = new(said[len(said)-1] == "yes")
		}
	}
	s.back(w, r, s.opt.Orders.Choose(r.PathValue("id"), c))
}

func (s *Server) deviceRefresh(w http.ResponseWriter, r *http.Request) {
	s.back(w, r, s.opt.Orders.Refresh(r.PathValue("id")))
}

func (s *Server) deviceRemove(w http.ResponseWriter, r *http.Request) {
	d := s.opt.Bridge.Device(r.PathValue("id"))
	switch {
	case d == nil:
		s.missing(w, r)
	case r.PostFormValue("confirmed") != "yes":
		p := s.page(r, "", "")
		s.ask(w, r, d, p.T("Remove %s", d.Name), p.T("The bridge forgets it, and Home Assistant with it. Its automations stop."))
	default:
		if err := s.opt.Orders.Remove(d.ID); err != nil {
			s.fail(w, r, err)
			return
		}
		see(w, r, "devices")
	}
}

// back shows the device again, or says why it could not be done.
func (s *Server) back(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.fail(w, r, err)
		return
	}
	see(w, r, "devices/"+url.PathEscape(r.PathValue("id")))
}

// fail shows what went wrong as a page.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := failed(err)
	s.refuse(w, r, f.Status, f.Code, sentence(f.Detail))
}

func (s *Server) deviceReport(w http.ResponseWriter, r *http.Request) {
	d := s.opt.Bridge.Device(r.PathValue("id"))
	if d == nil {
		s.missing(w, r)
		return
	}
	s.showReport(w, r, d.ID, d.Name)
}

// maxWait is how long an order may take at the most, with all its routes.
const maxWait = time.Minute
