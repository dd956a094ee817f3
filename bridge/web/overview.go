package web

import (
	"net/http"
	"strings"
	"time"
)

const (
	shownProblems = 3
	shownRecent   = 8
)

// share is one part of the bar that shows how devices are reached.
type share struct {
	Kind  string // filter of the list
	Look  string // route that it is drawn as
	Word  string
	Count int
	From  int
}

// overviewData is what the overview shows.
type overviewData struct {
	Mood        string // ok, attention, broken
	Headline    string
	Lines       []string
	Problems    []Problem
	More        int
	Total       int
	Graph       string
	Shares      []share
	Recent      []Recent
	Connections []connectionRow
	Started     time.Time
}

type connectionRow struct {
	Connection
	Icon string
}

func (s *Server) overview(w http.ResponseWriter, r *http.Request) {
	devices := visible(s.opt.Bridge.Devices())
	over := s.opt.Bridge.Overview()
	if !owned(devices) && !signedIn(over) {
		s.firstRun(w, r, devices, over)
		return
	}
	p := s.page(r, "overview", "Overview")
	p.live("devices,overview,problems")
	n := count(devices)
	data := overviewData{Total: n.total, Started: over.Started, Recent: s.opt.Bridge.Recent()}
	data.Recent = data.Recent[:min(len(data.Recent), shownRecent)]
	data.Problems = needing(s.opt.Bridge.Problems())
	p.summary(&data, n)
	data.More = max(0, len(data.Problems)-shownProblems)
	data.Problems = data.Problems[:min(len(data.Problems), shownProblems)]
	data.Shares = p.shares(devices)
	data.Graph = p.graph(data.Shares)
	for _, c := range over.Connections {
		data.Connections = append(data.Connections, connectionRow{c, connectionIcon(c.What)})
	}
	p.Data = data
	s.show(w, http.StatusOK, "overview", p)
}

// firstData is what the page of the first run shows.
type firstData struct {
	Broker   Connection
	Platform Connection
	Found    int // devices that nobody has a key for
}

func (s *Server) firstRun(w http.ResponseWriter, r *http.Request, devices []Device, over Overview) {
	p := s.page(r, "overview", "Welcome")
	p.live("devices,overview")
	data := firstData{Found: len(devices)}
	for _, c := range over.Connections {
		switch c.What {
		case "mqtt":
			data.Broker = c
		case "home_assistant":
			data.Platform = c
		}
	}
	p.Data = data
	s.show(w, http.StatusOK, "first", p)
}

// owned reports whether there is a device that is known to be the user's.
func owned(devices []Device) bool {
	for i := range devices {
		if devices[i].State != Unproven {
			return true
		}
	}
	return false
}

func signedIn(o Overview) bool {
	for _, c := range o.Connections {
		if c.What == "account" {
			return true
		}
	}
	return false
}

// visible leaves out what the user has hidden.
func visible(all []Device) []Device {
	kept := all[:0]
	for _, d := range all {
		if !d.Hidden {
			kept = append(kept, d)
		}
	}
	return kept
}

// tally counts devices by state.
type tally struct{ total, online, asleep, silent, starting, unproven int }

func count(devices []Device) (n tally) {
	n.total = len(devices)
	for i := range devices {
		switch devices[i].State {
		case Online:
			n.online++
		case Asleep:
			n.asleep++
		case Starting:
			n.starting++
		case Unproven:
			n.unproven++
		default:
			n.silent++
		}
	}
	return n
}

func needing(all []Problem) []Problem {
	var out []Problem
	for i := range all {
		if all[i].Severity != Note {
			out = append(out, all[i])
		}
	}
	return out
}

// summary says first whether all is well.
func (p *page) summary(data *overviewData, n tally) {
	awake := n.total - n.asleep - n.unproven
	switch {
	case n.silent == 0 && n.starting == 0 && len(data.Problems) == 0:
		data.Mood = "ok"
	case n.online == 0 && n.silent > 0:
		data.Mood = "broken"
	default:
		data.Mood = "attention"
	}
	if n.online == awake {
		data.Headline = p.N(awake, "Your device answers.", "All %d devices answer.")
	} else {
		data.Headline = p.T("%d of %d devices answer", n.online, awake)
	}
	if k := len(data.Problems); k > 0 {
		data.Lines = append(data.Lines, p.N(k, "One thing needs you.", "%d things need you."))
	}
	if n.starting > 0 {
		data.Lines = append(data.Lines, p.N(n.starting, "One device has not been asked yet.", "%d devices have not been asked yet."))
	}
	if n.asleep > 0 {
		data.Lines = append(data.Lines, p.N(n.asleep, "One device is asleep, which is normal.", "%d devices are asleep, which is normal."))
	}
	if n.unproven > 0 {
		data.Lines = append(data.Lines, p.N(n.unproven, "One more was found, but its key is missing.", "%d more were found, but their keys are missing."))
	}
}

// shares counts how devices are reached.
func (p *page) shares(devices []Device) []share {
	all := []share{
		{Kind: LAN, Look: LAN, Word: p.Route(LAN)}, {Kind: Gateway, Look: Gateway, Word: p.Route(Gateway)},
		{Kind: Bluetooth, Look: Bluetooth, Word: p.Route(Bluetooth)}, {Kind: Cloud, Look: Cloud, Word: p.Route(Cloud)},
		{Kind: "asleep", Word: p.T("Asleep")}, {Kind: "off", Word: p.T("No answer")},
	}
	for i := range devices {
		kind := "off"
		switch devices[i].State {
		case Online:
			kind = devices[i].Route
		case Asleep:
			kind = "asleep"
		}
		for k := range all {
			if all[k].Kind == kind {
				all[k].Count++
			}
		}
	}
	from := 0
	for i := range all {
		all[i].From, from = from, from+all[i].Count
	}
	return all
}

// graph says in words what the bar shows.
func (p *page) graph(all []share) string {
	var parts []string
	for _, one := range all {
		if one.Count > 0 {
			parts = append(parts, one.Word+": "+p.T("%d", one.Count))
		}
	}
	return strings.Join(parts, ", ")
}

func connectionIcon(what string) string {
	switch what {
	case "mqtt":
		return "mqtt"
	case "home_assistant":
		return "home"
	case "account":
		return "user"
	case "bluetooth":
		return "bluetooth"
	}
	return "lan"
}
