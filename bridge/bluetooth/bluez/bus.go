package bluez

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// DefaultBus is where the system bus listens.
const DefaultBus = "unix:path=/run/dbus/system_bus_socket"

const (
	setupTime  = 10 * time.Second // for connecting to the bus
	callTime   = 10 * time.Second // for a call that asks no device
	properties = "org.freedesktop.DBus.Properties"
	manager    = "org.freedesktop.DBus.ObjectManager"
)

// errBroken says that a connection to the bus has ended.
var errBroken = errors.New("the connection to the D-Bus broke")

// errAbsent says that this host has no Bluetooth that could be used.
var errAbsent = fmt.Errorf("no Bluetooth here: %w", mi.ErrOffline)

// buffered reads the socket in large pieces.
type buffered struct {
	net.Conn
	in *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

// inOrder takes signals as they come, in the goroutine that reads the socket.
type inOrder func(*dbus.Signal)

// DeliverSignal implements dbus.SignalHandler.
func (f inOrder) DeliverSignal(_, _ string, s *dbus.Signal) { f(s) }

// dial connects to the bus at address, written as D-Bus writes it. signal is
// called in order and must not block.
func dial(ctx context.Context, n mi.Network, address string, signal func(*dbus.Signal)) (*dbus.Conn, error) {
	network, place, err := parseBus(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	socket, err := n.DialContext(ctx, network, place)
	if err != nil {
		return nil, noBus(place, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	defer stop()
	c, err := dbus.NewConn(&buffered{socket, bufio.NewReaderSize(socket, 16<<10)}, dbus.WithSignalHandler(inOrder(signal)))
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	// The bus knows who we are by the socket, in a container of other numbers too.
	err = c.Auth([]dbus.Auth{dbus.AuthExternal("")})
	if err == nil {
		err = c.Hello()
	}
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("the D-Bus at %s does not let us in; a container needs the socket mounted and, with AppArmor, --security-opt apparmor=unconfined: %w: %w", place, mi.ErrDenied, err)
	}
	return c, nil
}

// parseBus reads the first of the addresses that D-Bus joins by semicolons.
func parseBus(address string) (network, place string, err error) {
	first, _, _ := strings.Cut(address, ";")
	transport, rest, _ := strings.Cut(first, ":")
	values := map[string]string{}
	for pair := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(pair, "=")
		if values[key], err = url.PathUnescape(value); err != nil {
			return "", "", fmt.Errorf("D-Bus address %q: %w", address, mi.ErrInvalid)
		}
	}
	switch {
	case transport == "unix" && values["path"] != "":
		return "unix", values["path"], nil
	case transport == "unix" && values["abstract"] != "":
		return "unix", "@" + values["abstract"], nil
	case transport == "tcp" && values["host"] != "" && values["port"] != "":
		return "tcp", net.JoinHostPort(values["host"], values["port"]), nil
	}
	return "", "", fmt.Errorf("D-Bus address %q; it looks like %s: %w", address, DefaultBus, mi.ErrInvalid)
}

// noBus says why nothing answers at place.
func noBus(place string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("there is no D-Bus at %s; in a container mount it: -v /run/dbus:/run/dbus:ro: %w", place, errAbsent)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the D-Bus at %s may not be used by this user: %w", place, mi.ErrDenied)
	}
	return fmt.Errorf("no D-Bus at %s: %w: %w", place, mi.ErrOffline, err)
}

// Names of errors of D-Bus and of BlueZ.
const (
	failServiceUnknown = "org.freedesktop.DBus.Error.ServiceUnknown"
	failNoOwner        = "org.freedesktop.DBus.Error.NameHasNoOwner"
	failAccess         = "org.freedesktop.DBus.Error.AccessDenied"
	failUnknownObject  = "org.freedesktop.DBus.Error.UnknownObject"
	failUnknownMethod  = "org.freedesktop.DBus.Error.UnknownMethod"
	failNotReady       = "org.bluez.Error.NotReady"
	failInProgress     = "org.bluez.Error.InProgress"
	failConnected      = "org.bluez.Error.AlreadyConnected"
	failNotConnected   = "org.bluez.Error.NotConnected"
	failNotPermitted   = "org.bluez.Error.NotPermitted"
	failNotAuthorized  = "org.bluez.Error.NotAuthorized"
	failNotSupported   = "org.bluez.Error.NotSupported"
	failFailed         = "org.bluez.Error.Failed"
)

// failure returns the name of a D-Bus error, "" for another one.
func failure(err error) string {
	if e, ok := errors.AsType[dbus.Error](err); ok {
		return e.Name
	}
	return ""
}

// explain says what an error of a call to bluetoothd means, and what to do.
func explain(err error) error {
	switch name := failure(err); name {
	case failServiceUnknown, failNoOwner:
		return fmt.Errorf("bluetoothd does not run on this host; install BlueZ and start it: systemctl enable --now bluetooth: %w", errAbsent)
	case failAccess:
		return fmt.Errorf("the D-Bus policy does not let this user talk to bluetoothd; run as root or add the user to the group bluetooth: %w", mi.ErrDenied)
	case failUnknownObject, failUnknownMethod:
		return fmt.Errorf("bluetoothd does not know it any more: %w", mi.ErrOffline)
	case failNotReady:
		return fmt.Errorf("the adapter is off; switch it on: bluetoothctl power on (and rfkill unblock bluetooth): %w", mi.ErrOffline)
	case failInProgress, failConnected:
		return fmt.Errorf("bluetoothd is at it for somebody else: %w", mi.ErrBusy)
	case failNotConnected:
		return fmt.Errorf("not connected: %w", mi.ErrOffline)
	case failNotPermitted, failNotAuthorized:
		return fmt.Errorf("the device does not allow it: %w", mi.ErrDenied)
	case failNotSupported:
		return fmt.Errorf("not supported by it: %w", mi.ErrUnsupported)
	case failFailed:
		return fmt.Errorf("bluetoothd says %q: %w", err.Error(), mi.ErrOffline)
	}
	switch {
	case errors.Is(err, dbus.ErrClosed), errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w: %w", errBroken, mi.ErrOffline)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("bluetoothd does not answer: %w", mi.ErrTimeout)
	}
	return err
}
