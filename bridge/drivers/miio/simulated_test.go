package miio_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// TestBroadcastFindsAWholeNetwork runs in simulated time: devices that nobody
// configured are found by broadcast, once the account told their tokens they are
// read at the address from which they spoke.
func TestBroadcastFindsAWholeNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(5)
		segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
		bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
		home, err := virtual.New(mi.World{Net: segment, Now: time.Now, Seed: 5}, virtual.Options{
			Models: []string{"cuco.plug.cp5pro", "zhimi.humidifier.ca4"}, Still: true,
			Address: func(i int) string {
				return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 7, byte(10 + i)}), miio.Port).String()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		lived := make(chan error, 1)
		go func() { lived <- home.Run(ctx) }()
		d := miio.New(mi.World{Net: bridge, Now: time.Now, Seed: 6}, miio.Options{Specs: folder{virtual.Specs()}, Log: zerolog.Nop()})
		findAll(t, d, home.Infos())

		searched := make(chan error, 1)
		go func() { searched <- d.Find(ctx, func(mi.Info) {}) }()
		for _, info := range home.Infos() {
			info.Addr = "" // only Find can tell
			readEverything(t, d, info)
		}
		cancel()
		<-searched
		<-lived
	})
}
