package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// backupVersion changes when an older bridge could not read a backup.
const backupVersion = 1

// keptBackups is how many backups the data folder keeps.
const keptBackups = 10

// backup is what a backup file holds. It has no secrets: tokens are masked by
// their type, and come back from the devices setting or the account.
type backup struct {
	Version int                      `json:"version"`
	Made    time.Time                `json:"made"`
	Bridge  string                   `json:"bridge"`
	Devices []mi.Info                `json:"devices"`
	Choices map[string]device.Choice `json:"choices"`
}

// backup writes what the bridge knows to the data folder and returns the name of
// the file.
func (b *Bridge) backup(context.Context) (string, error) {
	now := b.opt.World.Now().UTC()
	out := backup{Version: backupVersion, Made: now, Bridge: b.opt.Version, Choices: b.chosen.all()}
	for _, d := range b.home.All() {
		info := d.Info()
		info.Token = ""
		out.Devices = append(out.Devices, info)
	}
	raw, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return "", fmt.Errorf("bridge: backup: %w", err)
	}
	name := "backup/" + now.Format("2006-01-02-150405") + ".json"
	if err := b.opt.World.Disk.WriteFile(name, append(raw, '\n')); err != nil {
		return "", fmt.Errorf("bridge: backup: %w", err)
	}
	return name, b.dropBackups()
}

// dropBackups removes all but the newest: whoever may ask for a backup must not be
// able to fill the disk.
func (b *Bridge) dropBackups() error {
	names, err := b.opt.World.Disk.List("backup") // sorted, so by age
	for _, name := range names[:max(0, len(names)-keptBackups)] {
		err = errors.Join(err, b.opt.World.Disk.Remove(name))
	}
	return err
}
