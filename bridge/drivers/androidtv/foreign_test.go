package androidtv_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// foreignTV is a TV whose messages are made and read by Google's protobuf from the
// definitions of androidtvremote2, whose TLS is OpenSSL's, and whose certificate is
// that library's. It prints what it is told.
const foreignTV = `
import hashlib, json, os, socket, ssl, sys, threading
from androidtvremote2.certificate_generator import generate_selfsigned_cert
from androidtvremote2.polo_pb2 import OuterMessage
from androidtvremote2.remotemessage_pb2 import RemoteMessage
from cryptography import x509
from google.protobuf.internal.decoder import _DecodeVarint
from google.protobuf.internal.encoder import _VarintBytes

folder = sys.argv[1]
cert, key = generate_selfsigned_cert("tv")
for file, text in (("tv.pem", cert), ("tv-key.pem", key)):
    open(os.path.join(folder, file), "wb").write(text)
friends = threading.Event()
tell = lambda **what: print(json.dumps(what), flush=True)

def context(strangers):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(os.path.join(folder, "tv.pem"), os.path.join(folder, "tv-key.pem"))
    c.verify_mode = ssl.CERT_REQUIRED
    if strangers or friends.is_set():
        c.load_verify_locations(os.path.join(folder, "bridge.pem"))
    return c

def read(conn):
    head = b""
    while not head or head[-1] & 0x80:
        b = conn.recv(1)
        if not b:
            raise EOFError
        head += b
    size, _ = _DecodeVarint(head, 0)
    body = b""
    while len(body) < size:
        b = conn.recv(size - len(body))
        if not b:
            raise EOFError
        body += b
    return body

def write(conn, m):
    conn.sendall(_VarintBytes(m.ByteSize()) + m.SerializeToString())

def numbers(der):
    n = x509.load_der_x509_certificate(der).public_key().public_numbers()
    return bytes.fromhex("%X" % n.n) + bytes.fromhex("0%X" % n.e)

def pair(conn):
    while True:
        m = OuterMessage.FromString(read(conn))
        assert m.protocol_version == 2 and m.status == 200
        a = OuterMessage(protocol_version=2, status=200)
        if m.HasField("pairing_request"):
            assert m.pairing_request.service_name == "atvremote"
            tell(asks=m.pairing_request.client_name)
            a.pairing_request_ack.server_name = "MiTV Stick"
        elif m.HasField("options"):
            assert m.options.input_encodings[0].type == 3 and m.options.input_encodings[0].symbol_length == 6 and m.options.preferred_role == 1
            a.options.output_encodings.add(type=3, symbol_length=6)
            a.options.preferred_role = 2
        elif m.HasField("configuration"):
            assert m.configuration.encoding.type == 3 and m.configuration.client_role == 1
            own = x509.load_pem_x509_certificate(cert)
            from cryptography.hazmat.primitives.serialization import Encoding
            nonce = os.urandom(2)
            secret = hashlib.sha256(numbers(conn.getpeercert(True)) + numbers(own.public_bytes(Encoding.DER)) + nonce).digest()
            tell(code=(secret[:1] + nonce).hex().upper())
            a.configuration_ack.SetInParent()
        elif m.HasField("secret"):
            if m.secret.secret != secret:
                write(conn, OuterMessage(protocol_version=2, status=402))
                return
            friends.set()
            a.secret_ack.secret = secret
        write(conn, a)

def operate(conn):
    state = {"on": True, "level": 4, "muted": False}
    m = RemoteMessage()
    m.remote_configure.code1 = 639
    d = m.remote_configure.device_info
    d.model, d.vendor, d.unknown1, d.unknown2, d.app_version = "MiTV-AYFR0", "Xiaomi", 1, "2", "5.2.47"
    write(conn, m)
    def volume():
        m = RemoteMessage()
        v = m.remote_set_volume_level
        v.unknown1, v.player_model, v.volume_max, v.volume_level, v.volume_muted = 1, "MiTV-AYFR0", 15, state["level"], state["muted"]
        write(conn, m)
    def power():
        m = RemoteMessage()
        m.remote_start.started = state["on"]
        write(conn, m)
    while True:
        m = RemoteMessage.FromString(read(conn))
        which = [f.name for f, _ in m.ListFields()]
        if which == ["remote_configure"]:
            tell(features=m.remote_configure.code1)
            a = RemoteMessage()
            a.remote_set_active.SetInParent()
            write(conn, a)
        elif which == ["remote_set_active"]:
            tell(active=m.remote_set_active.active)
            power()
            volume()
            a = RemoteMessage()
            a.remote_ime_key_inject.app_info.app_package = "com.netflix.ninja"
            a.remote_ime_key_inject.app_info.int2 = -1
            write(conn, a)
            a = RemoteMessage()
            a.remote_ping_request.val1 = 77
            write(conn, a)
        elif which == ["remote_ping_response"]:
            tell(pong=m.remote_ping_response.val1)
        elif which == ["remote_app_link_launch_request"]:
            tell(link=m.remote_app_link_launch_request.app_link)
        elif which == ["remote_key_inject"]:
            assert m.remote_key_inject.direction == 3
            code = m.remote_key_inject.key_code
            tell(key=code)
            if code == 26:
                state["on"] = not state["on"]
                power()
            state["level"] = min(15, max(0, state["level"] + {24: 1, 25: -1}.get(code, 0)))
            if code == 164:
                state["muted"] = not state["muted"]
            if code in (24, 25, 164):
                volume()

def serve(listener, strangers, talk):
    while True:
        raw, _ = listener.accept()
        def one(raw=raw):
            try:
                with context(strangers).wrap_socket(raw, server_side=True) as conn:
                    talk(conn)
            except ssl.SSLError as e:
                tell(refused=e.reason)
            except (EOFError, OSError):
                pass
        threading.Thread(target=one, daemon=True).start()

while True:
    first, second = socket.socket(), socket.socket()
    try:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", first.getsockname()[1] + 1))
        break
    except OSError:
        first.close()
first.listen()
second.listen()
threading.Thread(target=serve, args=(first, False, operate), daemon=True).start()
threading.Thread(target=serve, args=(second, True, pair), daemon=True).start()
tell(port=first.getsockname()[1])
sys.stdin.readline()
`

// foreign is a running foreign TV, and what it was told.
type foreign struct {
	*testing.T
	told chan map[string]any
	port int
}

func newForeign(t *testing.T, python string, m *memory) *foreign {
	t.Helper()
	folder := t.TempDir()
	var key struct{ Certificate []byte }
	m.Load(androidtv.KeyName, &key)
	file := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Certificate})
	if err := os.WriteFile(filepath.Join(folder, "bridge.pem"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	cmd := exec.CommandContext(ctx, python, "-c", foreignTV, folder)
	var errs strings.Builder
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err != nil || err2 != nil || cmd.Start() != nil {
		t.Fatal(err, err2)
	}
	f := &foreign{T: t, told: make(chan map[string]any, 1000)}
	go func() {
		defer close(f.told)
		for lines := json.NewDecoder(out); ; {
			var one map[string]any
			if lines.Decode(&one) != nil {
				return
			}
			f.told <- one
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		stop()
		if errs.Len() > 0 {
			t.Errorf("the foreign TV says %s", errs.String())
		}
	})
	f.port = int(f.next("port").(float64))
	return f
}

// next waits for the next thing of a kind that the TV was told, past others.
func (f *foreign) next(kind string) any {
	f.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case one, ok := <-f.told:
			if !ok {
				f.Fatalf("the foreign TV ended before %s", kind)
			}
			if v, found := one[kind]; found {
				return v
			}
		case <-deadline:
			f.Fatalf("the foreign TV never hears %s", kind)
		}
	}
}

// TestForeignTV pairs with a TV that shares no code with this project and operates
// it. ATV_PYTHON names a Python that has androidtvremote2.
func TestForeignTV(t *testing.T) {
	python := os.Getenv("ATV_PYTHON")
	if python == "" {
		t.Skip("ATV_PYTHON names no Python that has androidtvremote2")
	}
	m := newMemory(t)
	f := newForeign(t, python, m)
	d := androidtv.New(mi.World{Net: host.Network(), Now: time.Now}, androidtv.Options{Memory: m, Log: zerolog.Nop(), NoFind: true})
	m.Save("androidtv-024154560002", map[string]bool{"Paired": true}) // which the TV denies
	link, err := d.Open(t.Context(), mi.Info{DID: "atv.024154560002", Addr: fmt.Sprintf("127.0.0.1:%d", f.port)}, &drivertest.Sink{})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	h := &house{Talk: drivertest.Talk{T: t, Link: link}, driver: d, memory: m}
	f.next("refused")
	h.eventually(stands(3))
	if err := h.Run("pair"); err != nil {
		t.Fatal(err)
	}
	if asks := f.next("asks"); asks != "mihome2mqtt" {
		t.Errorf("the TV shows that %v asks", asks)
	}
	if err := h.Run("enter-code", mi.Text(f.next("code").(string))); err != nil {
		t.Fatal(err)
	}
	if got := []any{f.next("features"), f.next("active"), f.next("pong")}; !slices.Equal(got, []any{615.0, 615.0, 77.0}) {
		t.Errorf("the TV hears %v", got)
	}
	h.eventually(isOn(27, false, "com.netflix.ninja", "Netflix"))
	h.Set("speaker/volume", mi.Int(40))
	h.Set("speaker/mute", mi.Bool(true))
	h.Set("app-launcher/app", mi.Text("org.xbmc.kodi"))
	h.eventually(isOn(40, true, "com.netflix.ninja", "Netflix"))
	h.Set("television/on", mi.Bool(false))
	h.Set("television/on", mi.Bool(false))
	h.eventually(isOff())
	got := []any{f.next("key"), f.next("key"), f.next("key"), f.next("link"), f.next("key")}
	if !slices.Equal(got, []any{24.0, 24.0, 164.0, "market://launch?id=org.xbmc.kodi", 26.0}) {
		t.Errorf("the TV hears %v", got)
	}
	if info, err := link.(mi.Describer).Describe(t.Context()); err != nil || info != (mi.Info{Model: "xiaomi.androidtv.mitv_ayfr0", Firmware: "5.2.47"}) {
		t.Errorf("it is %+v, %v", info, err)
	}
}

// eventually waits until the TV shows something.
func (h *house) eventually(want map[mi.Key]mi.Value) {
	h.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(15 * time.Second)
	for {
		got, err := h.Read()
		if err == nil && maps.Equal(got, want) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			h.Fatalf("the TV shows %v, %v, want %v", got, err, want)
		}
	}
}
