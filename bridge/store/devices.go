package store

import (
	"net"
	"regexp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// devicesName is the file of the known devices.
const devicesName = "devices"

var didForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// device is a device as it is kept. mi.Secret masks itself, so the token is
// kept as text; the Disk keeps the file for its owner alone.
type device struct {
	mi.Info
	Token string
}

// SaveDevices keeps the known devices, tokens included.
func (s *Store) SaveDevices(list []mi.Info) {
	out := make([]device, len(list))
	for i, d := range list {
		out[i] = device{d, d.Token.Reveal()}
	}
	s.Save(devicesName, out)
}

// LoadDevices returns the devices of earlier runs. One whose did or address is
// no such thing is left out.
func (s *Store) LoadDevices() []mi.Info {
	var in []device
	if !s.Load(devicesName, &in) {
		return nil
	}
	out := make([]mi.Info, 0, len(in))
	for _, d := range in {
		if !didForm.MatchString(d.DID) && !(d.DID == "" && d.Addr != "") || !address(d.Addr) {
			s.log.Warn().Str("device", d.DID).Msg("a kept device makes no sense and is left out")
			continue
		}
		d.Info.Token = mi.Secret(d.Token)
		out = append(out, d.Info)
	}
	return out
}

func address(s string) bool {
	if s == "" {
		return true
	}
	_, _, err := net.SplitHostPort(s)
	return err == nil
}
