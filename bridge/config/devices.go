package config

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// miioPort is where miIO devices listen.
const miioPort = "54321"

var (
	modelShape = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+){2}$`)
	didShape   = regexp.MustCompile(`^([0-9]{1,20}|[a-z]+\.[A-Za-z0-9._-]{1,60})$`)
	macShape   = regexp.MustCompile(`^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$`)
)

// KnownDevices returns the devices that the setting DEVICES lists.
func (c *Config) KnownDevices() ([]mi.Info, error) { return ParseDevices(c.Devices.Reveal()) }

// ParseDevices reads a list of devices: JSON or CSV with a header line as token
// extractors write them, or lines (also separated by ;) of "did or host, token,
// model". Errors name the entry and never hold a token.
func ParseDevices(text string) ([]mi.Info, error) {
	all, err := parseDevices(text)
	if err != nil || all == nil {
		return nil, err
	}
	out := make([]mi.Info, len(all))
	for i := range all {
		out[i] = all[i].Info
	}
	return out, nil
}

// entry is a device of a list, and where it stands there: "entry 3", "line 4".
type entry struct {
	mi.Info
	at string
}

func parseDevices(text string) ([]entry, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	switch {
	case text == "":
		return nil, nil
	case text[0] == '{' || text[0] == '[':
		return devicesFromJSON([]byte(text))
	case hasHeader(text):
		return devicesFromCSV(text)
	}
	return devicesFromLines(text)
}

func devicesFromLines(text string) ([]entry, error) {
	var out []entry
	for i, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ';' }) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := fmt.Sprintf("entry %d", i+1)
		info, err := deviceFromLine(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		out = append(out, entry{info, at})
	}
	return out, nil
}

// deviceFromLine reads "did or host, token, model"; "did/host" gives both.
func deviceFromLine(line string) (mi.Info, error) {
	parts := strings.Split(line, ",")
	if len(parts) < 2 || len(parts) > 3 {
		return mi.Info{}, errors.New("it takes a did or host, a token and, if known, a model, separated by commas")
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	raw := map[string]string{"token": parts[1]}
	if len(parts) == 3 {
		raw["model"] = parts[2]
	}
	did, host, both := strings.Cut(parts[0], "/")
	switch {
	case both:
		raw["did"], raw["host"] = did, host
	case didShape.MatchString(did) && !modelShape.MatchString(did):
		raw["did"] = did
	default:
		raw["host"] = did
	}
	return newInfo(raw)
}

// synonyms maps the field names of the token extractors to ours.
var synonyms = map[string]string{
	"did": "did", "id": "did", "deviceid": "did",
	"host": "host", "ip": "host", "localip": "host", "address": "host",
	"token": "token", "model": "model", "name": "name", "mac": "mac", "room": "room", "room_name": "room", "parent_id": "parent",
}

func synonym(name string) string { return synonyms[strings.ToLower(strings.TrimSpace(name))] }

func hasHeader(text string) bool {
	first, _, _ := strings.Cut(text, "\n")
	return slices.ContainsFunc(strings.FieldsFunc(first, func(r rune) bool { return r == ',' || r == ';' || r == '\t' }),
		func(name string) bool { return synonym(strings.Trim(name, "\"\r ")) == "token" })
}

func devicesFromCSV(text string) ([]entry, error) {
	first, _, _ := strings.Cut(text, "\n")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	for _, comma := range ";\t" {
		if strings.ContainsRune(first, comma) {
			r.Comma = comma
		}
	}
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("CSV: %w", err)
	}
	var out []entry
	for i, row := range rows[1:] {
		raw := map[string]string{}
		for j, value := range row {
			if j < len(rows[0]) && synonym(rows[0][j]) != "" {
				raw[synonym(rows[0][j])] = strings.TrimSpace(value)
			}
		}
		if raw["token"] == "" {
			continue // a device without a key of its own, such as a Bluetooth one
		}
		at := fmt.Sprintf("line %d", i+2)
		info, err := newInfo(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		out = append(out, entry{info, at})
	}
	return out, nil
}

// devicesFromJSON takes every object with a token, at whatever depth it stands.
func devicesFromJSON(text []byte) ([]entry, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("JSON: %w", err)
	}
	var out []entry
	err := collect(tree, &out)
	return out, err
}

func collect(node any, out *[]entry) error {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			if err := collect(child, out); err != nil {
				return err
			}
		}
	case map[string]any:
		return collectObject(node, out)
	}
	return nil
}

func collectObject(node map[string]any, out *[]entry) error {
	raw := map[string]string{}
	for _, name := range sortedNames(node) {
		switch value := node[name].(type) {
		case string, json.Number:
			if known := synonym(name); known != "" {
				raw[known] = fmt.Sprint(value)
			}
		default:
			if err := collect(value, out); err != nil {
				return err
			}
		}
	}
	if raw["token"] == "" {
		return nil
	}
	at := fmt.Sprintf("entry %d", len(*out)+1)
	info, err := newInfo(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	*out = append(*out, entry{info, at})
	return nil
}
