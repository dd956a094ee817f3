package esphome

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sockets is the network of this machine, as far as a node needs it.
type sockets struct{ mi.Network }

func (sockets) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// hearing is a node that is listened to.
type hearing struct {
	*Node
	mu  sync.Mutex
	got []string
}

func listen(t *testing.T, o Options) *hearing {
	t.Helper()
	return listenBy(t, sockets{}, o)
}

func listenBy(t *testing.T, net mi.Network, o Options) *hearing {
	t.Helper()
	o.Log = zerolog.Nop()
	n, err := New(net, o)
	if err != nil {
		t.Fatal(err)
	}
	h := &hearing{Node: n}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- h.Listen(ctx, h.take) }()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *hearing) take(a mi.Advert) {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := fmt.Sprintf("%s %s %d %q", a.Receiver, bluetooth.Spell(a.Addr), a.RSSI, a.Name)
	for _, s := range a.Service {
		line += fmt.Sprintf(" %04x=%x", s.UUID, s.Data)
	}
	for _, m := range a.Manufacturer {
		line += fmt.Sprintf(" maker %04x=%x", m.Company, m.Data)
	}
	h.got = append(h.got, line)
}

func (h *hearing) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

func (h *hearing) works() bool { return h.Hearing() == nil }

func (h *hearing) says(words string) func() bool {
	return func() bool {
		err := h.Hearing()
		return err != nil && strings.Contains(err.Error(), words)
	}
}

// miBeacon is an advert of an LYWSD03MMC; mini one of a vehicle.
const (
	miBeacon = "0201060e1695fe58585b05ca0e2b381ac1a4"
	mini     = "05094d696e6906ff4e42210300"
)

var sensor = mi.Address{0xA4, 0xC1, 0x38, 0x0A, 0x1B, 0x2C}

func TestNodeHands(t *testing.T) {
	for _, key := range []string{"", testKey} {
		t.Run(fmt.Sprint("encrypted ", key != ""), func(t *testing.T) {
			o := Options{Key: mi.Secret(key), Name: "porch"}
			f := newFake(t, func(f *fake) { f.key, _ = parseKey(o.Key) })
			o.Addr = f.address()
			h := listen(t, o)
			drivertest.Await(t, "the subscription", func() bool { return f.say(sensor, -67, miBeacon) })
			f.say(miniAddress, -90, mini)
			f.say(sensor, -68, miBeacon+"0516") // damaged behind
			drivertest.Await(t, "the adverts", func() bool { return len(h.heard()) == 3 && h.works() })
			want := []string{
				`ESPHome porch A4:C1:38:0A:1B:2C -67 "" fe95=58585b05ca0e2b381ac1a4`,
				`ESPHome porch C0:FF:EE:00:00:01 -90 "Mini" maker 424e=210300`,
				`ESPHome porch A4:C1:38:0A:1B:2C -68 "" fe95=58585b05ca0e2b381ac1a4`,
			}
			if got := h.heard(); !slices.Equal(got, want) {
				t.Errorf("heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if c := h.Counts(); c["heard"] != 3 || c["malformed"] != 1 {
				t.Errorf("counts %v", c)
			}
			if f.called("subscribe 0801") != 1 {
				t.Errorf("calls %q", f.calls)
			}
		})
	}
}

func TestNodeComesBack(t *testing.T) {
	f := newFake(t, nil)
	h := listen(t, Options{Addr: f.address()})
	drivertest.Await(t, "the subscription", func() bool { return f.say(sensor, -67, miBeacon) })
	drivertest.Await(t, "the advert", h.works)
	f.edit(func() { _ = f.subscriber.conn.Close() })
	drivertest.Await(t, "the loss", h.says("the node ended the connection"))
	drivertest.Await(t, "the next subscription", func() bool { return f.say(sensor, -67, miBeacon) })
	drivertest.Await(t, "the advert", h.works)
	f.edit(func() { _ = f.subscriber.write(disconnectRequest, nil) })
	drivertest.Await(t, "the farewell", h.says("sends us away"))
}

func TestWhyNodeIsNotHeard(t *testing.T) {
	other := mi.Secret("b3RoZXIga2V5IG9mIDMyIG9jdGV0cyBpcyB0aGlzIG8=")
	for _, tc := range []struct {
		name   string
		change func(*fake)
		o      Options
		kind   error
		words  string
	}{
		{"wants a key", func(f *fake) { f.key, _ = parseKey(mi.Secret(testKey)) }, Options{}, mi.ErrDenied, "wants an encryption key"},
		{"other key", func(f *fake) { f.key, _ = parseKey(mi.Secret(testKey)) }, Options{Key: other}, mi.ErrDenied, "Handshake MAC failure"},
		{"wants none", func(f *fake) { f.key = nil }, Options{Key: other}, mi.ErrDenied, "leave the key out"},
		{"password", func(f *fake) { f.password = "secret" }, Options{Password: "wrong"}, mi.ErrDenied, "refuses the password"},
		{"no proxy", func(f *fake) { f.flags = 0 }, Options{}, mi.ErrUnsupported, "add bluetooth_proxy:"},
		{"no node", func(f *fake) { _ = f.listener.Close() }, Options{}, mi.ErrOffline, "no node at 127.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t, tc.change)
			tc.o.Addr, tc.o.Log = f.address(), zerolog.Nop()
			n, err := New(sockets{}, tc.o)
			if err != nil {
				t.Fatal(err)
			}
			err = n.attempt(t.Context(), func(mi.Advert) {})
			if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.words) {
				t.Errorf("%v; want %q and %v", err, tc.words, tc.kind)
			}
			if strings.Contains(err.Error(), string(other)) || strings.Contains(err.Error(), "secret") {
				t.Errorf("a secret in %v", err)
			}
		})
	}
	if _, err := New(sockets{}, Options{Addr: "porch", Key: "c2hvcnQ="}); !errors.Is(err, mi.ErrInvalid) || strings.Contains(err.Error(), "c2hvcnQ") {
		t.Errorf("a short key: %v", err)
	}
}

func TestSecondSubscriberIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := unplugged(t)
		ha := &client{} // who was there first
		f.subscriber = ha
		h := listenBy(t, wires{f: f}, Options{Addr: "porch"})
		time.Sleep(40 * time.Second)
		if err := h.Hearing(); !errors.Is(err, mi.ErrBusy) || !h.says("Home Assistant has probably adopted it")() {
			t.Errorf("Hearing = %v", err)
		}
		f.edit(func() { f.subscriber = nil })
		time.Sleep(time.Minute)
		if !f.say(sensor, -67, miBeacon) {
			t.Fatal("it does not ask again")
		}
		time.Sleep(2 * time.Second)
		if err := h.Hearing(); err != nil {
			t.Error(err)
		}
	})
}

func TestSilentNodeIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := unplugged(t)
		h := listenBy(t, wires{f: f}, Options{Addr: "porch"})
		for range 10 { // it answers pings only
			time.Sleep(19 * time.Second)
			f.say(sensor, -67, miBeacon)
		}
		time.Sleep(2 * time.Second)
		if err := h.Hearing(); err != nil {
			t.Error(err)
		}
		f.edit(func() { f.mute = true })
		time.Sleep(75 * time.Second)
		if err := h.Hearing(); !errors.Is(err, mi.ErrTimeout) || h.says("silent")() == h.says("does not answer")() {
			t.Errorf("Hearing = %v", err)
		}
		f.edit(func() { f.mute = false })
		time.Sleep(2 * time.Minute)
		if !f.say(sensor, -67, miBeacon) {
			t.Error("it does not come back")
		}
	})
}

func TestConnection(t *testing.T) {
	f := newFake(t, nil)
	h := listen(t, Options{Addr: f.address()})
	drivertest.Await(t, "the subscription", func() bool { return f.say(miniAddress, -67, mini) })
	drivertest.Await(t, "the advert", h.works)
	p, err := h.Connect(t.Context(), miniAddress)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 4)
	if err := p.Notify(t.Context(), txUUID, func(b []byte) { answers <- string(b) }); err != nil {
		t.Fatal(err)
	}
	for _, response := range []bool{false, true} {
		if err := p.Write(t.Context(), rxUUID, []byte("hello"), response); err != nil {
			t.Fatal(err)
		}
		if got := <-answers; got != "HELLO" {
			t.Errorf("notified %q", got)
		}
	}
	if got, err := p.Read(t.Context(), rxUUID); string(got) != "value of 13" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := p.Read(t.Context(), "0000ffff-0000-1000-8000-00805f9b34fb"); !errors.Is(err, mi.ErrUnsupported) {
		t.Errorf("read of nothing: %v", err)
	}
	f.edit(func() { f.refuse[readRequest] = attAuthentication })
	if _, err := p.Read(t.Context(), rxUUID); !errors.Is(err, mi.ErrDenied) {
		t.Errorf("read of what is locked: %v", err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := h.Connect(brief, miniAddress); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second connection: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for _, call := range []string{
		`68 5 1 1 ""`, // with the kind of the address
		`77 16 0 0 "\x01\x00"`, `75 13 0 0 "hello"`, `75 13 1 0 "hello"`, `68 1 0 0 ""`,
	} {
		if f.called(call) != 1 {
			t.Errorf("no %s in %q", call, f.calls)
		}
	}
	if err := p.Write(t.Context(), rxUUID, nil, false); !errors.Is(err, mi.ErrOffline) {
		t.Errorf("write after the end: %v", err)
	}
}

func TestConnectionEnds(t *testing.T) {
	f := newFake(t, nil)
	h := listen(t, Options{Addr: f.address()})
	gone := appendNumber(appendNumber(nil, 1, bluetooth.Number(miniAddress)), 4, 8)
	for name, end := range map[string]func(){
		"by the device": func() { f.edit(func() { _ = f.subscriber.write(deviceConnection, gone) }) },
		"by the node":   func() { f.edit(func() { _ = f.subscriber.conn.Close() }) },
	} {
		drivertest.Await(t, "the subscription", func() bool { return f.say(miniAddress, -67, mini) })
		drivertest.Await(t, "the advert", h.works)
		p, err := h.Connect(t.Context(), miniAddress)
		if err != nil {
			t.Fatal(name, err)
		}
		end()
		<-p.Done()
		if _, err := p.Read(t.Context(), rxUUID); !errors.Is(err, mi.ErrOffline) {
			t.Errorf("%s: read after the end: %v", name, err)
		}
	}
}

func TestConnectionRefused(t *testing.T) {
	f := newFake(t, nil)
	n, err := New(sockets{}, Options{Addr: f.address()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Connect(t.Context(), miniAddress); !errors.Is(err, mi.ErrOffline) {
		t.Errorf("without a node: %v", err)
	}
	h := listen(t, Options{Addr: f.address()})
	drivertest.Await(t, "the subscription", func() bool { return f.say(miniAddress, -67, mini) })
	drivertest.Await(t, "the advert", h.works)
	f.edit(func() { f.refuse[deviceRequest] = 0x3e })
	if _, err := h.Connect(t.Context(), miniAddress); !errors.Is(err, mi.ErrOffline) || !strings.Contains(err.Error(), "(the node says 62)") {
		t.Errorf("no answer: %v", err)
	}
	f.edit(func() {
		delete(f.refuse, deviceRequest)
		f.refuse[servicesRequest] = 0x85
	})
	if _, err := h.Connect(t.Context(), miniAddress); !errors.Is(err, mi.ErrInvalid) {
		t.Errorf("no services: %v", err)
	}
	if n := f.called(`68 1 0 0 ""`); n != 2 {
		t.Errorf("%d connections were ended", n)
	}
	f.edit(func() {
		f.free = 0
		_ = f.subscriber.write(connectionsFree, appendNumber(nil, 2, 3))
	})
	drivertest.Await(t, "the news of no free connection", func() bool {
		_, err := h.Connect(t.Context(), miniAddress)
		return errors.Is(err, mi.ErrBusy)
	})
}
