package bridgetest

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Visitor looks at the pages of a bridge from its own machine.
type Visitor struct {
	t      *testing.T
	client http.Client
	form   string // what forms carry to prove that they come from a page
}

var formToken = regexp.MustCompile(`form-token" content="([^"]+)"`)

// NewVisitor makes one on a machine.
func NewVisitor(t *testing.T, machine mi.Network) *Visitor {
	return &Visitor{t: t, client: http.Client{Transport: &http.Transport{DialContext: machine.DialContext, DisableKeepAlives: true}}}
}

// Get returns a page, or an answer of the API.
func (v *Visitor) Get(path string) string {
	v.t.Helper()
	res, err := v.client.Get("http://127.0.0.1:8099/" + path)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.body(res)
}

// Do sends a request.
func (v *Visitor) Do(req *http.Request) (status int, body string) {
	v.t.Helper()
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, v.body(res)
}

func (v *Visitor) body(res *http.Response) string {
	v.t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if found := formToken.FindSubmatch(body); found != nil {
		v.form = string(found[1])
	}
	return string(body)
}

// Post sends a form.
func (v *Visitor) Post(path string, fields ...string) string {
	v.t.Helper()
	values := url.Values{"form": {v.form}}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	res, err := v.client.PostForm("http://127.0.0.1:8099/"+path, values)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.body(res)
}
