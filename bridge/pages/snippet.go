package pages

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// snippets are what can be copied into Home Assistant, where devices are announced to
// anybody.
func (p *Pages) snippets(d *device.Device, look mqtt.Look) []web.Snippet {
	out := []web.Snippet{}
	if len(p.opt.Config.Discovery) == 0 {
		return out
	}
	about := homeassistant.NewDevice(d.Info(), d.Spec())
	about.Name = mqtt.CleanName(d.Name())
	for _, s := range homeassistant.Snippets(about, look.Model) {
		out = append(out, web.Snippet(s))
	}
	return out
}
