package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

const (
	user      = "anna@example.org"
	password  = "correct horse"
	userID    = "2147483649"
	passToken = "V1:pass+token/aBcDeFgH=="
	ssecurity = "AAECAwQFBgcICQoLDA0ODw=="
	picture   = "\x89PNG\r\n\x1a\nnot much of a picture"
	cloudAt   = "127.0.0.1:8443"
)

// fakeCloud answers as the tests tell it. Every host of Xiaomi's is the same one.
type fakeCloud struct {
	t *testing.T

	mu      sync.Mutex
	asked   []string                      // paths in the order of their requests
	answers map[string][]http.HandlerFunc // used up one by one; the last one stays
	token   int                           // number of the service token that is good
	tokens  []string                      // of all sessions
	devices map[string][]string           // by region, JSON
	homes   map[string]string             // by region, JSON list
	bodies  map[string]string             // last form of each path
}

func (f *fakeCloud) on(path string, answers ...http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[path] = answers
}

// list sets the devices of a region.
func (f *fakeCloud) list(region string, devices ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.devices[region] = devices
}

// body is the last form that went to a path.
func (f *fakeCloud) body(path string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bodies[path]
}

func (f *fakeCloud) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, p := range f.asked {
		if strings.HasPrefix(p, path) {
			n++
		}
	}
	return n
}

// accountRequests counts what went to the account server.
func (f *fakeCloud) accountRequests() int { return f.count("/account/") }

func (f *fakeCloud) expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.token++
}

func (f *fakeCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		f.t.Errorf("%s: %v", r.URL.Path, err)
	}
	f.mu.Lock()
	f.asked = append(f.asked, r.URL.Path)
	f.bodies[r.URL.Path] = r.Form.Encode()
	h := f.next(r.URL.Path)
	f.mu.Unlock()
	switch {
	case h != nil:
		h(w, r)
	case strings.HasPrefix(r.URL.Path, "/api/"):
		f.api(w, r)
	case strings.HasPrefix(r.URL.Path, "/sts/"):
		f.sts(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (f *fakeCloud) next(path string) http.HandlerFunc {
	all := f.answers[path]
	if len(all) == 0 {
		return nil
	}
	if len(all) > 1 {
		f.answers[path] = all[1:]
	}
	return all[0]
}

// says answers with JSON behind the prefix of the account servers.
func says(format string, args ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, prefix+format, args...)
	}
}

// good is a login answer that leads to the token server.
func (f *fakeCloud) good() http.HandlerFunc {
	return says(`{"code":0,"userId":%s,"cUserId":"c-user","passToken":%q,"ssecurity":%q,"nonce":9007199254740993,"location":"https://sts.api.io.mi.com/sts?d=x&ticket=0"}`, userID, passToken, ssecurity)
}

// begin is the answer of the first step.
const begun = `{"code":70016,"qs":"%%3Fsid%%3Dxiaomiio","sid":"xiaomiio","_sign":"SIGN=","callback":"https://sts.api.io.mi.com/sts","serviceParam":"{}","location":"https://account.xiaomi.com/fe/service/login?qs=%%253Fsid&sid=xiaomiio&_sign=SIGN%%3D&callback=https%%3A%%2F%%2Fsts.api.io.mi.com%%2Fsts&serviceParam=%%7B%%7D","captchaUrl":null}`

// first answers the first step as Xiaomi does: good for a living passToken.
func (f *fakeCloud) first(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie("passToken"); err == nil {
		if c.Value == passToken {
			f.good()(w, r)
			return
		}
	}
	says(begun)(w, r)
}

func (f *fakeCloud) sts(w http.ResponseWriter, r *http.Request) {
	want := clientSign("9007199254740993", ssecurity)
	if r.URL.Query().Get("clientSign") != want {
		f.t.Errorf("clientSign %q, want %q", r.URL.Query().Get("clientSign"), want)
	}
	f.grant(w)
}

func (f *fakeCloud) grant(w http.ResponseWriter) { f.grantTo(w, userID) }

func (f *fakeCloud) grantTo(w http.ResponseWriter, user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	token := fmt.Sprintf("service/token+%d==secret", f.token)
	f.tokens = append(f.tokens, token)
	http.SetCookie(w, &http.Cookie{Name: "serviceToken", Value: token})
	http.SetCookie(w, &http.Cookie{Name: "userId", Value: user})
	fmt.Fprint(w, "ok")
}

// api answers the calls that read lists; the session must be good.
func (f *fakeCloud) api(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := r.Cookie("serviceToken")
	if err != nil || c.Value != fmt.Sprintf("service/token+%d==secret", f.token) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"code":3,"message":"auth error"}`)
		return
	}
	region, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/"), "/app/")
	result := "{}"
	switch path {
	case "home/device_list":
		result = `{"list":[` + strings.Join(f.devices[region], ",") + `]}`
	case "v2/homeroom/gethome_merged":
		if result = f.homes[region]; result == "" {
			result = `{"homelist":[]}`
		}
	}
	f.answer(w, r, `{"code":0,"message":"ok","result":`+result+`}`)
}

// answer encrypts a body for the request that it answers.
func (f *fakeCloud) answer(w http.ResponseWriter, r *http.Request, body string) {
	nonce, err := base.DecodeString(r.PostForm.Get("_nonce"))
	if err != nil || len(nonce) != 12 {
		f.t.Errorf("nonce %q", r.PostForm.Get("_nonce"))
		return
	}
	s, err := newSeal(ssecurity, [12]byte(nonce))
	if err != nil {
		f.t.Error(err)
		return
	}
	path := r.URL.Path[strings.Index(r.URL.Path, "/app")+len("/app"):]
	hidden, _ := base.DecodeString(r.PostForm.Get("data"))
	if want, _ := url.ParseQuery(s.form("POST", path, string(s.crypt(hidden)))); want.Encode() != r.PostForm.Encode() {
		f.t.Errorf("%s: form %v, want %v", path, r.PostForm, want)
	}
	fmt.Fprint(w, base.EncodeToString(s.crypt([]byte(body))))
}

// stage is a manager beside a fake cloud on a machine in memory.
type stage struct {
	*Manager
	t     *testing.T
	cloud *fakeCloud
	disk  *world.Disk
	net   *world.Machine
	opt   Options
	log   *bytes.Buffer
	known [][]Device
	said  []string // secrets
	stop  func()
}

// inBubble runs test with a stage in a bubble, whose time flies.
func inBubble(t *testing.T, test func(*testing.T, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.start()
		test(t, s)
		s.stop()
		s.clean()
	})
}

func newStage(t *testing.T) *stage {
	machine := world.NewNet(1).Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.1.5/24")})
	cloud := &fakeCloud{t: t, answers: map[string][]http.HandlerFunc{}, devices: map[string][]string{}, homes: map[string]string{}, bodies: map[string]string{}}
	cloud.on("/account/pass/serviceLogin", cloud.first)
	l, err := machine.Listen(t.Context(), cloudAt)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: cloud}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	s := &stage{t: t, cloud: cloud, disk: world.NewDisk(1), net: machine, log: &bytes.Buffer{}, stop: func() {}}
	hosts := Hosts{Account: "http://" + cloudAt + "/account", STS: "http://" + cloudAt + "/sts", API: map[string]string{}}
	for _, r := range AllRegions() {
		hosts.API[r] = "http://" + cloudAt + "/api/" + r
	}
	s.opt = Options{
		World: mi.World{Net: machine, Disk: s.disk, Now: time.Now, Seed: 1}, Log: zerolog.New(zerolog.SyncWriter(s.log)).Level(zerolog.TraceLevel), Hosts: hosts,
		Found: func(d []Device) { s.known = append(s.known, d) },
		Learnt: func(all ...mi.Secret) {
			for _, one := range all {
				s.said = append(s.said, one.Reveal())
			}
		},
	}
	return s
}

// start makes the manager anew, as a start of the process does.
func (s *stage) start() {
	s.t.Helper()
	m, err := New(s.opt)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Manager = m
	ctx, cancel := contextOf(s.t)
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	}
	synctest.Wait()
}

func (s *stage) restart() {
	s.t.Helper()
	s.stop()
	s.start()
}

// want waits until the sign-in is at a step.
func (s *stage) want(kind Kind) Step {
	s.t.Helper()
	synctest.Wait()
	for range 600 {
		if step := s.Login(); step.Kind == kind || step.Kind == Failed {
			break
		}
		time.Sleep(time.Second)
		synctest.Wait()
	}
	step := s.Login()
	if step.Kind != kind {
		s.t.Fatalf("step %q (%s, %v), want %q\n%s", step.Kind, step.Text, step.Err, kind, s.log)
	}
	return step
}

// must is for answers that must be taken.
func (s *stage) must(step Step, err error) Step {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	return step
}

// signIn gets in by passToken.
func (s *stage) signIn() {
	s.t.Helper()
	s.must(s.StartToken(s.t.Context(), userID, passToken))
	s.want(Done)
}

// secrets are what must never be seen in the log.
func (s *stage) secrets() []string {
	return append(slices.Clone(s.cloud.tokens), passToken, ssecurity, password, passwordHash(password), deviceToken)
}

// clean checks that the log has no secret, in whatever form.
func (s *stage) clean() {
	s.t.Helper()
	log := s.log.String()
	for _, secret := range s.secrets() {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret), jsonForm(secret)} {
			if strings.Contains(log, form) {
				s.t.Errorf("the log has a secret (%s):\n%s", form, log)
			}
		}
	}
}

func jsonForm(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

const deviceToken = "00112233445566778899aabbccddeeff"

func device(did, more string) string {
	return `{"did":"` + did + `","token":"` + deviceToken + `","name":"Lamp","model":"yeelink.light.lamp1","pid":"0","localip":"192.168.1.17","mac":"AA:BB:CC:00:11:22","isOnline":true,"uid":` + userID + `,"extra":{"fw_version":"1.2.3"}` + more + `}`
}
