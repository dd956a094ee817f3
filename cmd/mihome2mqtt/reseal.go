package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
)

// runningWithin is how long a running bridge has to make itself known.
const runningWithin = 2 * time.Second

type resealCmd struct {
	Open bool `help:"Decrypt them instead."`
}

// Run brings the data folder's secrets under MIHOME2MQTT_DATA_KEY. Starting the
// bridge does the same; this does it without.
func (c *resealCmd) Run(p *process) error {
	ctx, cancel := context.WithTimeout(p.ctx, runningWithin)
	defer cancel()
	if _, err := p.ask(ctx, "health_check", nil); err == nil {
		return &failure{exitRefused, errors.New("the bridge is running and would write with the key it has: stop it first, or start it with both keys, which does the same")}
	}
	opt, disk, err := p.prepare(nil)
	if err != nil {
		return err
	}
	defer disk.Close()
	n, err := bridge.Reseal(opt, c.Open)
	fmt.Fprintf(p.out, "%d files written\n", n)
	switch {
	case errors.Is(err, sealed.ErrSealed):
		return &failure{exitRefused, fmt.Errorf("%w. Give the key that it was written with as %sDATA_KEY_OLD", err, config.Prefix)}
	case errors.Is(err, mi.ErrInvalid):
		return wrongUse(err)
	}
	return err
}
