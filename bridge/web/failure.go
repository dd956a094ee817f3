package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// failure is what went wrong, for programs (RFC 9457).
type failure struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Device string `json:"did,omitempty"`
	Field  string `json:"field,omitempty"`
}

// verdicts are what each kind of error means. The first that fits counts.
var verdicts = []struct {
	kind   error
	status int
	code   string
	title  string
}{
	{ErrNoDevice, http.StatusNotFound, "no_device", "There is no such device"},
	{ErrNoRole, http.StatusNotFound, "no_such_role", "The device has no such thing"},
	{ErrForbidden, http.StatusForbidden, "forbidden", "The settings forbid it"},
	{ErrConfirm, http.StatusConflict, "confirm", "It has to be confirmed"},
	{mi.ErrInvalid, http.StatusBadRequest, "bad_value", "The value is not right"},
	{mi.ErrOffline, http.StatusGatewayTimeout, "device_offline", "The device did not answer"},
	{mi.ErrTimeout, http.StatusGatewayTimeout, "device_offline", "The device did not answer"},
	{mi.ErrDenied, http.StatusUnprocessableEntity, "device_denied", "The device does not take the bridge's key"},
	{mi.ErrUnsupported, http.StatusUnprocessableEntity, "device_refused", "The device cannot do it"},
	{mi.ErrBusy, http.StatusTooManyRequests, "slow_down", "Too much at once"},
	{mi.ErrProtocol, http.StatusBadGateway, "device_error", "The device's answer is not understood"},
}

// failed judges an error.
func failed(err error) *failure {
	f := &failure{Status: http.StatusInternalServerError, Code: "internal", Title: "It could not be done", Detail: err.Error()}
	for _, v := range verdicts {
		if errors.Is(err, v.kind) {
			f.Status, f.Code, f.Title = v.status, v.code, v.title
			break
		}
	}
	return f
}

// writeProblem answers a program with a failure.
func writeProblem(w http.ResponseWriter, f *failure) {
	f.Type = "https://github.com/mihome2mqtt/mihome2mqtt/blob/main/README.md#" + f.Code
	body, err := json.Marshal(f)
	if err != nil { // it always encodes
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(f.Status)
	_, _ = w.Write(append(body, '\n')) // the program is gone
}

// badField is a request that a program got wrong.
func badField(field, format string, args ...any) *failure {
	return &failure{Status: http.StatusBadRequest, Code: "bad_value", Title: "The value is not right", Field: field, Detail: fmt.Sprintf(format, args...)}
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
