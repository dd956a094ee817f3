package account

import (
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// words says what went wrong with a sign-in, and what to do.
func words(err error) string {
	if l, ok := errors.AsType[*limit](err); ok && l.wait > 0 {
		if l.wait > 2*time.Minute {
			return fmt.Sprintf("Xiaomi asks us to wait %d minutes before the next try.", int(l.wait.Round(time.Minute)/time.Minute))
		}
		return fmt.Sprintf("Xiaomi asks us to wait %d seconds before the next try.", int(l.wait.Round(time.Second)/time.Second))
	}
	for _, w := range sentences {
		if errors.Is(err, w.kind) {
			return w.text
		}
	}
	return "Xiaomi gave an answer that nobody understands. Try the QR code, or again later. (" + err.Error() + ")"
}

// regionWords says why a region could not be asked.
func regionWords(err error) string {
	switch {
	case errors.Is(err, ErrLimited):
		return "asks us to slow down"
	case errors.Is(err, ErrHTML):
		return "answers with a web page"
	case errors.Is(err, mi.ErrDenied):
		return "wants a new sign-in"
	case errors.Is(err, mi.ErrTimeout), errors.Is(err, mi.ErrOffline):
		return "does not answer"
	}
	return "gives an answer that nobody understands"
}

// sentences are tried in this order.
var sentences = []struct {
	kind error
	text string
}{
	{errNoCharacters, "Type the characters in the picture."},
	{errNoPassword, "Type the password again: it is not kept over a restart."},
	{errNoCode, "Type the code that was sent."},
	{errNoAddress, "Paste the whole address that the browser ended on. It begins with https:// and is one of Xiaomi's."},
	{errNoTarget, "Xiaomi cannot send a code there. Choose one of those shown."},
	{errTooSoon, "A code was sent less than a minute ago. Wait for it."},
	{errTooMany, "Three wrong answers: the sign-in was ended so that the account is not locked. The QR code still works."},
	{errSaidNo, "The sign-in was refused on the phone. Ask for a new code if that was a mistake."},
	{errNotThere, "That address does not end the sign-in: Xiaomi still wants a confirmation. Open the link, follow it to its end, and paste the last address."},
	{ErrBadCredentials, "Xiaomi says the password is not right. It counts tries: after a few it asks for a picture."},
	{ErrRiskControl, "Xiaomi refused this sign-in: the password is not right, or Xiaomi distrusts this way in although it is. The QR code works in both cases."},
	{ErrVerify, "Xiaomi wants this sign-in confirmed in a browser."},
	{ErrCaptcha, "Xiaomi wants to know that a person is here. Your password was not refused."},
	{ErrWrongCode, "That code was not right or is too old."},
	{ErrCodeQuota, "Xiaomi sends no more codes today. The QR code still works."},
	{ErrAuthExpired, "Xiaomi does not accept this key any more. Sign in with the QR code."},
	{ErrTooOld, "Xiaomi wants a newer app than the bridge names. Set MIHOME2MQTT_ACCOUNT_USER_AGENT to that of a current Mi Home app."},
	{ErrLimited, "Xiaomi asks us to slow down. Try again in some minutes."},
	{ErrHTML, "Xiaomi answered with a web page in place of an answer: the sign-in is blocked here or wants a browser. Try the QR code."},
	{ErrHost, "An answer leads to an address that is not Xiaomi's. Something between here and Xiaomi changes the answers; the sign-in was ended."},
	{ErrFault, "Xiaomi's server has a fault of its own. Nothing is wrong with your password. Your local devices go on."},
	{mi.ErrTimeout, "Xiaomi's server does not answer (30 s). Nothing is wrong with your password. Your local devices go on."},
	{mi.ErrOffline, "Xiaomi's server cannot be reached. Nothing is wrong with your password. Your local devices go on."},
}
