package yeelight

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Asker sends a miIO request to a device whose token is known, and returns what
// stands under result.
type Asker func(ctx context.Context, info mi.Info, method string, params any) (json.RawMessage, error)

const (
	unlockWait = 15 * time.Second // for the lamp's answers
	maxLocked  = 256              // lamps that wait
)

// locked notes a lamp whose token is known and that was not found: its LAN control
// may be off. It needs d.mu.
func (d *Driver) locked(did uint64, info mi.Info) {
	_, waits := d.unlocks[did]
	if d.o.Ask == nil || info.Token == "" || !lampModel(info.Model) || waits || len(d.unlocks) >= maxLocked {
		return
	}
	d.unlocks[did] = &info
}

// unlock switches on the LAN control of lamps that nobody found, each once.
func (f *finder) unlock(ctx context.Context) {
	for _, info := range f.d.unfound() {
		f.tasks.Go(func() { f.d.switchOn(ctx, info) })
	}
}

// unfound returns the lamps that were not tried yet, and notes that they are.
func (d *Driver) unfound() (todo []mi.Info) {
	var known []mi.Info
	if d.o.Known != nil && d.o.Ask != nil {
		known = d.o.Known()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, info := range known {
		if did, err := strconv.ParseUint(info.DID, 10, 64); err == nil {
			d.locked(did, info)
		}
	}
	for did, info := range d.unlocks {
		if _, found := d.lamps[did]; !found && info != nil {
			todo = append(todo, *info)
		}
		d.unlocks[did] = nil
	}
	return todo
}

// switchOn asks a lamp whether its LAN control is off, and switches it on then. A
// lamp that has none says nothing.
func (d *Driver) switchOn(ctx context.Context, info mi.Info) {
	ctx, cancel := context.WithTimeout(ctx, unlockWait)
	defer cancel()
	log := d.o.Log.With().Str("did", info.DID).Str("model", info.Model).Logger()
	raw, err := d.o.Ask(ctx, info, "get_prop", []any{"lan_ctrl"})
	var now []mi.Value
	if err == nil {
		err = json.Unmarshal(raw, &now)
	}
	if err != nil || len(now) != 1 || now[0].String() != "0" {
		log.Debug().Err(err).Msg("lamp has no LAN control to switch on")
		return
	}
	if _, err := d.o.Ask(ctx, info, "set_ps", []any{"cfg_lan_ctrl", "1"}); err != nil {
		log.Warn().Err(err).Msg("the lamp's LAN control cannot be switched on")
		return
	}
	log.Info().Msg("the lamp's LAN control is switched on")
}
