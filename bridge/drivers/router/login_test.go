package router_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/router"
)

func TestLoginFindsTheHashThatTheFirmwareWants(t *testing.T) {
	for _, tc := range []struct {
		name         string
		modern, shy  bool
		refusedFirst int
	}{
		{"SHA-1", false, false, 0},
		{"SHA-256", true, false, 0},
		{"SHA-256 that is not announced", true, true, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, func(theirs *virtual.Options, _ *router.Options) { theirs.Modern, theirs.Shy = tc.modern, tc.shy })
				link := h.open(t, own(), nil)
				if got := read(t, link, "router/temperature"); got != mi.Float(48) {
					t.Errorf("temperature = %v", got)
				}
				h.router.EndSession()
				time.Sleep(time.Minute)
				read(t, link, "router/temperature")
				if c := h.router.Counters(); c.Logins != 2 || c.Refused != tc.refusedFirst {
					t.Errorf("after a session that ended: %+v, want 2 logins and %d refused: what worked is remembered", c, tc.refusedFirst)
				}
				_ = link.Close()
			})
		})
	}
}

func TestWrongPasswordIsNotTriedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		const wrong = mi.Secret("wrong horse battery")
		h := build(t, func(_ *virtual.Options, ours *router.Options) {
			ours.Routers[0].Password, ours.Log = wrong, zerolog.New(&log).Level(zerolog.TraceLevel)
		})
		_, stop := h.look(t.Context())
		link := h.open(t, own(), nil)
		for range 60 {
			_, err := link.(mi.Getter).Get(t.Context(), []int{0}, nil)
			if !errors.Is(err, mi.ErrDenied) {
				t.Fatalf("Get = %v, want ErrDenied", err)
			}
			if strings.Contains(err.Error(), wrong.Reveal()) {
				t.Fatalf("the error tells the password: %v", err)
			}
			time.Sleep(time.Minute)
		}
		stop()
		// After 0, 1, 3, 7, 15, 31 minutes, with both hashes.
		if c := h.router.Counters(); c.Refused > 12 || c.Refused < 8 {
			t.Errorf("in an hour: %+v, want 8 to 12 refused logins", c)
		}
		if strings.Contains(log.String(), wrong.Reveal()) {
			t.Errorf("the log tells the password: %s", log.String())
		}
		if n := strings.Count(log.String(), `"level":"warn"`); n > 1 {
			t.Errorf("%d warnings of one condition", n)
		}
		_ = link.Close()
	})
}

func TestUnreachableRouterIsToldOnceByItsAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := build(t, func(_ *virtual.Options, ours *router.Options) {
			ours.Routers[0].Addr, ours.Log = "192.168.31.99", zerolog.New(&log)
		})
		_, stop := h.look(t.Context())
		time.Sleep(time.Hour)
		stop()
		if n := strings.Count(log.String(), `"level":"warn"`); n != 1 || !strings.Contains(log.String(), "192.168.31.99:80") {
			t.Errorf("the log says %s, want one warning with the address", log.String())
		}
	})
}

func TestSecretsStayOutOfLogsAndErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := build(t, func(_ *virtual.Options, ours *router.Options) {
			ours.Writes, ours.Presence, ours.Log = true, []string{"all"}, zerolog.New(&log).Level(zerolog.TraceLevel)
		})
		_, stop := h.look(t.Context())
		link := h.open(t, own(), nil)
		s, err := link.Spec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h.router.Mute()
		var told []string
		for i, p := range s.Props {
			if p.Access&mi.Write == 0 {
				continue
			}
			v := mi.Bool(true)
			if len(p.List) > 0 {
				v = p.List[0].Value
			}
			if err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: i, Value: v}}); err != nil {
				told = append(told, err.Error())
			}
		}
		if len(told) < 4 {
			t.Fatalf("only %d orders failed", len(told))
		}
		all := log.String() + strings.Join(told, "\n")
		for _, secret := range []string{password.Reveal(), "virtual wifi secret", "virtual+wifi", "virtual guest", "stok", "pwd="} {
			if strings.Contains(all, secret) {
				t.Errorf("%q is told in: %s", secret, all)
			}
		}
		stop()
		_ = link.Close()
	})
}
