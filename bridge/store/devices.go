package store

import (
	"cmp"
	"net"
	"regexp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The files of the known devices: who they are, and their keys. Only the second one
// is encrypted, so that a lost key loses no device.
const (
	devicesName = "devices"
	tokensName  = "device-tokens"
)

var didForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// device is a device as it is kept. Earlier versions kept its token beside it.
type device struct {
	mi.Info
	Token string `json:",omitempty"`
}

// tokens are the keys of devices by did, or by address where that is all there is.
type tokens map[string]string

// Private implements mi.Private.
func (tokens) Private() {}

func tokenOf(d mi.Info) string { return cmp.Or(d.DID, d.Addr) }

// SaveDevices keeps the known devices and their tokens.
func (s *Store) SaveDevices(list []mi.Info) {
	out, keys := make([]device, len(list)), tokens{}
	for i, d := range list {
		out[i].Info = d
		if d.Token != "" {
			keys[tokenOf(d)] = d.Token.Reveal()
		}
	}
	s.Save(tokensName, keys)
	s.Save(devicesName, out)
}

// LoadDevices returns the devices of earlier runs. One whose did or address is
// no such thing is left out.
func (s *Store) LoadDevices() []mi.Info {
	var in []device
	if !s.Load(devicesName, &in) {
		return nil
	}
	keys := tokens{}
	s.Load(tokensName, &keys)
	out, old := make([]mi.Info, 0, len(in)), false
	for _, d := range in {
		if !didForm.MatchString(d.DID) && !(d.DID == "" && d.Addr != "") || !address(d.Addr) {
			s.log.Warn().Str("device", d.DID).Msg("a kept device makes no sense and is left out")
			continue
		}
		d.Info.Token = mi.Secret(cmp.Or(keys[tokenOf(d.Info)], d.Token))
		old = old || d.Token != ""
		out = append(out, d.Info)
	}
	if old {
		s.moveTokens(out)
	}
	return out
}

// moveTokens keeps the tokens where they belong and leaves none with the devices.
func (s *Store) moveTokens(list []mi.Info) {
	s.mu.Lock()
	s.files[devicesName].scrub = true
	s.mu.Unlock()
	s.SaveDevices(list)
}

func address(s string) bool {
	if s == "" {
		return true
	}
	_, _, err := net.SplitHostPort(s)
	return err == nil
}
