package bridge

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

func TestBackupsHoldNoTokenAndAreFew(t *testing.T) {
	conf, err := config.Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	disk := world.NewDisk(1)
	w := mi.World{Net: world.NewNet(1).Machine(world.Topology{Prefix: netip.MustParsePrefix("10.1.0.2/16")}), Disk: disk, Now: func() time.Time { return now }, Seed: 1}
	const token = "00112233445566778899aabbccddeeff"
	b, err := New(Options{Config: conf, World: w, Log: zerolog.Nop(), Alone: true, Known: []mi.Info{{DID: "1", Name: "Lamp", Addr: "127.0.0.1:1", Token: token}}})
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for range 3 * keptBackups {
		now = now.Add(time.Second)
		if last, err = b.backup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	names, err := disk.List("backup")
	if err != nil || len(names) != keptBackups || names[len(names)-1] != last {
		t.Errorf("kept %v (%v), want the newest %d", names, err, keptBackups)
	}
	text, err := disk.ReadFile(last)
	if err != nil || !strings.Contains(string(text), "Lamp") || strings.Contains(string(text), token) {
		t.Errorf("the backup is %s (%v)", text, err)
	}
}
