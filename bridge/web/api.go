package web

import (
	"encoding/json"
	"net/http"
)

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

func (s *Server) api(m *http.ServeMux) {
	m.HandleFunc("GET /api/v1/events", s.events)
	m.HandleFunc("GET /api/v1/changes", s.changes)
}
