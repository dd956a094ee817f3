package bluez

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	rxUUID = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
	txUUID = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
)

// hearing is an adapter that listens.
type hearing struct {
	*Adapter
	mu  sync.Mutex
	got []string
}

func listen(t *testing.T, o Options) *hearing {
	t.Helper()
	o.Log = zerolog.Nop()
	return listenWith(t, New(sockets{}, o))
}

func listenWith(t *testing.T, a *Adapter) *hearing {
	t.Helper()
	h := &hearing{Adapter: a}
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
	line := fmt.Sprintf("%s %x %d %q", a.Receiver, a.Addr, a.RSSI, a.Name)
	for _, s := range a.Service {
		line += fmt.Sprintf(" %04x=%s", s.UUID, s.Data)
	}
	for _, m := range a.Manufacturer {
		line += fmt.Sprintf(" maker %04x=%s", m.Company, m.Data)
	}
	h.got = append(h.got, line)
}

func (h *hearing) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

func (h *hearing) works() bool { return h.Hearing() == nil }

func TestPassiveMonitorHearsSignalsOnly(t *testing.T) {
	path, address := busAt(t)
	daemon(t, path)
	f := newFake(t, address)
	h := listen(t, Options{Bus: address})
	drivertest.Await(t, "the monitor", h.works)
	if f.called("StartDiscovery") != 0 {
		t.Error("it searches actively")
	}
	f.change(sensor, deviceInterface, props{"RSSI": dbus.MakeVariant(int16(-70)), "ServiceData": serviceData("one")})
	f.change(sensor, deviceInterface, props{"ServiceData": serviceData("two")})
	f.change(sensor, deviceInterface, props{"Connected": dbus.MakeVariant(false)})
	f.change(hci0, adapterInterface, props{"Discovering": dbus.MakeVariant(false)})
	fresh := hci0 + "/dev_C0_FF_EE_00_00_01"
	added := map[string]map[string]dbus.Variant{deviceInterface: {
		"RSSI": dbus.MakeVariant(int16(-80)), "Name": dbus.MakeVariant("Mini"),
		"ManufacturerData": dbus.MakeVariant(map[uint16]dbus.Variant{0x424E: dbus.MakeVariant([]byte("nb"))}),
	}}
	_ = f.conn.Emit("/", manager+".InterfacesAdded", fresh, added)
	delete(added[deviceInterface], "RSSI")
	_ = f.conn.Emit("/", manager+".InterfacesAdded", fresh+"1", added) // what BlueZ remembers
	f.change(sensor, deviceInterface, props{"ServiceData": serviceData("end")})
	drivertest.Await(t, "the last advert", func() bool { return len(h.heard()) == 4 })
	want := []string{
		`BlueZ a4c1380a1b2c -70 "" fe95=one`,
		`BlueZ a4c1380a1b2c -70 "" fe95=two`,
		`BlueZ c0ffee000001 -80 "Mini" maker 424e=nb`,
		`BlueZ a4c1380a1b2c -70 "" fe95=end`,
	}
	if got := h.heard(); !slices.Equal(got, want) {
		t.Errorf("heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestActiveSearchIsTheFallback(t *testing.T) {
	for _, why := range []string{"RegisterMonitor", "Activate", "none", "chosen"} {
		t.Run(why, func(t *testing.T) {
			path, address := busAt(t)
			daemon(t, path)
			f := newFake(t, address)
			f.edit(func() {
				f.refuse[why] = "org.bluez.Error.NotSupported"
				if why == "none" {
					delete(f.objects[hci0], monitorManager)
				}
			})
			h := listen(t, Options{Bus: address, Active: why == "chosen"})
			drivertest.Await(t, "the search", func() bool { return h.works() && f.called("StartDiscovery") == 1 })
			if f.called(`SetDiscoveryFilter "le" true`) != 1 {
				t.Errorf("calls %q", f.calls)
			}
			f.change(sensor, deviceInterface, props{"ServiceData": serviceData("one")})
			drivertest.Await(t, "an advert", func() bool { return len(h.heard()) == 1 })
			f.change(hci0, adapterInterface, props{"Discovering": dbus.MakeVariant(false)})
			drivertest.Await(t, "the next search", func() bool { return f.called("StartDiscovery") == 2 && h.works() })
		})
	}
}

func TestReceiverComesBack(t *testing.T) {
	path, address := busAt(t)
	stop := daemon(t, path)
	f := newFake(t, address)
	h := listen(t, Options{Bus: address})
	says := func(words string) func() bool {
		return func() bool {
			err := h.Hearing()
			return err != nil && strings.Contains(err.Error(), words)
		}
	}
	drivertest.Await(t, "the monitor", h.works)
	_ = f.conn.Close()
	drivertest.Await(t, "the loss of bluetoothd", says("bluetoothd"))
	f = newFake(t, address)
	drivertest.Await(t, "the next bluetoothd", h.works)
	f.change(hci0, adapterInterface, props{"Powered": dbus.MakeVariant(false)})
	drivertest.Await(t, "the adapter to be off", says("bluetoothctl power on"))
	f.change(hci0, adapterInterface, props{"Powered": dbus.MakeVariant(true)})
	drivertest.Await(t, "the adapter to be on", h.works)
	stop()
	drivertest.Await(t, "the loss of the bus", func() bool { return says("broke")() || says("there is no D-Bus at "+path)() })
	daemon(t, path)
	newFake(t, address)
	drivertest.Await(t, "the next bus", h.works)
}

func TestQuietScanBeginsAnew(t *testing.T) {
	path, address := busAt(t)
	daemon(t, path)
	f := newFake(t, address)
	a := New(sockets{}, Options{Bus: address})
	a.quiet = 20 * time.Millisecond
	h := listenWith(t, a)
	drivertest.Await(t, "another scan", func() bool { return f.called("RegisterMonitor") > 2 })
	if err := h.Hearing(); err != nil {
		t.Error(err)
	}
}

func TestWhyNothingIsHeard(t *testing.T) {
	path, address := busAt(t)
	attempt := func(o Options) error {
		o.Bus = address
		return New(sockets{}, o).scan(t.Context(), func(mi.Advert) {})
	}
	expect := func(err, kind error, words string) {
		t.Helper()
		if !errors.Is(err, kind) || !strings.Contains(err.Error(), words) {
			t.Errorf("%v; want %q and %v", err, words, kind)
		}
	}
	expect(attempt(Options{}), mi.ErrOffline, "-v /run/dbus:/run/dbus:ro")
	optional := listen(t, Options{Bus: address, Optional: true})
	drivertest.Await(t, "the news", func() bool { return errors.Is(optional.Hearing(), bluetooth.ErrAbsent) })
	daemon(t, path)
	expect(attempt(Options{}), mi.ErrOffline, "bluetoothd does not run")
	f := newFake(t, address)
	expect(attempt(Options{Adapter: "hci7"}), mi.ErrOffline, "there is no adapter hci7; there are hci0")
	f.edit(func() { f.refuse["GetManagedObjects"] = failAccess })
	expect(attempt(Options{}), mi.ErrDenied, "group bluetooth")
	f.edit(func() {
		delete(f.refuse, "GetManagedObjects")
		f.objects[hci0][adapterInterface]["Powered"] = dbus.MakeVariant(false)
	})
	expect(attempt(Options{}), mi.ErrOffline, "bluetoothctl power on")
	expect(attempt(Options{Adapter: "00:1a:7d:da:71:13"}), mi.ErrOffline, "bluetoothctl power on")
	f.edit(func() { delete(f.objects, hci0) })
	expect(attempt(Options{}), mi.ErrOffline, "no Bluetooth adapter")
}

func TestConnection(t *testing.T) {
	path, address := busAt(t)
	daemon(t, path)
	f := newFake(t, address)
	a := New(sockets{}, Options{Bus: address})
	p, err := a.Connect(t.Context(), sensorAddress)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 1)
	if err := p.Notify(t.Context(), txUUID, func(b []byte) { answers <- string(b) }); err != nil {
		t.Fatal(err)
	}
	if err := p.Write(t.Context(), rxUUID, []byte("hello"), false); err != nil {
		t.Fatal(err)
	}
	if got := <-answers; got != "HELLO" {
		t.Errorf("notified %q", got)
	}
	if err := p.Write(t.Context(), rxUUID, []byte("hello"), true); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Read(t.Context(), txUUID); string(got) != "value of tx" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := p.Read(t.Context(), "0000ffff-0000-1000-8000-00805f9b34fb"); !errors.Is(err, mi.ErrUnsupported) {
		t.Errorf("read of nothing: %v", err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := a.Connect(brief, sensorAddress); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second connection: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	<-p.Done()
	if f.called("Disconnect") != 1 || f.called("WriteValue rx command") != 1 || f.called("WriteValue rx request") != 1 {
		t.Errorf("calls %q", f.calls)
	}
	if _, err := p.Read(t.Context(), txUUID); !errors.Is(err, mi.ErrOffline) {
		t.Errorf("read after the end: %v", err)
	}
}

func TestConnectionEndsWithTheDevice(t *testing.T) {
	path, address := busAt(t)
	daemon(t, path)
	f := newFake(t, address)
	a := New(sockets{}, Options{Bus: address})
	for _, end := range []func(){
		func() { f.change(sensor, deviceInterface, props{"Connected": dbus.MakeVariant(false)}) },
		func() { _ = f.conn.Emit("/", manager+".InterfacesRemoved", sensor, []string{deviceInterface}) },
	} {
		p, err := a.Connect(t.Context(), sensorAddress)
		if err != nil {
			t.Fatal(err)
		}
		end()
		<-p.Done()
	}
	p, err := a.Connect(t.Context(), sensorAddress)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.conn.Close()
	<-p.Done()
}

func TestConnectionRefused(t *testing.T) {
	path, address := busAt(t)
	daemon(t, path)
	f := newFake(t, address)
	a := New(sockets{}, Options{Bus: address})
	for _, tc := range []struct {
		name   string
		change func()
		addr   mi.Address
		want   error
	}{
		{"not heard", func() {}, mi.Address{1}, mi.ErrOffline},
		{"no answer", func() { f.refuse["Connect"] = failFailed }, sensorAddress, mi.ErrOffline},
		{"at it", func() { f.refuse["Connect"] = failInProgress }, sensorAddress, mi.ErrBusy},
		{"taken", func() { f.objects[sensor][deviceInterface]["Connected"] = dbus.MakeVariant(true) }, sensorAddress, mi.ErrBusy},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f.edit(tc.change)
			if _, err := a.Connect(t.Context(), tc.addr); !errors.Is(err, tc.want) {
				t.Errorf("Connect = %v, want %v", err, tc.want)
			}
		})
	}
	f.edit(func() {
		f.hang = true
		delete(f.refuse, "Connect")
		f.objects[sensor][deviceInterface]["Connected"] = dbus.MakeVariant(false)
	})
	before := f.called("Disconnect")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.Connect(ctx, sensorAddress); err == nil {
		t.Error("a device that hangs was connected to")
	}
	if f.called("Disconnect") != before+1 {
		t.Error("a connection that was given up is not ended")
	}
}

func TestParseBus(t *testing.T) {
	for _, tc := range []struct{ address, want string }{
		{DefaultBus, "unix /run/dbus/system_bus_socket"},
		{"unix:path=/a%20b,guid=1;unix:path=/c", "unix /a b"},
		{"unix:abstract=x", "unix @x"},
		{"tcp:host=::1,port=5", "tcp [::1]:5"},
		{"/run/dbus/system_bus_socket", ""},
		{"unixexec:path=ssh", ""},
	} {
		network, place, err := parseBus(tc.address)
		if got := strings.TrimSpace(network + " " + place); got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("parseBus(%q) = %q, %v", tc.address, got, err)
		}
	}
}
