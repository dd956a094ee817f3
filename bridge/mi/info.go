package mi

import (
	"net"
	"strings"
	"time"
)

// Info is who a device is and where it can be reached. A device is its DID;
// everything else may change during its life. Empty fields are unknown.
type Info struct {
	DID      string // decimal, or vendor text such as "lumi.158d0001a2b3c4"
	Model    string // vendor.type.version
	Name     string // what people call it
	Room     string
	MAC      string // lower case, colon separated
	Addr     string // host:port
	Parent   string // DID of the gateway that serves it
	Firmware string
	Hardware string
	Token    Secret // raw key of its local protocol, in hex
}

// Merge returns i with every field that other knows laid over it.
func (i Info) Merge(other Info) Info {
	set := func(dst *string, src string) {
		if src != "" {
			*dst = src
		}
	}
	set(&i.DID, other.DID)
	set(&i.Model, other.Model)
	set(&i.Name, other.Name)
	set(&i.Room, other.Room)
	set(&i.MAC, other.MAC)
	set(&i.Addr, other.Addr)
	set(&i.Parent, other.Parent)
	set(&i.Firmware, other.Firmware)
	set(&i.Hardware, other.Hardware)
	if other.Token != "" {
		i.Token = other.Token
	}
	return i
}

// The dids that drivers make of an address while nobody tells the real one.
const (
	bleStandIn  = "ble."  // until the account tells one that begins with "blt."
	lumiStandIn = "lumi." // of a gateway, until miIO or the account tells a decimal one
)

// StandIn returns the did that stood in for i's own before that was known: a driver
// made it of the address. It is "" where there can be none.
func (i Info) StandIn() string {
	mac := strings.ToLower(strings.ReplaceAll(i.MAC, ":", ""))
	switch {
	case len(mac) != 12:
		return ""
	case strings.HasPrefix(i.DID, "blt."):
		return bleStandIn + mac
	case strings.Trim(i.DID, "0123456789") == "":
		return lumiStandIn + mac
	}
	return ""
}

// StandsInFor returns the address of which i's did was made, twelve digits; "" where
// it is a real one.
func (i Info) StandsInFor() string {
	for _, prefix := range []string{bleStandIn, lumiStandIn} {
		if mac, ok := strings.CutPrefix(i.DID, prefix); ok && len(mac) == 12 {
			return mac
		}
	}
	return ""
}

// Change is a new value of one property; Prop indexes the Spec.
type Change struct {
	Prop  int
	Value Value
}

// Happening is an event that took place. It is never stored, never retained and
// never replayed.
type Happening struct {
	Event int // indexes Spec.Events
	Args  []Value
	At    time.Time
}

// Secret is a token, password or key. Every printed form hides it; Reveal is
// the only way to the text.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns a mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "•••"
}

// GoString returns a mask.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns a mask, so that no encoder writes the secret by accident.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Host returns an address without its port.
func Host(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
