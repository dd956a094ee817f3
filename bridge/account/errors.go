package account

import (
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// kind is a kind of failure of the account that belongs to one of package mi.
type kind struct {
	text string
	of   error
}

func (k *kind) Error() string { return k.text }
func (k *kind) Unwrap() error { return k.of }

// The kinds of failure. Each is also a kind of package mi, which errors.Is finds.
var (
	ErrAuthExpired    error = &kind{"the sign-in has ended", mi.ErrDenied}
	ErrBadCredentials error = &kind{"wrong user name or password", mi.ErrDenied}
	ErrRiskControl    error = &kind{"Xiaomi refuses this sign-in for its own safety", mi.ErrDenied}
	ErrVerify         error = &kind{"Xiaomi wants a confirmation in a browser", mi.ErrDenied}
	ErrCaptcha        error = &kind{"the characters of the picture are wanted", mi.ErrDenied}
	ErrWrongCode      error = &kind{"wrong or too old code", mi.ErrDenied}
	ErrCodeQuota      error = &kind{"no more codes today", mi.ErrBusy}
	ErrLimited        error = &kind{"asked to slow down", mi.ErrBusy}
	ErrTooOld         error = &kind{"the server wants a newer app", mi.ErrBusy}
	ErrFault          error = &kind{"the server has a fault of its own", mi.ErrTimeout}
	ErrHTML           error = &kind{"a web page came in place of an answer", mi.ErrProtocol}
	ErrHost           error = &kind{"not an address of Xiaomi's", mi.ErrProtocol}
	ErrNoAccount      error = &kind{"no such account", mi.ErrDenied}
	ErrWrongStep      error = &kind{"the sign-in is not at this step", mi.ErrInvalid}
	ErrBusy           error = &kind{"another sign-in is under way", mi.ErrBusy}
	ErrSealed         error = &kind{"kept with another key", mi.ErrDenied}
)

// Refusal is the server's refusal of one request; the account is well.
type Refusal struct {
	Number  int    // as in the answer
	Message string // of the server
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("refused: %.80s (%d)", r.Message, r.Number) }

// Code returns the number of the refusal.
func (r *Refusal) Code() int { return r.Number }

// Unwrap tells the kind of package mi.
func (r *Refusal) Unwrap() error { return refusalKind(r.Number) }
