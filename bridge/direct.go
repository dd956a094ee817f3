package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mapping"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/pages"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/store"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// fetchWithin is how long Direct waits for miot-spec.org.
const fetchWithin = 10 * time.Second

// Direct is how single commands reach devices and specs without a running bridge.
// Only World, Config, Files, Log, Sources, Known and Learnt of its options count;
// the World may lack a Disk.
type Direct struct {
	opt     Options
	key     *sealed.Key
	library *spec.Library
	specs   *mapping.Specs
	rules   *entity.Rules
	known   []mi.Info
	lent    map[string]*mi.Spec // by model
	arrived chan string
}

var _ mi.Specs = (*Direct)(nil)

// NewDirect loads the mapping files and what is known of devices.
func NewDirect(o Options) (*Direct, error) {
	files, err := mapping.Load(o.Files.Mappings)
	if err != nil {
		return nil, err
	}
	d := &Direct{opt: o, key: o.openKey(), rules: files.Rules, lent: map[string]*mi.Spec{}, arrived: make(chan string, 16)}
	d.library = o.library(func(model string) { d.arrived <- model })
	d.specs = mapping.NewSpecs(d.library, files)
	if o.World.Disk != nil {
		d.known = store.New(o.World.Disk, d.key, o.Log).LoadDevices()
	}
	own, err := o.Config.KnownDevices()
	if err != nil {
		return nil, fmt.Errorf("%sDEVICES: %w", config.Prefix, err)
	}
	d.known = Merge(d.known, append(own, o.Known...))
	(&Bridge{opt: o}).learn(d.known)
	return d, nil
}

// Known returns the devices of settings and data folder.
func (d *Direct) Known() []mi.Info { return d.known }

// Driver returns a driver that speaks over net.
func (d *Direct) Driver(net mi.Network) mi.Driver {
	w := d.opt.World
	w.Net = net
	return miio.New(w, miio.Options{
		Specs: d, Profiles: d.specs, Log: d.opt.Log, Interfaces: d.opt.Config.Interfaces, NoPush: true,
		Known: func() []mi.Info { return d.known },
	})
}

// Lend gives a corrected spec that somebody else has, so that it need not be fetched.
func (d *Direct) Lend(s *mi.Spec) { d.lent[s.Model] = s }

// Spec returns the corrected spec of a model, of a profile where one has it. It
// waits for miot-spec.org when it has to be fetched.
func (d *Direct) Spec(ctx context.Context, model string) (*mi.Spec, error) {
	if p := d.specs.Match(model); p != nil {
		return p.Spec(), nil
	}
	if s := d.lent[model]; s != nil {
		return s, nil
	}
	found, err := d.specs.Spec(ctx, model)
	if !errors.Is(err, mi.ErrUnsupported) || d.opt.Alone || !d.opt.Config.SpecsOnline || !spec.ValidModel(model) {
		return found, err
	}
	ctx, stop := context.WithTimeout(ctx, fetchWithin)
	defer stop()
	go d.library.Run(ctx)
	select {
	case <-d.arrived:
		return d.specs.Spec(ctx, model)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w (waited %s)", err, fetchWithin)
	}
}

// Accounts returns the Xiaomi accounts of the data folder for who signs in without a
// running bridge. run keeps them going until its context ends.
func (d *Direct) Accounts() (all web.Accounts, run func(context.Context) error, err error) {
	m, err := (&Bridge{opt: d.opt, key: d.key}).newAccounts()
	switch {
	case err != nil:
		return nil, nil, err
	case m == nil:
		return nil, nil, fmt.Errorf("no account is used, as %sCLOUD says: %w", config.Prefix, mi.ErrUnsupported)
	}
	return pages.Accounts{Manager: m}, m.Run, nil
}

// Profiles returns the files of profiles that ship with the bridge.
func (d *Direct) Profiles() ([]profile.File, error) { return mapping.Profiles() }

// Correct returns a spec with the corrections of its model.
func (d *Direct) Correct(s *mi.Spec) *mi.Spec { return d.rules.Correct(s) }

// Entities makes the entities of a corrected spec, as the settings want them.
func (d *Direct) Entities(s *mi.Spec) *entity.Model {
	return d.rules.Build(s, entity.Options{Detail: d.opt.Config.Detail, Language: d.opt.Config.Language})
}

// Check reports every mistake in the mapping files.
func Check(f Files) error {
	_, err := mapping.Load(f.Mappings)
	return err
}
