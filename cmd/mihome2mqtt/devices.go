package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type devicesCmd struct {
	Wait time.Duration `default:"5s" help:"How long to listen."`
	Look bool          `help:"Look around by ourselves even if a bridge runs."`
}

// listed is a device as this command shows it. Field names are those of the
// bridge's own list of devices.
type listed struct {
	DID     string `json:"did,omitempty"`
	Name    string `json:"name,omitempty"`
	Room    string `json:"room,omitempty"`
	Model   string `json:"model,omitempty"`
	Address string `json:"address,omitempty"`
	MAC     string `json:"mac,omitempty"`
	Token   bool   `json:"token"`   // its token is known
	Answers bool   `json:"answers"` // it was heard just now
}

// Run lists the devices of the running bridge; without one it looks for devices and
// lists them with those that are known.
func (c *devicesCmd) Run(p *process) error {
	if c.Look {
		return c.look(p)
	}
	r, err := p.running(p.ctx)
	switch {
	case errors.Is(err, errNone):
		p.hint("%s: looking around.", sentence(err.Error()))
		return c.look(p)
	case err != nil:
		return err
	}
	return c.ask(p, r)
}

// look lists who answers on the network.
func (c *devicesCmd) look(p *process) error {
	r, err := p.reach()
	if err != nil {
		return err
	}
	p.hint("Looking for %s …", c.Wait)
	ctx, cancel := context.WithTimeout(p.ctx, c.Wait)
	defer cancel()
	var mu sync.Mutex
	heard := map[string]mi.Info{}
	err = r.connect(r.net).Find(ctx, func(d mi.Info) {
		mu.Lock()
		defer mu.Unlock()
		heard[d.DID] = heard[d.DID].Merge(d)
	})
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return c.print(p, list(r.known, heard))
}

// list lays what was heard over what is known, sorted by name.
func list(known []mi.Info, heard map[string]mi.Info) []listed {
	rest := maps.Clone(heard)
	var out []listed
	for _, d := range known {
		answers := false
		for did, seen := range heard {
			if same(seen, d) {
				d, answers = d.Merge(seen), true
				delete(rest, did)
			}
		}
		out = append(out, newListed(d, answers))
	}
	for _, d := range rest {
		out = append(out, newListed(d, true))
	}
	slices.SortFunc(out, func(a, b listed) int {
		return strings.Compare(a.Name+"\n"+a.Model+"\n"+a.DID+a.Address, b.Name+"\n"+b.Model+"\n"+b.DID+b.Address)
	})
	return out
}

func newListed(d mi.Info, answers bool) listed {
	return listed{DID: d.DID, Name: d.Name, Room: d.Room, Model: d.Model, Address: d.Addr, MAC: d.MAC, Token: d.Token != "", Answers: answers}
}

func (c *devicesCmd) print(p *process, all []listed) error {
	if p.JSON {
		return p.json(map[string]any{"items": append([]listed{}, all...), "total": len(all)})
	}
	t := newTable(p, "NAME", "ROOM", "MODEL", "STATE", "DID", "ADDRESS")
	answering := 0
	for _, d := range all {
		if d.Answers {
			answering++
		}
		t.row(d.Name, d.Room, d.Model, d.state(), d.DID, d.Address)
	}
	if err := t.end(); err != nil {
		return err
	}
	p.hint("%s, %d %s.", count(len(all), "device", "devices"), answering, verb(answering))
	return nil
}

func verb(n int) string {
	if n == 1 {
		return "answers"
	}
	return "answer"
}

func (d listed) state() string {
	switch {
	case !d.Answers:
		return "x no answer"
	case !d.Token:
		return "! answers, its token is missing"
	}
	return "ok answers"
}
