package web

import (
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The states of a device.
const (
	Online   = "online"
	NoAnswer = "no_answer"
	Asleep   = "asleep"
	Starting = "starting" // nobody has asked it yet
	Unproven = "unproven" // seen, but nobody knows whether it is the user's
)

// The ways to reach a device.
const (
	LAN       = "lan"
	Gateway   = "gateway"
	Bluetooth = "bluetooth"
	Cloud     = "cloud"
)

// Device is one line of the list of devices.
type Device struct {
	ID       string    `json:"id"` // in topics and addresses
	DID      string    `json:"did"`
	Name     string    `json:"name"` // never empty
	Room     string    `json:"room"`
	Model    string    `json:"model"`
	Kind     string    `json:"model_name"` // the model in words
	Icon     string    `json:"-"`
	Address  string    `json:"address"`
	State    string    `json:"state"`
	Route    string    `json:"route"` // that served the last exchange; "" for none
	LastSeen time.Time `json:"last_seen,omitzero"`
	Trouble  string    `json:"trouble"` // in words; "" when all is well
	Hidden   bool      `json:"hidden"`
}

// Detail is all about one device.
type Detail struct {
	Device
	Firmware   string     `json:"firmware"`
	Hardware   string     `json:"hardware"`
	MAC        string     `json:"mac"`
	Parent     string     `json:"parent"` // id of its gateway
	Spec       string     `json:"spec"`   // URN
	Topic      string     `json:"topic"`  // that all of its topics begin with
	Entities   []Entity   `json:"entities"`
	Properties []Property `json:"properties"`
	Actions    []Action   `json:"actions"`
	Events     []Event    `json:"events"` // newest first
	Ways       []Way      `json:"routes"` // by preference
	Reach      string     `json:"reach"`  // by which ways the user lets it be reached: automatic, local, cloud
	Level      string     `json:"detail"` // how many entities the user wants: default, minimal, normal, all
	Asleep     bool       `json:"asleep"` // the user finds its silence normal
	LastOrder  *LastOrder `json:"last_order"`
	Snippets   []Snippet  `json:"snippets"`
}

// Snippet is a text to copy into Home Assistant.
type Snippet struct {
	Name string `json:"name"` // card: of a dashboard; player: a media player of a TV, as a package
	Text string `json:"text"` // YAML
}

// Entity is one thing that a home platform shows.
type Entity struct {
	ID        string `json:"id"`
	Component string `json:"component"`
	Name      string `json:"name"` // never empty
	Class     string `json:"device_class,omitempty"`
	Category  string `json:"category,omitempty"`
	Enabled   bool   `json:"enabled"`
	Main      bool   `json:"main,omitempty"`   // stands for the device itself
	Danger    string `json:"danger,omitempty"` // class of what its command can do
	Rule      string `json:"rule,omitempty"`
	Roles     []Role `json:"roles"`
}

// Role is one facet of an entity.
type Role struct {
	Reading
	State   bool     `json:"state"`   // has a state
	Command bool     `json:"command"` // takes orders
	Options []string `json:"options,omitempty"`
	Min     float64  `json:"min,omitempty"`
	Max     float64  `json:"max,omitempty"` // as Min when there are no limits
	Step    float64  `json:"step,omitempty"`
	Topic   string   `json:"topic"`
	Uses    []string `json:"uses,omitempty"` // ids of the properties and actions behind it: p2_1, a3_1
}

// Reading is the value of a role.
type Reading struct {
	Entity string  `json:"entity"`
	Role   string  `json:"role"`
	Value  *string `json:"value"` // as on its topic; null when unknown
	Text   string  `json:"text"`  // as people read it
	Unit   string  `json:"unit,omitempty"`
}

// Property is one property of the device's spec.
type Property struct {
	IID     string   `json:"iid"` // "2.4"
	ID      string   `json:"id"`  // "p2_4"
	Key     string   `json:"key"` // "fan/mode"
	Name    string   `json:"name"`
	Value   mi.Value `json:"value"`
	Text    string   `json:"text"`
	Unit    string   `json:"unit,omitempty"`
	Format  string   `json:"format"`
	Read    bool     `json:"read"`
	Write   bool     `json:"write"`
	Choices []Choice `json:"choices,omitempty"`
	Min     float64  `json:"min,omitempty"`
	Max     float64  `json:"max,omitempty"`
	Step    float64  `json:"step,omitempty"`
}

// Choice is one value of a property that has a list of them.
type Choice struct {
	Value mi.Value `json:"value"`
	Label string   `json:"label"`
}

// Action is one action of the device's spec.
type Action struct {
	IID    string     `json:"iid"`
	ID     string     `json:"id"`
	Key    string     `json:"key"`
	Name   string     `json:"name"`
	Danger string     `json:"danger,omitempty"`
	In     []Property `json:"in"`
}

// Event is something that happened at a device.
type Event struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Way is one way to a device.
type Way struct {
	Route string `json:"route"`
	State string `json:"state"` // in_use, ready, failing, off
	Text  string `json:"text"`
}

// LastOrder is what was last asked of a device by a page or the API.
type LastOrder struct {
	At    time.Time `json:"at"`
	What  string    `json:"what"`
	By    string    `json:"by"`
	OK    bool      `json:"ok"`
	Text  string    `json:"text"` // how it ended
	Route string    `json:"route,omitempty"`
	MS    int64     `json:"ms,omitempty"`
}

// Recent is one of the last changes.
type Recent struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	Icon string    `json:"-"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Overview is how things stand as a whole.
type Overview struct {
	Version     string       `json:"version"`
	Started     time.Time    `json:"started"`
	Connections []Connection `json:"connections"`
}

// Connection is how things stand with the broker, Home Assistant, an account.
type Connection struct {
	What  string `json:"what"` // mqtt, home_assistant, account, network, bluetooth
	Name  string `json:"name"`
	State string `json:"state"` // ok, warn, bad, off
	Word  string `json:"word"`
	Text  string `json:"text"`
}

// Branch is one way that serves devices: an interface, a gateway, an account.
type Branch struct {
	ID      string   `json:"id"`
	Kind    string   `json:"kind"` // lan, gateway, bluetooth, cloud
	Name    string   `json:"name"`
	Address string   `json:"address,omitempty"`
	Devices []Device `json:"children"`
}

// The severities of a problem.
const (
	Broken = "broken" // something does not work
	Warn   = "warn"   // something will not work soon
	Note   = "note"   // worth knowing, nothing to do
)

// Problem is one thing that is not as it should be.
type Problem struct {
	ID       string    `json:"id"`
	Device   string    `json:"device,omitempty"` // id; "" when it concerns the bridge
	Severity string    `json:"severity"`
	Text     string    `json:"text"`
	Proof    string    `json:"proof,omitempty"`
	ToDo     string    `json:"todo,omitempty"`
	Since    time.Time `json:"since,omitzero"`

	// For pages in other languages: Text and ToDo with {places} in place of what was
	// measured, and what that was, as names and values. "" where a text is its own.
	Sentence, Remedy string   `json:"-"`
	Measured         []string `json:"-"`
}

// Account reports whether the account's page is where to solve it.
func (p Problem) Account() bool { return strings.HasPrefix(p.ID, "account.") }

// Setting is one variable as it holds.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"` // of a secret only how long it is
	From   string `json:"from"`  // default, environment, file
	Doc    string `json:"doc"`
	Secret bool   `json:"secret"`
}
