package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// visitor is who asks, as far as the rules of access go.
type visitor struct {
	addr    netip.Addr
	open    bool   // on this machine or Home Assistant: needs no password
	ingress bool   // Home Assistant
	bearer  bool   // has shown the token of programs
	session string // id of a session that holds; "" for none
}

// admitted reports whether the visitor may see anything.
func (v visitor) admitted() bool { return v.open || v.bearer || v.session != "" }

// mark is what the tokens of the visitor's forms are bound to.
func (v visitor) mark() string {
	if v.session != "" {
		return v.session
	}
	return "open"
}

type visitorKey struct{}

func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

func withVisitor(r *http.Request, v visitor) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
}

// judge finds out who asks. Nothing in the request is believed about where it comes
// from, only the address at the other end of the connection.
func (s *Server) judge(r *http.Request) visitor {
	v := visitor{addr: peer(r)}
	v.ingress = s.opt.Ingress.IsValid() && v.addr == s.opt.Ingress
	v.open = v.ingress || v.addr.IsLoopback() && !forwarded(r)
	v.bearer = s.keys.isToken(bearer(r))
	if !v.open {
		v.session = s.keys.session(r, s.opt.World.Now())
	}
	return v
}

// peer is the other end of the connection.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// forwarded reports whether a proxy on this machine passes on what somebody
// elsewhere asked for. Its headers open no door, they only close one.
func forwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// bearer returns the token that a program shows, or "".
func bearer(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(token)
}

// knownHost reports whether the pages are asked for by a name that is ours. Any
// other one may have been pointed at us by a foreign page.
func (s *Server) knownHost(r *http.Request) bool {
	host := strings.ToLower(hostOnly(r.Host))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	own := strings.ToLower(s.opt.Host)
	names := []string{"localhost"}
	if own != "" {
		names = append(names, own, strings.TrimSuffix(own, ".local")+".local")
	}
	return slices.Contains(names, host) || slices.ContainsFunc(s.opt.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// origin judges where an order comes from. A browser says so; where it does not,
// or a proxy has changed the name, the token of the form decides.
func (s *Server) origin(r *http.Request, v visitor) bool {
	if v.bearer {
		return true
	}
	if r.Header.Get("Sec-Fetch-Site") != "" && http.NewCrossOriginProtection().Check(r) != nil {
		return false
	}
	return s.keys.isForm(formToken(r), v.mark())
}

func formToken(r *http.Request) string {
	if token := r.Header.Get("X-Form-Token"); token != "" || isAPI(r) {
		return token
	}
	return r.PostFormValue("form")
}
