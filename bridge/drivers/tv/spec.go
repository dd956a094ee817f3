package tv

import (
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The services of a TV, by the names of MIoT.
const (
	siidTV = iota + 2
	siidSpeaker
	siidApps
	siidPlay
	siidKeys
)

// The properties, as indexes into Spec.Props. All TVs have the same ones.
const (
	propOn = iota
	propSource
	propVolume
	propMute
	propApp
	propURL
	propCurrent
	propPicture
)

const eventScreenshot = 0

// key is a button of the remote control.
type key struct {
	name  string // of the action
	code  string // on the wire
	usual bool   // people use it without asking for it first
}

// keys lists the buttons; the order is the actions' identity and never changes.
func keys() []key {
	return []key{
		{"toggle-power", "power", false}, {"up", "up", false}, {"down", "down", false}, {"left", "left", false},
		{"right", "right", false}, {"enter", "enter", false}, {"back", "back", true}, {"home", "home", true},
		{"menu", "menu", false}, {"volume-up", "volumeup", false}, {"volume-down", "volumedown", false},
	}
}

// sources are the inputs that can be chosen directly.
func sources() []mi.Choice {
	return []mi.Choice{
		{Value: mi.Text("hdmi1"), Label: "HDMI 1"},
		{Value: mi.Text("hdmi2"), Label: "HDMI 2"},
		{Value: mi.Text("hdmi3"), Label: "HDMI 3"},
	}
}

// newSpec writes down what a TV with these facts has.
func newSpec(f *facts) *mi.Spec {
	rwn := mi.Read | mi.Write | mi.Notify
	s := &mi.Spec{
		Model: f.model(), Type: "television", Text: "Television",
		Services: []mi.Service{
			{IID: siidTV, Name: "television", Text: "Television"},
			{IID: siidSpeaker, Name: "speaker", Text: "Speaker"},
			{IID: siidApps, Name: "app-launcher", Text: "Apps"},
			{IID: siidPlay, Name: "play-control", Text: "Play Control"},
			{IID: siidKeys, Name: "remote-control", Text: "Remote Control"},
		},
		Props: []mi.Property{
			propOn:     {SIID: siidTV, PIID: 1, Name: "on", Format: mi.FormatBool, Access: rwn},
			propSource: {SIID: siidTV, PIID: 2, Name: "input-control", Access: mi.Write, List: sources()},
			propVolume: {SIID: siidSpeaker, PIID: 1, Name: "volume", Format: mi.FormatInt, Access: rwn, Range: &mi.Range{Max: float64(f.MaxVolume), Step: 1}},
			propMute:   {SIID: siidSpeaker, PIID: 2, Name: "mute", Format: mi.FormatBool, Access: rwn},
			propApp:    {SIID: siidApps, PIID: 1, Name: "app", Access: rwn, List: f.choices()},
			propURL:    {SIID: siidPlay, PIID: 1, Name: "url"},

			propCurrent: {SIID: siidApps, PIID: 2, Name: "current-app", Access: mi.Read | mi.Notify},
			propPicture: {SIID: siidTV, PIID: 3, Name: "picture"},
		},
		Events:  []mi.Event{eventScreenshot: {SIID: siidTV, EIID: 1, Name: "screenshot", Vendor: true, Args: []int{propPicture}}},
		Actions: []mi.Action{{SIID: siidPlay, AIID: 1, Name: "play-url", In: []int{propURL}}},
	}
	if len(f.Apps) == 0 {
		s.Props[propApp].Access = 0
	}
	for i, k := range keys() {
		s.Actions = append(s.Actions, mi.Action{SIID: siidKeys, AIID: i + 1, Name: k.name, Vendor: !k.usual})
	}
	s.Actions = append(s.Actions, mi.Action{SIID: siidTV, AIID: 1, Name: "take-screenshot", Vendor: true})
	s.Join()
	return s
}

// facts are what is worth remembering of a TV that is off.
type facts struct {
	Name      string
	Platform  string
	Version   string
	EthMAC    string // as the TV spells it: signatures need that
	WifiMAC   string
	MaxVolume int
	Apps      []app
}

// model names the TV's sort: the TVs tell a number of their platform and nothing
// else.
func (f *facts) model() string {
	if f.Platform == "" || strings.Trim(f.Platform, "0123456789") != "" {
		return "xiaomi.tv.mitv"
	}
	return "xiaomi.tv.mitv" + f.Platform
}

func (f *facts) choices() []mi.Choice {
	out := make([]mi.Choice, len(f.Apps))
	for i, a := range f.Apps {
		out[i] = mi.Choice{Value: mi.Text(a.Package), Label: a.Name}
	}
	return out
}

// named returns what people call an app.
func (f *facts) named(pkg string) string {
	for _, a := range f.Apps {
		if a.Package == pkg {
			return a.Name
		}
	}
	return pkg
}

// macs lists the addresses by which the TV may be woken; the wired one works more
// often.
func (f *facts) macs(own string) (out []lan.MAC) {
	for _, text := range []string{own, f.EthMAC, f.WifiMAC} {
		mac, ok := lan.ParseMAC(text)
		if ok && !slices.Contains(out, mac) {
			out = append(out, mac)
		}
	}
	return out
}
