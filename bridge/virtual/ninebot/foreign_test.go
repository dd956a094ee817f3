package ninebot_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ninebot"
)

// The characteristics of a scooter, as a client finds them.
var scooterCharacteristics = []string{
	"6e400002-b5a3-f393-e0a9-e50e24dcca9e", "6e400003-b5a3-f393-e0a9-e50e24dcca9e",
	"00000010-0000-1000-8000-00805f9b34fb", "00000019-0000-1000-8000-00805f9b34fb",
}

// garageDoor lets clients of another process in by a socket, one after the other,
// and writes down what was said.
type garageDoor struct {
	*testing.T
	garage *ninebot.Garage
	addr   mi.Address
	name   string
	l      net.Listener
	tasks  sync.WaitGroup

	mu   sync.Mutex
	said []string
}

func openGarage(t *testing.T, o ninebot.Options) *garageDoor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &garageDoor{T: t, garage: ninebot.NewGarage(mi.World{Now: time.Now, Seed: 3}, []ninebot.Options{o}), addr: o.Addr, name: o.Name, l: l}
	d.tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			d.serve(conn)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		d.tasks.Wait()
	})
	return d
}

func (d *garageDoor) note(who, characteristic, data string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = append(d.said, fmt.Sprintf("%s %.8s %s", who, characteristic, data))
}

func (d *garageDoor) transcript() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	said := d.said
	d.said = nil
	return said
}

func (d *garageDoor) serve(conn net.Conn) {
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := d.garage.Connect(ctx, d.addr)
	if err != nil {
		d.note("vehicle", d.name, err.Error())
		return
	}
	defer p.Close()
	for _, name := range scooterCharacteristics[1:] {
		_ = p.Notify(ctx, name, func(b []byte) { // a mini has fewer
			text := hex.EncodeToString(b)
			d.note("vehicle", name, text)
			_, _ = fmt.Fprintf(conn, "%s %s\n", name, text)
		})
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		d.note("client ", name, text)
		b, err := hex.DecodeString(text)
		for len(b) > 0 && err == nil { // a Bluetooth stack cuts what is too long, too
			n := min(20, len(b))
			err = p.Write(ctx, name, b[:n], false)
			b = b[n:]
		}
		if err != nil {
			d.note("vehicle", name, err.Error())
			return
		}
	}
}

// miauth runs the unmodified client and returns what it says.
func (d *garageDoor) miauth(patience time.Duration, args ...string) (string, error) {
	d.Helper()
	python := os.Getenv("MIAUTH_PYTHON")
	if python == "" {
		d.Skip("set MIAUTH_PYTHON to a Python with miauth 0.9.7")
	}
	stub, err := filepath.Abs("testdata/bluepy")
	if err != nil {
		d.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, python, append([]string{"-c", "from miauth.cli import main; main()", "aa:bb:cc:dd:ee:ff"}, args...)...)
	c.Env = append(os.Environ(), "PYTHONPATH="+stub, "PYTHONDONTWRITEBYTECODE=1", "VEHICLE_NAME="+d.name,
		"VEHICLE_SOCKET="+d.l.Addr().String(), "VEHICLE_CHARACTERISTICS="+strings.Join(scooterCharacteristics, ","))
	c.Dir = d.TempDir()
	out, err := c.CombinedOutput()
	for _, line := range d.transcript() {
		d.Log(line)
	}
	return string(out), err
}

// wants runs the client, which is to say something.
func (d *garageDoor) wants(want string, args ...string) {
	d.Helper()
	if out, err := d.miauth(30*time.Second, args...); err != nil || !strings.Contains(out, want) {
		d.Errorf("miauth %v: %v, want %q in\n%s", args, err, want, out)
	}
}

// TestMiauthReadsOurVehicles lets the unmodified miauth 0.9.7 talk with virtual
// vehicles through a bluepy that is a socket.
func TestMiauthReadsOurVehicles(t *testing.T) {
	here := mi.Address{1, 2, 3, 4, 5, 6}
	const serial = "N4GSD2123C0456"
	t.Run("a mini", func(t *testing.T) {
		d := openGarage(t, ninebot.Options{Addr: here, Name: "NinebotMini4711", Kind: ninebot.Mini})
		d.wants("UART reply: 0d 01 b0 00 00 00 00 00 00 00 00 3d", "--m365", "-c", "55aa030a01b020")
	})
	t.Run("frames in the clear", func(t *testing.T) {
		d := openGarage(t, ninebot.Options{Addr: here, Name: "MIScooter0815", Kind: ninebot.Scooter})
		d.wants(serial, "--m365", "-s", "-f")
	})
	t.Run("NinebotCrypto", func(t *testing.T) {
		d := openGarage(t, ninebot.Options{Addr: here, Name: "NBScooter0815", Kind: ninebot.Crypto})
		d.garage.Vehicle(here).Press()
		d.wants(serial, "--nb", "-s", "-f")
	})
	t.Run("Xiaomi's authentication", func(t *testing.T) {
		d := openGarage(t, ninebot.Options{Addr: here, Name: "MIScooter4242", Kind: ninebot.Secure})
		key := filepath.Join(t.TempDir(), "token")
		d.wants("", "-r", "-t", key)
		d.wants(serial, "-s", "-f", "-t", key)
	})
}

// TestMiauthSeesTrouble shows the same client vehicles that it must not get into.
func TestMiauthSeesTrouble(t *testing.T) {
	here := mi.Address{1, 2, 3, 4, 5, 6}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, make([]byte, 12), 0o600); err != nil {
		t.Fatal(err)
	}
	scooter := ninebot.Options{Addr: here, Name: "MIScooter4242", Kind: ninebot.Secure}
	bound := scooter
	bound.Token = "07d13c447e33051eeef95a60"
	for _, tc := range []struct {
		name    string
		vehicle ninebot.Options
		do      func(*ninebot.Vehicle)
		args    []string
		want    string
	}{
		{"a wrong token", bound, func(*ninebot.Vehicle) {}, []string{"-s", "-t", token}, "AssertionError"}, // the vehicle's proof is not what it expects
		{"a token that was revoked", scooter, (*ninebot.Vehicle).Forget, []string{"-s", "-t", token}, "Try register."},
		{"nobody presses the button", ninebot.Options{Addr: here, Name: "NBScooter0815", Kind: ninebot.Crypto}, func(*ninebot.Vehicle) {}, []string{"-n", "-s"}, "Authenticating"},
		{"it hangs", bound, func(v *ninebot.Vehicle) { v.Hurt(ninebot.Trouble{Silent: true}) }, []string{"-s", "-t", token}, "Logging in"},
		{"it is away", bound, (*ninebot.Vehicle).Leave, []string{"-s", "-t", token}, "Connecting"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := openGarage(t, tc.vehicle)
			tc.do(d.garage.Vehicle(here))
			out, err := d.miauth(6*time.Second, tc.args...)
			text := strings.TrimSpace(out)
			t.Logf("it ends with %v after %q", err, text[strings.LastIndexByte(text, '\n')+1:])
			if strings.Contains(out, "N4GSD2123C0456") || !strings.Contains(out, tc.want) {
				t.Errorf("it says\n%s\nwant %q", out, tc.want)
			}
		})
	}
}
