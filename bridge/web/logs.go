package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const maxLines = 2000 // of the log that are kept

// Line is one line of the log, without secrets.
type Line struct {
	Number uint64    `json:"number"` // from 1
	At     time.Time `json:"at"`
	Level  string    `json:"level"`
	Device string    `json:"did,omitempty"`
	Text   string    `json:"text"`
	Fields string    `json:"fields,omitempty"`
}

// ring keeps the last lines of the log.
type ring struct {
	mu    sync.Mutex
	lines []Line
	next  uint64 // number of the last line
}

func newRing(size int) *ring { return &ring{lines: make([]Line, 0, size)} }

func (r *ring) add(l Line) Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	l.Number = r.next
	if len(r.lines) == cap(r.lines) {
		copy(r.lines, r.lines[1:])
		r.lines = r.lines[:len(r.lines)-1]
	}
	r.lines = append(r.lines, l)
	return l
}

// pick returns the last lines that fit, oldest first, at most limit.
func (r *ring) pick(limit int, fits func(*Line) bool) []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Line
	for i := len(r.lines) - 1; i >= 0 && len(out) < limit; i-- {
		if fits(&r.lines[i]) {
			out = append(out, r.lines[i])
		}
	}
	slices.Reverse(out)
	return out
}

// Logged takes a line of the log. It never blocks. The line must have gone through
// the masking of secrets.
func (s *Server) Logged(level zerolog.Level, raw []byte) {
	l := parseLine(level, raw)
	if l.At.IsZero() {
		l.At = s.opt.World.Now()
	}
	s.hub.log(s.lines.add(l))
}

// parseLine takes a line apart as zerolog writes it.
func parseLine(level zerolog.Level, raw []byte) Line {
	l := Line{Level: level.String()}
	fields := map[string]any{}
	if json.Unmarshal(raw, &fields) != nil {
		l.Text = strings.TrimSpace(string(raw))
		return l
	}
	take := func(name string) string {
		text, _ := fields[name].(string)
		delete(fields, name)
		return text
	}
	l.At, _ = time.Parse(time.RFC3339, take("time"))
	l.Text, l.Device = take("message"), take("device")
	delete(fields, "level")
	var rest []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		rest = append(rest, fmt.Sprintf("%s=%v", name, fields[name]))
	}
	l.Fields = strings.Join(rest, " ")
	return l
}

// Lines returns the last lines of the log as text, oldest first, of one device or,
// with id "", of all.
func (s *Server) Lines(limit int, id string) (out []string) {
	for _, l := range s.lines.pick(limit, func(l *Line) bool { return id == "" || l.Device == id }) {
		out = append(out, l.String())
	}
	return out
}

// logQuery is which lines somebody wants to see.
type logQuery struct {
	Level, Device, Text string
}

var logLevels = []string{"trace", "debug", "info", "warn", "error"}

func logQueryOf(v url.Values) logQuery {
	q := logQuery{Level: v.Get("level"), Device: v.Get("did"), Text: v.Get("q")}
	if !slices.Contains(logLevels, q.Level) {
		q.Level = "trace"
	}
	return q
}

func (q logQuery) fits(l *Line) bool {
	if slices.Index(logLevels, l.Level) < slices.Index(logLevels, q.Level) && slices.Contains(logLevels, l.Level) {
		return false
	}
	text := strings.ToLower(q.Text)
	return (q.Device == "" || l.Device == q.Device) &&
		(text == "" || strings.Contains(strings.ToLower(l.Text+" "+l.Fields+" "+l.Device), text))
}

type logsData struct {
	Query  logQuery
	Levels []string
	Lines  []Line
	Link   string // of the download
}

func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "logs", "Logs")
	q := logQueryOf(r.URL.Query())
	p.live("logs")
	p.Data = logsData{q, logLevels, s.lines.pick(500, q.fits), p.Base + "logs/download?" + r.URL.RawQuery}
	s.show(w, http.StatusOK, "logs", p)
}

func (s *Server) logsDownload(w http.ResponseWriter, r *http.Request) {
	q := logQueryOf(r.URL.Query())
	download(w, "mihome2mqtt-log.txt")
	for _, l := range s.lines.pick(maxLines, q.fits) {
		fmt.Fprintln(w, s.opt.Process.Clean(l.String()))
	}
}

// String writes the line as text.
func (l Line) String() string {
	parts := []string{l.At.UTC().Format(time.RFC3339), strings.ToUpper(l.Level)}
	for _, part := range []string{l.Device, l.Text, l.Fields} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}

// download says that a text is to be kept as a file.
func download(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

const loudFor = 15 * time.Minute // then the log is as much as the settings say again

// logLevel changes how much is logged, for a while.
func (s *Server) logLevel(level string) error {
	if err := s.opt.Process.LogLevel(level); err != nil {
		return err
	}
	s.loud.mu.Lock()
	defer s.loud.mu.Unlock()
	if s.loud.back != nil {
		s.loud.back.Stop()
		s.loud.back = nil
	}
	if usual := s.opt.LogLevel; usual != "" && usual != level {
		s.loud.back = time.AfterFunc(loudFor, func() {
			if err := s.opt.Process.LogLevel(usual); err != nil {
				s.log.Warn().Err(err).Msg("the log level stays as it is")
			}
		})
	}
	return nil
}

// loud is a log level that was chosen for a while.
type loud struct {
	mu   sync.Mutex
	back *time.Timer // nil when the level is the usual one
}

func (s *Server) logsLevel(w http.ResponseWriter, r *http.Request) {
	if err := s.logLevel(r.PostFormValue("level")); err != nil {
		s.fail(w, r, err)
		return
	}
	see(w, r, "logs")
}
