package cloud

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

const plugDID = "460000000"

func TestPropertiesAreTheTruthOfTheLAN(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		d := s.home.Device(plugDID)
		for _, g := range []*guest{s.login(), s.login(), s.login()} {
			g.plain, g.gzip = g.token < "H", g.token > "a"
			d.Press("2.1", mi.Bool(false))
			_, text := g.call("/miotspec/prop/get", `{"params":[{"did":"460000000","siid":2,"piid":1},{"did":"1","siid":2,"piid":1}],"datasource":1}`)
			s.want(text, `"code":0,"did":"460000000"`, `"value":false`, `"code":-704010000,"did":"1"`)
			_, text = g.call("/miotspec/prop/set", `{"params":[{"did":"460000000","siid":2,"piid":1,"value":true},{"did":"460000000","siid":2,"piid":1,"value":"x"},{"did":"460000000","siid":10,"piid":4,"value":1}]}`)
			s.want(text, `"code":0,`, `"code":-704220043,`, `"code":-704030023,`)
			if d.Prop(2, 1) != mi.Bool(true) {
				t.Errorf("the plug is %v", d.Prop(2, 1))
			}
			_, text = g.call("/miotspec/action", `{"params":{"did":"460000000","siid":2,"aiid":1,"in":[]}}`)
			s.want(text, `"code":0,`)
			if d.Prop(2, 1) != mi.Bool(false) || len(d.Executed()) == 0 {
				t.Errorf("after the action the plug is %v", d.Prop(2, 1))
			}
		}
	})
}

func TestAnswerModes(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		g := s.login()
		var said []string
		for _, mode := range [][2]bool{{false, false}, {false, true}, {true, false}} {
			g.plain, g.gzip = mode[0], mode[1]
			status, text := g.call("/v2/message/v2/check_new_msg", `{"begin_at":1}`)
			said = append(said, fmt.Sprint(status, text))
		}
		if said[0] != said[1] || said[1] != said[2] || !strings.HasPrefix(said[0], `200{"code":0,`) {
			t.Errorf("the modes answer %q", said)
		}
	})
}

func TestLANTroubleDoesNotReachTheCloud(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		g := s.login()
		s.home.Device(plugDID).Hurt(miio.Trouble{Silent: true, Busy: true})
		read := `{"params":[{"did":"460000000","siid":2,"piid":1}]}`
		_, text := g.call("/miotspec/prop/get", read)
		s.want(text, `"value":true`)
		s.cloud.Online(plugDID, false)
		_, text = g.call("/miotspec/prop/get", read)
		s.want(text, `-704042011`)
		_, text = g.call("/home/device_list", "{}")
		s.want(text, `"isOnline":false`)
		_, text = g.call("/home/rpc/"+plugDID, `{"id":1,"method":"miIO.info","params":[]}`)
		s.want(text, `"code":-3`)
		s.cloud.Online(plugDID, true)
		s.cloud.Change(Mood{Vague: true})
		_, text = g.call("/miotspec/prop/set", `{"params":[{"did":"460000000","siid":2,"piid":1,"value":false}]}`)
		s.want(text, `"code":1,`)
	})
}

func TestLegacyCallsReachTheDevice(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		g := s.login()
		old := s.home.Devices()[1]
		_, text := g.call("/home/rpc/"+old.Info().DID, `{"id":1,"method":"set_power","params":["off"],"accessKey":"IOS00026747c5acafc2"}`)
		s.want(text, `"result":["ok"]`)
		_, text = g.call("/home/rpc/"+old.Info().DID, `{"id":2,"method":"get_prop","params":["power","nonsense"]}`)
		s.want(text, `"result":["off",null]`)
		if old.Value("power") != mi.Text("off") {
			t.Errorf("the plug is %v", old.Value("power"))
		}
		_, text = g.call("/home/rpc/"+old.Info().DID, `{"id":3,"method":"miIO.sub","params":{"did":"1"}}`)
		s.want(text, `"code":-32601`)
	})
}

func TestHomesRoomsAndSharing(t *testing.T) {
	bubble(t, Options{Listed: []mi.Info{{DID: "57701330", Model: "yeelink.light.strip1", Name: "String", Room: "Study", Addr: "127.98.0.1:55443"}}}, func(s *stage) {
		g := s.login()
		_, text := g.call("/v2/homeroom/gethome", `{"fg":true,"fetch_share":true,"fetch_share_dev":true,"limit":300,"app_ver":7}`)
		s.want(text, `"name":"Virtual home"`, `"name":"Study"`, `"share_home_list":[{`, `"name":"Grandma"`, `"id":"123000000001"`)
		_, text = g.call("/v2/home/home_device_list", `{"home_owner":6012345678,"home_id":123000000001,"limit":200,"start_did":""}`)
		s.want(text, plugDID, MotionDID, `"localip":"127.98.0.1"`, `"spec_type":"urn:miot-spec-v2:device:outlet`, `"parent_model":"virtual.blaster.v1"`)
		_, text = g.call("/v2/user/get_device_cnt", `{"fetch_own":true,"fetch_share":true}`)
		s.want(text, `"share_family":[{`, `"home_owner":2087654321`)
		_, text = g.call("/v2/home/home_device_list", `{"home_owner":2087654321,"home_id":123000000002}`)
		s.want(text, `"name":"Grandma's plug"`, `"token":""`, `"nickname":"Otto"`)
		_, text = g.call("/v2/device/blt_get_beaconkey", `{"did":"`+MotionDID+`","pdid":1}`)
		var key struct{ Result struct{ Beaconkey string } }
		if json.Unmarshal([]byte(text), &key); len(key.Result.Beaconkey) != 32 {
			t.Errorf("beacon key: %s", text)
		}
		g.region = "cn"
		_, text = g.call("/v2/homeroom/gethome_merged", "{}")
		s.want(text, "杭州的家")
		for _, region := range []string{"us", "ru", "tw", "sg", "in", "i2"} {
			g.region = region
			if status, text := g.call("/v2/homeroom/gethome", "{}"); status != 200 || !strings.Contains(text, `"homelist":[]`) {
				t.Errorf("%s: %d %s", region, status, text)
			}
		}
		s.forget()
		otto := s.enter(s.knock("otto@example.com", "Otto's cloud 8!"))
		_, text = otto.call("/home/device_list", "{}")
		if strings.Contains(text, plugDID) || !strings.Contains(text, "Grandma's plug") {
			t.Errorf("Otto sees %s", text)
		}
	})
}

func TestListsComeInPages(t *testing.T) {
	bubble(t, Options{Away: miio.Options{Models: []string{"cuco.plug.cp5pro"}, Count: 700}}, func(s *stage) {
		g := s.login()
		seen := map[string]bool{}
		type page struct {
			Result struct {
				List []struct{ DID string }
				Info []struct {
					DIDs  []string
					Rooms []struct{ DIDs []string } `json:"roomlist"`
				}
				Homes []struct {
					DIDs  []string
					Rooms []struct{ DIDs []string } `json:"roomlist"`
				} `json:"homelist"`
				Next  string `json:"next_start_did"`
				MaxID string `json:"max_id"`
				More  bool   `json:"has_more"`
			}
		}
		read := func(path, data string) (p page) {
			_, text := g.call(path, data)
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			return p
		}
		for next, n := "", 0; n == 0 || next != ""; n++ {
			p := read("/v2/home/device_list_page", `{"limit":200,"start_did":"`+next+`"}`)
			for _, d := range p.Result.List {
				if seen[d.DID] {
					t.Errorf("%s comes twice", d.DID)
				}
				seen[d.DID] = true
			}
			if next = p.Result.Next; p.Result.More != (next != "") {
				t.Fatalf("page %d: more is %v, next %q", n, p.Result.More, next)
			}
		}
		if want := len(s.cloud.Listings()); len(seen) != want || want < 700 {
			t.Errorf("%d devices came of %d", len(seen), want)
		}
		inRooms := 0
		p := read("/v2/homeroom/gethome", "{}")
		info := p.Result.Homes
		for n := 0; ; n++ {
			for _, h := range info {
				inRooms += len(h.DIDs)
				for _, r := range h.Rooms {
					inRooms += len(r.DIDs)
				}
			}
			if p.Result.MaxID == "" || n > 9 {
				break
			}
			p = read("/v2/homeroom/get_dev_room_page", `{"start_id":"`+p.Result.MaxID+`","limit":150}`)
			info = p.Result.Info
		}
		if inRooms != len(seen) {
			t.Errorf("%d dids are in the rooms of %d", inRooms, len(seen))
		}
	})
}

func TestBatchesAreLimitedAndCounted(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		g := s.login()
		params := func(n int) string {
			return `{"params":[` + strings.TrimSuffix(strings.Repeat(`{"did":"460000000","siid":2,"piid":1},`, n), ",") + `]}`
		}
		_, text := g.call("/miotspec/prop/get", params(150))
		if strings.Count(text, `"value":true`) != 150 {
			t.Errorf("150 properties: %.200s", text)
		}
		_, text = g.call("/miotspec/prop/get", params(151))
		s.want(text, `"code":-6`)
		last := s.cloud.Requests()[len(s.cloud.Requests())-2]
		if want := (Request{At: last.At, Host: "de.api.io.mi.com", Path: "/miotspec/prop/get", Size: 150}); last != want || last.At.IsZero() {
			t.Errorf("taken down: %+v, want %+v", last, want)
		}
		if c := s.cloud.Counts(); c["/miotspec/prop/get"] != 2 || c["/pass/serviceLogin"] != 1 || c["/sts"] != 1 {
			t.Errorf("counted: %v", c)
		}
	})
}

func TestRemotesScenesAndHistory(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		g := s.login()
		_, text := g.call("/v2/irdevice/controllers", `{"parent_id":"`+BlasterDID+`"}`)
		s.want(text, RemoteDID, ACRemoteDID)
		_, text = g.call("/v2/irdevice/controller/keys", `{"did":"`+RemoteDID+`"}`)
		s.want(text, `{"display_name":"volume up","id":2,"name":"VOLUME_UP"}`)
		g.call("/v2/irdevice/controller/key/click", `{"did":"`+RemoteDID+`","key_id":2,"controller_id":2001}`)
		_, text = g.call("/v2/irdevice/controller/key/click", `{"did":"`+RemoteDID+`","key_id":99}`)
		s.want(text, `"code":-6`)
		if got := s.cloud.Pressed(); len(got) != 1 || got[0] != RemoteDID+" volume up" {
			t.Errorf("pressed %v", got)
		}
		const scenes = "/appgateway/miot/appsceneservice/AppSceneService/"
		_, text = g.call(scenes+"GetSimpleSceneList", `{"app_version":12,"get_type":2,"home_id":"123000000001","owner_uid":6012345678}`)
		s.want(text, `"name":"Good night"`, `"scene_id":"880001"`)
		_, text = g.call(scenes+"NewRunScene", `{"scene_id":"880001","scene_type":2,"phone_id":"null","home_id":"123000000001","owner_uid":6012345678}`)
		s.want(text, `"result":true`)
		if s.home.Device(plugDID).Prop(2, 1) != mi.Bool(false) || fmt.Sprint(s.cloud.Ran()) != "[Good night]" {
			t.Errorf("the plug is %v, ran %v", s.home.Device(plugDID).Prop(2, 1), s.cloud.Ran())
		}
		s.cloud.Happen(MotionDID, "event", "15", `["01000000"]`)
		_, text = g.call("/user/get_user_device_data", `{"did":"`+MotionDID+`","key":"15","type":"event","time_start":0,"time_end":9999999999,"limit":2}`)
		s.want(text, `"value":"[\"01000000\"]"`)
		if strings.Count(text, `"time"`) != 2 {
			t.Errorf("two of the history: %s", text)
		}
		_, text = g.call("/device/batchdevicedatas", `[{"did":"`+MotionDID+`","props":["prop.4106","event.15"]}]`)
		s.want(text, `"prop.4106":"[\"5c\"]"`, `"event.15":"[\"01000000\"]"`)
	})
}

func TestStatisticsOnlyGrow(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		g := s.login()
		read := func() (today float64, day int64, text string) {
			_, text = g.call("/v2/user/statistics", fmt.Sprintf(`{"did":"460000000","key":"10.1","data_type":"stat_day_v3","time_start":%d,"time_end":%d,"limit":30}`,
				time.Now().Add(-240*time.Hour).Unix(), time.Now().Unix()))
			var a struct {
				Result []struct {
					Time  int64
					Value string
				}
			}
			if err := json.Unmarshal([]byte(text), &a); err != nil || len(a.Result) < 10 {
				t.Fatalf("%v: %s", err, text)
			}
			fmt.Sscanf(a.Result[0].Value, "[%g]", &today)
			return today, a.Result[0].Time, text
		}
		last, day, _ := read()
		for range 40 {
			time.Sleep(time.Hour)
			now, today, text := read()
			if today == day && now <= last || today != day && now > last || now <= 0 && today == day {
				t.Errorf("from %v to %v: %.300s", last, now, text)
			}
			last, day = now, today
		}
		for _, kind := range []string{"stat_hour", "stat_week_v3", "stat_month_v3"} {
			_, text := g.call("/v2/user/statistics", `{"did":"460000000","key":"10.1","data_type":"`+kind+`","time_start":0,"limit":5}`)
			if strings.Count(text, `"time"`) != 5 {
				t.Errorf("%s: %s", kind, text)
			}
		}
	})
}

func TestChangesOfTheHomeShow(t *testing.T) {
	bubble(t, Options{}, func(s *stage) {
		g := s.login()
		s.cloud.Rename(plugDID, "Renamed")
		s.cloud.Hide("700000000", true)
		if err := s.home.Device(plugDID).Retoken("00112233445566778899aabbccddeeff"); err != nil {
			t.Fatal(err)
		}
		_, text := g.call("/home/device_list", "{}")
		s.want(text, `"name":"Renamed"`, "00112233445566778899aabbccddeeff")
		if strings.Contains(text, "Garage plug") {
			t.Error("a hidden device is listed")
		}
		s.cloud.Hide("700000000", false)
		if _, text = g.call("/home/device_list", "{}"); !strings.Contains(text, "Garage plug") {
			t.Error("it does not come back")
		}
	})
}
