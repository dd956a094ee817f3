package lumi_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// TestLumiAnswersInTheFormsOfTheProtocol asks the virtual gateway with plain
// text, as a client of the real one does.
func TestLumiAnswersInTheFormsOfTheProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(3)
		yard := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.20/24")})
		g, err := lumi.New(mi.World{Net: yard, Seed: 3}, lumi.Options{Address: "192.168.7.20:9898", Still: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		desk, err := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.2/24")}).ListenUDP(ctx, "192.168.7.2:0")
		if err != nil {
			t.Fatal(err)
		}
		ask := func(to, request string) map[string]any {
			t.Helper()
			if err := desk.WriteBatch([]mi.Packet{{Data: []byte(request), Addr: netip.MustParseAddrPort(to)}}); err != nil {
				t.Fatal(err)
			}
			in := []mi.Packet{{Data: make([]byte, 0, 4096)}}
			if _, err := desk.ReadBatch(in); err != nil {
				t.Fatal(err)
			}
			var answer map[string]any
			if err := json.Unmarshal(in[0].Data, &answer); err != nil {
				t.Fatalf("%s: %v", in[0].Data, err)
			}
			return answer
		}
		time.Sleep(time.Second)
		if a := ask("224.0.0.50:4321", `{"cmd":"whois"}`); a["cmd"] != "iam" || a["port"] != "9898" || a["sid"] != g.SID() {
			t.Errorf("whois: %v", a)
		}
		list := ask("192.168.7.20:9898", `{"cmd" : "get_id_list"}`)
		var sids []string
		if text, _ := list["data"].(string); json.Unmarshal([]byte(text), &sids) != nil || len(sids) != 6 || len(list["token"].(string)) != 16 {
			t.Fatalf("list: %v", list)
		}
		if a := ask("192.168.7.20:9898", `{"cmd":"read","sid":"`+sids[3]+`"}`); a["model"] != "plug" || !strings.Contains(a["data"].(string), `"status":"off"`) {
			t.Errorf("read: %v", a)
		}
		if a := ask("192.168.7.20:9898", `{"cmd":"read","sid":"158d00"}`); a["data"] != `{"error":"No device"}` {
			t.Errorf("read of nobody: %v", a)
		}
		a := ask("192.168.7.20:9898", `{"cmd":"write","sid":"`+sids[3]+`","data":{"status":"on","key":"00"}}`)
		if a["data"] != `{"error":"Invalid key"}` || len(g.Wrote()) != 0 {
			t.Errorf("unsigned write: %v", a)
		}
		_ = desk.Close()
		cancel()
		<-done
	})
}
