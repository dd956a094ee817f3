// Package yeelight is Yeelight lamps that are not there, with their own protocol of
// the local network.
package yeelight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// Options say how the Yeelight lamps of a home are reached.
type Options struct {
	// Address returns host:port at which the i-th lamp takes commands; nil means a
	// free port of 127.0.0.1.
	Address func(i int) string
	// Search opens port 1982 of each lamp's host, so that lamps can be found; they
	// need an address of their own then.
	Search bool
}

// Loopback gives the i-th lamp an address of its own on the loopback network
// with the port that clients expect.
func Loopback(i int) string { return fmt.Sprintf("127.98.%d.%d:%d", i>>8&255, i&255+1, commandPort) }

const (
	commandPort = 55443
	searchPort  = 1982
	firstDID    = 57_701_330 // 0x37073d2
)

// Lamps are Yeelight lamps, which speak their own LAN protocol and no miIO: a
// light string and a ceiling lamp with a background light.
type Lamps struct {
	world mi.World
	lamps []*Lamp
	group mi.PacketConn // hears searches of everybody; nil without multicast
	tasks sync.WaitGroup
}

func group() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 255, 255, 250}), searchPort)
}

// New makes the lamps and opens their sockets. Run lets them live; Close is
// for lamps that never run.
func New(w mi.World, o Options) (*Lamps, error) {
	h := &Lamps{world: w}
	for i, k := range kinds() {
		l := newLamp(uint64(firstDID+i), k)
		h.lamps = append(h.lamps, l)
		addr := "127.0.0.1:0"
		if o.Address != nil {
			addr = o.Address(i)
		}
		if err := l.open(w, addr, o.Search); err != nil {
			return nil, errors.Join(err, h.Close())
		}
	}
	if o.Search {
		h.join()
	}
	return h, nil
}

// join listens for searches where the network has multicast.
func (h *Lamps) join() {
	cards, err := h.world.Net.Interfaces()
	if err != nil {
		return
	}
	conn, err := h.world.Net.ListenUDP(context.Background(), group().String())
	if err != nil {
		return
	}
	joined := false
	for _, c := range cards {
		joined = c.Multicast && !c.Loopback && conn.Join(c, group().Addr()) == nil || joined
	}
	if !joined {
		_ = conn.Close()
		return
	}
	h.group = conn
}

// Lamps returns all lamps, in the order of Infos.
func (h *Lamps) Lamps() []*Lamp { return append([]*Lamp(nil), h.lamps...) }

// Infos returns who the lamps are and where they take commands.
func (h *Lamps) Infos() []mi.Info {
	var out []mi.Info
	for _, l := range h.lamps {
		out = append(out, mi.Info{
			DID: strconv.FormatUint(l.did, 10), Model: l.kind.model, Name: l.kind.label, Room: l.kind.room,
			MAC: fmt.Sprintf("02:59:%02x:%02x:%02x:%02x", byte(l.did>>24), byte(l.did>>16), byte(l.did>>8), byte(l.did)), Addr: l.addr,
		})
	}
	return out
}

// Run lets the lamps answer until ctx ends.
func (h *Lamps) Run(ctx context.Context) error {
	for _, l := range h.lamps {
		h.tasks.Go(l.accept)
		if l.search != nil {
			h.tasks.Go(func() { answerSearches(l.search, []*Lamp{l}) })
			l.announce()
		}
	}
	if h.group != nil {
		h.tasks.Go(func() { answerSearches(h.group, h.lamps) })
	}
	<-ctx.Done()
	err := h.Close()
	h.tasks.Wait()
	return err
}

// Close takes every lamp off the network.
func (h *Lamps) Close() error {
	if h.group != nil {
		_ = h.group.Close()
	}
	for _, l := range h.lamps {
		l.close()
	}
	return nil
}

// answerSearches answers what comes to conn for some lamps, each from its own
// address.
func answerSearches(conn mi.PacketConn, lamps []*Lamp) {
	in := []mi.Packet{{Data: make([]byte, 0, 2048)}}
	for {
		n, err := conn.ReadBatch(in)
		if err != nil {
			return
		}
		for _, p := range in[:n] {
			if !isLampSearch(string(p.Data)) {
				continue
			}
			for _, l := range lamps {
				_ = l.search.WriteBatch([]mi.Packet{{Data: []byte(l.advert("HTTP/1.1 200 OK")), Addr: p.Addr}})
			}
		}
	}
}

func isLampSearch(text string) bool {
	return strings.HasPrefix(text, "M-SEARCH * HTTP/1.1\r\n") && strings.Contains(text, "\r\nMAN: \"ssdp:discover\"\r\n") &&
		strings.Contains(text, "\r\nST: wifi_bulb")
}

// announce tells everybody that the lamp is there, as it does when it gets power.
func (l *Lamp) announce() {
	text := l.advert("NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1982\r\nNTS: ssdp:alive")
	_ = l.search.WriteBatch([]mi.Packet{{Data: []byte(text), Addr: group()}})
}

func (l *Lamp) advert(head string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := []string{
		head, "Cache-Control: max-age=3600", "Location: yeelight://" + l.addr, "Server: POSIX UPnP/1.0 YGLC/1",
		fmt.Sprintf("id: 0x%016x", l.did), "model: " + l.kind.short, "fw_ver: 76", "support: " + strings.Join(l.kind.support, " "),
	}
	for _, name := range []string{"power", "bright", "color_mode", "ct", "rgb", "hue", "sat", "name"} {
		lines = append(lines, name+": "+l.props[name])
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// open binds the lamp's sockets.
func (l *Lamp) open(w mi.World, addr string, search bool) error {
	ln, err := w.Net.Listen(context.Background(), addr)
	if err != nil {
		return fmt.Errorf("virtual: lamp %d: %w", l.did, err)
	}
	l.listener, l.addr, l.net = ln, ln.Addr().String(), w.Net
	if m, ok := w.Net.(*world.Machine); ok {
		if at, err := netip.ParseAddrPort(l.addr); err == nil {
			l.net = m.Host(at.Addr())
		}
	}
	if !search {
		return nil
	}
	host, _, err := net.SplitHostPort(l.addr)
	if err == nil {
		l.search, err = w.Net.ListenUDP(context.Background(), net.JoinHostPort(host, strconv.Itoa(searchPort)))
	}
	if err != nil {
		return fmt.Errorf("virtual: lamp %d: %w", l.did, err)
	}
	return nil
}
