package bridge_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bridgetest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	virtualmiio "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	virtualrouter "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/router"
	virtualtv "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
)

// TestTVAndRouterInTroubleDelayNobody lets a TV's HTTP server hang and a router with
// 250 clients answer every third request, for an hour: a plug is ordered about and
// polled as if they were not there, and neither gets a storm of requests.
func TestTVAndRouterInTroubleDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, there, here := bridgetest.Street(7)
		plugs, err := virtualmiio.New(there, virtualmiio.Options{Models: []string{"cuco.plug.cp5pro"}, Address: bridgetest.Address, Still: true})
		if err != nil {
			t.Fatal(err)
		}
		screen, err := virtualtv.New(there, virtualtv.Options{Addr: "10.1.9.1:6095"})
		if err != nil {
			t.Fatal(err)
		}
		defer screen.Close()
		const password = mi.Secret("a router's password")
		net, err := virtualrouter.New(there, virtualrouter.Options{Address: "10.1.9.2:80", Password: password, Clients: 250})
		if err != nil {
			t.Fatal(err)
		}
		specs := spec.New(here, spec.Options{Sources: []spec.Source{spec.NewFolder(virtualmiio.Specs())}, Offline: true, Log: zerolog.Nop()})
		home := device.New(device.Options{World: here, View: &diary{opened: map[string]int{}}, Log: zerolog.Nop(), Routes: []device.Route{
			{Name: "lan", Driver: miio.New(here, miio.Options{Specs: specs, Log: zerolog.Nop(), Known: plugs.Infos})},
			{Name: "tv", Driver: tv.New(here, tv.Options{TVs: []tv.Config{{Addr: "10.1.9.1"}}, Log: zerolog.Nop()})},
			{Name: "router", Driver: router.New(here, router.Options{
				Routers: []router.Config{{Addr: "10.1.9.2", Password: password}}, Presence: []string{"all"}, Log: zerolog.Nop(),
			})},
		}})
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, run := range []func(context.Context) error{plugs.Run, net.Run, home.Run} {
			all.Go(func() { _ = run(ctx) })
		}
		time.Sleep(3 * time.Minute)
		l := &loft{T: t, virtual: plugs, home: home}
		plug := l.device("cuco.plug.cp5pro")
		l.want(plug, "lan")
		if got := len(home.All()); got < 250+3 {
			t.Errorf("there are %d devices", got)
		}

		screen.Hurt(virtualtv.Trouble{Hangs: true})
		net.Answer(3)
		calls, requests := screen.State().Calls, net.Counters().Requests
		var worst, oldest time.Duration
		for i := range 40 {
			time.Sleep(90 * time.Second) // in which it is polled
			oldest = max(oldest, time.Since(plug.Status().LastSeen))
			took, err := l.write(plug, 2, 1, mi.Bool(i%2 == 0))
			if err != nil {
				t.Fatal(err)
			}
			worst = max(worst, took)
		}
		calls, requests = screen.State().Calls-calls, net.Counters().Requests-requests
		t.Logf("an hour of orders took %v at most, the plug was heard within %v; %d calls to the TV, %d to the router", worst, oldest, calls, requests)
		if worst > 100*time.Millisecond || oldest > 31*time.Second {
			t.Errorf("orders took up to %v, the plug was not heard for %v", worst, oldest)
		}
		if calls > 60*3 || requests > 60*25 {
			t.Errorf("%d calls to the TV and %d to the router in an hour", calls, requests)
		}
		l.want(plug, "lan")
		stop()
		all.Wait()
	})
}
