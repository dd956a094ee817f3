package lumi

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	batchSize = 16
	readRest  = 100 * time.Millisecond // before a failing socket is read again
	replyWait = 3 * time.Second        // for answers to a whois
)

// wire is the two sockets: one to ask and be answered, one that hears the group.
type wire struct {
	talk   mi.PacketConn
	group  mi.PacketConn // nil without multicast
	handle func(mi.Packet)
	done   chan struct{}
	tasks  sync.WaitGroup

	mu     sync.Mutex // guards joined
	joined []string   // names of interfaces
}

func openWire(ctx context.Context, network mi.Network, o Options, handle func(mi.Packet)) (*wire, error) {
	talk, err := network.ListenUDP(ctx, "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	w := &wire{talk: talk, handle: handle, done: make(chan struct{})}
	w.tasks.Go(func() { w.read(talk) })
	if o.NoMulticast {
		return w, nil
	}
	heard, err := network.ListenUDP(ctx, netip.AddrPortFrom(group(), port).String())
	if err != nil {
		o.Log.Warn().Err(err).Msg("reports of gateways are not heard: another program uses UDP port " + strconv.Itoa(port))
		return w, nil
	}
	w.group = heard
	w.join(interfaces(network, o), o)
	w.tasks.Go(func() { w.read(heard) })
	return w, nil
}

// interfaces returns those to find gateways on.
func interfaces(network mi.Network, o Options) []mi.Interface {
	all, err := network.Interfaces()
	if err != nil {
		o.Log.Warn().Err(err).Msg("cannot look for gateways")
	}
	return slices.DeleteFunc(slices.Clone(all), func(i mi.Interface) bool {
		if len(o.Interfaces) > 0 {
			return !slices.Contains(o.Interfaces, i.Name)
		}
		return i.Loopback || !i.Multicast
	})
}

// join hears the group on the interfaces that are there now.
func (w *wire) join(all []mi.Interface, o Options) {
	if w.group == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.joined = slices.DeleteFunc(w.joined, func(name string) bool {
		return !slices.ContainsFunc(all, func(i mi.Interface) bool { return i.Name == name })
	})
	for _, i := range all {
		if slices.Contains(w.joined, i.Name) {
			continue
		}
		if err := w.group.Join(i, group()); err != nil {
			o.Log.Debug().Err(err).Str("interface", i.Name).Msg("reports of gateways are not heard here")
		}
		w.joined = append(w.joined, i.Name) // what fails now fails again
	}
}

// close ends everything.
func (w *wire) close() {
	close(w.done)
	_ = w.talk.Close() // nobody is left to be told
	if w.group != nil {
		_ = w.group.Close()
	}
	w.tasks.Wait()
}

func (w *wire) send(to netip.AddrPort, data []byte) {
	_ = w.talk.WriteBatch([]mi.Packet{{Data: data, Addr: to}}) // a lost request is asked again
}

func (w *wire) read(conn mi.PacketConn) {
	in := make([]mi.Packet, batchSize)
	for i := range in {
		in[i].Data = make([]byte, 0, maxDatagram+1)
	}
	for {
		n, err := conn.ReadBatch(in)
		for i := range in[:n] {
			w.handle(in[i])
			in[i].Data = in[i].Data[:0]
		}
		if err != nil && !w.rest() {
			return
		}
	}
}

// rest waits a moment; it reports false when the wire is closed.
func (w *wire) rest() bool {
	timer := time.NewTimer(readRest)
	defer timer.Stop()
	select {
	case <-w.done:
		return false
	case <-timer.C:
		return true
	}
}

// whois asks all gateways behind one interface who they are. A socket bound to
// the interface's address sends the question out there and not elsewhere.
func whois(ctx context.Context, network mi.Network, i mi.Interface, handle func(mi.Packet)) error {
	conn, err := network.ListenUDP(ctx, netip.AddrPortFrom(i.Prefix.Addr(), 0).String())
	if err != nil {
		return fmt.Errorf("lumi: look on %s: %w", i.Name, err)
	}
	w := &wire{talk: conn, handle: handle, done: make(chan struct{})}
	w.tasks.Go(func() { w.read(conn) })
	defer w.close()
	err = conn.WriteBatch([]mi.Packet{{Data: whoisRequest(), Addr: netip.AddrPortFrom(group(), whoisPort)}})
	if err != nil {
		return fmt.Errorf("lumi: look on %s: %w", i.Name, err)
	}
	timer := time.NewTimer(replyWait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return nil
}
