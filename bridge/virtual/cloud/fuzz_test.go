package cloud

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// dark is a cloud that nobody lets answer.
func dark(t testing.TB) *Server { return darkWith(t, Options{}) }

func darkWith(t testing.TB, o Options) *Server {
	t.Helper()
	n := world.NewNet(5).Machine(world.Topology{Prefix: netip.MustParsePrefix("10.1.0.1/16")})
	s, err := New(mi.World{Net: n, Now: time.Now, Seed: 5}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// FuzzAnswer gives every call of the API parameters that nobody would send.
func FuzzAnswer(f *testing.F) {
	for _, seed := range [][2]string{
		{"/miotspec/prop/get", `{"params":[{"did":"700000000","siid":2,"piid":1}]}`},
		{"/miotspec/prop/set", `{"params":[{"did":"700000000","siid":2,"piid":1,"value":[]}]}`},
		{"/miotspec/action", `{"params":{"did":"700000000","siid":2,"aiid":1,"in":[{"a":1}]}}`},
		{"/home/rpc/700000000", `{"id":1e99,"method":"get_properties","params":{}}`},
		{"/v2/user/statistics", `{"did":"700000000","key":"10.1","data_type":"stat_month","time_start":-1,"time_end":1,"limit":1e9}`},
		{"/user/get_user_device_data", `{"did":"` + MotionDID + `","limit":-5}`},
		{"/v2/homeroom/get_dev_room_page", `{"start_id":99999999999}`},
		{"/v2/home/device_list_page", `{"limit":-3,"start_did":"x","dids":[""]}`},
		{"/v2/irdevice/controller/key/click", `{"did":"` + RemoteDID + `","key_id":-1}`},
		{"/device/batchdevicedatas", `[{}]`},
		{"/v2/home/home_device_list", `{"home_id":{},"home_owner":""}`},
		{"/appgateway/miot/appsceneservice/AppSceneService/NewRunScene", `{"home_id":123000000001,"scene_id":"880001"}`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	s := dark(f)
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		q := &ask{server: s, who: s.people[0], region: "de", path: path, data: data, now: s.now()}
		if text := marshal(q.answer()); !json.Valid(text) {
			t.Errorf("%s %s: %s", path, data, text)
		}
	})
}

// FuzzVisit sends requests of any shape to the account.
func FuzzVisit(f *testing.F) {
	f.Add("/pass/serviceLogin?sid=xiaomiio", "", "passToken=x; userId=y")
	f.Add("/pass/serviceLoginAuth2", "sid=xiaomiio&qs=%253F&callback=https%3A%2F%2Fsts.api.io.mi.com%2Fsts", "ick=")
	f.Add("/identity/list?context=", "", "identity_session=")
	f.Add("/sts?auth=&clientSign=", "", "")
	f.Add("/app/home/rpc/", "_nonce=AAAAAAAAAAAAAAAA", "serviceToken=")
	f.Add("/scan?ticket=%22%3E", "do=confirm", "")
	s := dark(f)
	f.Fuzz(func(t *testing.T, to, form, cookie string) {
		r, err := http.NewRequest(http.MethodPost, "http://account.xiaomi.com"+to, strings.NewReader(form))
		if err != nil || strings.HasPrefix(r.URL.Path, "/lp/") {
			t.Skip()
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), `"serviceToken"`) || w.Code == http.StatusOK && r.URL.Path == "/sts" {
			t.Errorf("%s let somebody in: %d %s", to, w.Code, w.Body)
		}
	})
}

func TestSameSeedMakesTheSameCloud(t *testing.T) {
	a, b := dark(t), dark(t)
	for _, s := range []*Server{a, b} {
		r := httptest.NewRequest(http.MethodGet, "http://account.xiaomi.com/pass/getCode", nil)
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	if len(a.Listings()) == 0 || !slices.Equal(a.Listings(), b.Listings()) || a.Captcha() == "" || a.Captcha() != b.Captcha() {
		t.Errorf("the clouds differ: captchas %q and %q\n%v\n%v", a.Captcha(), b.Captcha(), a.Listings(), b.Listings())
	}
}

func TestNobodySharesAnAddress(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		seen := map[string]string{}
		for _, l := range s.cloud.Listings() {
			if other := seen[l.MAC]; other != "" && l.MAC != "" {
				t.Errorf("%s and %s both have %s", l.Name, other, l.MAC)
			}
			seen[l.MAC] = l.Name
		}
	})
}
