package entity

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// generic names say nothing without their service's.
func generic(name string) bool {
	switch name {
	case "on", "mode", "status", "fault", "name", "switch", "state", "enable", "level", "type", "id", "value", "time", "start-time", "end-time":
		return true
	}
	return false
}

// title writes a MIoT name as people would: "relative-humidity" becomes
// "Relative humidity". A vendor's name gives way to the description where that
// is short and in Latin letters.
func (b *builder) title(name, text string, vendor bool) string {
	text = strings.Join(strings.Fields(text), " ")
	if vendor && latin(text) && utf8.RuneCountInString(text) <= 40 {
		name = text
	}
	if strings.TrimSpace(name) == "" {
		name = text
	}
	return sentence(strings.NewReplacer("-", " ", "_", " ").Replace(name))
}

// latin reports a text that is not empty and has only ASCII letters.
func latin(s string) bool {
	letters := false
	for _, r := range s {
		if r >= utf8.RuneSelf {
			return false
		}
		letters = letters || unicode.IsLetter(r)
	}
	return letters
}

// sentence writes words in sentence case; what is all capitals stays.
func sentence(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		switch {
		case acronym(w):
			words[i] = strings.ToUpper(w)
		case strings.ToUpper(w) == w:
		case i == 0:
			r, size := utf8.DecodeRuneInString(w)
			words[i] = string(unicode.ToUpper(r)) + strings.ToLower(w[size:])
		default:
			words[i] = strings.ToLower(w)
		}
	}
	return cut(strings.Join(words, " "), 80)
}

func acronym(w string) bool {
	switch strings.ToLower(w) {
	case "led", "uv", "ir", "tv", "tds", "co2", "tvoc", "voc", "hcho", "ac", "wifi", "ip", "usb", "dnd", "id", "rgb", "ssid", "mac", "ble", "rssi", "wdr", "eco", "pm2.5", "pm10", "ptc", "hdmi", "av":
		return !strings.EqualFold(w, "wifi") && !strings.EqualFold(w, "eco")
	}
	return false
}

// serviceName tells a service apart from its like: by its description where
// those differ, else by its number.
func (b *builder) serviceName(s int) string {
	service := &b.spec.Services[s]
	name := bareService(b.title(service.Name, service.Text, service.Vendor))
	like, differ, nth := 0, true, 0
	for i := range b.spec.Services {
		o := &b.spec.Services[i]
		if o.Name != service.Name {
			continue
		}
		if i <= s {
			nth++
		}
		like++
		differ = differ && (i == s || !strings.EqualFold(o.Text, service.Text))
	}
	if like < 2 {
		return name
	}
	if text := strings.Join(strings.Fields(service.Text), " "); differ && latin(text) && utf8.RuneCountInString(text) <= 40 {
		return bareService(sentence(text))
	}
	return name + " " + strconv.Itoa(nth)
}

// bareService drops the word "service" that many descriptions end with.
func bareService(name string) string {
	if short, ok := strings.CutSuffix(name, " service"); ok {
		return short
	}
	return name
}

// name gives every entity a name of its own, says which one stands for the
// device, and translates.
func (b *builder) name(language string) {
	main := b.main()
	for i := range b.entities {
		e, d := &b.entities[i], &b.details[i]
		switch {
		case i == main:
			e.Main = true
		case d.composite && e.Name == "":
			e.Name = b.serviceName(d.service)
		case d.generic && b.crowded(d.service):
			e.Name = join(b.serviceName(d.service), e.Name)
		}
	}
	b.apart(main)
	for i := range b.entities {
		e := &b.entities[i]
		if i == main {
			e.Name = ""
			continue
		}
		e.ClassNamed = b.classNamed(e)
		e.Name = b.rules.Translate(language, e.Name)
	}
}

// crowded reports that a generic name alone would not say what is meant: the
// device has other services that people use.
func (b *builder) crowded(s int) bool {
	if b.spec.Services[s].Name == b.spec.Type && b.alone(s) {
		return false
	}
	n := 0
	for i := range b.spec.Services {
		if !information(b.spec.Services[i].Name) {
			n++
		}
	}
	return n > 1
}

// join puts the service's name before the property's, without saying a word
// twice: "Main brush" and "Brush life" give "Main brush life".
func join(service, name string) string {
	if strings.HasPrefix(strings.ToLower(name), strings.ToLower(service)) {
		return name
	}
	head, tail := strings.Fields(service), strings.Fields(name)
	if len(tail) > 1 && strings.EqualFold(head[len(head)-1], tail[0]) {
		tail = tail[1:]
	}
	for i, w := range tail {
		if strings.ToUpper(w) != w { // an abbreviation stays
			tail[i] = strings.ToLower(w)
		}
	}
	return strings.Join(append(head, tail...), " ")
}

// apart makes repeated names differ: by the service's name, then by a number.
func (b *builder) apart(main int) {
	n := map[string]int{}
	for i := range b.entities {
		if i != main {
			n[b.spoken(b.entities[i].Name)]++
		}
	}
	for i := range b.entities {
		if e := &b.entities[i]; i != main && n[b.spoken(e.Name)] > 1 && !b.details[i].composite {
			e.Name = join(b.serviceName(b.details[i].service), e.Name)
		}
	}
	seen := map[string]bool{}
	for i := range b.entities {
		e := &b.entities[i]
		if i == main {
			continue
		}
		base := e.Name
		for k := 2; seen[b.spoken(e.Name)]; k++ {
			e.Name = base + " " + strconv.Itoa(k)
		}
		seen[b.spoken(e.Name)] = true
	}
}

// spoken is a name as it is heard after the device's: "Massage mode" of a massage
// device is no other name than "Mode".
func (b *builder) spoken(name string) string {
	name = strings.ToLower(name)
	for _, own := range []string{b.spec.Text, strings.ReplaceAll(b.spec.Type, "-", " ")} {
		if short, ok := strings.CutPrefix(name, strings.ToLower(own)+" "); ok && own != "" {
			return short
		}
	}
	return name
}

// classNamed reports that the class's own name is the entity's.
func (b *builder) classNamed(e *Entity) bool {
	if e.DeviceClass == "" || e.DeviceClass == "enum" {
		return false
	}
	component := e.Component
	if component == "number" {
		component = "sensor"
	}
	c, ok := b.rules.classes[component][e.DeviceClass]
	return ok && c.Name != "" && strings.EqualFold(c.Name, e.Name)
}

// Translate returns the name in a language such as de or de-AT, the English one when
// the files have none. It looks the whole name up, then its parts: a trailing number,
// and a service's name in front.
func (r *Rules) Translate(language, name string) string {
	names := r.names[language]
	if names == nil {
		general, _, _ := strings.Cut(language, "-")
		names = r.names[general]
	}
	return translated(names, name)
}

// Languages returns those that there are names in, sorted; English needs none.
func (r *Rules) Languages() []string { return sorted(r.names) }

// Speaks reports whether there are names in a language.
func (r *Rules) Speaks(language string) bool {
	general, _, _ := strings.Cut(language, "-")
	return general == "en" || r.names[language] != nil || r.names[general] != nil
}

func translated(names map[string]string, name string) string {
	if local, ok := names[name]; ok {
		return local
	}
	if at := strings.LastIndexByte(name, ' '); at >= 0 {
		if _, err := strconv.Atoi(name[at+1:]); err == nil {
			return translated(names, name[:at]) + name[at:]
		}
	}
	for at := range name {
		if name[at] != ' ' {
			continue
		}
		head, okHead := names[name[:at]]
		tail, okTail := names[sentence(name[at+1:])]
		if okHead && okTail {
			return head + ": " + tail
		}
	}
	return name
}

// main finds the entity that stands for the device; -1 when none or several do.
func (b *builder) main() int {
	for _, component := range b.rules.devices[b.spec.Type].Main {
		first, count := -1, 0
		for i := range b.entities {
			if e := &b.entities[i]; e.Component == component && e.Enabled && b.details[i].composite && e.Category == "" {
				if service := b.spec.Services[b.details[i].service].Name; service == b.spec.Type && first >= 0 {
					if b.spec.Services[b.details[first].service].Name != b.spec.Type {
						first, count = i, 0
					}
				}
				if first < 0 {
					first = i
				}
				count++
			}
		}
		if first < 0 {
			continue
		}
		if count == 1 || b.alone(b.details[first].service) {
			return first
		}
		return -1
	}
	return -1
}

// alone reports that no other service has the same name.
func (b *builder) alone(s int) bool {
	for i := range b.spec.Services {
		if i != s && b.spec.Services[i].Name == b.spec.Services[s].Name {
			return false
		}
	}
	return true
}
