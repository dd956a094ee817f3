package account

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// refusalKind maps a number of the API to a kind of package mi.
func refusalKind(code int) error {
	if code < -700_000_000 { // -70LXXXYYY: the last three digits are the reason
		switch -code % 1000 {
		case 11, 999:
			return mi.ErrOffline
		case 36:
			return mi.ErrTimeout
		case 43, 25, 35, 100:
			return mi.ErrInvalid
		case 901, 902, 903:
			return mi.ErrDenied
		}
		return mi.ErrUnsupported
	}
	switch code {
	case -2, -3:
		return mi.ErrOffline
	case -4, -8:
		return mi.ErrTimeout
	case -6:
		return mi.ErrInvalid
	}
	return mi.ErrUnsupported
}
