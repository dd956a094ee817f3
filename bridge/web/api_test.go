package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestAPI(t *testing.T) {
	h := newHouse(120)
	s := serve(t, h, func(o *Options) { o.Token = token })
	auth := map[string]string{"Authorization": "Bearer " + token.Reveal()}
	for _, tc := range []struct {
		name, method, path, body string
		want                     int
		says                     string
	}{
		{"status", "GET", "status", "", 200, `"devices":{"total":120,"online":118,"asleep":1,"no_answer":1`},
		{"list", "GET", "devices?limit=2&sort=name", "", 200, `"total":120,"next":"2"`},
		{"end of the list", "GET", "devices?cursor=119&limit=500", "", 200, `"total":120}`},
		{"limit", "GET", "devices?limit=9999", "", 400, `"field":"limit"`},
		{"device", "GET", "devices/" + purifier, "", 200, `"did":"460000001"`},
		{"no device", "GET", "devices/nobody", "", 404, `"code":"no_device"`},
		{"set", "POST", "devices/" + purifier + "/set", `{"fan_2/preset_mode":"Silent","2.5":3}`, 200, `"results":[{"key":"2.5","ok":true,"value":3},{"key":"fan_2/preset_mode","ok":true,"value":"Silent"}]`},
		{"set in part", "POST", "devices/" + purifier + "/set", `{"2.5":3,"9.9":1}`, 207, `"code":"no_such_role"`},
		{"set nothing", "POST", "devices/" + purifier + "/set", `{}`, 400, `"code":"bad_value"`},
		{"set what is not there", "POST", "devices/" + purifier + "/set", `{"9.9":1}`, 404, `"field":"9.9"`},
		{"unconfirmed", "POST", "devices/" + purifier + "/set", `{"lock_4/state":"UNLOCK"}`, 409, `"code":"confirm"`},
		{"confirmed", "POST", "devices/" + purifier + "/set?confirm=true", `{"lock_4/state":"UNLOCK"}`, 200, `"ok":true`},
		{"call", "POST", "devices/" + purifier + "/call", `{"action":"6.1","args":["hi"]}`, 200, `"route":"lan"`},
		{"get", "POST", "devices/" + purifier + "/get", "", 200, `"environment/pm2.5-density":12`},
		{"patch", "PATCH", "devices/" + purifier, `{"hidden":true}`, 200, `"hidden":true`},
		{"patch of something else", "PATCH", "devices/" + purifier, `{"token":"x"}`, 400, `token`},
		{"no JSON", "POST", "devices/" + purifier + "/set", `{`, 400, `"code":"bad_value"`},
		{"two values", "POST", "devices/" + purifier + "/set", `{"2.5":3}{"2.5":4}`, 400, `"code":"bad_value"`},
		{"import", "POST", "import", `{"list":"1/2, 3"}`, 200, `"added":2,"changed":1,"skipped":[{"entry":3`},
		{"routes", "GET", "routes", "", 200, `"nodes":[{"id":"lan"`},
		{"problems", "GET", "problems", "", 200, `"items":[]`},
		{"check", "POST", "problems/check", "", 202, `"job":1`},
		{"solved", "GET", "problems/solved", "", 200, `"total":0`},
		{"settings", "GET", "settings", "", 200, `"value":"set, 24 characters"`},
		{"logs", "GET", "logs", "", 200, `"items":[]`},
		{"level", "PUT", "logs/level", `{"level":"debug"}`, 200, `"ok":true`},
		{"report", "GET", "report", "", 200, `a report of ""`},
		{"nothing", "GET", "nothing", "", 404, `"code":"no_such_path"`},
		{"no accounts", "GET", "login", "", 422, `"code":"device_refused"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := asked{method: tc.method, path: "/api/v1/" + tc.path, json: tc.body, header: auth}.of(s)
			if w.Code != tc.want || !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("%d %s\nwant %d with %s", w.Code, w.Body, tc.want, tc.says)
			}
			if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("a failure of the type %s", w.Header().Get("Content-Type"))
			}
		})
	}
	h.fails = fmt.Errorf("miio: set: %w", mi.ErrTimeout)
	w := asked{method: "POST", path: "/api/v1/devices/" + purifier + "/set", json: `{"2.5":3}`, header: auth}.of(s)
	if w.Code != http.StatusGatewayTimeout || !strings.Contains(w.Body.String(), `"code":"device_offline"`) {
		t.Errorf("silence gives %d %s", w.Code, w.Body)
	}
}

func TestOpenAPIDescribesEveryPath(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ Summary, OperationID string }
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	w := asked{path: "/api/v1/openapi.json"}.of(s)
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.") {
		t.Fatalf("%v: %s", err, w.Body)
	}
	ids := map[string]bool{}
	for _, e := range s.endpoints() {
		op := doc.Paths["/"+e.path][strings.ToLower(e.method)]
		if op.Summary == "" || ids[op.OperationID] {
			t.Errorf("%s %s: %+v", e.method, e.path, op)
		}
		ids[op.OperationID] = true
	}
	for _, m := range regexp.MustCompile(`#/components/schemas/([^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		if _, ok := doc.Components.Schemas[m[1]]; !ok {
			t.Errorf("the schema %s is missing", m[1])
		}
	}
	if len(doc.Components.Schemas["Detail"].Properties) < 20 || doc.Components.Schemas["Role"].Properties["entity"] == nil {
		t.Error("embedded fields are missing")
	}
}

func TestMetricsPassPromlint(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	problems, err := testutil.GatherAndLint(s.registry())
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	body := asked{path: "/metrics"}.of(s).Body.String()
	for _, want := range []string{`mihome2mqtt_devices{route="lan",state="online"} 3`, `mihome2mqtt_devices{route="none",state="asleep"} 1`, "mihome2mqtt_broker_connected 1"} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
