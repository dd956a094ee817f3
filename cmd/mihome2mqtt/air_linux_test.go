package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

const (
	airSensors   = 500
	airReceivers = 5
	airRounds    = 400 // adverts a second that each receiver hears
	airFor       = 10 * time.Minute
)

// TestThousandsOfAdvertsForLong has five gateways publish what they hear of five
// hundred sensors, two thousand adverts a second, for ten minutes. Whatever a sensor
// said last stands in its topic in the end, and memory does not grow.
func TestThousandsOfAdvertsForLong(t *testing.T) {
	if os.Getenv("MIHOME_LONG") == "" {
		t.Skip("takes ten minutes; MIHOME_LONG=1 runs it")
	}
	address := freePort(t)
	startMosquitto(t, address, "max_queued_messages 0")
	c := startChild(t, []string{
		"MIHOME2MQTT_MQTT_URL=" + urlOf(address), "MIHOME2MQTT_INTERFACES=lo", "MIHOME2MQTT_SPECS_ONLINE=false",
		"MIHOME2MQTT_BLE_DEVICES=all", "MIHOME2MQTT_BLE_BLUEZ=off",
	}, "run")
	c.says("connected to the broker")
	gateways := make([]paho.Client, airReceivers)
	for i := range gateways {
		gateways[i] = paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID(fmt.Sprint("gateway", i)))
		if token := gateways[i].Connect(); token.Wait() && token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	began, before := time.Now(), usageOf(t, c)
	var early usage
	n := 0
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for at := range tick.C {
		for due := int(at.Sub(began).Seconds() * airRounds); n < due; n++ {
			for i, g := range gateways {
				g.Publish(fmt.Sprintf("home/gateway%d/BTtoMQTT/%s", i, strings.ReplaceAll(airAddress(n), ":", "")), 0, false, airAdvert(n, i))
			}
		}
		if early == (usage{}) && at.Sub(began) > airFor/4 {
			early = usageOf(t, c)
		}
		if at.Sub(began) > airFor {
			break
		}
	}
	after, took := usageOf(t, c), time.Since(began)
	share := float64(after.ticks-before.ticks) / took.Seconds() // of a core in percent: a tick is 10 ms
	t.Logf("%d adverts in %s: %.1f %% of a core, %d KiB after a quarter, %d KiB in the end", n*airReceivers, took.Round(time.Second), share, early.kib, after.kib)
	if share > 25 {
		t.Errorf("takes %.1f %% of a core", share)
	}
	if after.kib > early.kib+early.kib/10+2048 {
		t.Errorf("memory grew from %d to %d KiB", early.kib, after.kib)
	}
	c.until("the last word of every sensor stands", func() bool {
		e := listenTo(t, address, nil)
		defer e.Disconnect(0)
		<-time.After(time.Second) // nothing tells the last retained message from the others
		e.mu.Lock()
		defer e.mu.Unlock()
		wrong := 0
		for s := range airSensors {
			id := strings.ToLower(strings.ReplaceAll(airAddress(s), ":", ""))
			if e.retained["mihome2mqtt/ble_"+id+"/p101_1/state"] != airDegrees(n-1-(n-1-s)%airSensors) {
				wrong++
			}
		}
		return wrong == 0
	})
}

func airAddress(n int) string {
	s := n % airSensors
	return fmt.Sprintf("A4:C1:38:AA:%02X:%02X", s>>8, s&0xFF)
}

// airTenths is what a sensor measures in its n-th advert, in tenths of a degree.
func airTenths(n int) int { return 100 + n/airSensors*7%300 }

func airDegrees(n int) string { return strconv.FormatFloat(float64(airTenths(n))/10, 'f', -1, 64) }

// airAdvert is advert n in BTHome's format, as gateway i publishes it.
func airAdvert(n, i int) string {
	hundredths := airTenths(n) * 10
	return fmt.Sprintf(`{"id":%q,"rssi":%d,"servicedatauuid":"fcd2","servicedata":"4000%02x02%02x%02x"}`,
		airAddress(n), -50-i, n/airSensors&0xFF, hundredths&0xFF, hundredths>>8)
}

// usage is what a process has used.
type usage struct{ ticks, kib int64 }

func usageOf(t *testing.T, c *child) usage {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	number := func(i int) int64 {
		v, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return usage{ticks: number(11) + number(12), kib: number(21) * int64(os.Getpagesize()) / 1024}
}
