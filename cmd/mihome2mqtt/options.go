package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// options open what the settings name and hand it to the bridge. The data folder
// is left out.
func (p *process) options(c *config.Config) (bridge.Options, error) {
	files, err := openFiles(c)
	if err != nil {
		return bridge.Options{}, wrongUse(err)
	}
	name, _ := os.Hostname() // only shown
	heard := &tap{clean: p.secrets.Clean}
	return bridge.Options{
		Config: c, Files: files, Log: p.log(c, heard), Heard: heard.listen, Version: version, Host: name,
		World:  mi.World{Net: host.Network(), Now: time.Now, Seed: uint64(time.Now().UnixNano())},
		Learnt: p.secrets.Add, Clean: p.secrets.Clean, Random: rand.Reader, Origins: p.origins,
	}, nil
}

func openFiles(c *config.Config) (f bridge.Files, err error) {
	certs, err := c.MQTT.Certificates(readFile)
	if err != nil {
		return f, err
	}
	f.CA, f.Cert, f.Key = certs.CA, certs.Cert, certs.Key
	if certs, err = c.Broker.Certificates(readFile); err != nil {
		return f, err
	}
	f.BrokerCert, f.BrokerKey = certs.Cert, certs.Key
	specs, err := folder(config.Prefix+"SPECS names", c.Specs)
	if err != nil {
		return f, err
	}
	f.Specs = specs
	if f.Mappings, err = folder(config.Prefix+"MAPPINGS names", c.Mappings); err != nil {
		return f, err
	}
	if c.Mappings != "" {
		f.Watch = func(ctx context.Context) (<-chan struct{}, error) { return host.Watch(ctx, c.Mappings) }
	}
	return f, nil
}

// folder opens a folder of the user's so that no link leads out of it; nil for
// none. From says who names it.
func folder(from, name string) (fs.FS, error) {
	if name == "" {
		return nil, nil
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("%s %q, which cannot be opened: %w", from, name, err)
	}
	return root.FS(), nil
}

func openData(c *config.Config) (*host.Disk, error) {
	disk, err := host.OpenDisk(c.Data)
	if err != nil {
		return nil, fmt.Errorf("%sDATA: %w", config.Prefix, err)
	}
	return disk, nil
}

// direct prepares single commands. A data folder that is not there is not made:
// to ask leaves no trace.
func (p *process) direct() (*bridge.Direct, bridge.Options, error) {
	c, err := p.settings(nil)
	if err != nil {
		return nil, bridge.Options{}, err
	}
	opt, err := p.options(c)
	if err != nil {
		return nil, opt, err
	}
	opt.Log = opt.Log.Level(zerolog.WarnLevel)
	if _, err := os.Stat(c.Data); !errors.Is(err, fs.ErrNotExist) {
		disk, err := openData(c)
		if err != nil {
			return nil, opt, err
		}
		opt.World.Disk = disk
	}
	d, err := bridge.NewDirect(opt)
	return d, opt, err
}

// log writes what the parts of the bridge have to say, to also too.
func (p *process) log(c *config.Config, also zerolog.LevelWriter) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.LogLevel)
	if err != nil { // config has checked it
		level = zerolog.InfoLevel
	}
	zerolog.SetGlobalLevel(level)
	zerolog.TimeFieldFormat = time.RFC3339
	var out io.Writer = p.talk
	if c.LogFormat != "json" {
		out = zerolog.ConsoleWriter{Out: p.talk, NoColor: true, TimeFormat: time.DateTime}
	}
	return zerolog.New(zerolog.MultiLevelWriter(out, also)).With().Timestamp().Logger()
}

// setLogLevel changes how much is logged from now on.
func setLogLevel(name string) error {
	level, err := zerolog.ParseLevel(name)
	if err != nil || level < zerolog.TraceLevel || level > zerolog.ErrorLevel {
		return fmt.Errorf("the log level cannot be %q: it can be trace, debug, info, warn or error: %w", name, mi.ErrInvalid)
	}
	zerolog.SetGlobalLevel(level)
	return nil
}

// accounts prepares a sign-in without a running bridge, at some servers. The data
// folder is made where it lacks: what is signed in to has to stay.
func (p *process) accounts(at account.Hosts) (web.Accounts, func(context.Context) error, error) {
	opt, disk, err := p.prepare(nil)
	if err != nil {
		return nil, nil, err
	}
	opt.Log, opt.Cloud = opt.Log.Level(zerolog.ErrorLevel), at
	d, err := bridge.NewDirect(opt)
	if err != nil {
		disk.Close()
		return nil, nil, err
	}
	all, run, err := d.Accounts()
	return all, func(ctx context.Context) error { return errors.Join(run(ctx), disk.Close()) }, err
}
