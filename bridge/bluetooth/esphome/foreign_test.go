package esphome

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// python names a Python that has aioesphomeapi.
func python(t *testing.T) string {
	t.Helper()
	p := os.Getenv("ESPHOME_PYTHON")
	if p == "" {
		t.Skip("ESPHOME_PYTHON names no Python that has aioesphomeapi")
	}
	return p
}

// client runs aioesphomeapi with a node and returns what it says.
func runClient(t *testing.T, f *fake, key string) []string {
	t.Helper()
	_, port, _ := net.SplitHostPort(f.address())
	out, err := exec.CommandContext(t.Context(), python(t), "testdata/client.py", port, key).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// TestForeignClient has the client that Home Assistant uses hear and connect by our
// fake node, to show that the fake is like a node.
func TestForeignClient(t *testing.T) {
	for _, key := range []string{"", testKey} {
		t.Run(fmt.Sprint("encrypted ", key != ""), func(t *testing.T) {
			python(t)
			f := newFake(t, func(f *fake) { f.key, _ = parseKey(mi.Secret(key)) })
			over := make(chan struct{})
			defer close(over)
			f.chatter.Go(func() {
				tick := time.NewTicker(50 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-tick.C:
						f.say(miniAddress, -90, mini)
					case <-over:
						return
					}
				}
			})
			want := []string{
				"info porch 2026.10.0 39", "subscribed", "advert C0FFEE000001 -90 1 " + mini,
				"connection True 23 0", "handles 13 15", "notified b'HELLO'", "read b'value of 13'", "connection False 0 0",
			}
			if got := runClient(t, f, key); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			h := listen(t, Options{Addr: f.address(), Key: mi.Secret(key)})
			drivertest.Await(t, "our subscription", h.works)
			if got := runClient(t, f, key); !slices.Equal(got, []string{"info porch 2026.10.0 39", "subscribed", "silence"}) {
				t.Errorf("the second subscriber got\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

// TestForeignNode hears and connects by a node made of the parts of aioesphomeapi.
func TestForeignNode(t *testing.T) {
	for _, key := range []string{"", testKey} {
		t.Run(fmt.Sprint("encrypted ", key != ""), func(t *testing.T) {
			c := exec.Command(python(t), "testdata/node.py", key)
			c.Stderr = os.Stderr
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = c.Process.Kill()
				_ = c.Wait()
			})
			lines := bufio.NewScanner(out)
			lines.Scan()
			h := listen(t, Options{Addr: "127.0.0.1:" + lines.Text(), Key: mi.Secret(key), Name: "porch"})
			drivertest.Await(t, "the adverts", func() bool { return len(h.heard()) >= 2 && h.works() })
			want := []string{
				`ESPHome porch A4:C1:38:0A:1B:2C -67 "" fe95=58585b05ca0e2b381ac1a4`,
				`ESPHome porch C0:FF:EE:00:00:01 -90 "Mini" maker 424e=210300`,
			}
			if got := h.heard()[:2]; !slices.Equal(got, want) {
				t.Errorf("heard\n%s", strings.Join(got, "\n"))
			}
			p, err := h.Connect(t.Context(), miniAddress)
			if err != nil {
				t.Fatal(err)
			}
			answers := make(chan string, 1)
			if err := p.Notify(t.Context(), txUUID, func(b []byte) { answers <- string(b) }); err != nil {
				t.Fatal(err)
			}
			for _, response := range []bool{true, false} {
				if err := p.Write(t.Context(), rxUUID, []byte("hello"), response); err != nil {
					t.Fatal(err)
				}
				if got := <-answers; got != "HELLO" {
					t.Errorf("notified %q", got)
				}
			}
			if got, err := p.Read(t.Context(), "00002a19-0000-1000-8000-00805f9b34fb"); string(got) != "c" || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			for _, want := range []string{"descriptor 16 0100", "disconnected"} {
				if lines.Scan(); lines.Text() != want {
					t.Errorf("the node says %q, want %q", lines.Text(), want)
				}
			}
		})
	}
}
