package mi

import (
	"errors"
	"strings"
)

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

// Plain returns what people are to read of err: without the names of packages in
// front, and without the kind behind a text that says more than its kind.
func Plain(err error) string {
	text := Bare(err.Error())
	for _, kind := range []error{ErrInvalid, ErrUnsupported} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	return text
}

// Bare takes the names of packages off the front of an error's text.
func Bare(text string) string {
	for {
		word, rest, more := strings.Cut(text, ": ")
		if !more || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			return text
		}
		text = rest
	}
}

// Diagnose adds to err the id of the problem that was found to be behind it, such
// as "net.foreign_subnet"; package problem has the list.
func Diagnose(problem string, err error) error { return &diagnosed{err, problem} }

// Problem returns the id of the problem behind err; "" when nobody found out.
func Problem(err error) string {
	if d, ok := errors.AsType[*diagnosed](err); ok {
		return d.problem
	}
	return ""
}

type diagnosed struct {
	error
	problem string
}

func (d *diagnosed) Unwrap() error { return d.error }

// Refusal is an error with which a device, or the cloud in its place, says no.
type Refusal interface {
	error
	// Refused returns what the code means in words, and the code.
	Refused() (meaning string, code int)
}
