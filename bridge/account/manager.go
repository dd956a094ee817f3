package account

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Manager keeps the accounts. Its methods may be called from anywhere; those that
// take a context talk to the cloud and wait for it.
type Manager struct{}

// New checks the options and loads what was kept. Nothing leaves before Run.
func New(o Options) (*Manager, error) { return &Manager{}, nil }

// Run keeps the accounts signed in and their lists fresh until ctx ends.
func (m *Manager) Run(ctx context.Context) error { return mi.ErrUnsupported }

// Watch calls changed soon after every change of Accounts, Known or Login, until
// ctx ends. It must not block.
func (m *Manager) Watch(ctx context.Context, changed func()) {}

// Accounts returns how things stand, sorted by id.
func (m *Manager) Accounts() []State { return nil }

// Known returns what is known at the moment, without asking anybody.
func (m *Manager) Known() Known { return Known{} }

// Login returns where the sign-in stands. There is one at a time.
func (m *Manager) Login() Step { return Step{} }

// StartQR begins a sign-in by QR code; one that is under way is dropped.
func (m *Manager) StartQR(ctx context.Context) (Step, error) { return Step{}, mi.ErrUnsupported }

// StartPassword begins a sign-in by password. The password is forgotten with the
// sign-in and never kept.
func (m *Manager) StartPassword(ctx context.Context, user string, password mi.Secret) (Step, error) {
	return Step{}, mi.ErrUnsupported
}

// StartToken signs in with what a browser's cookies hold.
func (m *Manager) StartToken(ctx context.Context, userID string, passToken mi.Secret) (Step, error) {
	return Step{}, mi.ErrUnsupported
}

// NewPicture fetches another picture; step Captcha.
func (m *Manager) NewPicture(ctx context.Context) (Step, error) { return Step{}, mi.ErrUnsupported }

// AnswerCaptcha sends what the picture shows, and the password where
// Step.NeedPassword asks for it.
func (m *Manager) AnswerCaptcha(ctx context.Context, text string, password mi.Secret) (Step, error) {
	return Step{}, mi.ErrUnsupported
}

// SendCode has a code sent to the target of that id, one per call; steps
// CodeChoice and Code.
func (m *Manager) SendCode(ctx context.Context, target string) (Step, error) {
	return Step{}, mi.ErrUnsupported
}

// AnswerCode sends the code that came by message or mail.
func (m *Manager) AnswerCode(ctx context.Context, code string) (Step, error) {
	return Step{}, mi.ErrUnsupported
}

// AnswerBrowser takes the address on which the browser ended; step Browser.
func (m *Manager) AnswerBrowser(ctx context.Context, address string) (Step, error) {
	return Step{}, mi.ErrUnsupported
}

// CancelLogin drops the sign-in that is under way.
func (m *Manager) CancelLogin() {}

// SignOut forgets an account and everything of it, in the data folder too.
func (m *Manager) SignOut(account string) error { return mi.ErrUnsupported }

// Call sends one signed request to the API of a region and returns what stands
// under result. path has no /app: "/miotspec/prop/get". A session that has ended
// is renewed first where the budget allows it, once for all who wait. A Refusal
// is the server's word on this request alone.
func (m *Manager) Call(ctx context.Context, account, region, path string, params any) (json.RawMessage, error) {
	return nil, mi.ErrUnsupported
}

// Refresh asks for the lists again soon, because three handshakes with a device
// failed: its key or address may have changed. Each did counts once an hour and
// all together once in five minutes; it reports whether a list will be fetched.
func (m *Manager) Refresh(did string) bool { return false }

// RefreshAll asks for the lists again now, because a person wants it; once a
// minute at most, all regions included.
func (m *Manager) RefreshAll() bool { return false }

// RunScene runs a manual scene.
func (m *Manager) RunScene(ctx context.Context, s Scene) error { return mi.ErrUnsupported }

// Statistics returns what a device used in each period, oldest first. key is
// "siid.piid" as the cloud counts it: "7.1".
func (m *Manager) Statistics(ctx context.Context, did, key string, p Period, from, to time.Time) ([]Sample, error) {
	return nil, mi.ErrUnsupported
}

// History returns what a device reported, oldest first: kind "prop" or "event",
// key "siid.piid" or the number of a Bluetooth object.
func (m *Manager) History(ctx context.Context, did, kind, key string, from, to time.Time, limit int) ([]Sample, error) {
	return nil, mi.ErrUnsupported
}

// RemoteKeys returns the keys of an IR remote.
func (m *Manager) RemoteKeys(ctx context.Context, did string) ([]RemoteKey, error) {
	return nil, mi.ErrUnsupported
}

// PressRemote presses a key of an IR remote.
func (m *Manager) PressRemote(ctx context.Context, did, key string) error { return mi.ErrUnsupported }
