package account

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// unmarshal reads a part of an answer.
func unmarshal(raw []byte, to any) error {
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("account: answer makes no sense: %w", mi.ErrProtocol)
	}
	return nil
}

// ask sends a request about a device to where the device is.
func (m *Manager) ask(ctx context.Context, did, path string, params any) (json.RawMessage, error) {
	d, known := m.device(did)
	if !known {
		return nil, fmt.Errorf("account: no account has %.64q: %w", did, mi.ErrInvalid)
	}
	return m.Call(ctx, d.Account, d.Region, path, params)
}

// statistic asks for what a device used.
type statistic struct {
	DID   string `json:"did"`
	Key   string `json:"key"`
	Type  string `json:"data_type"`
	Start int64  `json:"time_start"`
	End   int64  `json:"time_end"`
	Limit int    `json:"limit"`
}

// Statistics returns what a device used in each period, oldest first. key is
// "siid.piid" as the cloud counts it: "7.1". Values are in the cloud's own unit.
func (m *Manager) Statistics(ctx context.Context, did, key string, p Period, from, to time.Time) ([]Sample, error) {
	query := statistic{did, key, "stat_" + string(p) + "_v3", from.Unix(), to.Unix(), 100}
	result, err := m.ask(ctx, did, "/v2/user/statistics", query)
	if refused(err) { // older devices
		query.Type = "stat_" + string(p)
		result, err = m.ask(ctx, did, "/v2/user/statistics", query)
	}
	if err != nil {
		return nil, err
	}
	return samples(result)
}

// event asks for what a device reported.
type event struct {
	DID   string `json:"did"`
	Key   string `json:"key"`
	Type  string `json:"type"`
	Start int64  `json:"time_start"`
	End   int64  `json:"time_end"`
	Limit int    `json:"limit"`
}

// History returns what a device reported, oldest first: kind "prop" or "event",
// key "siid.piid" or the number of a Bluetooth object.
func (m *Manager) History(ctx context.Context, did, kind, key string, from, to time.Time, limit int) ([]Sample, error) {
	result, err := m.ask(ctx, did, "/user/get_user_device_data", event{did, key, kind, from.Unix(), to.Unix(), limit})
	if err != nil {
		return nil, err
	}
	return samples(result)
}

// samples reads a list of values, whose text is JSON in JSON, mostly a list of one.
func samples(result []byte) ([]Sample, error) {
	var list []struct {
		Time  text            `json:"time"`
		Value json.RawMessage `json:"value"`
	}
	if err := unmarshal(result, &list); err != nil {
		return nil, err
	}
	out := []Sample{}
	for _, row := range list {
		at, err := strconv.ParseInt(string(row.Time), 10, 64)
		if err != nil || at < 0 {
			continue
		}
		if value, err := mi.ParseJSON(inner(row.Value)); err == nil {
			out = append(out, Sample{time.Unix(at, 0).UTC(), value})
		}
	}
	slices.SortStableFunc(out, func(a, b Sample) int { return a.At.Compare(b.At) })
	return out, nil
}

// inner unwraps "[12.3]" to 12.3.
func inner(raw json.RawMessage) []byte {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		raw = json.RawMessage(s)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) == 1 {
		return list[0]
	}
	if !json.Valid(raw) { // a bare word
		raw, _ = json.Marshal(s) // a string always encodes
	}
	return raw
}

// byDID asks about one device.
type byDID struct {
	DID string `json:"did"`
}

// RemoteKeys returns the keys of an IR remote.
func (m *Manager) RemoteKeys(ctx context.Context, did string) ([]RemoteKey, error) {
	result, err := m.ask(ctx, did, "/v2/irdevice/controller/keys", byDID{did})
	if err != nil {
		return nil, err
	}
	list, _, err := rows(result, "keys")
	if err != nil {
		return nil, err
	}
	var out []RemoteKey
	for _, raw := range list {
		var k struct {
			ID      text `json:"id"`
			Name    text `json:"name"`
			Display text `json:"display_name"`
		}
		if json.Unmarshal(raw, &k) == nil && didForm.MatchString(string(k.ID)) {
			out = append(out, RemoteKey{string(k.ID), clean(cmp.Or(string(k.Display), string(k.Name), string(k.ID)))})
		}
	}
	return out, nil
}

// Remotes returns the dids of the IR remotes that an IR blaster has learnt.
func (m *Manager) Remotes(ctx context.Context, blaster string) ([]string, error) {
	result, err := m.ask(ctx, blaster, "/v2/irdevice/controllers", struct {
		Parent string `json:"parent_id"`
	}{blaster})
	if err != nil {
		return nil, err
	}
	list, _, err := rows(result, "controllers")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, raw := range list {
		var r struct {
			DID text `json:"did"`
		}
		if json.Unmarshal(raw, &r) == nil && didForm.MatchString(string(r.DID)) {
			out = append(out, string(r.DID))
		}
	}
	return out, nil
}

// PressRemote presses a key of an IR remote.
func (m *Manager) PressRemote(ctx context.Context, did, key string) error {
	press := struct {
		DID        string `json:"did"`
		Key        any    `json:"key_id"`
		Controller any    `json:"controller_id,omitempty"`
	}{DID: did, Key: numeral(key)}
	if info, err := m.ask(ctx, did, "/v2/irdevice/controller/info", byDID{did}); err == nil {
		var c struct {
			ID text `json:"controller_id"`
		}
		if json.Unmarshal(info, &c) == nil && c.ID != "" {
			press.Controller = numeral(string(c.ID))
		}
	} else if !refused(err) {
		return err
	}
	_, err := m.ask(ctx, did, "/v2/irdevice/controller/key/click", press)
	return err
}

// numeral returns a number as a number and all else as text.
func numeral(s string) any {
	if number(text(s)) && !strings.HasPrefix(s, "0") {
		return json.Number(s)
	}
	return s
}
