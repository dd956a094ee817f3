package cloud

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// stage is a cloud in memory with a browser beside it.
type stage struct {
	*testing.T
	cloud *Server
	home  *miio.Home
	http  *http.Client
}

// bubble runs a test in a synctest bubble with a cloud that answers.
func bubble(t *testing.T, o Options, test func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(5)
		here := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("10.1.0.1/16")})
		w := mi.World{Net: here, Now: time.Now, Seed: 5}
		home, err := miio.New(w, miio.Options{Models: []string{"cuco.plug.cp5pro", "chuangmi.plug.m1", "yeelink.light.color5"}, Still: true})
		if err != nil {
			t.Fatal(err)
		}
		o.Home, o.Away.Still = home, true
		cloud, err := New(w, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- cloud.Run(ctx) }()
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		road := &http.Transport{DialContext: here.DialContext}
		s := &stage{T: t, cloud: cloud, home: home, http: &http.Client{
			Transport: road, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
		test(s)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		home.Close()
		road.CloseIdleConnections()
	})
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// send makes a request; form is nil for a GET. Paths are of the account.
func (s *stage) send(to string, form url.Values) answered {
	s.Helper()
	a, err := s.try(to, form)
	if err != nil {
		s.Fatalf("%s: %v", to, err)
	}
	return a
}

func (s *stage) try(to string, form url.Values) (a answered, err error) {
	if strings.HasPrefix(to, "/") {
		to = s.cloud.URLs().Account + to
	}
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(s.Context(), method, to, body)
	if err != nil {
		return a, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return s.do(r)
}

func (s *stage) do(r *http.Request) (a answered, err error) {
	res, err := s.http.Do(r)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	a = answered{status: res.StatusCode, header: res.Header, text: string(raw)}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte(prefix))))
	d.UseNumber()
	_ = d.Decode(&a.json)
	return a, err
}

func (a answered) code() string {
	n, _ := a.json["code"].(json.Number)
	return n.String()
}

func (a answered) str(key string) string {
	switch v := a.json[key].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// knock is both steps of a password login.
func (s *stage) knock(user, password string, extra ...string) answered {
	s.Helper()
	one := s.send("/pass/serviceLogin?_json=true&sid=xiaomiio", nil)
	form := url.Values{"_json": {"true"}, "user": {user}, "hash": {hashPassword(password)}}
	for _, k := range []string{"sid", "callback", "_sign", "qs"} {
		form.Set(k, one.str(k))
	}
	for i := 0; i < len(extra); i += 2 {
		form.Set(extra[i], extra[i+1])
	}
	return s.send("/pass/serviceLoginAuth2", form)
}

// guest is a session of the API.
type guest struct {
	*stage
	region            string
	userID, ssecurity string
	token             string
	plain             bool // HMAC instead of RC4
	gzip              bool
	late              time.Duration
}

// enter fetches the service token of a login.
func (s *stage) enter(a answered) *guest {
	s.Helper()
	got := s.send(a.str("location"), nil)
	if got.text != "ok" {
		s.Fatalf("service token: %d %s", got.status, got.text)
	}
	g := &guest{stage: s, region: "de", userID: a.str("userId"), ssecurity: a.str("ssecurity")}
	for _, c := range (&http.Response{Header: got.header}).Cookies() {
		if c.Name == "serviceToken" {
			g.token = c.Value
		}
	}
	return g
}

// login is a friendly login by password, of one who was never here.
func (s *stage) login() *guest {
	s.Helper()
	s.forget()
	return s.enter(s.knock(User, Password.Reveal()))
}

// call calls the API and returns status and plain text.
func (g *guest) call(path string, data any) (int, string) {
	g.Helper()
	status, text, err := g.attempt(path, data)
	if err != nil {
		g.Fatalf("%s: %v", path, err)
	}
	return status, text
}

func (g *guest) attempt(path string, data any) (int, string, error) {
	text, isText := data.(string)
	if !isText {
		text = string(marshal(data))
	}
	nonce := binary.BigEndian.AppendUint32(g.cloud.someBytes(8), uint32(time.Now().Add(-g.late).Unix()/60))
	secret, err := decode(g.ssecurity)
	if err != nil {
		g.Fatal(err)
	}
	key := signNonce(secret, nonce)
	form := seal(key, nonce, path, text, g.plain)
	r, err := http.NewRequestWithContext(g.Context(), http.MethodPost, g.cloud.URLs().API[g.region]+"/app"+path, strings.NewReader(form.Encode()))
	if err != nil {
		g.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if g.gzip {
		r.Header.Set("Miot-Accept-Encoding", "GZIP")
	}
	r.Header.Set("Cookie", "userId="+g.userID+"; serviceToken="+g.token)
	bare := &stage{T: g.T, cloud: g.cloud, http: &http.Client{Transport: g.http.Transport}}
	a, err := bare.do(r)
	if err != nil || g.plain || a.json != nil {
		return a.status, a.text, err
	}
	raw, err := decode(a.text)
	if err != nil {
		return a.status, a.text, nil
	}
	return a.status, string(unzip(g.T, crypt(key, raw))), nil
}

func unzip(t *testing.T, raw []byte) []byte {
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return raw
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	raw, err = io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// seal makes a request as clients do.
func seal(key, nonce []byte, path, data string, plain bool) url.Values {
	if plain {
		f := url.Values{"data": {data}, "_nonce": {encode(nonce)}}
		f.Set("signature", encode(macOf(key, path, encode(key), encode(nonce), "data="+data)))
		return f
	}
	hash := sum(http.MethodPost, path, "data="+data, encode(key))
	sealed, hidden := encode(crypt(key, []byte(data))), encode(crypt(key, []byte(hash)))
	return url.Values{
		"data": {sealed}, "rc4_hash__": {hidden}, "_nonce": {encode(nonce)},
		"signature": {sum(http.MethodPost, path, "data="+sealed, "rc4_hash__="+hidden, encode(key))},
	}
}

func (s *Server) someBytes(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes(n)
}

// want checks that text holds every part.
func (s *stage) want(text string, parts ...string) {
	s.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			s.Errorf("%s is not in %.1500s", p, text)
		}
	}
}

// forget empties the cookie jar, but for the given cookies.
func (s *stage) forget(pairs ...string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	at, err := url.Parse(s.cloud.URLs().Account)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		jar.SetCookies(at, []*http.Cookie{{Name: pairs[i], Value: pairs[i+1], Path: "/"}})
	}
	s.http.Jar = jar
}
