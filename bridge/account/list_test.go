package account

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
)

const beaconKey = "0123456789abcdef0123456789abcdef"

// home is a home with two rooms.
const home = `{"homelist":[{"id":"77","uid":2147483649,"name":"Haus\u0000","dids":["1001"],"roomlist":[{"id":"5","name":"Küche","dids":["1002","blt.3.x"]}]},{"id":"78","uid":"3000000000","name":"Oma"}],"has_more":false}`

// furnish fills the region de.
func (s *stage) furnish() {
	s.cloud.homes["de"] = home
	s.cloud.list("de", device("1001", ""), device("1002", `,"parent_id":"1001","owner":{"userid":"3000000000"}`), device("blt.3.x", `,"pid":6`), device("1001.s2", ""))
	s.cloud.on("/api/de/app/v2/device/blt_get_beaconkey", s.result(`{"beaconkey":"`+strings.ToUpper(beaconKey)+`"}`))
	s.cloud.on("/api/de/app/appgateway/miot/appsceneservice/AppSceneService/GetSimpleSceneList", s.result(`{"manual_scene_info_list":[{"scene_id":"900","name":"Good night"}]}`), s.result(`{}`))
}

func (s *stage) result(result string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.cloud.answer(w, r, `{"code":0,"message":"ok","result":`+result+`}`)
	}
}

func TestHomes(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.furnish()
		s.signIn()
		k := s.Known()
		if len(k.Devices) != 3 {
			t.Fatalf("devices %+v", k.Devices)
		}
		want := Device{
			Info: mi.Info{
				DID: "1001", Model: "yeelink.light.lamp1", Name: "Lamp", MAC: "aa:bb:cc:00:11:22",
				Addr: "192.168.1.17:54321", Firmware: "1.2.3", Token: deviceToken,
			},
			Account: userID, Region: "de", Home: "77", HomeName: "Haus", Connect: "0", Online: true, Owner: userID,
		}
		got := k.Devices[0]
		got.Asked = time.Time{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if d := k.Devices[1]; d.Room != "Küche" || d.Parent != "1001" || !d.Shared || d.Owner != "3000000000" {
			t.Errorf("device %+v", d)
		}
		if d := k.Devices[2]; d.BeaconKey != beaconKey || d.Connect != "6" {
			t.Errorf("device %+v", d)
		}
		if len(k.Homes) != 2 || k.Homes[0].Rooms[0] != (Room{"5", "Küche"}) || k.Homes[0].Shared || !k.Homes[1].Shared {
			t.Errorf("homes %+v", k.Homes)
		}
		if diff := cmp.Diff([]Scene{{userID, "de", "77", userID, "900", "Good night"}}, k.Scenes); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheNextStartNeedsNoCloud(t *testing.T) {
	for _, key := range []mi.Secret{"", "a passphrase"} {
		t.Run(fmt.Sprintf("key %d", len(key)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.opt.Seal = sealed.NewKey(key, s.opt.World.Rand("salt"))
				s.start()
				s.furnish()
				s.signIn()
				before, requests := s.Known(), s.cloud.count("")
				s.restart()
				if diff := cmp.Diff(before, s.Known()); diff != "" {
					t.Error(diff)
				}
				if len(s.known) == 0 || len(s.known[len(s.known)-1]) != 3 {
					t.Errorf("found %d times", len(s.known))
				}
				if n := s.cloud.count("") - requests; n != 0 {
					t.Errorf("%d requests", n)
				}
				s.stop()
				s.sealed(t, key != "")
				s.clean()
			})
		})
	}
}

// sealed checks what the data folder shows.
func (s *stage) sealed(t *testing.T, want bool) {
	t.Helper()
	names, err := s.disk.List("")
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for _, name := range names {
		raw, err := s.disk.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range append(s.secrets(), beaconKey) {
			seen = seen || strings.Contains(string(raw), secret)
		}
	}
	if seen == want {
		t.Errorf("secrets in the data folder: %v", seen)
	}
}

func TestOneDeviceOfManyRegionsIsOne(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		bare := strings.Replace(device("1001", ""), deviceToken, "", 1)
		s.cloud.list("cn", bare)
		s.cloud.list("de", device("1001", ""))
		s.cloud.list("us", bare)
		s.signIn()
		if k := s.Known(); len(k.Devices) != 1 || k.Devices[0].Region != "de" || k.Devices[0].Token != deviceToken {
			t.Errorf("devices %+v", k.Devices)
		}
	})
}

func TestNewAndRemovedDevices(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.list("de", device("1001", ""), device("1002", ""))
		s.signIn()
		s.cloud.list("de", device("1002", ""), device("1003", ""))
		time.Sleep(7 * time.Hour)
		synctest.Wait()
		k := s.Known()
		if len(k.Devices) != 3 || k.Devices[0].MissingSince.IsZero() || k.Devices[0].Online || !k.Devices[2].MissingSince.IsZero() {
			t.Fatalf("devices %+v", k.Devices)
		}
		time.Sleep(8 * 24 * time.Hour)
		synctest.Wait()
		if k := s.Known(); len(k.Devices) != 2 || k.Devices[0].DID != "1002" {
			t.Errorf("devices %+v", k.Devices)
		}
	})
}

func TestNothingIsRemovedByAListThatProvesNothing(t *testing.T) {
	for name, h := range map[string]func(*stage) http.HandlerFunc{
		"empty": func(s *stage) http.HandlerFunc { return s.result(`{"list":[]}`) },
		"null":  func(s *stage) http.HandlerFunc { return s.result(`{}`) },
		"502": func(*stage) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }
		},
		"page": func(*stage) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }
		},
		"401": func(*stage) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }
		},
		"lie": func(s *stage) http.HandlerFunc { return s.result(`[1,2]`) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage) {
				s.cloud.list("de", device("1001", ""))
				s.signIn()
				s.cloud.on("/api/de/app/home/device_list", h(s))
				time.Sleep(3 * 24 * time.Hour)
				synctest.Wait()
				if k := s.Known(); len(k.Devices) != 1 || !k.Devices[0].MissingSince.IsZero() {
					t.Errorf("devices %+v", k.Devices)
				}
			})
		})
	}
}

func TestRefreshIsThrottled(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.list("de", device("1001", ""), device("1002", ""))
		s.signIn()
		moved := strings.Replace(device("1001", ""), "192.168.1.17", "192.168.1.99", 1)
		s.cloud.list("de", moved, device("1002", ""))
		before := s.cloud.count("/api/de/app/home/device_list")
		for range 100 {
			s.Refresh("1001")
			s.Refresh("1002")
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := s.cloud.count("/api/de/app/home/device_list") - before; n != 1 {
			t.Errorf("%d lists, want 1", n)
		}
		if got := s.Known().Devices[0].Addr; got != "192.168.1.99:54321" {
			t.Errorf("address %s", got)
		}
		time.Sleep(perRefresh)
		if s.Refresh("1001") || !s.Refresh("1002") {
			t.Error("each device counts once an hour")
		}
		if !s.RefreshAll() || s.RefreshAll() {
			t.Error("a person may ask once a minute")
		}
	})
}

func TestHostileRows(t *testing.T) {
	for row, want := range map[string]string{ // to the address
		device("1", ""):                             "192.168.1.17:54321",
		device("../../x", ""):                       "refused",
		device("a b", ""):                           "refused",
		device("1", `,"model":"../x"`):              "refused",
		device("1", `,"localip":"127.0.0.1"`):       "",
		device("1", `,"localip":"8.8.8.8"`):         "",
		device("1", `,"localip":"224.0.0.1"`):       "",
		device("1", `,"localip":"::1"`):             "",
		device("1", `,"localip":"10.0.0.7"`):        "10.0.0.7:54321",
		device("1", `,"localip":"10.0.0.7:1"`):      "",
		device("1", `,"localip":"169.254.169.254"`): "",
		device("1", `,"localip":"169.254.1.2"`):     "169.254.1.2:54321",
		`{"did":`:                                   "refused", `[]`: "refused", `null`: "refused",
	} {
		d, ok := parseRow([]byte(row))
		if (want == "refused") == ok || ok && d.Addr != want {
			t.Errorf("%s: %v %+v, want %q", row, ok, d, want)
		}
	}
	for in, want := range map[string]mi.Secret{
		strings.ToUpper(deviceToken): deviceToken, strings.Repeat("f", 32): "", strings.Repeat("0", 32): "", "abc": "", "": "",
	} {
		if got := token(in); got != want {
			t.Errorf("token %s", in)
		}
	}
	if got := clean("a\u202eb\x00c\r\n" + strings.Repeat("字", 4000)); got != "abc"+strings.Repeat("字", maxName-3) {
		t.Errorf("name %q", got)
	}
}

func TestScenesStatisticsAndRemotes(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.furnish()
		s.signIn()
		ctx := t.Context()
		s.cloud.on("/api/de/app/appgateway/miot/appsceneservice/AppSceneService/NewRunScene", s.result("true"), s.result("false"))
		if err := s.RunScene(ctx, s.Known().Scenes[0]); err != nil {
			t.Error(err)
		}
		if err := s.RunScene(ctx, s.Known().Scenes[0]); err == nil {
			t.Error("a scene that did not run was taken for one that did")
		}
		refuse := func(w http.ResponseWriter, r *http.Request) { s.cloud.answer(w, r, `{"code":-8,"message":"no"}`) }
		s.cloud.on("/api/de/app/v2/user/statistics", refuse, s.result(`[{"time":1700086400,"value":"[3.5]"},{"time":1700000000,"value":"[12.3]"},{"time":"x","value":"1"}]`))
		got, err := s.Statistics(ctx, "1001", "7.1", Day, time.Unix(1, 0), time.Unix(2, 0))
		if err != nil || len(got) != 2 || got[0].Value != mi.Float(12.3) || got[1].Value != mi.Float(3.5) {
			t.Errorf("statistics %+v, %v", got, err)
		}
		s.cloud.on("/api/de/app/user/get_user_device_data", s.result(`[{"time":1700000000,"value":"\"open\""},{"time":1700000001,"value":"word"},{"time":1700000002,"value":"[1,2]"}]`))
		got, err = s.History(ctx, "1001", "event", "2.1", time.Unix(1, 0), time.Unix(2, 0), 5)
		if err != nil || len(got) != 3 || got[0].Value != mi.Text("open") || got[1].Value != mi.Text("word") || got[2].Value != mi.Text("[1,2]") {
			t.Errorf("history %+v, %v", got, err)
		}
		s.cloud.on("/api/de/app/v2/irdevice/controller/keys", s.result(`{"keys":[{"id":12,"name":"POWER","display_name":"Power"}]}`))
		keys, err := s.RemoteKeys(ctx, "1001")
		if err != nil || len(keys) != 1 || keys[0] != (RemoteKey{"12", "Power"}) {
			t.Errorf("keys %+v, %v", keys, err)
		}
		s.cloud.on("/api/de/app/v2/irdevice/controllers", s.result(`{"controllers":[{"did":"ir.1"}]}`))
		if got, err := s.Remotes(ctx, "1001"); err != nil || len(got) != 1 || got[0] != "ir.1" {
			t.Errorf("remotes %v, %v", got, err)
		}
		s.cloud.on("/api/de/app/v2/irdevice/controller/info", s.result(`{"controller_id":44}`))
		s.cloud.on("/api/de/app/v2/irdevice/controller/key/click", s.result(`{}`))
		if err := s.PressRemote(ctx, "1001", "12"); err != nil {
			t.Error(err)
		}
		if _, err := s.RemoteKeys(ctx, "nobody"); err == nil {
			t.Error("a did that nobody has")
		}
	})
}

func TestSignOutLeavesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.furnish()
		s.signIn()
		if err := s.SignOut(userID); err != nil {
			t.Fatal(err)
		}
		if k := s.Known(); len(k.Devices) != 0 || len(s.Accounts()) != 0 || len(s.known[len(s.known)-1]) != 0 {
			t.Errorf("known %+v", k)
		}
		s.sealed(t, true)
		s.restart()
		if len(s.Accounts()) != 0 {
			t.Error("it is back")
		}
		if err := s.SignOut(userID); err == nil {
			t.Error("twice")
		}
	})
}

// TestRequestsThatAServerDoesNotKnow are no fault of the account: it is not renewed
// for them, not called away, and the devices are there.
func TestRequestsThatAServerDoesNotKnow(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"404": http.NotFound,
		"401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage) {
				s.cloud.list("de", device("1001", ""), device("blt.3.x", `,"pid":6`))
				for _, path := range []string{
					"v2/homeroom/gethome_merged", "v2/user/get_device_cnt", "v2/home/home_device_list", "v2/device/blt_get_beaconkey",
					"appgateway/miot/appsceneservice/AppSceneService/GetSimpleSceneList",
				} {
					s.cloud.on("/api/de/app/"+path, h)
				}
				s.cloud.on("/api/de/app/v2/homeroom/gethome", s.result(home))
				s.cloud.on("/api/ru/app/home/device_list", h)
				s.signIn()
				before := s.cloud.accountRequests()
				time.Sleep(30 * time.Hour)
				synctest.Wait()
				if st := s.Accounts()[0]; st.Condition != OK || st.Devices != 2 || s.cloud.accountRequests() != before {
					t.Errorf("state %+v, %d renewals", st, s.cloud.accountRequests()-before)
				}
				if strings.Contains(s.log.String(), "away") || len(s.Known().Homes) != 2 {
					t.Errorf("homes %+v\n%s", s.Known().Homes, s.log)
				}
			})
		})
	}
}

func TestAnAccountWithoutDevicesSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.signIn()
		if st := s.Accounts()[0]; st.Condition != OK || st.Problem != "account.empty" || !strings.Contains(st.Text, "in any of the 7 regions") {
			t.Errorf("state %+v", st)
		}
	})
}

func TestRegionsThatFailAreTold(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage) {
		s.cloud.list("de", device("1001", ""))
		s.cloud.on("/api/ru/app/home/device_list", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) })
		s.must(s.StartToken(t.Context(), userID, passToken))
		step := s.want(Done)
		if step.Text != "Europe 1, 5 regions empty, 1 region does not answer." {
			t.Errorf("text %q", step.Text)
		}
		for _, r := range step.Regions {
			if (r.Text != "") != (r.ID == "ru") || !r.Asked {
				t.Errorf("region %+v", r)
			}
		}
	})
}
