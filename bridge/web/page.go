package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
)

//go:embed page/*.html
var pageFiles embed.FS

// pages are the templates, by name.
type pages map[string]*template.Template

func loadPages() (pages, error) {
	frame, err := template.New("frame.html").Funcs(template.FuncMap{
		"icon": icon, "sprite": sprite, "look": look, "routeLook": routeLook, "connectionLook": connectionLook, "dict": dict,
	}).ParseFS(pageFiles, "page/frame.html", "page/parts.html")
	if err != nil {
		return nil, fmt.Errorf("web: page: %w", err)
	}
	all := pages{}
	files, err := pageFiles.ReadDir("page")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.Name() == "frame.html" || f.Name() == "parts.html" {
			continue
		}
		one, err := frame.Clone()
		if err == nil {
			_, err = one.ParseFS(pageFiles, "page/"+f.Name())
		}
		if err != nil {
			return nil, fmt.Errorf("web: page %s: %w", f.Name(), err)
		}
		all[strings.TrimSuffix(f.Name(), ".html")] = one
	}
	return all, nil
}

// page is what a template sees: the request's own facts, and Data.
type page struct {
	server *Server
	now    time.Time

	Here     string // entry of the navigation
	Title    string
	Base     string // way to the first page
	Lang     string
	Theme    string // light, dark or "" for the system's
	Token    string // of every form
	Problems int    // that need somebody
	Asset    assets
	Version  string
	Topics   string // of live events that the page wants; "" for none
	Dids     string // devices that it shows
	Mark     string // last event before the page was made
	Framed   bool
	Locked   bool // a session can be ended
	Barred   bool // nothing but the way in is to be seen
	Data     any
}

// page prepares what every page needs.
func (s *Server) page(r *http.Request, here, title string) *page {
	v := visitorOf(r)
	p := &page{
		server: s, now: s.opt.World.Now(), Here: here, Base: base(r.URL.Path), Lang: s.texts.choose(r), Token: s.keys.form(v.mark()),
		Asset: s.assets, Version: s.opt.Version, Locked: v.session != "", Barred: !v.admitted(),
	}
	if c, err := r.Cookie("theme"); err == nil && slices.Contains([]string{"light", "dark"}, c.Value) {
		p.Theme = c.Value
	}
	if !p.Barred {
		p.Problems = open(s.opt.Bridge.Problems())
	}
	p.Title = p.T(title)
	return p
}

// open counts the problems that need somebody.
func open(all []Problem) (n int) {
	for i := range all {
		if all[i].Severity != Note {
			n++
		}
	}
	return n
}

// T returns English words in the page's language.
func (p *page) T(english string, args ...any) string {
	return p.server.texts.say(p.Lang, english, args...)
}

// Tell returns a text of another part of the bridge in the page's language.
func (p *page) Tell(text string) string { return p.server.texts.tell(p.Lang, text) }

// Problem returns the sentence of a problem and what to do, in the page's language.
func (p *page) Problem(x Problem) problemWords {
	say := func(text, places string) string {
		if known, ok := p.server.texts.known(p.Lang, places); ok {
			return problem.Say(known, x.Measured...)
		}
		return p.Tell(text)
	}
	return problemWords{say(x.Text, x.Sentence), say(x.ToDo, x.Remedy)}
}

// problemWords are what a page says of a problem.
type problemWords struct{ Text, ToDo string }

// N returns one sentence or the other, by number; the latter takes it as its first
// parameter.
func (p *page) N(n int, one, many string, args ...any) string {
	if n == 1 {
		return p.T(one, args...)
	}
	return p.T(many, append([]any{n}, args...)...)
}

// To returns the address of a page, named from the first one on.
func (p *page) To(parts ...any) string {
	to := p.Base + fmt.Sprint(parts...)
	if to == "" {
		return "."
	}
	return to
}

// Device returns the address of a device's page.
func (p *page) Device(id string) string { return p.Base + "devices/" + url.PathEscape(id) }

// show writes a page.
func (s *Server) show(w http.ResponseWriter, status int, name string, p *page) {
	var out bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&out, "frame.html", p); err != nil {
		s.log.Error().Err(err).Str("page", name).Msg("a page could not be made")
		http.Error(w, "This page could not be made. The log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the browser is gone
}

// refuse says why a request is not answered: a page for people, JSON for programs.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	if isAPI(r) {
		writeProblem(w, &failure{Status: status, Code: code, Title: http.StatusText(status), Detail: text})
		return
	}
	p := s.page(r, "", http.StatusText(status))
	p.Data = p.Tell(text)
	s.show(w, status, "error", p)
}

func (s *Server) missing(w http.ResponseWriter, r *http.Request) {
	if isAPI(r) {
		s.refuse(w, r, http.StatusNotFound, "no_such_path", "There is nothing at this path. openapi.json lists what there is.")
		return
	}
	p := s.page(r, "", "There is no such page.")
	s.show(w, http.StatusNotFound, "missing", p)
}

// dict makes a map of names and values, for templates that take several.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("web: dict takes pairs")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}
