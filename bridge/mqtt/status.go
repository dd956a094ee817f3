package mqtt

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
)

// The slots of the bridge's own page.
const (
	bridgeAvailability = iota
	bridgeState
	bridgeInfo
	bridgeDevices
	bridgeHealth
	bridgeVersion
	bridgeCount
	bridgeLogLevel
	bridgeProblemCount
	bridgeProblems
	bridgeAccount // only with accounts
	bridgeSlots
)

const (
	listDelay   = 2 * time.Second // collects changes of the list of devices
	healthEvery = time.Minute
	maxList     = 200 << 10 // bytes of a part of the list; brokers refuse large packets
	logsBurst   = 20        // log lines per second on bridge/logging
	gripesBurst = 10        // log lines about what others send
	gripeEvery  = time.Minute
)

// statusNames are the slots' last parts; the parts of a long list of devices follow.
var statusNames = []string{"availability", "state", "info", "devices", "health", "version", "device_count", "log_level", "problem_count", "problems", "account"}

// status publishes what is to be known of the bridge itself.
type status struct {
	home  *Home
	page  *page
	parts int // of the list of devices; only for run
	dirty chan struct{}
}

func newStatus(h *Home) *status {
	s := &status{home: h, page: newPage(h.out, h.topics.Base+"/bridge/", statusNames[:bridgeSlots:bridgeSlots], math.MaxInt), parts: 1, dirty: make(chan struct{}, 1)}
	s.page.put(bridgeAvailability, "online")
	s.page.put(bridgeState, `{"state":"online"}`)
	s.page.put(bridgeVersion, homeassistant.StateText(h.opt.Version))
	s.page.put(bridgeLogLevel, homeassistant.StateText(h.opt.Actions.Level))
	s.page.put(bridgeInfo, string(encode(h.info())))
	s.page.put(bridgeProblemCount, "None")
	s.page.put(bridgeProblems, string(encodeProblems(nil)))
	return s
}

// Account tells how things stand with the Xiaomi accounts, in one of
// homeassistant.AccountStates; "" is that there is none.
func (h *Home) Account(state string) {
	h.status.page.put(bridgeAccount, homeassistant.StateText(cmp.Or(state, "none")))
}

func (s *status) repeat(slot int) { s.page.repeat(slot, slot+1) }

func (s *status) devicesChanged() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// run keeps the list of devices and the health up to date.
func (s *status) run(ctx context.Context) {
	health := time.NewTicker(healthEvery)
	defer health.Stop()
	s.publish()
	for {
		select {
		case <-s.dirty:
			if !sleep(ctx, listDelay) {
				return
			}
			select {
			case <-s.dirty:
			default:
			}
			s.publish()
		case <-health.C:
			s.page.put(bridgeHealth, string(encode(s.home.health())))
		case <-ctx.Done():
			return
		}
	}
}

func (s *status) publish() {
	all := s.home.list()
	s.list(split(all, maxList))
	s.page.put(bridgeCount, strconv.Itoa(len(all)))
	s.page.put(bridgeHealth, string(encode(s.home.health())))
}

// list publishes the list of devices: its first part on bridge/devices, the others
// on bridge/devices/2, 3, ….
func (s *status) list(parts []string) {
	if len(parts) != s.parts {
		names := slices.Clone(statusNames)
		for i := range parts[1:] {
			names = append(names, partName(i+2))
		}
		s.page.rename(names, bridgeSlots)
		s.parts = len(parts)
	}
	s.page.put(bridgeDevices, parts[0])
	for i, part := range parts[1:] {
		s.page.put(bridgeSlots+i, part)
	}
}

func partName(n int) string { return "devices/" + strconv.Itoa(n) }

// leftOver reports whether a topic below bridge/ is a part of the list of devices as
// it was when there were more of them.
func (s *status) leftOver(name string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "devices/"))
	return err == nil && name == partName(n) && !s.page.has(name)
}

// split encodes the devices as lists of at most so many bytes each. There is always
// a first one.
func split(all []listed, most int) []string {
	var parts []string
	part := []byte("[")
	for i := range all {
		line := encode(all[i])
		switch {
		case len(part) == 1:
		case len(part)+len(line)+2 > most:
			parts = append(parts, string(append(part, ']')))
			part = part[:1]
		default:
			part = append(part, ',')
		}
		part = append(part, line...)
	}
	return append(parts, string(append(part, ']')))
}

type info struct {
	Version   string   `json:"version"`
	Base      string   `json:"base_topic"`
	Discovery []string `json:"discovery"`
	Detail    string   `json:"detail,omitempty"`
	Language  string   `json:"language,omitempty"`
	Raw       bool     `json:"raw_access"`
}

func (h *Home) info() info {
	i := info{Version: h.opt.Version, Base: h.opt.Base, Detail: h.opt.Detail, Language: h.opt.Language, Raw: h.opt.Raw, Discovery: []string{}}
	for _, t := range h.opt.Targets {
		i.Discovery = append(i.Discovery, t.Prefix+":"+string(t.Form))
	}
	return i
}

// listed is one device on bridge/devices.
type listed struct {
	ID       string `json:"id"`
	DID      string `json:"did"`
	Name     string `json:"name,omitempty"`
	Room     string `json:"room,omitempty"`
	Model    string `json:"model,omitempty"`
	Maker    string `json:"manufacturer,omitempty"`
	Firmware string `json:"firmware,omitempty"`
	Parent   string `json:"parent,omitempty"`
	Entities int    `json:"entities"`
	Shown    bool   `json:"shown"` // not left out by the user's choice
	Problem  string `json:"problem,omitempty"`
}

func (h *Home) list() []listed {
	devices := h.devices.All()
	all := make([]listed, 0, len(devices))
	for _, d := range devices {
		all = append(all, h.describe(d))
	}
	return all
}

func (h *Home) describe(d *device.Device) listed {
	i := d.Info()
	l := listed{
		ID: d.ID(), DID: cleanName(i.DID), Name: shownName(d), Room: cleanName(i.Room), Model: cleanName(i.Model), Maker: homeassistant.Maker(i.Model),
		Firmware: cleanName(i.Firmware), Parent: cleanName(i.Parent), Shown: h.takes(d), Problem: d.Status().Reason,
	}
	if v := h.view(d.ID()); v != nil {
		if shape := v.shape(); shape != nil {
			l.Entities = len(shape.model.Entities)
		}
		if !v.proven(i) {
			l.Problem = "found, needs a token"
		}
	}
	return l
}

// health is what bridge/health says.
type health struct {
	Status   string `json:"status"`
	Uptime   int64  `json:"uptime"` // seconds
	Devices  int    `json:"devices"`
	Online   int    `json:"online"`
	Broker   string `json:"broker"`
	Dropped  uint64 `json:"dropped"`          // events that could not be sent in time
	TooLarge uint64 `json:"too_large"`        // messages that no broker would take
	Retained uint64 `json:"ignored_retained"` // commands
	Repeated uint64 `json:"ignored_repeated"`
	Unknown  uint64 `json:"ignored_unknown"`
	Invalid  uint64 `json:"invalid"`
}

func (h *Home) health() health {
	c := h.Connection()
	out := health{
		Status: "ok", Uptime: int64(time.Since(h.began) / time.Second), Broker: c.Broker, Dropped: c.Lost + h.counts.stale.Load(), TooLarge: h.out.scale.refused.Load(),
		Retained: h.counts.retained.Load(), Repeated: h.counts.repeated.Load(), Unknown: h.counts.unknown.Load(), Invalid: h.counts.invalid.Load(),
	}
	for _, d := range h.devices.All() {
		out.Devices++
		if d.Status().Online {
			out.Online++
		}
	}
	return out
}

// event publishes what happened to the set of devices.
func (h *Home) event(kind string, d *device.Device) {
	i := d.Info()
	h.out.once(message{topic: h.topics.Bridge("event"), payload: string(encode(map[string]any{
		"type": kind, "data": map[string]string{"id": d.ID(), "name": shownName(d), "model": cleanName(i.Model)},
	}))})
}

// Logged publishes a line of the log on bridge/logging. It never blocks; what is
// too much is dropped. The line must have gone through the masking of secrets.
func (h *Home) Logged(level zerolog.Level, line []byte) {
	if level < zerolog.InfoLevel || !h.logs.Allow() {
		return
	}
	var fields any = json.RawMessage(line)
	if !json.Valid(line) {
		fields = string(line)
	}
	h.out.once(message{topic: h.topics.Bridge("logging"), payload: string(encode(map[string]any{"level": level.String(), "message": fields}))})
}
