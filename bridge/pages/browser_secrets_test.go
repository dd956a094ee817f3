//go:build browser

package pages_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/redact/leak"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
)

// everything keeps what every page and every answer of the API says.
func (d *desk) everything() {
	paths := []string{
		"", "devices", "routes", "problems", "logs?level=trace", "settings", "more", "about", "about/report", "about/report?names", "login", "metrics", "healthz",
		"api/v1/status", "api/v1/devices?limit=500", "api/v1/routes", "api/v1/problems", "api/v1/logs?level=trace&limit=500", "api/v1/settings", "api/v1/accounts", "api/v1/login",
		"api/v1/report", "api/v1/openapi.json", "api/v1/events?topics=devices,problems,overview,logs,login",
	}
	var list struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(d.ask("api/v1/devices?limit=500")), &list); err != nil {
		d.Error(err)
	}
	for _, one := range list.Items {
		id := url.PathEscape(one.ID)
		paths = append(paths, "devices/"+id, "devices/"+id+"/report", "api/v1/devices/"+id)
	}
	for _, path := range paths {
		d.hear("/"+path, d.ask(path))
	}
}

// ask gets a page from the bridge's own port, or what a stream says in a second.
func (d *desk) ask(path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.local+path, nil)
	if err != nil {
		d.Error(err)
		return ""
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Errorf("/%s: %v", path, err)
		return ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body) // a stream has no end
	return string(body)
}

// search looks for every secret of the virtual account and devices in all that the
// bridge has said.
func (d *desk) search() {
	secrets := []string{cloud.Password.Reveal(), pagesPassword}
	for _, s := range d.sky.Secrets() {
		secrets = append(secrets, s.Reveal())
	}
	for _, one := range append(d.home.Infos(), d.shed.Infos()...) {
		secrets = append(secrets, one.Token.Reveal())
	}
	s := leak.For(secrets...)
	all := 0
	d.mu.Lock()
	defer d.mu.Unlock()
	for where, text := range d.said {
		all += text.Len()
		for _, found := range s.In(text.String()) {
			d.Errorf("%s holds %s", where, found)
		}
	}
	if s.Len() < 10 || len(d.said) < 25 || all < 200<<10 {
		d.Errorf("too little was looked at: %d secrets in %d texts of %d bytes", s.Len(), len(d.said), all)
	}
	d.Logf("%d secrets in %d texts of %d KiB", s.Len(), len(d.said), all>>10)
}
