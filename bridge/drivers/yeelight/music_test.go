package yeelight_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/yeelight"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestMusicTakesABurst(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.driver = yeelight.New(h.world, yeelight.Options{Log: zerolog.Nop(), Music: true})
		link, spec := h.open(t, 0, newSink())
		defer link.Close()
		set := func(key mi.Key, v mi.Value) {
			t.Helper()
			if err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: prop(t, spec, key), Value: v}}); err != nil {
				t.Fatal(err)
			}
		}
		set("light/on", mi.Bool(true))
		began := time.Now()
		for n := range 200 {
			set("light/brightness", mi.Int(int64(n%100+1)))
		}
		time.Sleep(time.Second)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("200 orders took %v", took)
		}
		if h.strip.Prop("bright") != "100" || h.strip.Refused() > 0 {
			t.Errorf("the lamp is at %s %%, and refused %d", h.strip.Prop("bright"), h.strip.Refused())
		}
		if n := strings.Count(strings.Join(h.strip.Orders(), "\n"), "set_music"); n != 1 {
			t.Errorf("music mode was asked for %d times", n)
		}
		time.Sleep(2 * time.Minute) // the burst is over: the lamp answers again
		set("light/brightness", mi.Int(7))
		if h.strip.Prop("bright") != "7" {
			t.Error("the lamp does not obey after the music")
		}
	})
}

func TestWithoutTheOptionThereIsNoMusic(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		link, spec := h.open(t, 0, newSink())
		defer link.Close()
		for n := range 40 {
			change := []mi.Change{{Prop: prop(t, spec, "light/brightness"), Value: mi.Int(int64(n + 1))}}
			if err := link.(mi.Setter).Set(t.Context(), change); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(strings.Join(h.strip.Orders(), "\n"), "set_music") {
			t.Error("music mode was asked for")
		}
	})
}

func TestLANControlIsSwitchedOnWhereItIsOff(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		var mu sync.Mutex
		var asked []string
		ask := func(_ context.Context, info mi.Info, method string, params any) (json.RawMessage, error) {
			mu.Lock()
			defer mu.Unlock()
			b, _ := json.Marshal(params)
			asked = append(asked, info.DID+" "+method+" "+string(b))
			switch {
			case method == "set_ps":
				return json.RawMessage(`["ok"]`), nil
			case info.DID == "1001":
				return json.RawMessage(`["0"]`), nil
			}
			return json.RawMessage(`[""]`), nil
		}
		const token = "00112233445566778899aabbccddeeff"
		d := yeelight.New(h.world, yeelight.Options{Log: zerolog.Nop(), Ask: ask, Known: func() []mi.Info {
			return []mi.Info{
				{DID: "1001", Model: "yeelink.light.strip6", Addr: "192.168.7.77:54321", Token: token},
				{DID: "1002", Model: "yeelink.light.lamp27", Addr: "192.168.7.78:54321", Token: token},
				{DID: "1003", Model: "yeelink.light.color1", Addr: "192.168.7.79:54321"},
				{DID: "1004", Model: "zhimi.fan.za5", Addr: "192.168.7.80:54321", Token: token},
				{DID: h.info(0).DID, Model: h.info(0).Model, Addr: h.info(0).Addr, Token: token},
			}
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		if err := d.Find(ctx, func(mi.Info) {}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(asked)
		want := []string{`1001 get_prop ["lan_ctrl"]`, `1001 set_ps ["cfg_lan_ctrl","1"]`, `1002 get_prop ["lan_ctrl"]`}
		if !slices.Equal(asked, want) {
			t.Errorf("asked %q\nwant  %q", asked, want)
		}
	})
}
