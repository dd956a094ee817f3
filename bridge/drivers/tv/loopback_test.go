package tv_test

import (
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
)

// TestRealSockets goes from on to off to on over the sockets of this machine, where
// a closed port refuses and a cut connection is reset.
func TestRealSockets(t *testing.T) {
	w := mi.World{Net: host.Network(), Now: time.Now}
	port := freePort(t, w.Net)
	device, err := virtual.New(w, virtual.Options{MAC: tvMAC, WakePort: port})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	d := tv.New(w, tv.Options{NoFind: true, WakePort: port, Log: zerolog.Nop()})
	link, err := d.Open(t.Context(), mi.Info{DID: tvDID, Addr: device.Addr()}, &drivertest.Sink{})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	h := &house{Talk: drivertest.Talk{T: t, Link: link}, tv: device, driver: d}
	h.Want(shows(20, "com.mitv.tvhome"))
	device.Hurt(virtual.Trouble{Drops: true})
	h.Want(isOff())
	device.Hurt(virtual.Trouble{})
	h.Set("television/on", mi.Bool(false))
	h.Want(isOff())
	drivertest.Await(t, "the TV to go off", func() bool { return !answers(device.Addr()) })
	h.Want(isOff())
	h.Set("television/on", mi.Bool(true))
	drivertest.Await(t, "the TV to go on", device.On)
	h.Set("speaker/volume", mi.Int(9))
	h.Want(shows(9, "com.mitv.tvhome"))
}

// freePort returns a port of this machine on which nobody hears datagrams.
func freePort(t *testing.T, n mi.Network) uint16 {
	t.Helper()
	conn, err := n.ListenUDP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().Port()
}

func answers(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
