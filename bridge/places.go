package bridge

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/camera"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/multimode"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
)

// tvs are the TVs of the settings.
func tvs(list config.TVs) []tv.Config {
	out := make([]tv.Config, len(list))
	for i, t := range list {
		out[i] = tv.Config{Addr: t.Host, MAC: t.MAC, Name: t.Name}
	}
	return out
}

// androidTVs are the Android and Google TVs of the settings.
func androidTVs(list config.TVs) []androidtv.Config {
	out := make([]androidtv.Config, len(list))
	for i, t := range list {
		out[i] = androidtv.Config{Addr: t.Host, MAC: t.MAC, Name: t.Name}
	}
	return out
}

// gateways are the multimode gateways of the settings.
func gateways(list config.Gateways) []multimode.Gateway {
	out := make([]multimode.Gateway, len(list))
	for i, g := range list {
		out[i] = multimode.Gateway{Host: g.Host, Name: g.Name, DID: g.DID}
	}
	return out
}

// cameras are the cameras of the settings.
func cameras(list config.Cameras) []camera.Config {
	out := make([]camera.Config, len(list))
	for i, c := range list {
		out[i] = camera.Config{Addr: c.Host, Name: c.Name}
	}
	return out
}

// routers are the routers of the settings.
func routers(c *config.Config) []router.Config {
	list, _ := c.RouterList() // config has checked them
	out := make([]router.Config, len(list))
	for i, r := range list {
		out[i] = router.Config{Addr: r.Host, Password: r.Password, Name: r.Name}
	}
	return out
}
