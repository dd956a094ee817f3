package diagnosis

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/doctor"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

const (
	deafAfter     = 3                // broadcasts that nobody answered
	unseenAfter   = 10 * time.Minute // from the start, without a word of a home platform
	settledWithin = 2 * time.Minute  // from the start: every way to a device has been tried
)

// ofBridge lists what concerns the bridge as a whole.
func (w *Watch) ofBridge() (out []web.Problem) {
	found := slices.Concat(w.ofBroker(), w.ofNetwork(), w.ofFolders(), w.ofReceivers())
	if c := &w.opt.Config.Web; c.Password == "" && !loopback(c.Listen) && !c.Ingress {
		found = append(found, finding{id: "config.open", proof: "the pages listen at " + c.Listen})
	}
	for _, f := range found {
		out = append(out, said(f))
	}
	return out
}

// ofBroker looks at the broker, and at who reads there.
func (w *Watch) ofBroker() []finding {
	c := w.opt.Topics.Connection()
	switch {
	case c.Taken:
		return []finding{{id: "mqtt.takeover", proof: "a silent connection under this name was broken off, one under another name was not", pairs: []string{"client id", c.Client}}}
	case !c.Up && c.Problem != "":
		return []finding{{id: "mqtt.away", proof: c.Problem, pairs: []string{"url", c.Broker, "cause", doctor.Cause(c.Problem), "n", number(c.Waiting)}}}
	case !c.Up:
		return nil
	}
	return w.ofPlatform()
}

// ofPlatform looks for Home Assistant, where it is wanted.
func (w *Watch) ofPlatform() []finding {
	targets := w.opt.Config.Discovery
	if len(targets) == 0 {
		return nil
	}
	prefix := targets[0].Prefix
	seen, late := w.opt.Topics.Platform(), w.age() > unseenAfter
	switch {
	case seen.Unread:
		return []finding{{id: "ha.not_seen", proof: "the broker says that nobody reads what is announced below " + prefix}}
	case !seen.Seen && late:
		return []finding{{id: "ha.not_seen", proof: fmt.Sprintf("not a word on %s since the start", homeassistant.StatusTopic(prefix))}}
	}
	return nil
}

// age is how long the bridge has been up.
func (w *Watch) age() time.Duration { return time.Since(w.began) }

// ofNetwork looks at where this machine stands in the network.
func (w *Watch) ofNetwork() []finding {
	if w.opt.Alone {
		return nil
	}
	all, err := w.opt.World.Net.Interfaces()
	if err != nil {
		return nil
	}
	missed := w.opt.LAN.Unheard()
	switch {
	case mi.Contained(all) && !w.opt.LAN.Answered():
		return []finding{{id: "net.bridge_network", proof: doctor.Networks(all) + " is all that this machine has, and no broadcast was answered"}}
	case missed >= deafAfter:
		return []finding{{id: "net.no_broadcast", proof: fmt.Sprintf("the last %d broadcasts were not answered, though devices in the same network answer", missed)}}
	}
	return nil
}

// ofFolders looks at the data folder and the user's mapping files.
func (w *Watch) ofFolders() (out []finding) {
	if err := w.opt.Store.Failing(); err != nil {
		out = append(out, finding{id: "disk.readonly", proof: mi.Bare(err.Error()), pairs: []string{"cause", innermost(err).Error()}})
	}
	if w.opt.Mapping == nil {
		return out
	}
	builtin, err := w.opt.Mapping()
	if err == nil {
		return out
	}
	f := finding{id: "map.invalid", pairs: mistakeIn(err)}
	if !builtin {
		f.measured = problem.Kept
	}
	if n := strings.Count(err.Error(), "\n"); n > 0 {
		f.proof = plural(n, "more mistake") + " in these files"
	}
	return append(out, f)
}

func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// mistakeIn takes the first mistake apart. One that has no place stands for the whole
// file, as the first letter of it.
func mistakeIn(err error) []string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	line = mi.Bare(line)
	place := regexp.MustCompile(`^(.+?):(\d+):(?:(\d+):)? (.*)$`).FindStringSubmatch(line)
	if place == nil {
		file, what, _ := strings.Cut(line, ": ")
		place = []string{line, file, "1", "1", what}
	}
	return []string{"file", place[1], "line", place[2], "col", cmp.Or(place[3], "1"), "what", place[4]}
}

// ofReceivers lists who used to hear Bluetooth devices and hears none any more.
func (w *Watch) ofReceivers() (out []finding) {
	for _, r := range w.opt.Receivers {
		shared, ok := r.(*bluetooth.Shared)
		if !ok {
			continue
		}
		for _, q := range shared.Quiet() {
			f := finding{id: "ble.receiver_silent", proof: "nothing heard for " + lasting(q.For), pairs: []string{"r", q.Name}}
			if err := r.Hearing(); err != nil {
				f.proof += "; " + mi.Bare(err.Error())
			}
			out = append(out, f)
		}
	}
	return out
}

func loopback(listen string) bool {
	addr, err := netip.ParseAddr(mi.Host(listen))
	return mi.Host(listen) == "localhost" || err == nil && addr.IsLoopback()
}
