package main

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
)

type runCmd struct{}

// Run runs the bridge until it is told to stop.
func (c *runCmd) Run(p *process) error {
	opt, disk, err := p.prepare(nil)
	if err != nil {
		return err
	}
	defer disk.Close()
	opt.Log.Info().Msg(thisBuild().String())
	return p.serve(opt)
}

// prepare reads the settings and opens all that they name, the data folder
// included. The variables in defaults hold unless they are set.
func (p *process) prepare(defaults map[string]string) (bridge.Options, io.Closer, error) {
	conf, err := p.settings(defaults)
	if err != nil {
		return bridge.Options{}, nil, err
	}
	opt, err := p.options(conf)
	if err != nil {
		return opt, nil, err
	}
	disk, err := openData(conf)
	if err != nil {
		return opt, nil, err
	}
	for _, what := range disk.Repaired() {
		opt.Log.Warn().Str("what", what).Msg("others could read the data folder; closed to them")
	}
	opt.World.Disk = disk
	return opt, disk, nil
}

// serve runs a bridge, and another one whenever a restart is asked for.
func (p *process) serve(opt bridge.Options) error {
	opt.SetLogLevel = setLogLevel
	go thrifty(p.ctx)
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
