package bridge

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/diagnosis"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/pages"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// newDiagnosis makes the one that finds out what is wrong.
func (b *Bridge) newDiagnosis() *diagnosis.Watch {
	o := diagnosis.Options{
		World: b.opt.World, Config: b.opt.Config, Alone: b.opt.Alone, Home: b.devices,
		Noted: b.tellProblems, Topics: b.topics, Accounts: b.accounts, Receivers: b.air.Receivers, LAN: b.lan, Specs: b.library, Store: b.store,
	}
	if b.opt.Files.Mappings != nil {
		o.Mapping = b.mistake.get
	}
	return diagnosis.New(o)
}

// tellProblems shows on topics what needs somebody.
func (b *Bridge) tellProblems(all []web.Problem) {
	out := make([]mqtt.Problem, len(all))
	for i, p := range all {
		out[i] = mqtt.Problem{ID: p.ID, Device: p.Device, Severity: p.Severity, Text: p.Text, ToDo: p.ToDo, Since: p.Since.UTC().Truncate(time.Second)}
		if d := b.home.Device(p.Device); p.Device != "" && d != nil {
			out[i].Name = mqtt.CleanName(d.Name())
		}
		if b.opt.Clean != nil {
			out[i].Text, out[i].ToDo = b.opt.Clean(p.Text), b.opt.Clean(p.ToDo)
		}
	}
	b.topics.Problems(out)
}

// newPages makes the pages; nil when the settings want none.
func (b *Bridge) newPages() (*pages.Pages, error) {
	o := &b.opt
	if listen := o.Config.Web.Listen; listen == "" || listen == config.Off || o.Random == nil {
		return nil, nil
	}
	return pages.New(pages.Options{
		World: o.World, Memory: b.store, Random: o.Random, Log: o.Log, Config: o.Config, Origins: o.Origins, Version: o.Version, Host: o.Host, Alone: o.Alone,
		Home: b.devices, View: b.diagnosis.View(b.topics), Topics: b.topics, Drivers: b.drivers, Accounts: b.accounts, Diagnosis: b.diagnosis,
		Learn: b.learn, SetLogLevel: o.SetLogLevel, Restart: o.Restart, Clean: o.Clean,
	})
}

// devices returns the devices, for parts that they tell what happens and that are
// built before them.
func (b *Bridge) devices() *device.Home { return b.home }
