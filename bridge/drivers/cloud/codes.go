package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// trouble is a failure between the bridge and the cloud. It brings its own advice:
// what helps a device on the network does not help here.
type trouble struct {
	text   string
	advice string
	kind   error
	rest   time.Duration // the longest time to leave the cloud alone
	id     string        // of the problem
}

func (t *trouble) Error() string  { return t.text }
func (t *trouble) Advice() string { return t.advice }
func (t *trouble) Unwrap() error  { return t.kind }

// told returns t with the problem behind it.
func (t *trouble) told() error { return mi.Diagnose(t.id, t) }

const (
	firstRest = 5 * time.Second
	longRest  = time.Minute      // of a cloud that does not answer
	busyRest  = 10 * time.Minute // of one that wants fewer requests
)

// explain turns a failure of the account into one for the device loop. No way into
// the account is a device out of reach, which another route may reach; it is never a
// device that refuses its token.
func explain(err error) *trouble {
	t := explained(err)
	t.id = cmp.Or(mi.Problem(err), t.id) // the account may know better
	return t
}

func explained(err error) *trouble {
	switch {
	case errors.Is(err, mi.ErrDenied):
		return &trouble{"the account needs a login: " + err.Error(), "log in again on the page of the bridge", mi.ErrOffline, firstRest, "account.login"}
	case errors.Is(err, mi.ErrBusy):
		return &trouble{"Mi Home wants fewer requests: " + err.Error(), "the bridge asks less often by itself for a while", mi.ErrOffline, busyRest, "account.limited"}
	case errors.Is(err, mi.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return &trouble{"Mi Home does not answer: " + err.Error(), "check the connection to the internet", mi.ErrTimeout, longRest, "cloud.away"}
	case errors.Is(err, mi.ErrProtocol):
		return &trouble{"Mi Home answers nonsense: " + err.Error(), "it may be out of order; the bridge tries again by itself", mi.ErrOffline, longRest, "cloud.away"}
	}
	return &trouble{"Mi Home cannot be reached: " + err.Error(), "check the connection to the internet", mi.ErrOffline, longRest, "cloud.away"}
}

// refusal is a code by which the cloud refuses one thing: a request, a property, an
// action.
type refusal struct{ code int }

var _ mi.Refusal = (*refusal)(nil)

// Error says in words what the code means.
func (r *refusal) Error() string {
	return fmt.Sprintf("%s (code %d)", r.meaning(), r.code)
}

// Refused implements mi.Refusal.
func (r *refusal) Refused() (meaning string, code int) { return r.meaning(), r.code }

func (r *refusal) meaning() string {
	text, _ := r.verdict()
	return text
}

// Unwrap returns the kind of the failure.
func (r *refusal) Unwrap() error {
	_, kind := r.verdict()
	return kind
}

// verdict says what a code means. The last three digits of -70xxxyzzz are the
// reason.
func (r *refusal) verdict() (text string, kind error) {
	if r.code <= -700000000 && r.code >= -709999999 {
		return reason(-r.code % 1000)
	}
	switch r.code {
	case -2:
		return "Mi Home does not know the device", mi.ErrOffline
	case -3:
		return "the device is offline, says Mi Home", mi.ErrOffline
	case -4, -8:
		return "the device did not answer Mi Home in time", mi.ErrTimeout
	case -6:
		return "the request has a wrong parameter", mi.ErrInvalid
	case -7:
		return "the account may not do this with the device", mi.ErrUnsupported
	case -9999:
		return "the device is busy inside", mi.ErrBusy
	}
	return "Mi Home refuses", mi.ErrInvalid
}

func reason(code int) (text string, kind error) {
	switch code {
	case 1, 905:
		return "the account does not have the device any more", mi.ErrOffline
	case 11, 999:
		return "the device is offline, says Mi Home", mi.ErrOffline
	case 2, 3, 4, 5, 6, 8, 101:
		return "this device does not have it", mi.ErrUnsupported
	case 13:
		return "it cannot be read", mi.ErrUnsupported
	case 23:
		return "it cannot be written", mi.ErrUnsupported
	case 33:
		return "it does not report by itself", mi.ErrUnsupported
	case 15:
		return "the device could not do it", mi.ErrInvalid
	case 25, 34, 35:
		return "an argument of the action is wrong", mi.ErrInvalid
	case 36:
		return "the device did not answer Mi Home in time", mi.ErrTimeout
	case 43:
		return "the value is out of range or of the wrong kind", mi.ErrInvalid
	case 100:
		return "not possible in the current state", mi.ErrInvalid
	case 901, 902, 903, 904:
		return "Mi Home refuses its permission", mi.ErrOffline
	case 0:
		return "Mi Home reports an error without a reason", mi.ErrBusy
	}
	return "Mi Home reports an error", mi.ErrBusy
}

// refused returns the refusal of one request that an error of the account is, or nil.
func refused(err error) *refusal {
	if coded, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return &refusal{coded.Code()}
	}
	return nil
}
