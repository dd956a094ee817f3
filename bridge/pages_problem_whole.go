package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
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
func (p *pages) ofBridge() (out []web.Problem) {
	found := slices.Concat(p.ofBroker(), p.ofNetwork(), p.ofFolders(), p.ofReceivers())
	if c := &p.b.opt.Config.Web; c.Password == "" && !loopback(c.Listen) && !c.Ingress {
		found = append(found, finding{id: "config.open", proof: "the pages listen at " + c.Listen})
	}
	for _, f := range found {
		out = append(out, said(f))
	}
	return out
}

// ofBroker looks at the broker, and at who reads there.
func (p *pages) ofBroker() []finding {
	c := p.b.topics.Connection()
	switch {
	case c.Taken:
		return []finding{{id: "mqtt.takeover", proof: "a silent connection under this name was broken off, one under another name was not", pairs: []string{"client id", c.Client}}}
	case !c.Up && c.Problem != "":
		return []finding{{id: "mqtt.away", proof: c.Problem, pairs: []string{"url", c.Broker, "cause", doctor.Cause(c.Problem), "n", number(c.Waiting)}}}
	case !c.Up:
		return nil
	}
	return p.ofPlatform()
}

// number is how many there are at the beginning of a sentence.
func number(n int) string {
	if n == 0 {
		return "No"
	}
	return fmt.Sprint(n)
}

// ofPlatform looks for Home Assistant, where it is wanted.
func (p *pages) ofPlatform() []finding {
	targets := p.b.opt.Config.Discovery
	if len(targets) == 0 {
		return nil
	}
	prefix := targets[0].Prefix
	seen, late := p.b.topics.Platform(), p.age() > unseenAfter
	switch {
	case seen.Unread:
		return []finding{{id: "ha.not_seen", proof: "the broker says that nobody reads what is announced below " + prefix}}
	case !seen.Seen && late:
		return []finding{{id: "ha.not_seen", proof: fmt.Sprintf("not a word on %s since the start", homeassistant.StatusTopic(prefix))}}
	}
	return nil
}

// age is how long the bridge has been up.
func (p *pages) age() time.Duration { return time.Since(p.watch.began) }

// ofNetwork looks at where this machine stands in the network.
func (p *pages) ofNetwork() []finding {
	if p.b.opt.Alone {
		return nil
	}
	all, err := p.b.opt.World.Net.Interfaces()
	if err != nil {
		return nil
	}
	missed := p.b.lan.Unheard()
	switch {
	case mi.Contained(all) && !p.b.lan.Answered():
		return []finding{{id: "net.bridge_network", proof: doctor.Networks(all) + " is all that this machine has, and no broadcast was answered"}}
	case missed >= deafAfter:
		return []finding{{id: "net.no_broadcast", proof: fmt.Sprintf("the last %d broadcasts were not answered, though devices in the same network answer", missed)}}
	}
	return nil
}

// ofFolders looks at the data folder and the user's mapping files.
func (p *pages) ofFolders() (out []finding) {
	if err := p.b.store.Failing(); err != nil {
		out = append(out, finding{id: "disk.readonly", proof: bare(err.Error()), pairs: []string{"cause", innermost(err).Error()}})
	}
	builtin, err := p.b.mistake.get()
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
	line = bare(line)
	place := regexp.MustCompile(`^(.+?):(\d+):(?:(\d+):)? (.*)$`).FindStringSubmatch(line)
	if place == nil {
		file, what, _ := strings.Cut(line, ": ")
		place = []string{line, file, "1", "1", what}
	}
	return []string{"file", place[1], "line", place[2], "col", cmp.Or(place[3], "1"), "what", place[4]}
}

// ofReceivers lists who used to hear Bluetooth devices and hears none any more.
func (p *pages) ofReceivers() (out []finding) {
	for _, r := range p.b.air.Receivers {
		shared, ok := r.(*bluetooth.Shared)
		if !ok {
			continue
		}
		for _, q := range shared.Quiet() {
			f := finding{id: "ble.receiver_silent", proof: "nothing heard for " + lasting(q.For), pairs: []string{"r", q.Name}}
			if err := r.Hearing(); err != nil {
				f.proof += "; " + bare(err.Error())
			}
			out = append(out, f)
		}
	}
	return out
}

// ofAccounts lists what is wrong with the Xiaomi accounts.
func (p *pages) ofAccounts() (out []web.Problem) {
	if p.b.accounts == nil {
		return nil
	}
	all := p.b.accounts.Accounts()
	for _, a := range all {
		if a.Problem != "" {
			out = append(out, said(p.ofAccount(a)))
		}
	}
	if len(all) > 0 && all[0].ClockOff != 0 {
		off := all[0].ClockOff
		out = append(out, said(finding{id: "clock.wrong", proof: "compared with the answers of Xiaomi's cloud", pairs: []string{"d", lasting(off.Abs())}}))
	}
	return out
}

func (p *pages) ofAccount(a account.State) finding {
	local, far := p.nearAndFar()
	f := finding{id: a.Problem, since: a.Since, proof: a.Cause, pairs: []string{
		"n", fmt.Sprint(local), "m", fmt.Sprint(far), "time", clock(a.Since),
	}}
	switch a.Problem {
	case "account.limited":
		f.pairs = []string{"t", lasting(a.Until.Sub(a.Since)), "time", clock(a.Until)}
	case "account.empty":
		f.since, f.proof, f.pairs = a.Listed, a.Text, []string{"n", fmt.Sprint(len(a.Regions))}
	}
	return f
}

func clock(at time.Time) string { return at.Format("15:04") }

// nearAndFar counts the devices that are heard without the cloud, and those that are
// not.
func (p *pages) nearAndFar() (local, far int) {
	for _, d := range p.b.home.All() {
		switch {
		case near(d):
			local++
		case !shadow(d.Info()):
			far++
		}
	}
	return local, far
}
