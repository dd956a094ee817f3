package bridge_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// wiretap notes when datagrams with one order leave. Reads of eight properties
// are longer, everything else is shorter.
type wiretap struct {
	mi.Network
	left chan time.Time
}

type tappedConn struct {
	mi.PacketConn
	left chan time.Time
}

func (n *wiretap) ListenUDP(ctx context.Context, address string) (mi.PacketConn, error) {
	c, err := n.Network.ListenUDP(ctx, address)
	return tappedConn{c, n.left}, err
}

func (c tappedConn) WriteBatch(p []mi.Packet) error {
	for i := range p {
		if n := len(p[i].Data); n > 100 && n < 180 {
			select {
			case c.left <- time.Now():
			default:
			}
		}
	}
	return c.PacketConn.WriteBatch(p)
}

// simInstance is the published spec of the simulator's devices.
type simInstance struct{}

func (simInstance) Instance(model string) ([]byte, error) {
	if model != "sim.plug.v1" {
		return nil, fs.ErrNotExist
	}
	type object = map[string]any
	var services []object
	for siid, piids := range map[int]int{2: 4, 3: 2, 11: 2} {
		var props []object
		for piid := 1; piid <= piids; piid++ {
			props = append(props, object{
				"iid": piid, "type": fmt.Sprintf("urn:miot-spec-v2:property:part-%d:0000:sim:1", piid), "description": fmt.Sprintf("Part %d", piid),
				"format": "uint32", "access": []string{"read", "write", "notify"}, "value-range": []int{0, 100000, 1},
			})
		}
		services = append(services, object{"iid": siid, "type": fmt.Sprintf("urn:miot-spec-v2:service:sim-%d:0000:sim:1", siid), "description": "Sim", "properties": props})
	}
	slices.SortFunc(services, func(a, b object) int { return a["iid"].(int) - b["iid"].(int) })
	return json.Marshal(object{"type": "urn:miot-spec-v2:device:outlet:0000A002:sim-plug:1", "description": "Sim", "services": services})
}

// startMosquitto returns the address of a broker.
func startMosquitto(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	c := exec.CommandContext(b.Context(), "mosquitto", "-p", strings.TrimPrefix(address, "127.0.0.1:"))
	if err := c.Start(); err != nil {
		b.Skipf("needs mosquitto: %v", err)
	}
	b.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return address
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func speak(b *testing.B, address, id string) paho.Client {
	b.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID(id))
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		b.Fatal(t.Error())
	}
	b.Cleanup(func() { c.Disconnect(0) })
	return c
}

// orderDevices are so many that none gets its next order while the one before is
// being read back.
const orderDevices = 1000

// breath lies between two orders, so that what the first leads to (the answer, the
// new state's publishing) is not part of the second.
const breath = time.Millisecond

// order gives one order after the other and reports how long each took from the
// publishing of the command to the leaving of the datagram.
func order(b *testing.B, broker string, left chan time.Time) {
	b.Helper()
	giver := speak(b, broker, "giver")
	took := make([]time.Duration, 0, b.N)
	late := time.NewTimer(10 * time.Second)
	b.ResetTimer()
	for i := range b.N {
		for len(left) > 0 {
			<-left
		}
		topic := fmt.Sprintf("mihome2mqtt/%s/p2_2/state/set", simDevice(i%orderDevices+1).DID)
		late.Reset(10 * time.Second)
		given := time.Now()
		giver.Publish(topic, 0, false, fmt.Sprint(10+i/orderDevices%80))
		select {
		case at := <-left:
			took = append(took, at.Sub(given))
			time.Sleep(breath)
		case <-late.C:
			b.Fatalf("order %d did not leave", i)
		}
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
}

// BenchmarkOrder measures orders through the whole bridge, with mosquitto as the
// broker and simulated devices.
func BenchmarkOrder(b *testing.B) {
	broker := startMosquitto(b)
	startSim(b, orderDevices)
	c, err := config.Load([]string{
		"MIHOME2MQTT_MQTT_URL=mqtt://" + broker, "MIHOME2MQTT_POLL=1h", "MIHOME2MQTT_POLL_FAST=1h",
	}, os.ReadFile)
	if err != nil {
		b.Fatal(err)
	}
	tap := &wiretap{host.Network(), make(chan time.Time, 16)}
	o := bridge.Options{
		Config: c, Version: "speed", Host: "here", Log: zerolog.Nop(), Alone: true, Sources: []spec.Source{simInstance{}},
		World: mi.World{Net: tap, Disk: world.NewDisk(1), Now: time.Now, Seed: 1},
	}
	for i := range orderDevices {
		o.Known = append(o.Known, simDevice(i+1))
	}
	home, err := bridge.New(o)
	if err != nil {
		b.Fatal(err)
	}
	ready := make(chan struct{}, 2*orderDevices)
	filters := map[string]byte{"mihome2mqtt/+/p2_2/state": 0, "homeassistant/device/+/config": 0}
	watcher := speak(b, broker, "watcher")
	watcher.SubscribeMultiple(filters, func(paho.Client, paho.Message) { ready <- struct{}{} }).Wait()
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = home.Run(ctx) })
	for range 2 * orderDevices { // the first reading and the announcement of each
		<-ready
	}
	watcher.Disconnect(0)
	order(b, broker, tap.left)
	stop()
	running.Wait()
}

// BenchmarkBareOrder measures the least that can be done: a callback of the MQTT
// client that seals a request and sends it.
func BenchmarkBareOrder(b *testing.B) {
	broker := startMosquitto(b)
	tap := &wiretap{host.Network(), make(chan time.Time, 16)}
	conn, err := tap.ListenUDP(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	type target struct {
		addr netip.AddrPort
		seal func(text string) []byte
	}
	targets := map[string]target{}
	for i := range orderDevices {
		d := simDevice(i + 1)
		targets[d.DID] = target{netip.MustParseAddrPort(d.Addr), sealer(b, d)}
	}
	id := 0
	speak(b, broker, "bare").Subscribe("mihome2mqtt/+/+/state/set", 0, func(_ paho.Client, m paho.Message) {
		did := strings.Split(m.Topic(), "/")[1]
		id++
		text := fmt.Sprintf(`{"id":%d,"method":"set_properties","params":[{"did":"%s","siid":2,"piid":2,"value":%s}]}`, id, did, m.Payload())
		_ = conn.WriteBatch([]mi.Packet{{Addr: targets[did].addr, Data: targets[did].seal(text)}})
	}).Wait()
	order(b, broker, tap.left)
}

// sealer returns what turns a text into a datagram for a device.
func sealer(b *testing.B, d mi.Info) func(text string) []byte {
	token, err := hex.DecodeString(d.Token.Reveal())
	if err != nil {
		b.Fatal(err)
	}
	key := md5.Sum(token)
	iv := md5.Sum(append(key[:], token...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		b.Fatal(err)
	}
	var number uint32
	_, _ = fmt.Sscan(d.DID, &number)
	return func(text string) []byte {
		pad := aes.BlockSize - len(text)%aes.BlockSize
		out := append(make([]byte, 32, 32+len(text)+pad), text...)
		out = append(out, slices.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(out[32:], out[32:])
		binary.BigEndian.PutUint16(out, 0x2131)
		binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
		binary.BigEndian.PutUint32(out[8:], number)
		binary.BigEndian.PutUint32(out[12:], 1000)
		copy(out[16:], token)
		sum := md5.Sum(out)
		copy(out[16:], sum[:])
		return out
	}
}
