package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// endpoint is one operation of the API. The description of the API is made from
// this table.
type endpoint struct {
	method, path string // path below api/v1/
	does         string
	query        []parameter
	in, out      any // of the type that goes in and comes out; nil for none
	kind         string
	handle       http.HandlerFunc
}

type parameter struct{ name, does string }

const apiBase = "/api/v1/"

// endpoints is the whole API.
func (s *Server) endpoints() []endpoint {
	all := append(s.deviceEndpoints(), s.loginEndpoints()...)
	return append(all,
		endpoint{method: "GET", path: "status", does: "How things stand as a whole", out: status{}, handle: s.apiStatus},
		endpoint{method: "GET", path: "routes", does: "The ways in which devices are reached", out: nodes{}, handle: s.apiRoutes},
		endpoint{method: "GET", path: "problems", does: "What is not as it should be, the worst first", out: list[Problem]{}, handle: s.apiProblems},
		endpoint{method: "POST", path: "problems/check", does: "Look at everything anew", out: Checked{}, handle: s.apiCheck},
		endpoint{method: "GET", path: "problems/check", does: "How far that is, and what was seen", out: Checked{}, handle: s.apiChecked},
		endpoint{method: "GET", path: "problems/solved", does: "What is as it should be again since lately", out: list[Problem]{}, handle: s.apiSolved},
		endpoint{method: "POST", path: "import", does: "Take in devices with their keys, as JSON, CSV or lines", in: importRequest{}, out: Imported{}, handle: s.apiImport},
		endpoint{method: "GET", path: "settings", does: "Every setting as it holds", out: list[Setting]{}, handle: s.apiSettings},
		endpoint{method: "GET", path: "logs", does: "The last lines of the log", query: []parameter{
			{"level", "at least: trace, debug, info, warn or error"}, {"did", "of this device"}, {"q", "with this text"}, {"after", "number of the last line that is known"},
		}, out: list[Line]{}, handle: s.apiLogs},
		endpoint{method: "PUT", path: "logs/level", does: "Change how much is logged, for 15 minutes", in: levelChange{}, out: accepted{}, handle: s.apiLevel},
		endpoint{method: "GET", path: "report", does: "What helps to find a mistake, without secrets", query: []parameter{{"names", "keep names, rooms and addresses"}}, kind: "text/plain", handle: s.apiReport},
		endpoint{method: "GET", path: "events", does: "What happens, as server-sent events", query: streamQuery(), kind: "text/event-stream", handle: s.events},
		endpoint{method: "GET", path: "changes", does: "What has happened since a mark, for who cannot listen", query: streamQuery(), out: polled{}, handle: s.changes},
		endpoint{method: "GET", path: "openapi.json", does: "This description", handle: s.openAPI},
	)
}

func streamQuery() []parameter {
	return []parameter{
		{"topics", "of devices, overview, problems, logs and login, separated by commas"}, {"did", "devices by id, separated by commas"}, {"since", "mark of the last event that is known"},
	}
}

func (s *Server) api(m *http.ServeMux) {
	for _, e := range s.endpoints() {
		m.HandleFunc(e.method+" "+apiBase+e.path, e.handle)
	}
}

// list is how every list is answered.
type list[T any] struct {
	Items []T    `json:"items"`
	Total int    `json:"total"`
	Next  string `json:"next,omitempty"` // cursor of what follows
}

// accepted tells that something has been begun or done.
type accepted struct {
	OK bool `json:"ok"`
}

// status is how things stand as a whole.
type status struct {
	State       string         `json:"state"` // ok, attention, broken
	Text        string         `json:"text"`
	Devices     deviceCounts   `json:"devices"`
	Routes      map[string]int `json:"routes"`
	Connections []Connection   `json:"connections"`
	Problems    []Problem      `json:"problems"`
	Version     string         `json:"version"`
	Started     string         `json:"started"`
}

type deviceCounts struct {
	Total    int `json:"total"`
	Online   int `json:"online"`
	Asleep   int `json:"asleep"`
	NoAnswer int `json:"no_answer"`
	Starting int `json:"starting"`
	Unproven int `json:"unproven"`
}

func (s *Server) apiStatus(w http.ResponseWriter, r *http.Request) {
	devices, over := visible(s.opt.Bridge.Devices()), s.opt.Bridge.Overview()
	p := s.page(r, "", "")
	n := count(devices)
	data := overviewData{Problems: needing(s.opt.Bridge.Problems())}
	p.summary(&data, n)
	out := status{
		State: data.Mood, Text: strings.Join(append([]string{strings.TrimSuffix(data.Headline, ".") + "."}, data.Lines...), " "), Connections: over.Connections,
		Devices: deviceCounts{n.total, n.online, n.asleep, n.silent, n.starting, n.unproven}, Routes: map[string]int{},
		Problems: append([]Problem{}, data.Problems...), Version: s.opt.Version, Started: p.Time(over.Started),
	}
	for _, one := range p.shares(devices) {
		if one.Look != "" {
			out.Routes[one.Kind] = one.Count
		}
	}
	writeJSON(w, http.StatusOK, out)
}

// nodes are the branches of the tree of routes.
type nodes struct {
	Nodes []Branch `json:"nodes"`
}

func (s *Server) apiRoutes(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, nodes{s.opt.Bridge.Routes()})
}

func (s *Server) apiProblems(w http.ResponseWriter, _ *http.Request) {
	all := s.opt.Bridge.Problems()
	writeJSON(w, http.StatusOK, list[Problem]{Items: append([]Problem{}, all...), Total: len(all)})
}

func (s *Server) apiSolved(w http.ResponseWriter, _ *http.Request) {
	all := s.opt.Bridge.Solved()
	writeJSON(w, http.StatusOK, list[Problem]{Items: append([]Problem{}, all...), Total: len(all)})
}

func (s *Server) apiSettings(w http.ResponseWriter, _ *http.Request) {
	all := s.opt.Bridge.Settings()
	writeJSON(w, http.StatusOK, list[Setting]{Items: all, Total: len(all)})
}

func (s *Server) apiLogs(w http.ResponseWriter, r *http.Request) {
	q := logQueryOf(r.URL.Query())
	var after uint64
	_, _ = fmt.Sscan(r.URL.Query().Get("after"), &after) // 0 when there is none
	found := s.lines.pick(maxLines, func(l *Line) bool { return l.Number > after && q.fits(l) })
	writeJSON(w, http.StatusOK, list[Line]{Items: append([]Line{}, found...), Total: len(found)})
}

// levelChange asks for another level of the log.
type levelChange struct {
	Level string `json:"level"`
}

func (s *Server) apiLevel(w http.ResponseWriter, r *http.Request) {
	var in levelChange
	if s.read(w, r, &in) {
		s.answer(w, accepted{true}, s.logLevel(in.Level))
	}
}

func (s *Server) apiReport(w http.ResponseWriter, r *http.Request) {
	s.textReport(w, r, r.PathValue("id"))
}

func (s *Server) textReport(w http.ResponseWriter, r *http.Request, id string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, s.opt.Process.Clean(s.opt.Process.Report(id, r.URL.Query().Has("names"))))
}

// answer writes what came of a request.
func (s *Server) answer(w http.ResponseWriter, out any, err error) {
	if err != nil {
		writeProblem(w, failed(err))
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// read decodes the request's body strictly; it answers by itself when that fails.
func (s *Server) read(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.Decode(new(json.RawMessage)) != io.EOF {
		err = errors.New("there is something behind the JSON value")
	}
	if err == nil {
		return true
	}
	f := badField("", "The body is not what is understood here: %s", strings.TrimPrefix(err.Error(), "json: "))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		f.Status, f.Code = http.StatusRequestEntityTooLarge, "too_large"
	}
	writeProblem(w, f)
	return false
}

// writeJSON answers a program.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // our own types always encode
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the program is gone
}
