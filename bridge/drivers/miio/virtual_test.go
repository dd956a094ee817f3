package miio_test

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// folder finds specs in files called <model>.json.
type folder struct{ fs.FS }

func (f folder) Spec(_ context.Context, model string) (*mi.Spec, error) {
	raw, err := fs.ReadFile(f, model+".json")
	if err != nil {
		return nil, mi.ErrUnsupported
	}
	return spec.Parse(raw)
}

// TestVirtualHomeOnLoopback talks over real sockets with devices that somebody
// else wrote.
func TestVirtualHomeOnLoopback(t *testing.T) {
	w := mi.World{Net: host.Network(), Now: time.Now, Seed: 3}
	home, err := virtual.New(w, virtual.Options{Still: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lived := make(chan error, 1)
	go func() { lived <- home.Run(ctx) }()
	defer func() { cancel(); <-lived }()

	profiles, err := profile.Load(os.DirFS("../../../mappings/profiles"))
	if err != nil {
		t.Fatal(err)
	}
	d := miio.New(w, miio.Options{
		Specs: folder{virtual.Specs()}, Profiles: profiles, Log: zerolog.Nop(),
		Listen: "127.0.0.1:0", NoBroadcast: true, Known: home.Infos,
	})
	findAll(t, d, home.Infos())
	for _, info := range home.Infos() {
		t.Run(info.Model, func(t *testing.T) { readEverything(t, d, info) })
	}
}

func findAll(t *testing.T, d *miio.Driver, want []mi.Info) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	left := map[string]bool{}
	for _, info := range want {
		left[info.DID] = true
	}
	err := d.Find(ctx, func(i mi.Info) {
		if delete(left, i.DID); len(left) == 0 {
			cancel()
		}
	})
	if err != nil || len(left) > 0 {
		t.Errorf("Find = %v, missed %v", err, left)
	}
}

func readEverything(t *testing.T, d *miio.Driver, info mi.Info) {
	link, err := d.Open(t.Context(), info, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	spec, err := link.Spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := d.Ask(t.Context(), info, "miIO.info", []any{}); err != nil || !strings.Contains(string(raw), info.Model) {
		t.Errorf("Ask = %s, %v", raw, err)
	}
	who, err := link.(mi.Describer).Describe(t.Context())
	if err != nil || who.Model != info.Model || who.Firmware == "" {
		t.Errorf("Describe = %+v, %v", who, err)
	}
	var props []int
	for i := range spec.Props {
		if spec.Props[i].Access&mi.Read != 0 {
			props = append(props, i)
		}
	}
	got, err := link.(mi.Getter).Get(t.Context(), props, nil)
	if err != nil || len(got) < len(props)*9/10 {
		t.Fatalf("read %d of %d properties, %v", len(got), len(props), err)
	}
	writeBack(t, link, spec, got)
	_ = link.Close()
	if raw, err := d.Ask(t.Context(), info, "miIO.info", []any{}); err != nil || !strings.Contains(string(raw), info.Model) {
		t.Errorf("Ask without a conversation = %s, %v", raw, err)
	}
}

// writeBack writes what stands there already, for every switch.
func writeBack(t *testing.T, link mi.Link, spec *mi.Spec, now []mi.Change) {
	t.Helper()
	i := slices.IndexFunc(now, func(c mi.Change) bool {
		p := &spec.Props[c.Prop]
		return p.Name == "on" && p.Access&mi.Write != 0
	})
	if i < 0 {
		return
	}
	if err := link.(mi.Setter).Set(t.Context(), now[i:i+1]); err != nil {
		t.Errorf("Set = %v", err)
	}
}
