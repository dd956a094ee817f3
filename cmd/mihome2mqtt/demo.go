package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

type demoCmd struct {
	OwnAddresses bool    `help:"Give each device an address of its own, 127.x.y.z:54321, as other programs expect it."`
	Speed        float64 `default:"1" help:"How many times faster the virtual home lives."`
	Clients      int     `default:"8" help:"How many phones and other clients the virtual router has."`
}

// demoSeed makes the same home each time: a bridge that kept its data knows it again.
const demoSeed = 1

// Run runs the bridge with a virtual home, on loopback only.
func (c *demoCmd) Run(p *process) error {
	defaults := map[string]string{}
	if config.Lookup(p.environ, config.Prefix+"DATA") == "" {
		data, err := os.MkdirTemp("", "mihome2mqtt-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(data)
		defaults[config.Prefix+"DATA"] = data
	}
	opt, disk, err := p.prepare(defaults)
	if err != nil {
		return err
	}
	defer disk.Close()
	there := opt.World
	there.Seed = demoSeed
	street, err := c.furnish(there, opt.Log)
	if err != nil {
		return err
	}
	sky, err := cloud.New(there, cloud.Options{Home: street.Home, Listed: append(street.Lamps.Infos(), street.Lumi.Listed()...), Deaf: true, Lasting: true})
	if err != nil {
		return errors.Join(err, street.Close())
	}
	ctx, stop := context.WithCancel(p.ctx)
	left := make(chan error, 2)
	go func() { left <- street.Run(ctx) }()
	go func() { left <- sky.Run(ctx) }()
	p.move(opt.Config, street)
	p.signIn(&opt, sky)
	opt.Alone, opt.Known, opt.WakePort = true, street.Infos(), street.TV.WakePort()
	opt.Guest = street.Multimode.Connect
	opt.Radio = bridge.Radio{Receivers: street.Receivers(), Centrals: []mi.Central{street.Garage}}
	opt.Sources = append(opt.Sources, spec.NewFolder(miio.Specs()), spec.NewFolder(cloud.Specs()))
	p.welcome(opt.Config, len(opt.Known))
	err = p.serve(opt)
	stop()
	return errors.Join(err, <-left, <-left)
}

// move tells the settings where the things of the street are that are not found.
func (p *process) move(c *config.Config, s *virtual.Street) {
	c.TVs = append(c.TVs, config.TV{Host: s.TV.Addr(), MAC: s.TV.MAC(), Name: s.TV.Name()})
	c.Multimode = append(c.Multimode, config.Gateway{Host: "127.0.0.1", Name: "Landing gateway"})
	c.Cameras = append(c.Cameras, config.Camera{Host: s.Camera.Addr(), Name: "Camera (experimental)"})
	c.Routers = mi.Secret(s.Router.Addr() + "," + virtual.RouterPassword.Reveal() + ",Router")
	c.AndroidTVs = append(c.AndroidTVs, config.TV{Host: s.AndroidTV.Addr(), MAC: s.AndroidTV.MAC(), Name: s.AndroidTV.Name()})
	c.GatewayKeys = mi.Secret(s.Lumi.SID() + "," + s.Lumi.Key().Reveal())
	var keys strings.Builder
	for addr, key := range s.Radio.Keys() {
		fmt.Fprintf(&keys, "%s,%s\n", addr, key.Reveal())
	}
	c.BLE.Keys = mi.Secret(keys.String())
	c.Ninebots = cmp.Or(c.Ninebots, "all; d4:f0:57:10:00:01,mini,Anna's mini; d4:f0:57:10:00:02,pair,Ben's scooter")
	if len(c.Presence) == 0 {
		c.Presence = config.List{"all"}
	}
	p.secrets.Add(c.Secrets()...)
}

// signIn tells the settings where the virtual cloud is, with an account that has
// signed in unless the user has one of his own for it.
func (p *process) signIn(opt *bridge.Options, sky *cloud.Server) {
	u := sky.URLs()
	opt.Cloud = account.Hosts{Account: u.Account, STS: u.STS, API: u.API}
	if c := opt.Config; c.Accounts == "" {
		c.Accounts = mi.Secret(fmt.Sprintf("%d,%s", cloud.AnnaID, sky.Grant(cloud.User).Reveal()))
	}
	p.secrets.Add(opt.Config.Secrets()...)
}

func (c *demoCmd) furnish(w mi.World, log zerolog.Logger) (*virtual.Street, error) {
	o := virtual.Options{
		Options: miio.Options{Speed: c.Speed}, Clients: c.Clients,
		Show: func(code string) {
			log.Info().Str("code", code).Msg("the virtual Google TV shows a code on its screen")
		},
		Moved: func(mac string, there bool) {
			log.Debug().Str("mac", mac).Bool("there", there).Msg("a client of the virtual router moved")
		},
	}
	if c.OwnAddresses {
		o.Address = miio.Loopback
	}
	return virtual.NewStreet(w, o)
}

// welcome says what there is and what to do next.
func (p *process) welcome(c *config.Config, devices int) {
	broker := cmp.Or(c.MQTT.URL, "mqtt://"+c.Broker.Listen)
	client := ""
	if host, port, err := net.SplitHostPort(c.Broker.Listen); err == nil && c.MQTT.URL == "" {
		client = "-h " + host + " -p " + port + " "
	}
	fmt.Fprintf(p.out, `Virtual home    %d devices on 127.0.0.1
Pages           %s
Broker          %s
Watch           mosquitto_sub %s-v -t '%s/#'
Switch a plug   mosquitto_pub %s-t %s/460000000/switch_2/state/set -m OFF
Home Assistant  add the integration MQTT with this broker: the devices appear by themselves
Data            %s
Stop            Ctrl-C

`, devices, cmp.Or(c.Web.URL(), "none"), broker, client, c.BaseTopic, client, c.BaseTopic, c.Data)
	p.out.Flush()
}
