package bluez

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sockets is the network of this machine, as far as the D-Bus needs it.
type sockets struct{ mi.Network }

func (sockets) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// daemon starts a D-Bus daemon of its own at a path.
func daemon(t *testing.T, path string) (stop func()) {
	t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("dbus-daemon is not installed")
	}
	c := exec.Command(program, "--session", "--nofork", "--nopidfile", "--address=unix:path="+path, "--print-address")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Skip("dbus-daemon does not start:", err)
	}
	stop = sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	t.Cleanup(stop)
	if _, err := out.Read(make([]byte, 256)); err != nil {
		t.Skip("dbus-daemon does not listen:", err)
	}
	return stop
}

// busAt names a bus for a test.
func busAt(t *testing.T) (path, address string) {
	path = filepath.Join(t.TempDir(), "bus")
	return path, "unix:path=" + path
}

const (
	hci0   = dbus.ObjectPath("/org/bluez/hci0")
	sensor = hci0 + "/dev_A4_C1_38_0A_1B_2C"
	uart   = sensor + "/service000c"
	rx, tx = uart + "/char000d", uart + "/char000f"
)

var sensorAddress = mi.Address{0xA4, 0xC1, 0x38, 0x0A, 0x1B, 0x2C}

type props = map[string]dbus.Variant

// fake is bluetoothd with one adapter and one device.
type fake struct {
	t    *testing.T
	conn *dbus.Conn

	mu      sync.Mutex
	objects objects
	calls   []string
	refuse  map[string]string // error names by method
	hang    bool              // Connect does not answer
}

// newFake joins the bus as org.bluez.
func newFake(t *testing.T, address string) *fake {
	t.Helper()
	f := &fake{t: t, refuse: map[string]string{}, objects: objects{
		hci0: {
			adapterInterface: props{"Powered": dbus.MakeVariant(true), "Address": dbus.MakeVariant("00:1A:7D:DA:71:13")},
			monitorManager:   props{},
		},
		sensor: {deviceInterface: props{
			"Address": dbus.MakeVariant("A4:C1:38:0A:1B:2C"), "Connected": dbus.MakeVariant(false), "ServicesResolved": dbus.MakeVariant(false),
			"ServiceData": serviceData("old"), // remembered from yesterday
		}},
		rx: {gattInterface: props{"UUID": dbus.MakeVariant("6E400002-B5A3-F393-E0A9-E50E24DCCA9E")}},
		tx: {gattInterface: props{"UUID": dbus.MakeVariant("6e400003-b5a3-f393-e0a9-e50e24dcca9e")}},
	}}
	c, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	f.conn = c
	for _, e := range []struct {
		object any
		at     dbus.ObjectPath
		iface  string
	}{
		{fakeRoot{f}, "/", manager}, {fakeAdapter{f}, hci0, adapterInterface}, {fakeMonitors{f}, hci0, monitorManager},
		{fakeDevice{f}, sensor, deviceInterface}, {fakeDevice{f}, sensor, properties},
		{fakeGatt{f, "rx"}, rx, gattInterface}, {fakeGatt{f, "tx"}, tx, gattInterface},
	} {
		if err := c.Export(e.object, e.at, e.iface); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.RequestName(service, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return f
}

func serviceData(text string) dbus.Variant {
	return dbus.MakeVariant(map[string]dbus.Variant{"0000fe95-0000-1000-8000-00805f9b34fb": dbus.MakeVariant([]byte(text))})
}

// edit changes the fake.
func (f *fake) edit(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// note notes a call and says whether it is refused.
func (f *fake) note(method string) *dbus.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, method)
	if name := f.refuse[method]; name != "" {
		return dbus.NewError(name, []any{"fake"})
	}
	return nil
}

// called returns how often something was called.
func (f *fake) called(method string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == method {
			n++
		}
	}
	return n
}

// change tells that properties have changed.
func (f *fake) change(at dbus.ObjectPath, iface string, p props) {
	f.mu.Lock()
	maps.Copy(f.objects[at][iface], p)
	f.mu.Unlock()
	if err := f.conn.Emit(at, properties+".PropertiesChanged", iface, p, []string{}); err != nil {
		f.t.Log("emit:", err)
	}
}

type fakeRoot struct{ f *fake }

func (r fakeRoot) GetManagedObjects() (objects, *dbus.Error) {
	if err := r.f.note("GetManagedObjects"); err != nil {
		return nil, err
	}
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	all := objects{}
	for at, ifaces := range r.f.objects {
		all[at] = map[string]map[string]dbus.Variant{}
		for name, p := range ifaces {
			all[at][name] = maps.Clone(p)
		}
	}
	return all, nil
}

type fakeAdapter struct{ f *fake }

func (a fakeAdapter) SetDiscoveryFilter(filter props) *dbus.Error {
	return a.f.note(fmt.Sprintf("SetDiscoveryFilter %v %v", filter["Transport"], filter["DuplicateData"]))
}
func (a fakeAdapter) StartDiscovery() *dbus.Error { return a.f.note("StartDiscovery") }
func (a fakeAdapter) StopDiscovery() *dbus.Error  { return a.f.note("StopDiscovery") }

type fakeMonitors struct{ f *fake }

// RegisterMonitor asks the application for its monitors and starts them, as
// bluetoothd does.
func (m fakeMonitors) RegisterMonitor(root dbus.ObjectPath, sender dbus.Sender) *dbus.Error {
	if err := m.f.note("RegisterMonitor"); err != nil {
		return err
	}
	go func() {
		call := m.f.conn.Object(string(sender), root).Call(manager+".GetManagedObjects", 0)
		if call.Err != nil {
			m.f.t.Log("the application does not list its monitors:", call.Err)
			return
		}
		all, ok := call.Body[0].(map[dbus.ObjectPath]map[string]map[string]dbus.Variant)
		if !ok {
			m.f.t.Errorf("the application answers %T", call.Body[0])
		}
		for at, ifaces := range all {
			p, ok := ifaces[monitorInterface]
			if !ok || text(p["Type"]) != "or_patterns" {
				m.f.t.Errorf("%s is no monitor: %v", at, ifaces)
				continue
			}
			if got := p["Patterns"].Signature().String() + p["RSSISamplingPeriod"].Signature().String(); got != "a(yyay)q" {
				m.f.t.Errorf("the properties are of type %s", got)
			}
			if got := fmt.Sprint(p["Patterns"].Value().([][]any)[0]); got != fmt.Sprint([]any{uint8(0), uint8(0x16), []byte{0x95, 0xFE}}) {
				m.f.t.Errorf("first pattern %s", got)
			}
			method := "Activate"
			m.f.mu.Lock()
			if m.f.refuse[method] != "" {
				method = "Release"
			}
			m.f.mu.Unlock()
			if err := m.f.conn.Object(string(sender), at).Call(monitorInterface+"."+method, 0).Err; err != nil {
				m.f.t.Log(method, err) // the test may have ended the bus
			}
		}
	}()
	return nil
}

func (m fakeMonitors) UnregisterMonitor(dbus.ObjectPath) *dbus.Error {
	return m.f.note("UnregisterMonitor")
}

type fakeDevice struct{ f *fake }

func (d fakeDevice) Connect() *dbus.Error {
	if err := d.f.note("Connect"); err != nil {
		return err
	}
	d.f.mu.Lock()
	hang := d.f.hang
	d.f.mu.Unlock()
	if hang {
		<-d.f.conn.Context().Done()
	}
	d.f.change(sensor, deviceInterface, props{"Connected": dbus.MakeVariant(true)})
	go d.f.change(sensor, deviceInterface, props{"ServicesResolved": dbus.MakeVariant(true)})
	return nil
}

func (d fakeDevice) Disconnect() *dbus.Error {
	err := d.f.note("Disconnect")
	d.f.change(sensor, deviceInterface, props{"Connected": dbus.MakeVariant(false), "ServicesResolved": dbus.MakeVariant(false)})
	return err
}

func (d fakeDevice) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	d.f.mu.Lock()
	defer d.f.mu.Unlock()
	return d.f.objects[sensor][iface][name], nil
}

type fakeGatt struct {
	f    *fake
	name string
}

func (g fakeGatt) ReadValue(props) ([]byte, *dbus.Error) {
	return []byte("value of " + g.name), g.f.note("ReadValue " + g.name)
}

// WriteValue answers by a notification.
func (g fakeGatt) WriteValue(data []byte, options props) *dbus.Error {
	if err := g.f.note("WriteValue " + g.name + " " + text(options["type"])); err != nil {
		return err
	}
	go g.f.change(tx, gattInterface, props{"Value": dbus.MakeVariant(bytes.ToUpper(data))})
	return nil
}

func (g fakeGatt) StartNotify() *dbus.Error { return g.f.note("StartNotify " + g.name) }
