package doctor_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/doctor"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func interfaces(list ...string) (all []mi.Interface) {
	for _, text := range list {
		name, prefix, _ := strings.Cut(text, " ")
		p := netip.MustParsePrefix(prefix)
		all = append(all, mi.Interface{Name: name, Prefix: p, Loopback: p.Addr().IsLoopback()})
	}
	return all
}

var (
	home = interfaces("lo 127.0.0.1/8", "eth0 192.168.1.5/24")
	pod  = interfaces("lo 127.0.0.1/8", "eth0 172.17.0.2/16")
	cam  = mi.Info{DID: "512", Name: "Balcony Camera", Model: "chuangmi.camera.v2", Addr: "192.168.30.17:54321", Token: "t"}
)

// text writes a report as lines.
func text(r *doctor.Report) string {
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%s %s: %s\n", c.Mark, c.Name, c.Text)
	}
	for _, f := range r.Problems {
		fmt.Fprintf(&b, "%s [%s] %s | %s\n", f.Severity, f.ID, f.Text, f.ToDo)
	}
	return b.String()
}

func TestChecks(t *testing.T) {
	foreign := mi.Diagnose("net.foreign_subnet", fmt.Errorf("miio: get: no answer: %w", mi.ErrTimeout))
	for _, tc := range []struct {
		name  string
		check func(*doctor.Report)
		needs bool
		want  string
	}{
		{"home", func(r *doctor.Report) { r.Network(home, nil) }, false, "ok network: eth0 192.168.1.5/24\n"},
		{"no network", func(r *doctor.Report) { r.Network(home[:1], nil) }, false, "! network: only this machine itself can be reached\n"},
		{"other network", func(r *doctor.Report) { r.Network(home, []string{"wlan0"}) }, false, "! network: only this machine itself can be reached\n"},
		{"container", func(r *doctor.Report) { r.Network(pod, nil) }, true, "! network: eth0 172.17.0.2/16, a container network of its own\n" +
			"broken [net.bridge_network] The bridge runs in a container network of its own, so it cannot hear devices calling. Devices whose address it knows still work. | Use `network_mode: host` to find new ones.\n"},
		{"same subnet", func(r *doctor.Report) { r.Subnet(netip.MustParseAddr("192.168.1.20"), home) }, false, "ok subnet: 192.168.1.20 is in 192.168.1.0/24\n"},
		{"other subnet", func(r *doctor.Report) { r.Subnet(netip.MustParseAddr("192.168.30.17"), home) }, false,
			"! subnet: the bridge has eth0 192.168.1.5/24 only; this device sits in 192.168.30.0/24\n"},
		{"no subnet", func(r *doctor.Report) { r.Subnet(netip.Addr{}, home) }, false, ""},
		{"address", func(r *doctor.Report) { r.Address("192.168.1.20:54321") }, false, "ok address: 192.168.1.20\n"},
		{"bare address", func(r *doctor.Report) { r.Address("192.168.1.20") }, false, "ok address: 192.168.1.20\n"},
		{"host", func(r *doctor.Report) { r.Address("tv.lan:6095") }, false, "ok address: tv.lan:6095\n"},
		{"no address", func(r *doctor.Report) { r.Address("") }, false, "! address: none is known; it has to call first\n"},
		{"known", func(r *doctor.Report) { r.Known(cam, "the settings") }, false, "ok known: did 512, with its key, from the settings\n"},
		{"no key", func(r *doctor.Report) { r.Known(mi.Info{}, "the settings") }, true, "x known: did unknown, without a key, from the settings\n"},
		{"answer", func(r *doctor.Report) { r.Answer(cam, 41*time.Millisecond, home, true, nil) }, false, "ok answer: it answered by LAN (41 ms)\n"},
		{"foreign", func(r *doctor.Report) { r.Answer(cam, 0, home, true, foreign) }, true, "x answer: miio: get: no answer: no answer\n" +
			"broken [net.foreign_subnet] Balcony Camera answers a ping, but not the bridge. It is at 192.168.30.17, the bridge at 192.168.1.5. Many Xiaomi devices only talk to their own network. | " +
			"Give the bridge an address in 192.168.30.0/24, or let your router translate (masquerade).\n"},
		{"silent", func(r *doctor.Report) { r.Answer(mi.Info{DID: "7"}, 0, home, false, mi.ErrOffline) }, true, "x answer: offline\n" +
			"broken [net.none] Nobody in the network hears 7. It is most likely without power or Wi-Fi. | Look at the device, then try again.\n"},
		{"foreign and gone", func(r *doctor.Report) { r.Answer(cam, 0, home, false, foreign) }, true, "x answer: miio: get: no answer: no answer\n" +
			"broken [net.none] Nobody in the network hears Balcony Camera. It is most likely without power or Wi-Fi. | Look at the device, then try again.\n"},
		{"walled", func(r *doctor.Report) {
			r.Present("192.168.1.7 refuses TCP port 80, so somebody is there", true)
			r.Answer(mi.Info{Name: "Lamp", Addr: "192.168.1.7:54321"}, 0, home, true, mi.Diagnose("net.none", mi.ErrTimeout))
		}, true, "ok knock: 192.168.1.7 refuses TCP port 80, so somebody is there\nx answer: no answer\n" +
			"broken [net.port_blocked] Lamp is on, but its port 54321 (UDP) does not answer. A firewall or client isolation may be in between. | Allow port 54321 between the bridge and the device.\n"},
		{"denied", func(r *doctor.Report) { r.Answer(cam, 0, home, true, mi.ErrDenied) }, true, "x answer: token refused\n" +
			"broken [token.wrong] Balcony Camera hears the bridge but does not understand it. Its key has most likely changed; that happens when it was added to Mi Home again. | " +
			"Get the new key: sign in to the Xiaomi account, or type it in.\n"},
		{"odd", func(r *doctor.Report) { r.Answer(cam, 0, home, true, errors.New("odd")) }, true, "x answer: odd\n"},
		{"own pages", func(r *doctor.Report) { r.Pages("127.0.0.1:8099", false, false, false) }, false, "ok pages: for this machine only, at 127.0.0.1:8099\n"},
		{"pages off", func(r *doctor.Report) { r.Pages("off", true, false, false) }, false, "! pages: switched off\n"},
		{"open pages", func(r *doctor.Report) { r.Pages(":8099", false, true, false) }, false, "ok pages: with a password, at :8099\n"},
		{"app", func(r *doctor.Report) { r.Pages(":8099", false, false, true) }, false, "! pages: for this machine only, though they listen at :8099\n"},
		{"shut pages", func(r *doctor.Report) { r.Pages(":8099", false, false, false) }, false, "! pages: for this machine only, though they listen at :8099\n" +
			"note [config.open] The pages are shut from outside because no password is set. | Set `MIHOME2MQTT_WEB_PASSWORD`.\n"},
		{"data", func(r *doctor.Report) { r.Data("/data", false, nil) }, false, "ok data: /data can be written\n"},
		{"new data", func(r *doctor.Report) { r.Data("/data", true, nil) }, false, "! data: /data is not there yet; the first start makes it\n"},
		{"sealed data", func(r *doctor.Report) { r.Data("/data", false, errors.New("read-only file system")) }, true, "x data: /data: read-only file system\n" +
			"warn [disk.readonly] The data folder cannot be written (read-only file system). The bridge goes on, but forgets new keys at the next start. | \n"},
		{"broker", func(r *doctor.Report) { r.Broker("mqtt://core", nil) }, false, "ok broker: connected to mqtt://core\n"},
		{"no broker", func(r *doctor.Report) { r.Broker("mqtt://core", errors.New("nothing listens; is it running?")) }, true, "x broker: mqtt://core: nothing listens; is it running?\n" +
			"broken [mqtt.away] No connection to the broker mqtt://core: nothing listens. No values wait. | \n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := doctor.New(nil)
			tc.check(r)
			if got := text(r); got != tc.want || r.Needs() != tc.needs {
				t.Errorf("needs somebody: %v; got\n%s\nwant\n%s", r.Needs(), got, tc.want)
			}
		})
	}
}

func TestProblemsAreToldOnceTheWorstFirst(t *testing.T) {
	r := doctor.New(nil)
	r.Found("config.open", "")
	r.Found("disk.readonly", "", "cause", "full")
	for range 2 {
		r.Found("no.such", "", "name", "Lamp")
	}
	var ids []string
	for _, f := range r.Problems {
		ids = append(ids, f.ID)
	}
	if got := strings.Join(ids, " "); got != "no.such disk.readonly config.open" {
		t.Errorf("problems in the order %s", got)
	}
}

func TestOursAreAddressesOfTheHome(t *testing.T) {
	if got := doctor.Ours(append(home, interfaces("eth1 fd00::5/64", "eth2 10.0.0.2/8")...)); got != "192.168.1.5, 10.0.0.2" {
		t.Errorf("ours are %s", got)
	}
	if got := doctor.Neighbours(netip.MustParseAddr("fd00:0:0:1::9")); got != "fd00:0:0:1::/64" {
		t.Errorf("its neighbours are %s", got)
	}
}
