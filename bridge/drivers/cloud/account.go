package cloud

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Account is the user's side of the cloud: signed requests, and what the accounts
// know of their homes.
type Account interface {
	// Call sends one signed request to the API of a region and returns what stands
	// under result in the answer. An error wraps a kind of package mi: ErrTimeout
	// when a request went out and nothing came back, ErrOffline when none can go
	// out, ErrBusy when the server wants fewer of them, ErrDenied when somebody has
	// to log in, ErrProtocol when the answer makes no sense. One with a method
	// Code() int is the server's refusal of this request alone.
	Call(ctx context.Context, account, region, path string, params any) (json.RawMessage, error)
	// Known returns what is known at the moment, without asking anybody.
	Known() Known
	// Watch calls changed after every change of that, until ctx ends.
	Watch(ctx context.Context, changed func())
	// RunScene runs a manual scene. This and what follows fails as Call does.
	RunScene(ctx context.Context, s Scene) error
	// RemoteKeys returns the keys of an infrared remote.
	RemoteKeys(ctx context.Context, did string) ([]RemoteKey, error)
	// PressRemote presses the key with that ID.
	PressRemote(ctx context.Context, did, key string) error
	// Statistics returns what a device used in each period ("day"), oldest first; key
	// is "siid.piid".
	Statistics(ctx context.Context, did, key, period string, from, to time.Time) ([]Sample, error)
	// History returns at most limit of what a device reported: kind is "event" or "prop",
	// key "siid.eiid" or "siid.piid".
	History(ctx context.Context, did, kind, key string, from, to time.Time, limit int) ([]Sample, error)
}

// Known is what the accounts know. It is not changed once it was handed over.
type Known struct {
	Devices []Device // each did once
	Homes   []Home
	Scenes  []Scene
}

// Device is one device of an account.
type Device struct {
	mi.Info
	Account string // name under which Call knows the account
	Region  string // "cn", "de", …
	Online  bool   // says the cloud
	Asked   time.Time
	Remote  bool // an infrared remote
}

// Home is one home of an account.
type Home struct {
	Account string
	Region  string
	ID      string // decimal
	Owner   string // user id of the owner, decimal
	Name    string
}

// Scene is one manual scene of Mi Home.
type Scene struct {
	Account, Region string
	Home, Owner     string
	ID, Name        string
}

// RemoteKey is one key of an infrared remote.
type RemoteKey struct {
	ID   string // decimal
	Name string // for people
}

// Sample is one value of a statistic, with the beginning of its period, or one that a
// device reported.
type Sample struct {
	At    time.Time
	Value mi.Value
}
