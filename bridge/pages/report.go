package pages

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Report implements web.Process.
func (p *Pages) Report(id string, names bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "mihome2mqtt %s, %s, %s/%s\n", p.opt.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, c := range p.Overview().Connections {
		fmt.Fprintf(&b, "%s: %s (%s)\n", c.Name, c.Word, c.Text)
	}
	counters := p.opt.Home().Counters()
	fmt.Fprintf(&b, "counters: panics %d, dropped %d, invalid %d\n", counters.Panics, counters.Dropped, counters.Invalid)
	all := p.opt.Home().All()
	hide := newStandIns(all)
	for _, d := range all {
		if id == "" || d.ID() == id {
			p.reportDevice(&b, d, id != "")
		}
	}
	b.WriteString("\nlog:\n")
	for _, line := range p.server.Lines(200, id) {
		b.WriteString(line + "\n")
	}
	if names {
		return b.String()
	}
	return hideOthers(hide.Replace(b.String()))
}

func (p *Pages) reportDevice(b *strings.Builder, d *device.Device, whole bool) {
	one := p.Device(d.ID())
	if one == nil {
		return
	}
	fmt.Fprintf(b, "\ndevice %s %q in %q\n  model %s, firmware %s, hardware %s\n  state %s, route %s, last seen %s\n",
		one.DID, one.Name, one.Room, one.Model, one.Firmware, one.Hardware, one.State, one.Route, one.LastSeen.UTC().Format("2006-01-02 15:04:05"))
	if one.Trouble != "" {
		fmt.Fprintf(b, "  trouble: %s\n", one.Trouble)
	}
	for _, w := range one.Ways {
		fmt.Fprintf(b, "  way %s: %s %s\n", w.Route, w.State, w.Text)
	}
	if !whole {
		return
	}
	fmt.Fprintf(b, "  spec %s\n", one.Spec)
	for _, e := range one.Entities {
		fmt.Fprintf(b, "  entity %s %s %q on=%v by %s\n", e.ID, e.Component, e.Name, e.Enabled, e.Rule)
	}
	for _, q := range one.Properties {
		value := q.Text
		if q.Format == "text" && value != "" {
			value = fmt.Sprintf("(%d characters)", len(value)) // may name people or places
		}
		fmt.Fprintf(b, "  property %s %s = %s\n", q.IID, q.Key, value)
	}
	for _, a := range one.Actions {
		fmt.Fprintf(b, "  action %s %s\n", a.IID, a.Key)
	}
}

// newStandIns replaces what names people, places and machines.
func newStandIns(all []*device.Device) *strings.Replacer {
	stand := map[string]string{}
	add := func(text, kind string, n int) {
		if len(text) >= 3 && stand[text] == "" {
			stand[text] = fmt.Sprintf("<%s %d>", kind, n)
		}
	}
	for i, d := range all {
		info := d.Info()
		add(info.DID, "did", i+1)
		add(d.ID(), "did", i+1)
		add(info.Name, "name", i+1)
		add(info.Room, "room", i+1)
		for _, mac := range []string{info.MAC, strings.ToUpper(info.MAC)} {
			add(mac, "mac", i+1)
			add(strings.ReplaceAll(mac, ":", "-"), "mac", i+1)
			add(strings.ReplaceAll(mac, ":", ""), "mac", i+1)
		}
		add(info.Addr, "address", i+1)
		add(mi.Host(info.Addr), "address", i+1)
	}
	// Longer texts first, so that none is cut by a shorter one.
	texts := slices.SortedFunc(maps.Keys(stand), func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, t := range texts {
		pairs = append(pairs, t, stand[t])
	}
	return strings.NewReplacer(pairs...)
}

var (
	macForm     = regexp.MustCompile(`(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b`)
	addressForm = regexp.MustCompile(`(?i)\b(?:\d{1,3}(?:\.\d{1,3}){3}|(?:f[cde][0-9a-f]{2}:)[0-9a-f:]*[0-9a-f])\b`)
)

// hideOthers replaces the addresses of machines that are no devices of ours, each by
// the same stand-in wherever it stands.
func hideOthers(text string) string {
	numbers := map[string]int{}
	stand := func(kind, of string) string {
		of = strings.ToLower(strings.ReplaceAll(of, "-", ":"))
		if numbers[of] == 0 {
			numbers[of] = len(numbers) + 1
		}
		return fmt.Sprintf("<%s of another %d>", kind, numbers[of])
	}
	text = macForm.ReplaceAllStringFunc(text, func(mac string) string { return stand("mac", mac) })
	return addressForm.ReplaceAllStringFunc(text, func(s string) string {
		addr, err := netip.ParseAddr(s)
		if err != nil || !addr.IsPrivate() && !addr.IsLinkLocalUnicast() { // such as a version
			return s
		}
		return stand("address", s)
	})
}
