package mi

import "errors"

// The kinds of failure that the device loop tells apart. Drivers wrap them:
// fmt.Errorf("miio: get 2.1: %w", mi.ErrOffline).
var (
	ErrOffline     = errors.New("offline")               // the other side is known not to be there
	ErrTimeout     = errors.New("no answer")             // asked, nothing came
	ErrDenied      = errors.New("token refused")         // wrong, hidden or missing key
	ErrBusy        = errors.New("busy")                  // try again later
	ErrUnsupported = errors.New("not supported")         // this way never works
	ErrInvalid     = errors.New("invalid value")         // the value was refused
	ErrProtocol    = errors.New("answer not understood") // bytes that make no sense
)

// Kinds lists every kind of failure.
func Kinds() []error {
	return []error{ErrOffline, ErrTimeout, ErrDenied, ErrBusy, ErrUnsupported, ErrInvalid, ErrProtocol}
}
