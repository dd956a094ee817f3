package androidtv

import (
	"context"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The services of a TV, by the names of MIoT; the first ones as other TVs have them.
const (
	siidTV = iota + 2
	siidSpeaker
	siidApps
	siidPlay
	siidKeys
	siidPairing
)

// The properties, as indexes into Spec.Props. All TVs have the same ones.
const (
	propOn = iota
	propSource
	propVolume
	propMute
	propApp
	propFront
	propPairing
	propURL
	propCode
	propCount
)

// The values of propPairing.
const (
	pairingNone = iota
	pairingCode
	pairingDone
	pairingRefused
)

// The actions before the keys, as indexes into Spec.Actions.
const (
	actPlay = iota
	actPair
	actCode
	actKeys // the first key
)

// key is a button of the remote control, with its code of Android.
type key struct {
	name  string // of the action
	code  uint64
	usual bool // people use it without asking for it first
}

const (
	codeVolumeUp   = 24
	codeVolumeDown = 25
	codePower      = 26
	codeMute       = 164
)

// keys lists the buttons; the order is the actions' identity and never changes.
func keys() []key {
	return []key{
		{"toggle-power", codePower, false}, {"up", 19, false}, {"down", 20, false}, {"left", 21, false},
		{"right", 22, false}, {"enter", 23, false}, {"back", 4, true}, {"home", 3, true},
		{"menu", 82, false}, {"volume-up", codeVolumeUp, false}, {"volume-down", codeVolumeDown, false},
		{"play-pause", 85, true}, {"next", 87, true}, {"previous", 88, true}, {"end-playback", 86, false},
		{"rewind", 89, false}, {"fast-forward", 90, false}, {"channel-up", 166, false}, {"channel-down", 167, false},
		{"toggle-mute", codeMute, false}, {"input", 178, false}, {"settings", 176, false}, {"search", 84, false}, {"info", 165, false},
	}
}

// source is an input, with the key that chooses it.
type source struct {
	value, label string
	code         uint64
}

func sources() []source {
	return []source{{"hdmi1", "HDMI 1", 243}, {"hdmi2", "HDMI 2", 244}, {"hdmi3", "HDMI 3", 245}, {"hdmi4", "HDMI 4", 246}, {"tv", "TV", 170}}
}

func sourceChoices() (out []mi.Choice) {
	for _, s := range sources() {
		out = append(out, mi.Choice{Value: mi.Text(s.value), Label: s.label})
	}
	return out
}

// knownApps are packages that many TVs have, with their names.
func knownApps() [][2]string {
	return [][2]string{
		{"com.google.android.tvlauncher", "Home (Android TV)"}, {"com.google.android.apps.tv.launcherx", "Home (Google TV)"},
		{"com.google.android.youtube.tv", "YouTube"}, {"com.netflix.ninja", "Netflix"}, {"com.amazon.amazonvideo.livingroom", "Prime Video"},
		{"com.disney.disneyplus", "Disney+"}, {"com.apple.atve.androidtv.appletv", "Apple TV"}, {"com.spotify.tv.android", "Spotify"},
		{"com.plexapp.android", "Plex"}, {"org.jellyfin.androidtv", "Jellyfin"}, {"org.xbmc.kodi", "Kodi"}, {"org.videolan.vlc", "VLC"},
		{"tv.twitch.android.app", "Twitch"}, {"com.android.vending", "Play Store"}, {"com.android.tv.settings", "Settings"},
	}
}

// named returns the name of a package that many TVs have, "" of another.
func named(pkg string) string {
	for _, a := range knownApps() {
		if a[0] == pkg {
			return a[1]
		}
	}
	return ""
}

// Spec implements mi.Link.
func (s *session) Spec(context.Context) (*mi.Spec, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spec == nil {
		s.spec = newSpec(&s.facts)
	}
	return s.spec, nil
}

// newSpec writes down what a TV with these facts has.
func newSpec(f *facts) *mi.Spec {
	rn, rwn := mi.Read|mi.Notify, mi.Read|mi.Write|mi.Notify
	s := &mi.Spec{
		Model: f.model(), Type: "television", Text: "Television",
		Services: []mi.Service{
			{IID: siidTV, Name: "television", Text: "Television"},
			{IID: siidSpeaker, Name: "speaker", Text: "Speaker"},
			{IID: siidApps, Name: "app-launcher", Text: "Apps"},
			{IID: siidPlay, Name: "play-control", Text: "Play Control"},
			{IID: siidKeys, Name: "remote-control", Text: "Remote Control"},
			{IID: siidPairing, Name: "pairing", Text: "Pairing"},
		},
		Props: []mi.Property{
			propOn:      {SIID: siidTV, PIID: 1, Name: "on", Format: mi.FormatBool, Access: rwn},
			propSource:  {SIID: siidTV, PIID: 2, Name: "input-control", Access: mi.Write, List: sourceChoices()},
			propVolume:  {SIID: siidSpeaker, PIID: 1, Name: "volume", Format: mi.FormatInt, Access: rwn, Unit: "percentage", Range: &mi.Range{Max: 100, Step: 1}},
			propMute:    {SIID: siidSpeaker, PIID: 2, Name: "mute", Format: mi.FormatBool, Access: rwn},
			propApp:     {SIID: siidApps, PIID: 1, Name: "app", Access: rwn, List: f.choices()},
			propFront:   {SIID: siidApps, PIID: 2, Name: "current-app", Access: rn},
			propPairing: {SIID: siidPairing, PIID: 1, Name: "status", Format: mi.FormatInt, Access: rn, List: standings()},
			propURL:     {SIID: siidPlay, PIID: 1, Name: "url"},
			propCode:    {SIID: siidPairing, PIID: 2, Name: "code"},
		},
		Actions: []mi.Action{
			actPlay: {SIID: siidPlay, AIID: 1, Name: "play-url", In: []int{propURL}},
			actPair: {SIID: siidPairing, AIID: 1, Name: "pair"},
			actCode: {SIID: siidPairing, AIID: 2, Name: "enter-code", In: []int{propCode}},
		},
	}
	for i, k := range keys() {
		s.Actions = append(s.Actions, mi.Action{SIID: siidKeys, AIID: i + 1, Name: k.name, Vendor: !k.usual})
	}
	s.Join()
	return s
}

func standings() []mi.Choice {
	return []mi.Choice{
		{Value: mi.Int(pairingNone), Label: "Not paired"},
		{Value: mi.Int(pairingCode), Label: "Waiting for the code"},
		{Value: mi.Int(pairingDone), Label: "Paired"},
		{Value: mi.Int(pairingRefused), Label: "Pairing lost"},
	}
}

// choices lists the apps: those that many TVs have, and those that this one showed.
func (f *facts) choices() (out []mi.Choice) {
	for _, a := range knownApps() {
		out = append(out, mi.Choice{Value: mi.Text(a[0]), Label: a[1]})
	}
	own := slices.Sorted(slices.Values(f.Apps))
	for _, pkg := range own {
		out = append(out, mi.Choice{Value: mi.Text(pkg), Label: pkg})
	}
	return out
}
