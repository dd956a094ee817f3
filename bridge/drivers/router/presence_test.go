package router_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/router"
)

// diary writes down what a link says of one property.
type diary struct {
	mu    sync.Mutex
	prop  int
	pages []page
}

type page struct {
	at    time.Time
	value mi.Value
}

func (d *diary) Changed(c []mi.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range c {
		if one.Prop == d.prop {
			d.pages = append(d.pages, page{time.Now(), one.Value})
		}
	}
}

func (d *diary) Happened(mi.Happening) {}
func (d *diary) Seen()                 {}

func (d *diary) last() page {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pages) == 0 {
		return page{}
	}
	return d.pages[len(d.pages)-1]
}

func (d *diary) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.pages)
}

func phone(mac string) mi.Info {
	return mi.Info{DID: "miwifi." + strings.ToLower(strings.ReplaceAll(mac, ":", "")), Model: "miwifi.client.v1", Parent: ownDID}
}

func TestPhoneLeavesAndReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const away, interval = 5 * time.Minute, 30 * time.Second
		h := build(t, func(_ *virtual.Options, o *router.Options) {
			o.Presence, o.AwayAfter, o.Interval = []string{"anna's phone"}, away, interval
		})
		found, stop := h.look(t.Context())
		synctest.Wait()
		info := phone(h.router.Clients()[0])
		if got := found()[info.DID]; got.Name != "Anna's phone" || got.Parent != ownDID {
			t.Fatalf("found %+v, want Anna's phone on %s", got, ownDID)
		}
		d := &diary{}
		link := h.open(t, found()[info.DID], d)
		if got := read(t, link, "network-client/connected"); got != mi.Bool(true) {
			t.Fatalf("connected = %v at home", got)
		}
		time.Sleep(interval)

		left := time.Now()
		h.router.Move(0, false)
		time.Sleep(away - interval)
		if got := d.last(); got.value == mi.Bool(false) {
			t.Errorf("away after %v, want at least %v", got.at.Sub(left), away)
		}
		time.Sleep(3 * interval)
		if got := d.last(); got.value != mi.Bool(false) || got.at.Sub(left) < away || got.at.Sub(left) > away+2*interval {
			t.Errorf("said %v after %v, want away after %v", got.value, got.at.Sub(left), away)
		}

		back := time.Now()
		h.router.Move(0, true)
		time.Sleep(interval + time.Second)
		if got := d.last(); got.value != mi.Bool(true) || got.at.Sub(back) > interval+time.Second {
			t.Errorf("said %v, %v after the return, want home within %v", got.value, got.at.Sub(back), interval)
		}
		stop()
		_ = link.Close()
	})
}

// An absence that is shorter than the usual time between two rounds is seen too.
func TestPhoneIsAwaySoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const away, interval = 10 * time.Second, 30 * time.Second
		h := build(t, func(_ *virtual.Options, o *router.Options) {
			o.Presence, o.AwayAfter, o.Interval = []string{"all"}, away, interval
		})
		found, stop := h.look(t.Context())
		synctest.Wait()
		d := &diary{}
		link := h.open(t, found()[phone(h.router.Clients()[0]).DID], d)
		read(t, link, "network-client/connected")
		time.Sleep(interval)
		left := time.Now()
		h.router.Move(0, false)
		time.Sleep(interval)
		if got := d.last(); got.value != mi.Bool(false) || got.at.Sub(left) < away || got.at.Sub(left) > 2*away {
			t.Errorf("said %v after %v, want away after %v", got.value, got.at.Sub(left), away)
		}
		stop()
		_ = link.Close()
	})
}

// A phone that sleeps, and a router that restarts, make nobody leave.
func TestShortAbsenceIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(_ *virtual.Options, o *router.Options) { o.Presence = []string{"all"} })
		_, stop := h.look(t.Context())
		synctest.Wait()
		d := &diary{}
		link := h.open(t, phone(h.router.Clients()[0]), d)
		read(t, link, "network-client/connected")
		for range 5 {
			h.router.Move(0, false)
			time.Sleep(2 * time.Minute)
			h.router.Move(0, true)
			time.Sleep(time.Minute)
		}
		h.router.Mute()
		time.Sleep(10 * time.Minute)
		h.router.Move(0, false) // it comes back after the router
		h.router.Answer(1)
		time.Sleep(2 * time.Minute)
		h.router.Move(0, true)
		time.Sleep(5 * time.Minute)
		d.mu.Lock()
		for _, p := range d.pages {
			if p.value == mi.Bool(false) {
				t.Errorf("said to be away at %v", p.at)
			}
		}
		d.mu.Unlock()
		stop()
		_ = link.Close()
	})
}

func TestOnlyTheChosenBecomeDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(_ *virtual.Options, o *router.Options) {
			o.Presence = []string{"5A-CB-52-01-00-02", " BEN'S phone "}
		})
		found, stop := h.look(t.Context())
		synctest.Wait()
		stop()
		got := found()
		want := []string{ownDID, "miwifi.5acb52000100", "miwifi.5acb52000101", "miwifi.5acb52010002", "miwifi.5acb52010001"}
		if len(got) != len(want) {
			t.Errorf("found %d devices, want %d: %v", len(got), len(want), got)
		}
		for _, did := range want {
			if _, ok := got[did]; !ok {
				t.Errorf("%s was not found", did)
			}
		}
		if link, err := h.driver.Open(t.Context(), phone(h.router.Clients()[5]), &diary{}); err == nil {
			t.Error("a client that nobody chose was opened")
			_ = link.Close()
		}
	})
}

// TestTwoHundredAndFiftyClients lets everybody come and go for two hours and compares
// every change with what happened.
func TestTwoHundredAndFiftyClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many, away, interval = 250, 3 * time.Minute, 30 * time.Second
		h := build(t, func(theirs *virtual.Options, o *router.Options) {
			theirs.Clients, o.Presence, o.AwayAfter, o.Interval = many, []string{"all"}, away, interval
		})
		found, stop := h.look(t.Context())
		synctest.Wait()
		if n := len(found()); n != many+3 {
			t.Fatalf("found %d devices, want %d clients, the router and two nodes", n, many)
		}
		diaries, links := make([]*diary, many), make([]mi.Link, many)
		for i, mac := range h.router.Clients() {
			h.router.Move(i, true)
			diaries[i] = &diary{}
			links[i] = h.open(t, phone(mac), diaries[i])
			read(t, links[i], "network-client/connected")
		}
		time.Sleep(time.Minute + 7*time.Second) // between two rounds
		before := make([]int, many)
		for i, d := range diaries {
			before[i] = d.count()
		}
		dice := rand.New(rand.NewPCG(1, 2))
		there, changes, total := make([]bool, many), make([]int, many), 0
		for i := range there {
			there[i] = true
		}
		for range 24 {
			for range 40 {
				i := dice.IntN(many)
				there[i] = !there[i]
				h.router.Move(i, there[i])
			}
			time.Sleep(5 * time.Minute)
			for i, d := range diaries {
				if was := changes[i]%2 == 0; was != there[i] {
					changes[i]++
					total++
				}
				if got := d.last(); got.value != mi.Bool(there[i]) || d.count()-before[i] != changes[i] {
					t.Fatalf("client %d: said %v after %d changes, want %v after %d", i, got.value, d.count()-before[i], there[i], changes[i])
				}
			}
		}
		c := h.router.Counters()
		t.Logf("%d changes of %d clients in two hours, none missed; %d requests", total, many, c.Requests)
		// 240 rounds of 3 questions and now and then some more, whoever listens.
		if rounds := 2 * time.Hour / interval; c.Requests > 5*int(rounds) {
			t.Errorf("%d requests in two hours, want at most 5 in each of %d rounds", c.Requests, rounds)
		}
		stop()
		for _, l := range links {
			_ = l.Close()
		}
	})
}

// A router that hangs on two of three requests is worked with, without a storm.
func TestRouterThatAnswersEveryThirdRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(_ *virtual.Options, o *router.Options) { o.Presence = []string{"all"} })
		h.router.Answer(3)
		_, stop := h.look(t.Context())
		var crowd sync.WaitGroup
		links := make([]mi.Link, 50)
		served := make([]int, len(links))
		for i := range links {
			links[i] = h.open(t, phone(fmt.Sprintf("5A:CB:52:01:00:%02X", i)), &diary{})
			crowd.Go(func() {
				for range 120 {
					if _, err := links[i].(mi.Getter).Get(t.Context(), []int{0}, nil); err == nil {
						served[i]++
					}
					time.Sleep(30 * time.Second)
				}
			})
		}
		began := time.Now()
		crowd.Wait()
		stop()
		minutes := time.Since(began).Minutes()
		rate := float64(h.router.Counters().Requests) / minutes
		t.Logf("%.0f minutes, 50 clients that ask every 30 s: %.1f requests a minute, client 0 was served %d times of 120", minutes, rate, served[0])
		if rate > 25 {
			t.Errorf("%.1f requests a minute for a router that is asked every 30 s", rate)
		}
		if served[0] < 100 {
			t.Errorf("a client was served %d times of 120", served[0])
		}
		for _, l := range links {
			_ = l.Close()
		}
	})
}

// A router that has a password of its own and is a node of another's mesh is one
// device; what both list belongs to the first.
func TestTwoRoutersOfOneHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(_ *virtual.Options, o *router.Options) {
			o.Presence = []string{"all"}
			o.Routers = append(o.Routers, router.Config{Addr: "http://192.168.31.1/", Password: password, Name: "Again"})
		})
		found, stop := h.look(t.Context())
		time.Sleep(5 * time.Minute)
		stop()
		got := found()
		if len(got) != 8+3 || got[ownDID].Name != "Virtual router" {
			t.Errorf("found %d devices, the router as %q; want 11 and the name of the first", len(got), got[ownDID].Name)
		}
	})
}
