package lumi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// clerk answers the miIO requests of a gateway whose token is known.
type clerk struct {
	mu     sync.Mutex
	key    string
	asked  []string
	volume int64
	on     bool
}

func (c *clerk) ask(_ context.Context, info mi.Info, method string, params any) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, _ := json.Marshal(params)
	c.asked = append(c.asked, info.DID+" "+method+" "+string(b))
	switch method {
	case "get_lumi_dpf_aes_key":
		return json.RawMessage(fmt.Sprintf("[%q]", c.key)), nil
	case "get_prop_fm":
		status := "pause"
		if c.on {
			status = "run"
		}
		return json.RawMessage(fmt.Sprintf(`{"current_status":%q,"current_volume":%d}`, status, c.volume)), nil
	case "play_fm":
		c.on = c.on || strings.Contains(string(b), "on")
	case "set_fm_volume":
		_, _ = fmt.Sscanf(string(b), "[%d]", &c.volume)
	}
	return json.RawMessage(`["ok"]`), nil
}

const official = "123456789" // the gateway's did in the account

// accounted is a house whose gateway the account knows.
func accounted(t *testing.T, c *clerk) *house {
	var h *house
	h = newHouse(t, func(o *lumi.Options) {
		o.Keys, o.Ask = nil, c.ask
		o.Known = func() []mi.Info {
			mac := strings.Join(pairs(h.gateway.SID()), ":")
			return []mi.Info{{DID: official, Model: "lumi.gateway.v3", MAC: mac, Addr: "192.168.7.20:54321", Token: "00112233445566778899aabbccddeeff"}}
		}
	})
	c.key = h.gateway.Key().Reveal()
	return h
}

func pairs(s string) (out []string) {
	for ; len(s) >= 2; s = s[2:] {
		out = append(out, s[:2])
	}
	return out
}

func TestAGatewayThatMiIOKnowsIsOneDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := accounted(t, &clerk{})
		defer h.stop()
		found, end := h.find()
		defer end()
		time.Sleep(10 * time.Second)
		for _, i := range found() {
			child := i.DID != official
			if child && i.Parent != official || strings.HasSuffix(i.DID, h.gateway.SID()) {
				t.Errorf("found %+v", i)
			}
		}
		if n := len(found()); n < 7 {
			t.Errorf("found %d devices", n)
		}
		own := h.infos[0]
		if link, err := h.driver.Open(t.Context(), own, deaf{}); !errors.Is(err, mi.ErrUnsupported) {
			t.Errorf("the did that nobody uses opens: %v, %v", link, err)
		}
	})
}

func TestTheKeyComesByMiIO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{}
		h := accounted(t, c)
		defer h.stop()
		_, end := h.find()
		defer end()
		time.Sleep(10 * time.Second)
		link, _ := h.open(plug)
		defer link.Close()
		for range 2 {
			if err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(true)}}); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(c.asked, ", "); got != official+" get_lumi_dpf_aes_key []" {
			t.Errorf("asked %s, want the key once", got)
		}
	})
}

func TestWithoutAKeyOrdersSayWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(o *lumi.Options) { o.Keys = nil })
		defer h.stop()
		link, _ := h.open(0)
		defer link.Close()
		err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(true)}})
		if mi.Problem(err) != "gateway.key" {
			t.Errorf("problem %q of %v", mi.Problem(err), err)
		}
	})
}

func TestTheRadioPlaysByMiIO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{volume: 20}
		h := accounted(t, c)
		defer h.stop()
		_, end := h.find()
		defer end()
		time.Sleep(10 * time.Second)
		info := h.infos[0]
		info.DID, info.MAC = official, strings.Join(pairs(h.gateway.SID()), ":")
		info.Token = "00112233445566778899aabbccddeeff"
		link, err := h.driver.Open(t.Context(), info, deaf{})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		spec, _ := link.Spec(t.Context())
		on, volume := spec.Prop(6, 1), spec.Prop(6, 2)
		set := []mi.Change{{Prop: on, Value: mi.Bool(true)}, {Prop: volume, Value: mi.Int(35)}}
		if err := link.(mi.Setter).Set(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		if _, err := link.(mi.Caller).Call(t.Context(), spec.Action(6, 1), nil); err != nil {
			t.Fatal(err)
		}
		got, err := link.(mi.Getter).Get(t.Context(), []int{on, volume}, nil)
		if err != nil || len(got) != 2 || got[0].Value != mi.Bool(true) || got[1].Value != mi.Int(35) {
			t.Errorf("Get = %v, %v", got, err)
		}
		want := `play_fm ["on"]|set_fm_volume [35]|play_fm ["next"]|get_prop_fm []`
		if got := strings.ReplaceAll(strings.Join(c.asked, "|"), official+" ", ""); got != want {
			t.Errorf("asked %s\nwant  %s", got, want)
		}
	})
}
