// Package pages is the bridge as its web pages and their API show it and give it
// orders: the model behind package web, which knows devices only as plain data.
package pages

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/diagnosis"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// ingress is where Home Assistant's Supervisor asks from.
var ingress = netip.AddrFrom4([4]byte{172, 30, 32, 2})

// Options are what the pages are made of.
type Options struct {
	World   mi.World
	Memory  mi.Memory // keeps the key of sessions
	Random  io.Reader // unpredictable bytes
	Log     zerolog.Logger
	Config  *config.Config
	Origins map[string]string // where each setting comes from
	Version string
	Host    string // name of this machine
	Alone   bool   // the bridge looks for nothing on the network

	Home      func() *device.Home // returns the devices, which tell the pages and so are built after them
	View      device.View         // is handed on what happens at the devices
	Topics    Topics
	Drivers   []device.Route
	Accounts  *account.Manager // nil while there are none
	Diagnosis *diagnosis.Watch

	Learn       func([]mi.Info)          // has the tokens of a list masked
	SetLogLevel func(level string) error // nil where it cannot be changed
	Restart     func()                   // nil where the bridge cannot start itself again
	Clean       func(text string) string // masks secrets; nil masks none
}

// Topics are the devices as the broker shows them.
type Topics interface {
	// Look returns how a device is shown; false when it is not.
	Look(id string) (mqtt.Look, bool)
	Connection() mqtt.Connection
	Platform() mqtt.Platform
	Queues() []mi.Queue
}

var _ Topics = (*mqtt.Home)(nil)

// Pages is the bridge as the pages see it. As a View it passes on what devices say and
// notes what changed.
type Pages struct {
	opt    Options
	server *web.Server
	began  time.Time
	meter  Meter
	diary  diary
}

var (
	_ web.Bridge  = (*Pages)(nil)
	_ web.Orders  = (*Pages)(nil)
	_ web.Process = (*Pages)(nil)
	_ device.View = (*Pages)(nil)
)

// New makes the pages. Nothing listens before Run.
func New(o Options) (*Pages, error) {
	p := &Pages{
		opt: o, began: o.World.Now(), diary: newDiary(o.World.Now),
		meter: Meter{Home: o.Home, Topics: o.Topics, Drivers: o.Drivers, Accounts: o.Accounts},
	}
	c := &o.Config.Web
	w := web.Options{
		Bridge: p, Orders: p, Process: p, World: o.World, Memory: o.Memory, Random: o.Random, Log: o.Log, Version: o.Version,
		Listen: c.Listen, Password: c.Password, Token: o.Config.APIToken, Hosts: c.Hosts, Host: o.Host, Prefix: c.Prefix, LogLevel: o.Config.LogLevel,
	}
	if o.Accounts != nil {
		w.Accounts = Accounts{o.Accounts}
	}
	if c.Ingress {
		w.Ingress = ingress
	}
	var err error
	p.server, err = web.New(w)
	return p, err
}

// Run serves the pages until ctx ends.
func (p *Pages) Run(ctx context.Context) { p.server.Run(ctx) }

// Logged passes on a line of the log.
func (p *Pages) Logged(level zerolog.Level, line []byte) { p.server.Logged(level, line) }

// Opened implements device.View.
func (p *Pages) Opened(d *device.Device, spec *mi.Spec) device.Plan {
	plan := p.opt.View.Opened(d, spec)
	p.server.Listed()
	return plan
}

// Changed implements device.View.
func (p *Pages) Changed(d *device.Device, changes []mi.Change) bool {
	moving := p.opt.View.Changed(d, changes)
	p.diary.changed(d, changes)
	if p.server.Watched() {
		p.server.Changed(d.ID(), p.touched(d, changes))
	}
	return moving
}

// Happened implements device.View.
func (p *Pages) Happened(d *device.Device, h mi.Happening) {
	p.opt.View.Happened(d, h)
	if spec := d.Spec(); spec != nil && h.Event >= 0 && h.Event < len(spec.Events) {
		p.diary.happened(d.ID(), happening(spec, h))
		p.server.Changed(d.ID(), nil)
	}
}

// Status implements device.View.
func (p *Pages) Status(d *device.Device, s device.Status) {
	p.opt.View.Status(d, s)
	p.server.Told(d.ID())
}

// Removed implements device.View.
func (p *Pages) Removed(d *device.Device) {
	p.opt.View.Removed(d)
	p.diary.forget(d.ID())
	p.server.Listed()
}

// touched returns the ids of the entities that show changes.
func (p *Pages) touched(d *device.Device, changes []mi.Change) (ids []string) {
	look, ok := p.opt.Topics.Look(d.ID())
	if !ok {
		return nil
	}
	for _, c := range changes {
		for _, i := range look.Model.Touched(c.Prop) {
			if id := look.Model.Entities[i].ID; !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func bindOf(e *entity.Entity, role entity.Role) *entity.Bind {
	for i := range e.Binds {
		if e.Binds[i].Role == role {
			return &e.Binds[i]
		}
	}
	return nil
}
