package account

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
)

// Options are what a Manager is made of.
type Options struct {
	World mi.World // sockets, clock, random numbers; what is kept goes to its Disk (nil keeps nothing)
	Log   zerolog.Logger
	// Hosts are the servers; the zero value is Xiaomi's.
	Hosts Hosts
	// Regions are asked for homes; empty means all of AllRegions.
	Regions []string
	// UserAgent replaces the built-in one; servers refuse that of an old app one day.
	UserAgent string
	// Language is how Xiaomi's own pages speak, such as "en" or "de"; "" is English.
	Language string
	// Seal encrypts what is kept of the account; nil leaves it open.
	Seal *sealed.Key
	// Plain sends requests signed but not encrypted, for whoever wants to read along.
	Plain bool
	// Given are accounts of the settings: user id and passToken. Each pair is tried once.
	Given []Given
	// Every is the time between two looks at the list of devices; 0 is six hours.
	Every time.Duration
	// Found, when set, is told all devices of all accounts after every change, and once
	// at the start of Run with what was kept. It must not block.
	Found func([]Device)
	// Learnt, when set, is told every secret as soon as it is known, so that the log can
	// mask it.
	Learnt func(...mi.Secret)
}

// Given is an account of the settings.
type Given struct {
	UserID    string // decimal
	PassToken mi.Secret
}

// Hosts are base URLs ("https://host", a path may follow). Empty ones are
// Xiaomi's own. Where one is set, addresses in answers that name Xiaomi's host are
// led to it, and no other host is ever talked to but those named here.
type Hosts struct {
	Account string            // stands for https://account.xiaomi.com
	STS     string            // stands for https://sts.api.io.mi.com
	API     map[string]string // region to what stands for https://<region>.api.io.mi.com ("cn": https://api.io.mi.com)
}

// AllRegions are the servers on which homes are kept, in the order in which they
// are asked.
func AllRegions() []string { return []string{"cn", "de", "us", "sg", "ru", "tw", "i2"} }

// RegionName returns a region as people call it: "Europe".
func RegionName(region string) string {
	switch region {
	case "cn":
		return "China"
	case "de":
		return "Europe"
	case "us":
		return "United States"
	case "sg":
		return "Singapore"
	case "ru":
		return "Russia"
	case "tw":
		return "Taiwan"
	case "i2", "in":
		return "India"
	}
	return region
}

// Condition is how things stand with an account.
type Condition string

// The conditions of an account.
const (
	OK          Condition = "ok"
	Expiring    Condition = "expiring"     // still works, but a person has to sign in soon
	LoginNeeded Condition = "login_needed" // ended; nothing is tried any more
	Verify      Condition = "verify"       // Xiaomi wants a confirmation in a browser; nothing is tried any more
	Limited     Condition = "limited"      // asked to slow down, until State.Until
	Away        Condition = "away"         // the cloud does not answer
)

// State is how things stand with one account.
type State struct {
	ID        string // user id, decimal: the account of Manager.Call
	Label     string // for people, masked: "an…@example.org" or "…4321"
	Condition Condition
	Since     time.Time // of the condition
	Until     time.Time // Limited and Away: the next try; else zero
	Text      string    // sentence for people; "" when OK
	Problem   string    // id of the problem that it is, such as "account.login"; "" for none
	Cause     string    // what exactly was answered, for people who look closer; no secret in it
	VerifyURL mi.Secret // Verify: the page to open; else ""
	Regions   []Region
	Devices   int
	Listed    time.Time     // when the list of devices was last complete
	ClockOff  time.Duration // this machine's clock minus the cloud's; 0 when less than five minutes
}

// Region is what one region answered.
type Region struct {
	ID      string // "de"
	Name    string // "Europe"
	Asked   bool   // false while the answer is waited for
	Homes   int
	Devices int
	Text    string // why it could not be asked; "" when it was
}

// Kind is where a sign-in stands.
type Kind string

// The steps of a sign-in.
const (
	Idle       Kind = ""            // no sign-in is under way
	QRWaiting  Kind = "qr_waiting"  // LoginURL waits to be scanned or opened
	QRScanned  Kind = "qr_scanned"  // scanned, not confirmed yet
	QRExpired  Kind = "qr_expired"  // four codes in a row went by: StartQR again
	Captcha    Kind = "captcha"     // AnswerCaptcha, NewPicture
	CodeChoice Kind = "code_choice" // SendCode to one of Targets
	Code       Kind = "code"        // AnswerCode, SendCode again
	Browser    Kind = "browser"     // open BrowserURL, then AnswerBrowser
	Asking     Kind = "regions"     // in; Regions fill up
	Done       Kind = "done"
	Failed     Kind = "failed" // Err and Text say why; start anew
)

// Step is where the sign-in stands and what a page needs to show it. Fields that
// do not belong to the Kind are zero.
type Step struct {
	Kind    Kind
	Method  string // qr, password, token
	Account string // user id, from Asking on
	Text    string // sentence for people: what happens, or what was wrong with the last answer
	Err     error  // kind of what was wrong with the last answer; nil when nothing was

	LoginURL mi.Secret // QRWaiting, QRScanned: what the QR code says; the link does the same
	Expires  time.Time // QRWaiting, QRScanned: of LoginURL
	Codes    int       // QRWaiting: how many more codes come by themselves

	Picture      []byte // Captcha
	PictureType  string // Captcha: image/png, image/jpeg, image/gif
	NeedPassword bool   // Captcha: give the password again: it is not kept over a restart

	Targets   []Target  // CodeChoice, Code
	Target    Target    // Code: where the code went
	SentAt    time.Time // Code
	AgainAt   time.Time // Code: earliest SendCode to go on with
	CodesLeft int       // CodeChoice, Code: codes that Xiaomi sends today; -1 unknown
	TriesLeft int       // Captcha, Code: answers left before the sign-in is ended

	BrowserURL mi.Secret // Browser

	Regions []Region // Asking, Done
	New     []string // Done: dids that were not known before
}

// Target is where a code can be sent.
type Target struct {
	ID     string // phone, email
	Masked string // as Xiaomi masks it: "e…@e….org"; "" unknown
}

// Device is one device of an account.
type Device struct {
	mi.Info                // Addr is "" without a believable address of a home network
	Account      string    // user id of the account
	Region       string    // "de"
	Home         string    // id of its home, "" unknown
	HomeName     string    // as people call it
	Connect      string    // connect type: "0" Wi-Fi, "3" Zigbee, "6" Bluetooth, "15" IR, "16" mesh, …
	Online       bool      // says the cloud, at Asked
	Asked        time.Time // when the cloud said so
	Shared       bool      // of somebody else
	Owner        string    // user id of the owner
	URN          string    // spec of the model, where the list says it
	BeaconKey    mi.Secret // Bluetooth: hex, 16 or 12 bytes; "" for none
	SSID         string    // Wi-Fi network
	Remote       bool      // an IR remote
	MissingSince time.Time // the last complete list lacked it; zero when it is there
}

// Home is one home of an account, own or shared.
type Home struct {
	Account, Region string
	ID              string // decimal
	Owner           string // user id of the owner, decimal
	Name            string
	Shared          bool
	Rooms           []Room
}

// Room is one room of a home.
type Room struct{ ID, Name string }

// Scene is one manual scene of Mi Home.
type Scene struct {
	Account, Region string
	Home, Owner     string
	ID, Name        string
}

// Known is what the accounts know at the moment. It is never changed.
type Known struct {
	Devices []Device // each did once, sorted
	Homes   []Home
	Scenes  []Scene
}

// Period is the length of one statistic.
type Period string

// The periods of statistics.
const (
	Hour  Period = "hour"
	Day   Period = "day"
	Week  Period = "week"
	Month Period = "month"
)

// Sample is one value of a statistic or history.
type Sample struct {
	At    time.Time
	Value mi.Value
}

// RemoteKey is one key of an IR remote.
type RemoteKey struct {
	ID   string // decimal
	Name string // for people
}
