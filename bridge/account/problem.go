package account

import (
	"errors"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// problem returns the id of the problem that a condition is; package problem has
// the list. "" is none.
func (c Condition) problem() string {
	switch c {
	case Expiring:
		return "account.expiring"
	case LoginNeeded:
		return "account.login"
	case Verify:
		return "account.verify"
	case Limited:
		return "account.limited"
	case Away:
		return "cloud.away"
	}
	return ""
}

// diagnose names the problem behind a failed request, where it is more than the
// server's word on this one request.
func (m *Manager) diagnose(err error) error {
	if err == nil || refused(err) || errors.Is(err, mi.ErrInvalid) {
		return err
	}
	id := "cloud.away"
	switch {
	case errors.Is(err, ErrVerify):
		id = "account.verify"
	case errors.Is(err, mi.ErrDenied) && m.clockOff() != 0:
		id = "clock.wrong" // signatures hold the minute
	case errors.Is(err, mi.ErrDenied):
		id = "account.login"
	case errors.Is(err, mi.ErrBusy):
		id = "account.limited"
	}
	return mi.Diagnose(id, err)
}
