package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// openPTY returns both ends of a terminal.
func openPTY(columns, rows uint16) (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	if err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		return nil, nil, err
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	return master, slave, err
}

// onscreen runs a command on a terminal of 100 columns and writes what it shows to
// the file screen: onscreen 0 mihome2mqtt devices.
func onscreen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: onscreen code command...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	master, slave, err := openPTY(100, 40)
	ts.Check(err)
	exe, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(exe, args[2:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = ts.Getenv("WORK"), slave, slave, slave
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TERM", "NO_COLOR", "CLICOLOR_FORCE", "MIHOME2MQTT_BROKER_LISTEN", "MIHOME2MQTT_WEB_LISTEN", "MIHOME2MQTT_DATA"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var shown bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&shown, master) // ends with an error when the last writer has closed
	}()
	ts.Check(cmd.Start())
	ts.Check(slave.Close())
	err = cmd.Wait()
	<-read
	ts.Check(master.Close())
	text := strings.ReplaceAll(shown.String(), "\r\n", "\n")
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(text), 0o600))
	ts.Logf("[screen]\n%s", text)
	if code := cmd.ProcessState.ExitCode(); code != want {
		ts.Fatalf("exit code %d (%v), want %d", code, err, want)
	}
}

func TestTerminalIsRecognised(t *testing.T) {
	master, slave, err := openPTY(123, 45)
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	defer master.Close()
	defer slave.Close()
	for _, tc := range []struct {
		environ string
		colour  bool
	}{{"TERM=xterm", true}, {"TERM=dumb", false}, {"NO_COLOR=1", false}, {"CLICOLOR_FORCE=1", true}} {
		if got, want := newScreen([]string{tc.environ}, slave), (screen{true, tc.colour, 123, 45}); got != want {
			t.Errorf("%s: got %+v, want %+v", tc.environ, got, want)
		}
	}
	for environ, want := range map[string]screen{"TERM=xterm": {}, "CLICOLOR_FORCE=1": {colour: true}, "CLICOLOR_FORCE=0": {}} {
		if got := newScreen([]string{environ}, &bytes.Buffer{}); got != want {
			t.Errorf("%s in a pipe: got %+v, want %+v", environ, got, want)
		}
	}
}
