package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/store"
)

// reach prepares to talk with devices directly, by what settings and data folder
// know of them.
func (p *process) reach() (*reach, error) {
	c, err := p.settings(nil)
	if err != nil {
		return nil, err
	}
	w, err := openWorld(c.Data)
	if err != nil {
		return nil, err
	}
	known, err := p.knownDevices(c, w.Disk)
	if err != nil {
		return nil, err
	}
	specs := p.specs(c, w)
	return &reach{
		net:   w.Net,
		known: known,
		connect: func(net mi.Network) mi.Driver {
			w := w
			w.Net = net
			return miio.New(w, miio.Options{
				Specs: specs, Log: p.log(), Interfaces: c.Interfaces, NoPush: true,
				Known: func() []mi.Info { return known },
			})
		},
	}, nil
}

// openWorld is the machine itself. A data folder that is not there is not made:
// to ask a device leaves no trace.
func openWorld(data string) (mi.World, error) {
	w := mi.World{Net: host.Network(), Now: time.Now, Seed: uint64(time.Now().UnixNano())}
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	disk, err := host.OpenDisk(data)
	if err != nil {
		return w, err
	}
	w.Disk = disk
	return w, nil
}

// knownDevices lays the devices of the settings over those of earlier runs.
func (p *process) knownDevices(c *config.Config, disk mi.Disk) ([]mi.Info, error) {
	var known []mi.Info
	if disk != nil {
		known = store.New(disk, p.log()).LoadDevices()
	}
	own, err := c.KnownDevices()
	if err != nil {
		return nil, err
	}
	for _, d := range own {
		at := slices.IndexFunc(known, func(k mi.Info) bool { return same(d, k) })
		if at >= 0 {
			known[at] = known[at].Merge(d)
		} else {
			known = append(known, d)
		}
	}
	for _, d := range known {
		p.secrets.Add(d.Token)
	}
	return known, nil
}

// log is for what the packages below have to say.
func (p *process) log() zerolog.Logger {
	return zerolog.New(zerolog.ConsoleWriter{Out: p.talk, NoColor: true, PartsExclude: []string{zerolog.TimestampFieldName}}).Level(zerolog.WarnLevel)
}

// specs finds the spec of a model, waiting for miot-spec.org where it must.
func (p *process) specs(c *config.Config, w mi.World) mi.Specs {
	arrived := make(chan string, 16)
	opt := spec.Options{Offline: !c.SpecsOnline, Log: p.log(), Arrived: func(model string) { arrived <- model }}
	if c.Specs != "" {
		opt.Sources = append(opt.Sources, spec.NewFolder(os.DirFS(c.Specs)))
	}
	library := spec.New(w, opt)
	if opt.Offline {
		return library
	}
	return &patient{library: library, arrived: arrived}
}

// patient is a library that waits until a spec that is being fetched is there.
type patient struct {
	library *spec.Library
	arrived chan string
}

// Spec implements mi.Specs.
func (s *patient) Spec(ctx context.Context, model string) (*mi.Spec, error) {
	found, err := s.library.Spec(ctx, model)
	if err == nil {
		return found, nil
	}
	ctx, stop := context.WithTimeout(ctx, answerWithin)
	defer stop()
	go s.library.Run(ctx)
	select {
	case <-s.arrived:
		return s.library.Spec(ctx, model)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w (waited %s)", err, answerWithin)
	}
}
