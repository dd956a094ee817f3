package account

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// cookie is one cookie as it is kept.
type cookie struct {
	Name, Value string
	Host        string
	Wide        bool `json:",omitempty"` // hosts below Host get it too
}

// jar holds the cookies of one sign-in. It is safe for concurrent use.
type jar struct {
	mu  sync.Mutex
	all []cookie
}

const maxCookies = 100

// gone are values by which Xiaomi takes a cookie back.
func gone(c *http.Cookie) bool {
	return c.MaxAge < 0 || c.Value == "" || strings.EqualFold(c.Value, "EXPIRED")
}

// learn takes the cookies of an answer from u.
func (j *jar) learn(u *url.URL, header http.Header) {
	for _, c := range setCookies(header) {
		host, wide := u.Hostname(), false
		domain := strings.TrimPrefix(strings.ToLower(c.Domain), ".")
		if domain != "" && strings.HasSuffix(host, "."+domain) && below(domain, ours) {
			host, wide = domain, true
		}
		if gone(c) {
			j.drop(host, c.Name)
			continue
		}
		j.put(cookie{c.Name, c.Value, host, wide})
	}
}

func setCookies(header http.Header) []*http.Cookie {
	return (&http.Response{Header: header}).Cookies()
}

func (j *jar) put(c cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.all {
		if j.all[i].Name == c.Name && j.all[i].Host == c.Host {
			j.all[i] = c
			return
		}
	}
	if len(j.all) < maxCookies {
		j.all = append(j.all, c)
	}
}

func (j *jar) drop(host, name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.all {
		if j.all[i].Name == name && j.all[i].Host == host {
			j.all = append(j.all[:i:i], j.all[i+1:]...)
			return
		}
	}
}

// of returns what u's host is sent, later ones first in doubt.
func (j *jar) of(u *url.URL) map[string]string {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := map[string]string{}
	for _, c := range j.all {
		host := u.Hostname()
		if c.Host == host || c.Wide && strings.HasSuffix(host, "."+c.Host) {
			out[c.Name] = c.Value
		}
	}
	return out
}

// find returns the value of a cookie of any host; "" when there is none.
func (j *jar) find(name string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range slices.Backward(j.all) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (j *jar) kept() []cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]cookie(nil), j.all...)
}
