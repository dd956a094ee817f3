package bridge

import (
	"net/netip"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
)

// mqttOptions turns the settings into those of the topics.
func (b *Bridge) mqttOptions(rules *entity.Rules) mqtt.Options {
	o, c := &b.opt, b.opt.Config
	out := mqtt.Options{
		World: o.World, Memory: b.store, Log: o.Log, Version: o.Version, Host: o.Host,
		URL: c.MQTT.URL, User: c.MQTT.User, Password: c.MQTT.Password,
		CA: o.Files.CA, Cert: o.Files.Cert, Key: o.Files.Key, Insecure: c.MQTT.Insecure,
		Listen: c.Broker.Listen, BrokerUser: c.Broker.User, BrokerPassword: c.Broker.Password, BrokerCert: o.Files.BrokerCert, BrokerKey: o.Files.BrokerKey,
		Base: c.BaseTopic, Areas: c.Areas, PageURL: pageURL(&c.Web), Account: b.accounts != nil,
		Translate: func(name string) string { return rules.Translate(c.Language, name) },
		Rules:     rules, Detail: c.Detail, Language: c.Language, Include: c.Include, Exclude: c.Exclude,
		Forbid: c.Forbid, Raw: c.RawAccess,
		Actions: mqtt.Actions{
			Restart: o.Restart, LogLevel: o.SetLogLevel, Level: c.LogLevel,
			Scan: func() { b.home.Refresh() }, Backup: b.backup,
		},
	}
	for _, t := range c.Discovery {
		out.Targets = append(out.Targets, mqtt.Target{Prefix: t.Prefix, Form: homeassistant.Form(t.Form)})
	}
	return out
}

// pageURL is where Home Assistant sends people who want to see the bridge's pages;
// "" when only this machine may look.
func pageURL(w *config.Web) string {
	if addr, err := netip.ParseAddr(mi.Host(w.Listen)); err != nil || addr.IsLoopback() || addr.IsUnspecified() {
		return ""
	}
	return w.URL()
}
