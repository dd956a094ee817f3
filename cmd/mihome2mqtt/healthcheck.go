package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
)

// healthyWithin is how long the running bridge may take to answer; the image's
// HEALTHCHECK waits longer.
const healthyWithin = 4 * time.Second

type healthcheckCmd struct {
	Verbose bool `short:"v" help:"Say why."`
}

// Run asks the running bridge, over its broker, whether it is well. It prints
// nothing unless asked to; the exit code is 0 or 1.
func (c *healthcheckCmd) Run(p *process) error {
	ctx, cancel := context.WithTimeout(p.ctx, healthyWithin)
	defer cancel()
	health, err := p.ask(ctx, "health_check", nil)
	switch {
	case err != nil && c.Verbose:
		return &failure{exitFailed, err}
	case err != nil:
		return &failure{code: exitFailed}
	case c.Verbose:
		fmt.Fprintln(p.out, string(health))
	}
	return nil
}

// ask puts a request to the running bridge.
func (p *process) ask(ctx context.Context, verb string, fields map[string]any) (json.RawMessage, error) {
	conf, err := p.settings(nil)
	if err != nil {
		return nil, err
	}
	opt, err := connection(conf)
	if err != nil {
		return nil, err
	}
	return mqtt.Ask(ctx, opt, verb, fields)
}

// connection is how the settings lead to the broker.
func connection(c *config.Config) (mqtt.Options, error) {
	certs, err := c.MQTT.Certificates(os.ReadFile)
	if err != nil {
		return mqtt.Options{}, err
	}
	return mqtt.Options{
		World: mi.World{Net: host.Network(), Now: time.Now, Seed: uint64(time.Now().UnixNano())},
		URL:   c.MQTT.URL, User: c.MQTT.User, Password: c.MQTT.Password,
		CA: certs.CA, Cert: certs.Cert, Key: certs.Key, Insecure: c.MQTT.Insecure,
		Listen: c.Broker.Listen, BrokerUser: c.Broker.User, BrokerPassword: c.Broker.Password,
		Base: c.BaseTopic,
	}, nil
}
