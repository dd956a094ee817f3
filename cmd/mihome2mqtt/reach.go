package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// answerWithin is how long the subcommands wait for one device.
const answerWithin = 10 * time.Second

// reach is how the subcommands come to devices when no bridge stands between.
type reach struct {
	net      mi.Network
	connect  func(mi.Network) mi.Driver
	known    []mi.Info // from settings and data folder
	entities func(*mi.Spec) *entity.Model
	lend     func(*mi.Spec) // a spec that need not be fetched
}

// reach prepares to talk with devices directly.
func (p *process) reach() (*reach, error) {
	d, opt, err := p.direct()
	if err != nil {
		return nil, err
	}
	return &reach{net: opt.World.Net, known: d.Known(), connect: d.Driver, entities: d.Entities, lend: d.Lend}, nil
}

// conversation is an open link to one device with what the device has.
type conversation struct {
	info mi.Info
	link mi.Link
	spec *mi.Spec
	made func(*mi.Spec) *entity.Model // its entities
}

// quiet drops what a device says unasked.
type quiet struct{}

func (quiet) Changed([]mi.Change)   {}
func (quiet) Happened(mi.Happening) {}
func (quiet) Seen()                 {}

// open starts a conversation with a known device.
func (r *reach) open(ctx context.Context, info mi.Info) (*conversation, error) {
	driver := r.connect(r.net)
	info, err := locate(ctx, driver, info)
	if err != nil {
		return nil, err
	}
	link, err := driver.Open(ctx, info, quiet{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", label(info), err)
	}
	spec, err := link.Spec(ctx)
	if err != nil {
		link.Close()
		return nil, unread(info, err)
	}
	return &conversation{info: info, link: link, spec: spec, made: r.entities}, nil
}

// unread says that nobody knows what a device has. A model without a spec is one that
// there is not; anything else is the device's own failure.
func unread(info mi.Info, err error) error {
	failed := fmt.Errorf("%s: %w", label(info), err)
	if errors.Is(err, mi.ErrUnsupported) {
		return notFound(failed)
	}
	return failed
}

// locate completes a device of which only the address or only the did is known.
func locate(ctx context.Context, driver mi.Driver, info mi.Info) (mi.Info, error) {
	if info.DID != "" && info.Addr != "" {
		return info, nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	seen := false
	err := driver.Find(ctx, func(d mi.Info) {
		mu.Lock()
		defer mu.Unlock()
		if !seen && same(d, info) {
			info, seen = info.Merge(d), true
			stop()
		}
	})
	mu.Lock()
	defer mu.Unlock()
	switch {
	case seen:
		return info, nil
	case err != nil && ctx.Err() == nil:
		return info, fmt.Errorf("%s: %w", label(info), err)
	}
	return info, fmt.Errorf("%s: %w: nothing there says hello; is it on, and in the same network?", label(info), mi.ErrTimeout)
}

// same reports whether a sighting is of a known device.
func same(seen, known mi.Info) bool {
	return (known.DID != "" && seen.DID == known.DID) || (known.Addr != "" && seen.Addr == known.Addr)
}

// choose returns the only device that name fits: one of its topics, its did, host,
// name or model, or else every word of it somewhere in its name, room or model.
func choose(known []mi.Info, name string) (mi.Info, error) {
	for _, fits := range []func(mi.Info) bool{
		func(d mi.Info) bool { return topicOf(name, d.DID) },
		func(d mi.Info) bool {
			host, _, _ := strings.Cut(d.Addr, ":")
			return slices.Contains([]string{d.DID, d.Addr, host, d.Model, d.Name}, name)
		},
		func(d mi.Info) bool { return strings.EqualFold(d.Name, name) },
		func(d mi.Info) bool { return everyWord(d.Name, name) },
		func(d mi.Info) bool { return everyWord(d.Name+"\n"+d.Room+"\n"+d.Model, name) },
	} {
		var found []mi.Info
		for _, d := range known {
			if fits(d) {
				found = append(found, d)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return mi.Info{}, wrongUse(fmt.Errorf("“%s” fits several devices: %s. Use more of the name, or the did", name, labels(found)))
		}
	}
	if len(known) == 0 {
		return mi.Info{}, notFound(errors.New("no device is known yet. Sign in with mihome2mqtt login, or name yours in MIHOME2MQTT_DEVICES"))
	}
	return mi.Info{}, notFound(fmt.Errorf("no device is called “%s”. Known are: %s", name, labels(known)))
}

// everyWord reports whether text has every word of words.
func everyWord(text, words string) bool {
	text = strings.ToLower(text)
	all := strings.Fields(strings.ToLower(words))
	return len(all) > 0 && !slices.ContainsFunc(all, func(w string) bool { return !strings.Contains(text, w) })
}

func notFound(err error) error { return &failure{exitNotFound, err} }

// label is what people recognise a device by.
func label(d mi.Info) string {
	for _, text := range []string{d.Name, d.DID, d.Addr} {
		if text != "" {
			return text
		}
	}
	return d.Model
}

// named at the most in one sentence.
const enough = 12

func labels(all []mi.Info) string {
	var names []string
	for _, d := range all[:min(len(all), enough)] {
		text := label(d)
		if d.DID != "" && d.DID != text {
			text += " (" + d.DID + ")"
		}
		names = append(names, text)
	}
	if more := len(all) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
