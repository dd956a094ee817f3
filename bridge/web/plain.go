package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const (
	shownInBranch = 100 // devices of a branch on the page of routes
	shownOpen     = 100 // problems on their page
)

// branch is a branch as its page shows it.
type branch struct {
	Branch
	Count int // of devices
	More  int // devices that are not shown
}

func (s *Server) routes(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "routes", "Routes")
	var all []branch
	for _, b := range s.opt.Bridge.Routes() {
		one := branch{b, len(b.Devices), max(0, len(b.Devices)-shownInBranch)}
		one.Devices = b.Devices[:one.Count-one.More]
		all = append(all, one)
	}
	p.Data = all
	s.show(w, http.StatusOK, "routes", p)
}

// problemsData is what the page of problems shows.
type problemsData struct {
	Open   []Problem
	More   int // open ones that are not shown
	Notes  []Problem
	Solved []Problem
	Check  Checked // the last look at everything
}

func (s *Server) problems(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "problems", "Problems")
	p.live("problems")
	data := problemsData{Check: s.exam.get(), Solved: s.opt.Bridge.Solved()}
	for _, one := range s.opt.Bridge.Problems() {
		if one.Severity == Note {
			data.Notes = append(data.Notes, one)
		} else {
			data.Open = append(data.Open, one)
		}
	}
	data.More = max(0, len(data.Open)-shownOpen)
	data.Open = data.Open[:len(data.Open)-data.More]
	data.Notes = data.Notes[:min(len(data.Notes), shownOpen)]
	p.Data = data
	s.show(w, http.StatusOK, "problems", p)
}

// settingsData is what the page of settings shows.
type settingsData struct {
	Settings  []Setting
	Languages []option
	Themes    []option
}

func (s *Server) settings(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "settings", "Settings")
	data := settingsData{Settings: s.opt.Bridge.Settings()}
	for _, l := range s.texts.languages {
		data.Languages = append(data.Languages, option{l, cmp.Or(languageNames[l], l), l == p.Lang})
	}
	for _, theme := range []option{{Value: "", Word: "As the system"}, {Value: "light", Word: "Light"}, {Value: "dark", Word: "Dark"}} {
		data.Themes = append(data.Themes, option{theme.Value, p.T(theme.Word), theme.Value == p.Theme})
	}
	p.Data = data
	s.show(w, http.StatusOK, "settings", p)
}

// look keeps the choices that are the browser's own: theme and language.
func (s *Server) look(w http.ResponseWriter, r *http.Request) {
	theme, language := r.PostFormValue("theme"), r.PostFormValue("lang")
	prefer(w, r, "theme", theme, slices.Contains([]string{"light", "dark"}, theme))
	prefer(w, r, "lang", language, slices.Contains(s.texts.languages, language))
	see(w, r, "settings")
}

// prefer sets a cookie, or takes it off. Without a path it holds below the folder of
// the request, which is our first page under whatever prefix.
func prefer(w http.ResponseWriter, r *http.Request, name, value string, keep bool) {
	c := &http.Cookie{Name: name, Value: value, MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: secure(r), SameSite: http.SameSiteStrictMode}
	if !keep {
		c.Value, c.MaxAge = "", -1
	}
	http.SetCookie(w, c)
}

func (s *Server) restart(w http.ResponseWriter, r *http.Request) {
	if err := s.opt.Process.Restart(); err != nil {
		s.fail(w, r, err)
		return
	}
	see(w, r, "")
}

func (s *Server) more(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, "more", s.page(r, "more", "More"))
}

func (s *Server) about(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, "about", s.page(r, "about", "About and report"))
}

// reportData is a report as it would be downloaded.
type reportData struct {
	Name  string // of the device; "" for all
	Text  string
	Names bool
	Link  string // of the same as a file
	Issue string
}

func (s *Server) report(w http.ResponseWriter, r *http.Request) { s.showReport(w, r, "", "") }

// showReport shows a report before it leaves, or hands it out as a file.
func (s *Server) showReport(w http.ResponseWriter, r *http.Request, id, name string) {
	names := r.URL.Query().Has("names")
	text := s.opt.Process.Clean(s.opt.Process.Report(id, names))
	if r.URL.Query().Has("download") {
		download(w, "mihome2mqtt-report.txt")
		fmt.Fprint(w, text)
		return
	}
	p := s.page(r, "about", "Report")
	data := reportData{Name: name, Text: text, Names: names, Link: "?download", Issue: "https://github.com/mihome2mqtt/mihome2mqtt/issues/new"}
	if names {
		data.Link += "&names"
	}
	p.Data = data
	s.show(w, http.StatusOK, "report", p)
}

// unlockData is what the way in shows.
type unlockData struct {
	To   string
	Wait int // seconds until the next try
	Bad  bool
	Lost bool // the browser kept no cookie
}

func (s *Server) unlock(w http.ResponseWriter, r *http.Request) {
	if visitorOf(r).admitted() {
		see(w, r, ours(r.URL.Query().Get("to")))
		return
	}
	if s.opt.Password == "" {
		s.forbidden(w, r)
		return
	}
	s.showUnlock(w, r, http.StatusOK, unlockData{To: ours(r.URL.Query().Get("to")), Lost: r.URL.Query().Has("opened")})
}

func (s *Server) showUnlock(w http.ResponseWriter, r *http.Request, status int, data unlockData) {
	p := s.page(r, "", "Unlock")
	p.Data = data
	s.show(w, status, "unlock", p)
}

// unlocked judges a password.
func (s *Server) unlocked(w http.ResponseWriter, r *http.Request) {
	v, to := visitorOf(r), ours(r.PostFormValue("to"))
	if s.opt.Password == "" {
		s.forbidden(w, r)
		return
	}
	if wait := s.tries.take(v.addr); wait > 0 {
		seconds := int(wait.Seconds()) + 1
		w.Header().Set("Retry-After", fmt.Sprint(seconds))
		s.showUnlock(w, r, http.StatusTooManyRequests, unlockData{To: to, Wait: seconds})
		return
	}
	if !s.keys.isPassword(r.PostFormValue("password")) {
		s.log.Warn().Str("from", v.addr.String()).Msg("wrong password for the pages")
		s.showUnlock(w, r, http.StatusForbidden, unlockData{To: to, Bad: true})
		return
	}
	s.tries.forget(v.addr)
	cookie, err := s.keys.open(s.opt.World.Now(), secure(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.SetCookie(w, cookie)
	redirect(w, "unlock?opened&to="+to)
}

// lock ends every session.
func (s *Server) lock(w http.ResponseWriter, r *http.Request) {
	if err := s.keys.renew(); err != nil {
		s.fail(w, r, err)
		return
	}
	s.hub.drop()
	http.SetCookie(w, gone())
	see(w, r, "unlock")
}

// ours keeps a page's address only when it is one of ours, named from the first
// page on.
func ours(to string) string {
	path, _, _ := strings.Cut(to, "?")
	strange := strings.ContainsFunc(path, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_./", c)
	})
	if strange || strings.HasPrefix(path, "/") || strings.Contains(path, "..") || strings.Contains(path, "//") {
		return ""
	}
	return path
}

// forbidden tells how to open the pages to other machines.
func (s *Server) forbidden(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "", "These pages are shut from outside")
	s.show(w, http.StatusForbidden, "shut", p)
}
