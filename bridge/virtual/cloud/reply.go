package cloud

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type object = map[string]any

// reply is an answer before it leaves.
type reply struct {
	status  int    // 0 is 200
	kind    string // content type
	header  [][2]string
	cookies [][2]string
	body    []byte
}

const (
	typeJSON = "application/json;charset=UTF-8"
	typeHTML = "text/html;charset=UTF-8"
	typeText = "text/plain;charset=UTF-8"
)

func marshal(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // an answer of ours is no JSON
	}
	return bytes.TrimSpace(buf.Bytes())
}

// prefix comes before all JSON of the account.
const prefix = "&&&START&&&"

// told is an answer of the account.
func told(v object) reply {
	return reply{kind: typeJSON, body: append([]byte(prefix), marshal(v)...)}
}

// refused is an answer of the account that is a code and little else.
func refused(code int, description string) reply {
	return told(object{"result": "error", "code": code, "desc": description, "description": description})
}

// plain is an answer of the API that nobody has to decrypt.
func plain(status, code int, message string) reply {
	return reply{status: status, kind: typeJSON, body: marshal(object{"code": code, "message": message})}
}

func page(text string) reply {
	return reply{kind: typeHTML, body: []byte("<!DOCTYPE html>\n<html><head><title>Xiaomi Account</title></head><body>" + text + "</body></html>\n")}
}

func moved(to string) reply {
	return reply{status: http.StatusFound, header: [][2]string{{"Location", to}}}
}

func missing() reply { return plain(http.StatusNotFound, -1, "not found") }

// write sends the answer; who does not wait for it loses it.
func (a reply) write(w http.ResponseWriter) {
	for _, h := range a.header {
		w.Header().Add(h[0], h[1])
	}
	for _, c := range a.cookies {
		http.SetCookie(w, &http.Cookie{Name: c[0], Value: c[1], Path: "/", HttpOnly: true})
	}
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(a.body)
}

// visit is one request while it is answered.
type visit struct {
	*http.Request
	host string // as Xiaomi calls it; "" when only the path tells
	path string // without "/app"
	now  time.Time
	note *Request // as it is taken down
}

// maxBody is the longest request that is read.
const maxBody = 1 << 20

// enter reads a request.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) (*visit, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	v := &visit{Request: r, now: s.now()}
	w.Header().Set("Date", v.now.UTC().Format(http.TimeFormat))
	v.host, _ = r.Context().Value(hostKey{}).(string)
	if isXiaomi(r.Host) {
		v.host = r.Host
	}
	v.path = strings.TrimPrefix(r.URL.Path, "/app")
	return v, r.ParseForm()
}

func isXiaomi(host string) bool {
	return strings.HasSuffix(host, ".xiaomi.com") || strings.HasSuffix(host, ".mi.com") || host == newHost
}

// value returns a cookie, "" when it was not sent.
func (v *visit) value(cookie string) string {
	c, err := v.Cookie(cookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// account is how the client reaches the account's pages: by Xiaomi's name if that
// is how it came, by the server's own address otherwise.
func (s *Server) account(v *visit) string {
	if isXiaomi(v.Host) {
		return "https://" + accountHost
	}
	return s.URLs().Account
}

// sts is the same for the service tokens of a sid.
func (s *Server) sts(v *visit, sid string) string {
	if isXiaomi(v.Host) {
		return callback(sid)
	}
	return s.URLs().STS + "/sts"
}

// query puts parameters together, in the given order.
func query(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(pairs[i] + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}
