package bridge_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// weathers are what can be wrong with a cloud.
func weathers() map[string]cloud.Mood {
	return map[string]cloud.Mood{
		"dead":     {Down: append([]string{"account", "sts"}, account.AllRegions()...)},
		"slow":     {API: cloud.Weather{Slow: 30 * time.Second}},
		"lying":    {API: cloud.Weather{Lies: true}},
		"limiting": {API: cloud.Weather{Limited: true}},
		"expired":  {API: cloud.Weather{Stale: true}},
	}
}

// nearby are devices on the network, which the account has too; as many again are
// reached by the cloud alone.
const nearby = 100

// orderRounds are so many that the median of the ratios says something.
const orderRounds = 5

// BenchmarkOrderInBadWeather gives orders to devices of the network while the cloud is
// well and while it is not, in turns, and reports how much longer they take then: the
// 99th percentile from the MQTT command to the leaving of the datagram, as the median
// of five ratios. b.N is the number of orders in each turn.
func BenchmarkOrderInBadWeather(b *testing.B) {
	s := settle(b)
	ratios := map[string][]float64{}
	var healthy []float64
	for range orderRounds {
		well := s.p99(b, cloud.Mood{})
		healthy = append(healthy, float64(well.Microseconds()))
		for _, name := range slices.Sorted(maps.Keys(weathers())) {
			ratios[name] = append(ratios[name], float64(s.p99(b, weathers()[name]))/float64(well))
		}
	}
	b.ReportMetric(middle(healthy), "p99-µs")
	for name, all := range ratios {
		b.ReportMetric(middle(all), name+"-ratio")
	}
	b.ReportMetric(0, "ns/op")
}

func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// settled is a bridge that is signed in, between its devices and the cloud.
type settled struct {
	sky    *cloud.Server
	left   chan time.Time
	giver  paho.Client
	topics []string
	turn   int
}

// settle starts everything and waits until all devices have been read.
func settle(b *testing.B) *settled {
	b.Helper()
	w := mi.World{Net: host.Network(), Now: time.Now, Seed: 5}
	home, err := miio.New(w, miio.Options{Models: []string{"cuco.plug.cp5pro"}, Count: nearby, First: 460_000_000, Still: true, Address: miio.Loopback})
	if err != nil {
		b.Skipf("the devices find no place: %v", err)
	}
	sky, err := cloud.New(w, cloud.Options{Home: home, Away: miio.Options{Models: []string{"cuco.plug.cp5pro"}, Count: nearby, First: 470_000_000, Still: true}})
	if err != nil {
		b.Fatal(err)
	}
	broker := startMosquitto(b)
	c, err := config.Load([]string{
		"MIHOME2MQTT_MQTT_URL=mqtt://" + broker, "MIHOME2MQTT_WEB_LISTEN=off", "MIHOME2MQTT_POLL=10s", "MIHOME2MQTT_POLL_FAST=10s", "MIHOME2MQTT_CLOUD_ENERGY=false",
		fmt.Sprintf("MIHOME2MQTT_ACCOUNTS=%d,%s", cloud.AnnaID, sky.Grant(cloud.User).Reveal()),
	}, os.ReadFile)
	if err != nil {
		b.Fatal(err)
	}
	u, tap := sky.URLs(), &wiretap{host.Network(), make(chan time.Time, 64)}
	w.Net, w.Disk = tap, world.NewDisk(5)
	house, err := bridge.New(bridge.Options{
		Config: c, Version: "speed", Log: zerolog.Nop(), Alone: true, World: w, Known: home.Infos(),
		Sources: []spec.Source{spec.NewFolder(miio.Specs()), spec.NewFolder(cloud.Specs())}, Cloud: account.Hosts{Account: u.Account, STS: u.STS, API: u.API},
	})
	if err != nil {
		b.Fatal(err)
	}
	s := &settled{sky: sky, left: tap.left, giver: speak(b, broker, "giver")}
	ready := make(chan string, 4*nearby)
	s.giver.Subscribe("mihome2mqtt/+/connection", 0, func(_ paho.Client, m paho.Message) { ready <- string(m.Payload()) }).Wait()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{home.Run, sky.Run, house.Run} {
		running.Go(func() { _ = run(ctx) })
	}
	b.Cleanup(func() {
		stop()
		running.Wait()
	})
	late := time.After(2 * time.Minute)
	for near, far := 0, 0; near < nearby || far < nearby; {
		select {
		case by := <-ready:
			near, far = near+count(by == "lan"), far+count(by == "cloud")
		case <-late:
			b.Fatalf("%d devices by LAN and %d by cloud", near, far)
		}
	}
	s.giver.Unsubscribe("mihome2mqtt/+/connection").Wait()
	for _, d := range home.Infos() {
		s.topics = append(s.topics, "mihome2mqtt/"+d.DID+"/switch_2/state/set")
	}
	return s
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// p99 gives orders in that mood of the cloud.
func (s *settled) p99(b *testing.B, m cloud.Mood) time.Duration {
	b.Helper()
	s.sky.Change(m)
	time.Sleep(3 * time.Second) // every device of the cloud is asked once more
	took := make([]time.Duration, 0, b.N)
	late := time.NewTimer(10 * time.Second)
	for range b.N {
		s.turn++
		for len(s.left) > 0 {
			<-s.left
		}
		late.Reset(10 * time.Second)
		given := time.Now()
		s.giver.Publish(s.topics[s.turn%len(s.topics)], 0, false, []string{"ON", "OFF"}[s.turn/len(s.topics)%2])
		select {
		case at := <-s.left:
			took = append(took, at.Sub(given))
			time.Sleep(5 * breath)
		case <-late.C:
			b.Fatal(fmt.Errorf("order %d did not leave", s.turn))
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
