package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
)

type runCmd struct{}

// Run runs the bridge until it is told to stop.
func (c *runCmd) Run(p *process) error {
	conf, err := p.settings(nil)
	if err != nil {
		return err
	}
	opt, err := p.options(conf)
	if err != nil {
		return err
	}
	disk, err := host.OpenDisk(conf.Data)
	if err != nil {
		return err
	}
	defer disk.Close()
	opt.World.Disk = disk
	for _, what := range disk.Repaired() {
		opt.Log.Warn().Str("what", what).Msg("others could read the data folder; closed to them")
	}
	opt.Log.Info().Msg(thisBuild().String())
	return p.serve(opt)
}

// serve runs a bridge, and another one whenever a restart is asked for.
func (p *process) serve(opt bridge.Options) error {
	opt.SetLogLevel = setLogLevel
	for {
		again, err := p.once(opt)
		if err != nil || !again || p.ctx.Err() != nil {
			return err
		}
		opt.Log.Info().Msg("starting again, as asked for")
	}
}

func (p *process) once(opt bridge.Options) (again bool, err error) {
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	var asked atomic.Bool
	opt.Restart = func() {
		asked.Store(true)
		stop()
	}
	b, err := bridge.New(opt)
	if err != nil {
		return false, err
	}
	err = b.Run(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return asked.Load(), err
}
