package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const dataFolder = config.Prefix + "DATA"

// subject finds a device to talk with directly, whether a bridge runs or not: as the
// settings and the data folder know it, or else as the bridge that runs here does.
func (p *process) subject(name string) (*reach, mi.Info, error) {
	r, err := p.reach()
	if err != nil {
		return nil, mi.Info{}, err
	}
	info, err := choose(r.known, name)
	if err == nil {
		return r, info, keyed(info)
	}
	there, away := p.running(p.ctx)
	switch {
	case errors.Is(away, errNone):
		return nil, info, err
	case away != nil:
		return nil, info, away
	}
	return p.borrow(there, name)
}

// borrow takes a device's key from the data folder of the running bridge, which tells
// nobody a key, and its spec from what the bridge tells.
func (p *process) borrow(there *running, name string) (*reach, mi.Info, error) {
	ctx, cancel := context.WithTimeout(p.ctx, answerWithin)
	defer cancel()
	g, err := there.visit(ctx, name)
	if err != nil {
		return nil, mi.Info{}, err
	}
	folder, err := there.folder(ctx)
	if err != nil {
		return nil, mi.Info{}, notFound(fmt.Errorf("%s is known to the running bridge alone, and its key is nowhere else: %w", g.called(), err))
	}
	p.environ = append(slices.Clone(p.environ), dataFolder+"="+folder)
	r, err := p.reach()
	if err != nil {
		return nil, mi.Info{}, err
	}
	r.lend(g.spec)
	for _, info := range r.known {
		if info.DID == g.d.DID {
			info.Name = g.d.Name
			return r, info, keyed(info)
		}
	}
	return nil, mi.Info{}, keyed(mi.Info{DID: g.d.DID, Name: g.d.Name})
}

// folder returns the data folder of the running bridge, if it can be looked into.
func (r *running) folder(ctx context.Context) (string, error) {
	all, err := collect[struct{ Name, Value string }](ctx, r, "settings")
	if err != nil {
		return "", told(err)
	}
	folder := ""
	for _, s := range all {
		if s.Name == dataFolder {
			folder = s.Value
		}
	}
	if !filepath.IsAbs(folder) {
		return "", fmt.Errorf("run this in the folder in which the bridge runs, or set %s to its data folder", dataFolder)
	}
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("run this where the bridge runs, which keeps its data in %s", folder)
	}
	return folder, nil
}

// keyed tells that a device speaks no protocol that can be written down.
func keyed(info mi.Info) error {
	if info.Token != "" {
		return nil
	}
	return &failure{exitRefused, errors.New(label(info) + " has no token here: only what a device says by Xiaomi's local protocol can be written down. Sign in with mihome2mqtt login if it should have one")}
}
