package host

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func listen(t *testing.T) mi.PacketConn {
	t.Helper()
	c, err := Network().ListenUDP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestPacketConnMovesBatches(t *testing.T) {
	a, b := listen(t), listen(t)
	var out []mi.Packet
	for i := range 100 {
		out = append(out, mi.Packet{Data: fmt.Appendf(nil, "packet %d", i), Addr: b.LocalAddr()})
	}
	if err := a.WriteBatch(out); err != nil {
		t.Fatal(err)
	}
	in := make([]mi.Packet, 16)
	for got := 0; got < len(out); {
		for i := range in {
			in[i].Data = make([]byte, 0, 2048)
		}
		n, err := b.ReadBatch(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range in[:n] {
			if want := fmt.Sprintf("packet %d", got); string(p.Data) != want || p.Addr != a.LocalAddr() {
				t.Fatalf("got %q from %s, want %q from %s", p.Data, p.Addr, want, a.LocalAddr())
			}
			got++
		}
	}
}

func TestWriteBatchGoesOnBehindAFailure(t *testing.T) {
	a, b := listen(t), listen(t)
	err := a.WriteBatch([]mi.Packet{
		{Data: []byte("lost"), Addr: netip.MustParseAddrPort("192.0.2.1:9")}, // not reachable from loopback
		{Data: []byte("kept"), Addr: b.LocalAddr()},
	})
	if err == nil {
		t.Error("WriteBatch hid the failure")
	}
	in := []mi.Packet{{Data: make([]byte, 0, 64)}}
	if n, err := b.ReadBatch(in); n != 1 || err != nil || string(in[0].Data) != "kept" {
		t.Errorf("ReadBatch = %d, %v, %q", n, err, in[0].Data)
	}
}

func TestCloseEndsReadBatch(t *testing.T) {
	c := listen(t)
	ended := make(chan error)
	go func() {
		_, err := c.ReadBatch([]mi.Packet{{Data: make([]byte, 0, 64)}})
		ended <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("ReadBatch of a closed socket succeeded")
	}
}

func TestInterfacesHaveLoopback(t *testing.T) {
	all, err := Network().Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(i mi.Interface) bool { return i.Loopback && i.Prefix.Addr().IsLoopback() }) {
		t.Errorf("no loopback in %v", all)
	}
}

func TestBroadcast(t *testing.T) {
	for in, want := range map[string]string{
		"192.168.1.5/24": "192.168.1.255",
		"10.1.2.3/8":     "10.255.255.255",
		"172.20.4.9/22":  "172.20.7.255",
	} {
		if got := broadcast(netip.MustParsePrefix(in)); got.String() != want {
			t.Errorf("broadcast(%s) = %s, want %s", in, got, want)
		}
	}
}

func disk(t *testing.T, dir string) *Disk {
	t.Helper()
	d, err := OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDiskKeepsThePreviousContent(t *testing.T) {
	d := disk(t, filepath.Join(t.TempDir(), "data"))
	for _, text := range []string{"one", "two", "three"} {
		if err := d.WriteFile("sub/a.json", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"sub/a.json": "three", "sub/a.json.prev": "two"} {
		if got, err := d.ReadFile(name); string(got) != want || err != nil {
			t.Errorf("%s = %q, %v, want %q", name, got, err, want)
		}
	}
	names, err := d.List("")
	if want := []string{"sub/a.json", "sub/a.json.prev"}; !slices.Equal(names, want) || err != nil {
		t.Errorf("List = %v, %v, want %v", names, err, want)
	}
	if err := d.Remove("sub/a.json"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReadFile("sub/a.json.prev"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the previous content outlived its file: %v", err)
	}
}

func TestDiskRepairsModes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tokens.json")
	for name, mode := range map[string]fs.FileMode{file: 0o644, file + ".tmp": 0o600} {
		if err := os.WriteFile(name, []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d := disk(t, dir)
	if len(d.Repaired()) != 2 {
		t.Errorf("Repaired = %q, want folder and file", d.Repaired())
	}
	for name, want := range map[string]fs.FileMode{dir: 0o700, file: 0o600} {
		if st, err := os.Stat(name); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, st.Mode().Perm(), want)
		}
	}
	if _, err := os.Stat(file + ".tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the rest of an interrupted write is still there")
	}
}

func TestDiskStaysInside(t *testing.T) {
	d := disk(t, t.TempDir())
	if err := os.Symlink("/etc/hostname", filepath.Join(d.dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../x", "/etc/hostname", "link"} {
		if b, err := d.ReadFile(name); err == nil {
			t.Errorf("ReadFile(%q) = %q", name, b)
		}
	}
}

func TestExplain(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		err  error
		want []string
	}{
		{syscall.ENOSPC, []string{"data folder full: " + dir, "bytes free"}},
		{syscall.EROFS, []string{"data folder read-only", dir}},
		{syscall.EACCES, []string{"data folder not ours", dir, "uid", "chown"}},
	} {
		err := explain(dir, &fs.PathError{Op: "open", Path: "x", Err: tc.err})
		if !errors.Is(err, tc.err) {
			t.Errorf("explain hides %v", tc.err)
		}
		for _, part := range tc.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("explain(%v) = %q, lacks %q", tc.err, err, part)
			}
		}
	}
}
