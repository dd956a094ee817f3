package config

import (
	"fmt"
	"slices"
	"strings"
)

// List is a list of words, separated by commas.
type List []string

// UnmarshalText implements encoding.TextUnmarshaler. Blank words are dropped.
func (l *List) UnmarshalText(text []byte) error {
	*l = nil
	for word := range strings.SplitSeq(string(text), ",") {
		if word = strings.TrimSpace(word); word != "" {
			*l = append(*l, word)
		}
	}
	return nil
}

// Form is a form of discovery messages.
type Form string

// The forms of discovery.
const (
	DeviceForm Form = "device" // one message per device
	SingleForm Form = "single" // one message per entity
)

// Announcement is one place where devices are announced.
type Announcement struct {
	Prefix string // first level of the discovery topics
	Form   Form
}

// Announcements lists all places where devices are announced.
type Announcements []Announcement

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Announcements) UnmarshalText(text []byte) error {
	*a = nil
	if string(text) == "off" {
		return nil
	}
	for part := range strings.SplitSeq(string(text), ",") {
		one, err := parseAnnouncement(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(*a, func(o Announcement) bool { return o.Prefix == one.Prefix }) {
			return fmt.Errorf("the prefix %q stands there twice, so everything would be announced twice; name each prefix once", one.Prefix)
		}
		*a = append(*a, one)
	}
	return nil
}

func parseAnnouncement(part string) (Announcement, error) {
	prefix, form, found := strings.Cut(part, ":")
	if !found {
		form = string(DeviceForm)
	}
	if !plainTopic(prefix) || (form != string(DeviceForm) && form != string(SingleForm)) {
		return Announcement{}, fmt.Errorf("%q is not prefix:device or prefix:single, such as homeassistant:device,domoticz:single; off announces nothing", part)
	}
	return Announcement{Prefix: prefix, Form: Form(form)}, nil
}

// plainTopic reports whether topic can be the beginning of every topic.
func plainTopic(topic string) bool {
	return topic != "" && len(topic) <= 60 && !strings.ContainsAny(topic, "+#\x00 $") &&
		!strings.HasPrefix(topic, "/") && !strings.HasSuffix(topic, "/") && !strings.Contains(topic, "//")
}

// Forbidden lists the kinds of commands that are not taken from MQTT.
type Forbidden []string

var kinds = []string{"unlock", "alarm", "gate", "gas", "cook", "stop", "erase", "update", "restart", "remove"}

// UnmarshalText implements encoding.TextUnmarshaler; "off" is none.
func (f *Forbidden) UnmarshalText(text []byte) error {
	*f = nil
	if string(text) == "off" {
		return nil
	}
	for word := range strings.SplitSeq(string(text), ",") {
		if word = strings.TrimSpace(word); !slices.Contains(kinds, word) {
			return fmt.Errorf("%q is none of %s; off forbids none", word, strings.Join(kinds, ", "))
		}
		*f = append(*f, word)
	}
	return nil
}
