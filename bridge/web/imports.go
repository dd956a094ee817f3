package web

import (
	"net/http"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// importDevices takes a list of devices from a page and shows what came of it.
func (s *Server) importDevices(w http.ResponseWriter, r *http.Request) {
	done, err := s.opt.Orders.Import(mi.Secret(r.PostFormValue("list")))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p := s.page(r, "devices", "Devices taken in")
	p.Data = done
	s.show(w, http.StatusOK, "imported", p)
}

// importRequest hands in a list of devices.
type importRequest struct {
	List mi.Secret `json:"list"`
}

func (s *Server) apiImport(w http.ResponseWriter, r *http.Request) {
	var in importRequest
	if s.read(w, r, &in) {
		done, err := s.opt.Orders.Import(in.List)
		s.answer(w, done, err)
	}
}
