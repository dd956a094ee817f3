package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

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
	certs, err := conf.MQTT.Certificates(readFile)
	if err != nil {
		return nil, err
	}
	broker, err := conf.Broker.Certificates(readFile)
	if err != nil {
		return nil, err
	}
	return mqtt.Ask(ctx, mqtt.Options{
		World: mi.World{Net: host.Network(), Seed: uint64(time.Now().UnixNano())},
		URL:   conf.MQTT.URL, User: conf.MQTT.User, Password: conf.MQTT.Password,
		CA: certs.CA, Cert: certs.Cert, Key: certs.Key, Insecure: conf.MQTT.Insecure,
		Listen: conf.Broker.Listen, BrokerUser: conf.Broker.User, BrokerPassword: conf.Broker.Password, BrokerCert: broker.Cert,
		Base: conf.BaseTopic,
	}, verb, fields)
}
