package web

import (
	"errors"
	"net/http"
	"path"
	"strings"
	"time"
)

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

// guarded puts every rule of access in front of next.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers(w.Header())
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if !s.bare(w, r) {
			return
		}
		v := s.judge(r)
		r = withVisitor(r, v)
		switch {
		case !v.ingress && !s.knownHost(r):
			s.refuse(w, r, http.StatusMisdirectedRequest, "foreign_host", "This name is not one of the bridge's. Use its address, or put the name into MIHOME2MQTT_WEB_HOSTS.")
		case !v.admitted() && !public(r.URL.Path):
			s.shut(w, r)
		case safe(r.Method):
			next.ServeHTTP(w, r)
		case tooLarge(r):
			s.refuse(w, r, http.StatusRequestEntityTooLarge, "too_large", "That is more than the bridge takes at once: 1 MiB.")
		case !s.origin(r, v):
			s.refuse(w, r, http.StatusForbidden, "cross_origin", "This order did not come from a page of the bridge, or the page is old. Load it again and repeat.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// headers are those of every answer.
func headers(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), payment=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// bare takes the prefix off the path and sends odd spellings to the right one. It
// reports whether there is something left to do.
func (s *Server) bare(w http.ResponseWriter, r *http.Request) bool {
	p := r.URL.Path
	if s.opt.Prefix != "" {
		switch rest, found := strings.CutPrefix(p, s.opt.Prefix); {
		case found && rest == "":
			redirect(w, path.Base(s.opt.Prefix)+"/")
			return false
		case found && rest[0] == '/':
			p = rest
		}
	}
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	clean := path.Clean(p)
	switch {
	case p == clean:
	case p == clean+"/" && clean != "/" && safe(r.Method):
		redirect(w, "../"+path.Base(clean))
		return false
	default:
		http.Error(w, "There is no such page.", http.StatusNotFound)
		return false
	}
	r.URL.Path, r.URL.RawPath = p, ""
	return true
}

func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// public paths are open to everybody: the way in and what it looks like.
func public(path string) bool {
	return path == "/unlock" || path == "/healthz" || strings.HasPrefix(path, "/asset/")
}

// tooLarge reads the body's form, if it is one, and reports whether it was too long.
func tooLarge(r *http.Request) bool {
	if isAPI(r) {
		return r.ContentLength > maxBody
	}
	_, over := errors.AsType[*http.MaxBytesError](r.ParseForm())
	return over
}

// redirect sends the browser to a path relative to the one it asked for, which
// holds behind every proxy.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// base is the way from a path to the first page.
func base(path string) string { return strings.Repeat("../", strings.Count(path, "/")-1) }

// see sends the browser to a page, named from the first one on.
func see(w http.ResponseWriter, r *http.Request, page string) {
	to := base(r.URL.Path) + page
	if to == "" {
		to = "."
	}
	redirect(w, to)
}

// shut answers somebody who may not see anything.
func (s *Server) shut(w http.ResponseWriter, r *http.Request) {
	switch {
	case isAPI(r):
		s.refuse(w, r, http.StatusUnauthorized, "locked", "This needs the password of the bridge, or its API token.")
	case s.opt.Password == "":
		s.forbidden(w, r)
	case safe(r.Method):
		see(w, r, "unlock?to="+strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	default:
		s.refuse(w, r, http.StatusUnauthorized, "locked", "This needs the password of the bridge. Unlock its pages and repeat.")
	}
}

// isAPI reports whether a program asks, not a page.
func isAPI(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/metrics"
}

// secure reports whether the browser talks to us, or to the proxy in front, over
// TLS. To believe a proxy here can only make a cookie stricter.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// extend gives a handler longer than usual to answer.
func extend(w http.ResponseWriter, wait time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait)) // a test's recorder has none
}
