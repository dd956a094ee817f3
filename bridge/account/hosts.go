package account

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// ours are the domains of Xiaomi's; nothing is ever sent elsewhere.
var ours = []string{"xiaomi.com", "mi.com", "mijia.tech"}

const (
	accountHost = "account.xiaomi.com"
	stsHost     = "sts.api.io.mi.com"
	apiHost     = "api.io.mi.com"
)

// ErrNotLoopback says that a test was about to talk to Xiaomi.
var ErrNotLoopback = errors.New("account: a test may only talk to loopback: set every one of Options.Hosts")

// hosts leads addresses to the servers that are used.
type hosts struct {
	bases map[string]*url.URL // host of Xiaomi's to what stands for it
	only  bool                // nothing but the bases
}

func newHosts(h Hosts, regions []string) (*hosts, error) {
	out := &hosts{bases: map[string]*url.URL{}}
	set := func(host, base string) error {
		out.only = out.only || base != ""
		if base == "" {
			base = "https://" + host
		}
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("account: %s is no address of a server", host)
		}
		u.Path = strings.TrimRight(u.Path, "/")
		out.bases[host] = u
		return nil
	}
	err := errors.Join(set(accountHost, h.Account), set(stsHost, h.STS))
	for _, r := range regions {
		err = errors.Join(err, set(regionHost(r), h.API[r]))
	}
	return out, err
}

func regionHost(region string) string {
	if region == "cn" {
		return apiHost
	}
	return region + "." + apiHost
}

// loopback reports whether every server is on this machine.
func (h *hosts) loopback() bool {
	for _, u := range h.bases {
		addr, err := netip.ParseAddr(u.Hostname())
		if u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback()) {
			return false
		}
	}
	return true
}

// lead checks an address that came in an answer of host, and leads it to the
// server that is used. It refuses all that is not Xiaomi's.
func (h *hosts) lead(from *url.URL, address string) (*url.URL, error) {
	if address = strings.TrimSpace(address); strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") {
		address = h.prefix(from) + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("account: an answer leads to something that is no address: %w", ErrHost)
	}
	if u = from.ResolveReference(u); u.User != nil || u.Opaque != "" {
		return nil, fmt.Errorf("account: an answer leads to %.40s: %w", u.Hostname(), ErrHost)
	}
	u.Fragment = ""
	if base := h.bases[strings.ToLower(u.Hostname())]; base != nil && u.Port() == "" {
		led := *u
		led.Scheme, led.Host, led.Path = base.Scheme, base.Host, base.Path+u.Path
		if led.RawPath != "" {
			led.RawPath = base.Path + u.RawPath
		}
		return &led, nil
	}
	if h.known(u) || !h.only && u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") && below(u.Hostname(), ours) {
		return u, nil
	}
	return nil, fmt.Errorf("account: an answer leads to %.60q: %w", u.Scheme+"://"+net.JoinHostPort(u.Hostname(), u.Port()), ErrHost)
}

// prefix is the path that stands before all paths of a server.
func (h *hosts) prefix(u *url.URL) string {
	longest := ""
	for _, base := range h.bases {
		if u.Scheme == base.Scheme && strings.EqualFold(u.Host, base.Host) &&
			strings.HasPrefix(u.Path, base.Path) && len(base.Path) > len(longest) {
			longest = base.Path
		}
	}
	return longest
}

// known reports whether u is on one of the bases.
func (h *hosts) known(u *url.URL) bool {
	for _, base := range h.bases {
		if u.Scheme == base.Scheme && strings.EqualFold(u.Host, base.Host) {
			return true
		}
	}
	return false
}

// below reports whether host is one of domains or below one.
func below(host string, domains []string) bool {
	host = strings.ToLower(host)
	for _, d := range domains {
		if host == d || strings.HasSuffix(host, "."+d) {
			return true
		}
	}
	return false
}
