package lumi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Asker sends a miIO request to a device whose token is known, and returns what
// stands under result.
type Asker func(ctx context.Context, info mi.Info, method string, params any) (json.RawMessage, error)

const keyRest = 10 * time.Minute // between two tries to read a key

// sidOf returns the sid of the device that info is about. A gateway that the
// account or miIO knows has a did of another kind: its MAC address is its sid.
func (d *Driver) sidOf(info mi.Info) (sid string, ok bool) {
	if sid, ok = strings.CutPrefix(info.DID, prefix); ok {
		return sid, validSID(sid)
	}
	kind := d.catalog.find(info.Model)
	sid = strings.ToLower(strings.ReplaceAll(info.MAC, ":", ""))
	return sid, kind != nil && kind.role == gateway && len(sid) == 12 && validSID(sid)
}

// did is the did of a gateway: that by which others know it, if any. It needs
// Driver.mu.
func (st *station) did() string {
	if st.info.DID != "" {
		return st.info.DID
	}
	return prefix + st.sid
}

// recognise notes under which did others know a gateway. It returns an error when
// info has another one than it should, or when the gateway was not heard here. It
// needs d.mu.
func (d *Driver) recognise(sid string, info mi.Info) error {
	st := d.stations[sid]
	kind := d.catalog.find(info.Model)
	switch {
	case kind == nil || kind.role != gateway:
	case strings.HasPrefix(info.DID, prefix):
		if st != nil && st.info.DID != "" {
			return fmt.Errorf("it is known as %s: %w", st.info.DID, mi.ErrUnsupported)
		}
	case st == nil || st.model == "" && st.heard.IsZero():
		return fmt.Errorf("its local protocol was not heard: %w", mi.ErrUnsupported)
	default:
		st.info = info
	}
	return nil
}

// homeOf returns the sid of the gateway with that did. It needs d.mu.
func (d *Driver) homeOf(did string) (sid string, ok bool) {
	if sid, ok = strings.CutPrefix(did, prefix); ok {
		return sid, true
	}
	for sid, st := range d.stations {
		if did != "" && st.info.DID == did {
			return sid, true
		}
	}
	return "", false
}

// secret returns the key of a gateway: that of the settings, or the one that the
// gateway itself tells whoever has its token; "" when there is none.
func (d *Driver) secret(ctx context.Context, st *station) string {
	if k := d.key(st.sid); k != "" {
		return k
	}
	d.mu.Lock()
	key, info, asked := st.key, st.info, st.asked
	due := key == "" && d.o.Ask != nil && info.Token != "" && (asked.IsZero() || time.Since(asked) >= keyRest)
	if due {
		st.asked = time.Now()
	}
	d.mu.Unlock()
	if !due {
		return key.Reveal()
	}
	raw, err := d.o.Ask(ctx, info, "get_lumi_dpf_aes_key", []any{})
	var list []string
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil || len(list) != 1 || len(list[0]) != keySize {
		d.o.Log.Debug().Err(err).Str("gateway", st.sid).Msg("gateway does not tell its key")
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	st.key = mi.Secret(list[0])
	return list[0]
}

// doubt forgets a key that the gateway refused, so that the next order reads it
// anew.
func (d *Driver) doubt(st *station) {
	d.mu.Lock()
	defer d.mu.Unlock()
	st.key = ""
}
