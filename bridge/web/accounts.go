package web

import (
	"context"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Accounts are the Xiaomi accounts and the sign-in that is under way; there is one
// at a time and all pages show it. What went wrong with an answer stands in Login;
// an error means that nothing could be done at all.
type Accounts interface {
	// Accounts returns how things stand with each account.
	Accounts() []Account
	// Login returns where the sign-in stands.
	Login() Login
	// Begin starts a sign-in; one under way is dropped.
	Begin(ctx context.Context, b Begin) (Login, error)
	// Answer goes on with what Login asks for.
	Answer(ctx context.Context, a Answer) (Login, error)
	// Cancel drops the sign-in.
	Cancel()
	// SignOut forgets an account.
	SignOut(account string) error
	// Watch calls changed after every change of Accounts or Login until ctx ends.
	Watch(ctx context.Context, changed func())
}

// Account is how things stand with one account.
type Account struct {
	ID      string    `json:"id"`
	Label   string    `json:"label"` // masked
	State   string    `json:"state"` // ok, expiring, login_needed, verify, limited, away
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Text    string    `json:"text"`
	Verify  string    `json:"verify_url,omitempty"`
	Regions []Region  `json:"regions"`
	Devices int       `json:"devices"`
}

// Region is what one region answered.
type Region struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Asked   bool   `json:"asked"`
	Devices int    `json:"devices"`
	Text    string `json:"text,omitempty"`
}

// The states of a sign-in.
const (
	LoginIdle       = "idle"
	LoginQR         = "qr_waiting"
	LoginScanned    = "qr_scanned"
	LoginQRExpired  = "qr_expired"
	LoginCaptcha    = "captcha"
	LoginCodeChoice = "code_choice"
	LoginCode       = "code"
	LoginBrowser    = "browser"
	LoginRegions    = "regions"
	LoginDone       = "done"
	LoginFailed     = "failed"
)

// Login is where a sign-in stands. Fields that do not belong to the state are zero.
type Login struct {
	State   string `json:"state"`
	Method  string `json:"method,omitempty"` // qr, password, token
	Account string `json:"account,omitempty"`
	Text    string `json:"text"` // what happens, or what was wrong with the last answer
	Wrong   bool   `json:"wrong"`

	URL     string    `json:"qr_url,omitempty"` // what the QR code says
	Expires time.Time `json:"expires,omitzero"`
	More    int       `json:"more_codes,omitempty"` // that come by themselves

	Picture      []byte `json:"picture,omitempty"`
	PictureType  string `json:"picture_type,omitempty"`
	NeedPassword bool   `json:"need_password,omitempty"`

	Targets   []Target  `json:"targets,omitempty"`
	Target    *Target   `json:"target,omitempty"` // where the code went
	SentAt    time.Time `json:"sent_at,omitzero"`
	AgainAt   time.Time `json:"again_at,omitzero"`
	CodesLeft int       `json:"codes_left"` // -1 when not known
	TriesLeft int       `json:"tries_left"`

	BrowserURL string   `json:"browser_url,omitempty"`
	Regions    []Region `json:"regions,omitempty"`
	New        int      `json:"new_devices,omitempty"`
}

// Target is where a code can be sent.
type Target struct {
	ID     string `json:"id"`
	Masked string `json:"masked"`
}

// Begin asks for a sign-in.
type Begin struct {
	Method   string    `json:"method"` // qr, password, token
	User     string    `json:"user,omitempty"`
	Password mi.Secret `json:"password,omitempty"` // or the passToken
}

// Answer goes on with a sign-in: what Kind says, to what the state asks for.
type Answer struct {
	Kind     string    `json:"kind"` // captcha, picture, send, code, browser
	Text     string    `json:"text,omitempty"`
	Password mi.Secret `json:"password,omitempty"`
}
