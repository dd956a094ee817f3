//go:build linux

package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// disks is a bridge whose data folder is a small file system of its own, which
// goes away with the process.
type disks struct {
	*child
	environ []string
	data    string
	steps   io.WriteCloser
}

// onDisk mounts a file system of the size, runs before, then the demo, and at
// each step one of the commands in then.
func onDisk(t *testing.T, size, before string, then ...string) *disks {
	t.Helper()
	t.Parallel()
	needs(t, true, "unshare", "mount")
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		t.Skip("no mount namespaces here:", err)
	}
	d := &disks{data: t.TempDir()}
	address := freePort(t)
	d.environ = []string{"MIHOME2MQTT_BROKER_LISTEN=" + address, "MIHOME2MQTT_DATA=" + d.data, "MIHOME2MQTT_LOG_LEVEL=info"}
	script := "set -e; mount -t tmpfs -o size=" + size + ",mode=700 tmpfs $MIHOME2MQTT_DATA; cd $MIHOME2MQTT_DATA\n" + before +
		"\nmihome2mqtt demo & pid=$!\n"
	for _, step := range then {
		script += "read step\n" + step + "\necho done: $step\n"
	}
	script += "read end\ncd /; kill $pid; wait $pid"
	cmd := exec.Command("unshare", "-m", "sh", "-c", script)
	var err error
	if d.steps, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	d.child = startCommand(t, cmd, d.environ)
	return d
}

// step lets the next command happen.
func (d *disks) step(name string) {
	d.t.Helper()
	if _, err := io.WriteString(d.steps, name+"\n"); err != nil {
		d.t.Fatal(err)
	}
	d.says("done: " + name)
}

func (d *disks) stop() {
	d.t.Helper()
	if _, err := io.WriteString(d.steps, "end\n"); err != nil {
		d.t.Fatal(err)
	}
	if code := d.ends(20 * time.Second); code != 0 {
		d.t.Errorf("ended with %d:\n%s", code, &d.said)
	}
}

func TestFullDiskIsSaidAndTheBridgeGoesOn(t *testing.T) {
	d := onDisk(t, "64k", "dd if=/dev/zero of=ballast bs=4k count=20 2>/dev/null || true")
	d.allOnline(d.environ)
	d.says("data folder full: " + d.data + " 0 bytes free")
	if n := strings.Count(d.said.String(), "data folder full"); n > 3 {
		t.Errorf("said %d times:\n%s", n, &d.said)
	}
	d.stop()
}

func TestReadOnlyDiskIsSaidAndTheBridgeGoesOn(t *testing.T) {
	d := onDisk(t, "4m", "mount -o remount,ro $MIHOME2MQTT_DATA")
	d.allOnline(d.environ)
	d.says("data folder read-only: mount " + d.data + " writable")
	if n := strings.Count(d.said.String(), "read-only"); n > 3 {
		t.Errorf("said %d times:\n%s", n, &d.said)
	}
	d.stop()
}

// TestDiskThatFillsUpKeepsWhatWasThere fills the disk under a running bridge: the
// list of devices of before must stay whole.
func TestDiskThatFillsUpKeepsWhatWasThere(t *testing.T) {
	d := onDisk(t, "1m", "",
		"while [ ! -s devices.json ]; do :; done; cp devices.json before",
		"dd if=/dev/zero of=ballast bs=4k 2>/dev/null || true",
		"mihome2mqtt healthcheck && echo still well",
		"head -c 20 devices.json; echo; test -s devices.json")
	d.allOnline(d.environ)
	d.step("kept")
	d.step("full")
	d.step("health")
	d.says("still well")
	d.step("devices")
	d.stop()
}

func TestFolderOfSomebodyElseIsNamedWithTheWayOut(t *testing.T) {
	needs(t, true, "setpriv")
	open := t.TempDir() // for everybody: the other user has to reach the program
	if err := errors.Join(os.Chmod(filepath.Dir(open), 0o755), os.Chmod(open, 0o755), os.CopyFS(open, programs(t))); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(open, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", filepath.Join(open, "mihome2mqtt"))
	c := startCommand(t, cmd, []string{"MIHOME2MQTT_DATA=" + data})
	if code := c.ends(20 * time.Second); code != exitFailed {
		t.Errorf("ended with %d:\n%s", code, &c.said)
	}
	for _, want := range []string{"MIHOME2MQTT_DATA: ", "data folder not ours: " + data, "belongs to uid 0", "this process is uid 65532", "chown -R 65532"} {
		if !strings.Contains(c.said.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &c.said)
		}
	}
}

// programs is the folder of the program under test.
func programs(t *testing.T) fs.FS {
	t.Helper()
	path, err := exec.LookPath("mihome2mqtt")
	if err != nil {
		t.Fatal(err)
	}
	return os.DirFS(filepath.Dir(path))
}
