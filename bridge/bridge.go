// Package bridge puts the parts together: it builds store, specs, drivers,
// devices and topics, and starts and stops them in order.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/diagnosis"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mapping"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/pages"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/store"
)

// Options are what a bridge is made of.
type Options struct {
	Config  *config.Config
	World   mi.World
	Log     zerolog.Logger
	Version string
	Host    string // name of this machine
	Files   Files

	// Sources are specs besides the data folder, such as those of the virtual home.
	Sources []spec.Source
	// Known are devices besides those of the settings and of earlier runs.
	Known []mi.Info
	// Alone keeps the bridge from looking for devices on the network and for
	// specs on the internet.
	Alone bool
	// Cloud are the servers of the Xiaomi accounts; the zero value is Xiaomi's.
	Cloud account.Hosts
	// Guest, when set, connects to the brokers of multimode gateways.
	Guest func(ctx context.Context, address string) (mi.Bus, error)
	// Radio is what hears Bluetooth devices besides what the settings name.
	Radio Radio
	// WakePort is where magic packets go that wake TVs; 0 is the usual port.
	WakePort uint16
	// Learnt, when set, is told every token that the bridge comes to know, so that
	// the log can mask it.
	Learnt func(...mi.Secret)
	// Restart, when set, is what a request to restart does.
	Restart func()
	// Heard, when set, takes the one that is told every line of the log, without
	// secrets.
	Heard func(func(zerolog.Level, []byte))
	// SetLogLevel, when set, changes how much is logged.
	SetLogLevel func(level string) error
	// Random, when set, are unpredictable bytes; without them there are no pages.
	Random io.Reader
	// Clean, when set, masks every secret in a text.
	Clean func(string) string
	// Origins says where each setting comes from.
	Origins map[string]string
}

// Files are what the settings name as files, already opened.
type Files struct {
	Specs    fs.FS // the user's specs; nil for none
	Mappings fs.FS // the user's mapping files; nil for none
	// Watch, when set, sends whenever something in the user's mapping folder changed.
	Watch    func(context.Context) (<-chan struct{}, error)
	CA, Cert []byte
	Key      mi.Secret
	// BrokerCert and BrokerKey are those of the broker inside the bridge.
	BrokerCert []byte
	BrokerKey  mi.Secret
}

// Bridge is a bridge that has been built.
type Bridge struct {
	opt       Options
	key       *sealed.Key
	store     *store.Store
	library   *spec.Library
	specs     *mapping.Specs
	home      *device.Home
	topics    *mqtt.Home
	chosen    *choices
	air       Radio
	lan       *miio.Driver
	pages     *pages.Pages // nil without pages
	diagnosis *diagnosis.Watch
	// drivers are asked what they refused, and how full their queues were.
	drivers []device.Route
	// accounts are the Xiaomi accounts; nil while there are none.
	accounts *account.Manager
	mending  sync.Mutex // one reload of the rules at a time
	mistake  mistake    // of the user's mapping files
}

// New checks the options and builds the bridge. Nothing moves before Run.
func New(o Options) (*Bridge, error) {
	key, err := o.dataKey()
	if err != nil {
		return nil, err
	}
	b := &Bridge{opt: o, key: key, store: store.New(o.World.Disk, key, o.Log)}
	files, err := b.firstFiles()
	if err != nil {
		return nil, err
	}
	b.hint(files.Rules)
	b.library = o.library(func(model string) { b.home.SpecArrived(model) })
	b.specs = mapping.NewSpecs(b.library, files)
	if b.accounts, err = b.newAccounts(); err != nil {
		return nil, err
	}
	if b.topics, err = mqtt.New(b.mqttOptions(files.Rules)); err != nil {
		return nil, err
	}
	known, err := b.known()
	if err != nil {
		return nil, err
	}
	b.chosen = loadChoices(b.store)
	if b.air, err = b.radio(); err != nil {
		return nil, err
	}
	b.drivers = b.routes(known)
	b.diagnosis = b.newDiagnosis()
	if b.pages, err = b.newPages(); err != nil {
		return nil, err
	}
	b.home = device.New(b.deviceOptions(known))
	return b, nil
}

// library finds specs; arrived is told the models whose spec came late.
func (o *Options) library(arrived func(model string)) *spec.Library {
	sources := o.Sources
	if o.Files.Specs != nil {
		sources = append(slices.Clip(sources), spec.NewFolder(o.Files.Specs))
	}
	return spec.New(o.World, spec.Options{
		Sources: sources, Offline: o.Alone || !o.Config.SpecsOnline, Log: o.Log,
		Arrived: arrived,
	})
}

// known lays the devices of the settings over those of earlier runs.
func (b *Bridge) known() ([]mi.Info, error) {
	own, err := b.opt.Config.KnownDevices()
	if err != nil {
		return nil, fmt.Errorf("%sDEVICES: %w", config.Prefix, err)
	}
	all := Merge(b.store.LoadDevices(), append(own, b.opt.Known...))
	b.learn(all)
	return all, nil
}

// learn has every token masked.
func (b *Bridge) learn(all []mi.Info) {
	if b.opt.Learnt == nil {
		return
	}
	for _, d := range all {
		if d.Token != "" {
			b.opt.Learnt(d.Token)
		}
	}
}

// view is whom the devices tell what happens.
func (b *Bridge) view() device.View {
	if b.pages == nil {
		return b.diagnosis.View(b.topics)
	}
	return b.pages
}

// logged passes on a line of the log.
func (b *Bridge) logged(level zerolog.Level, line []byte) {
	b.topics.Logged(level, line)
	if b.pages != nil {
		b.pages.Logged(level, line)
	}
}

func (b *Bridge) deviceOptions(known []mi.Info) device.Options {
	c := b.opt.Config
	return device.Options{
		World: b.opt.World, View: b.view(), Log: b.opt.Log, Routes: b.drivers, Known: known,
		Intervals:    device.Intervals{Idle: c.Poll, Fast: c.PollFast, Slow: c.PollSlow},
		OrderTimeout: c.OrderTimeout,
		Choices:      b.chosen.all(), Chosen: b.chosen.keep,
		Gone: map[string]time.Duration{
			device.ClassPolled: c.Gone.WiFi, device.ClassZigbeeMains: c.Gone.Zigbee, device.ClassZigbeeBattery: c.Gone.ZigbeeBattery,
			device.ClassBLE: c.Gone.BLE, device.ClassMesh: c.Gone.Mesh,
		},
		Denied: b.denied,
		Changed: func(all []mi.Info) {
			b.learn(all)
			b.store.SaveDevices(all)
		},
	}
}

// Run runs the bridge until ctx ends. It returns mqtt.ErrTaken when another
// bridge lives on the same base topic.
func (b *Bridge) Run(ctx context.Context) error {
	// The parts below outlive ctx until the topics have said offline.
	parts, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { b.store.Run(parts) })
	if b.opt.Heard != nil {
		b.opt.Heard(b.logged)
		defer b.opt.Heard(nil)
	}
	devices, stopDevices := context.WithCancel(parts)
	var working sync.WaitGroup
	working.Go(func() { b.library.Run(devices) })
	working.Go(func() { b.watch(devices) })
	working.Go(func() {
		if err := b.home.Run(devices); err != nil {
			b.opt.Log.Error().Err(err).Msg("the devices stopped")
		}
	})
	if b.accounts != nil {
		running.Go(func() {
			if err := b.accounts.Run(parts); err != nil {
				b.opt.Log.Error().Err(err).Msg("the accounts stopped")
			}
		})
		working.Go(func() { b.tellAccounts(devices) })
	}
	if b.pages != nil {
		working.Go(func() { b.pages.Run(devices) })
	}
	working.Go(func() { b.diagnosis.Run(devices) })
	err := b.topics.Run(ctx, b.home)
	stopDevices()
	working.Wait()
	stop()
	running.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
