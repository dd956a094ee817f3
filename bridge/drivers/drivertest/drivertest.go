// Package drivertest is the suite that every driver passes: what the device loop
// relies on, whatever the protocol.
package drivertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Home is a driver together with one device that it can reach. The suite makes a
// new one for each of its cases. Fields that the protocol has no use for stay
// zero; the cases that need them are skipped.
type Home struct {
	Driver mi.Driver
	Device mi.Info // how it is opened

	Reads []mi.Change  // readable properties with the values that they have now
	Write *mi.Change   // a change that the device takes and, if it is among Reads, shows
	Call  *mi.Call     // an action that the device runs
	Out   []mi.Value   // and what it returns
	Event func()       // makes the device report an event
	Push  func()       // makes the device report a property by itself
	Noise func([]byte) // sends bytes to the driver as if the device did
	Mute  func()       // makes the device silent for good
	Found bool         // Find comes to report the device
	Close func()       // ends the device
}

const (
	soon = 20 * time.Second // for what must come; in a synctest bubble it takes no time
	ends = 2 * time.Second  // for a cancelled call to return
)

// Run checks a driver; build makes a home for each case. in runs a case: pass
// synctest.Test for a home in memory, nil for one with real sockets.
func Run(t *testing.T, build func(t *testing.T) *Home, in func(*testing.T, func(*testing.T))) {
	if in == nil {
		in = func(t *testing.T, f func(*testing.T)) { f(t) }
	}
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				before := goleak.IgnoreCurrent()
				h := build(t)
				k := &check{T: t, Home: h, sink: &Sink{}}
				c.run(k)
				k.end()
				if err := goleak.Find(before); err != nil {
					t.Errorf("after Close: %v", err)
				}
			})
		})
	}
}

type testCase struct {
	name string
	run  func(*check)
}

func cases() []testCase {
	return []testCase{
		{"finds the device", (*check).finds},
		{"opens and closes", (*check).opens},
		{"refuses what is not its own", (*check).refuses},
		{"tells what the device has", (*check).specs},
		{"reads", (*check).reads},
		{"writes", (*check).writes},
		{"calls", (*check).calls},
		{"hears events", (*check).events},
		{"hears changes", (*check).pushes},
		{"survives noise", (*check).noise},
		{"gives up on silence", (*check).silence},
		{"ends a cancelled call at once", (*check).cancels},
		{"takes calls from many sides", (*check).crowd},
		{"ends calls when it is closed", (*check).closes},
	}
}

// check is one case.
type check struct {
	*testing.T
	*Home
	sink *Sink
	link mi.Link
}

// open opens the device for the case; the end closes it.
func (k *check) open() mi.Link {
	k.Helper()
	link, err := k.Driver.Open(k.Context(), k.Device, k.sink)
	if err != nil {
		k.Fatalf("Open = %v", err)
	}
	k.link = link
	return link
}

func (k *check) spec(link mi.Link) *mi.Spec {
	k.Helper()
	spec, err := link.Spec(k.Context())
	if err != nil {
		k.Fatalf("Spec = %v", err)
	}
	return spec
}

func (k *check) end() {
	if k.link != nil {
		if err := k.link.Close(); err != nil {
			k.Errorf("Close = %v", err)
		}
	}
	if k.Home.Close != nil {
		k.Home.Close()
	}
}

func (k *check) finds() {
	if !k.Found {
		k.Skip("the driver finds nothing by itself")
	}
	ctx, cancel := context.WithTimeout(k.Context(), soon)
	defer cancel()
	var mu sync.Mutex
	seen := false
	err := k.Driver.Find(ctx, func(i mi.Info) {
		mu.Lock()
		defer mu.Unlock()
		if i.DID == k.Device.DID {
			seen = true
			cancel()
		}
	})
	if err != nil && !errors.Is(err, ctx.Err()) {
		k.Errorf("Find = %v", err)
	}
	if !seen {
		k.Errorf("Find did not report %s", k.Device.DID)
	}
}

func (k *check) opens() {
	for range 3 {
		link := k.open()
		for range 2 {
			if err := link.Close(); err != nil {
				k.Errorf("Close = %v", err)
			}
		}
	}
	k.link = nil
}

func (k *check) refuses() {
	link, err := k.Driver.Open(k.Context(), mi.Info{DID: "no such thing/#", Addr: "nowhere"}, k.sink)
	if err == nil {
		_ = link.Close()
		k.Error("Open took a device that no protocol has")
	}
	wantKind(k.T, "Open", err)
}

func (k *check) specs() {
	link := k.open()
	spec := k.spec(link)
	if again := k.spec(link); again != spec {
		k.Error("two calls of Spec return two specs; they are shared by pointer")
	}
}

func (k *check) reads() {
	if len(k.Reads) == 0 {
		k.Skip("nothing is readable")
	}
	link := k.open()
	k.spec(link)
	k.wantReads(link, k.Reads)
	prefix := []mi.Change{{Prop: 12345, Value: mi.Text("kept")}}
	got, err := link.(mi.Getter).Get(k.Context(), props(k.Reads), prefix)
	if err != nil || len(got) == 0 || got[0] != prefix[0] {
		k.Errorf("Get did not append to what it was given: %v, %v", got, err)
	}
}

func props(c []mi.Change) (out []int) {
	for _, one := range c {
		out = append(out, one.Prop)
	}
	return out
}

func (k *check) wantReads(link mi.Link, want []mi.Change) {
	k.Helper()
	getter, ok := link.(mi.Getter)
	if !ok {
		k.Fatal("the link reads nothing")
	}
	got, err := getter.Get(k.Context(), props(want), nil)
	if err != nil {
		k.Fatalf("Get = %v", err)
	}
	byProp := func(a, b mi.Change) int { return a.Prop - b.Prop }
	got, want = slices.SortedFunc(slices.Values(got), byProp), slices.SortedFunc(slices.Values(want), byProp)
	if !slices.Equal(got, want) {
		k.Errorf("Get = %v, want %v", got, want)
	}
}

func (k *check) writes() {
	if k.Write == nil {
		k.Skip("nothing is writable")
	}
	link := k.open()
	k.spec(link)
	if err := link.(mi.Setter).Set(k.Context(), []mi.Change{*k.Write}); err != nil {
		k.Fatalf("Set = %v", err)
	}
	if slices.Contains(props(k.Reads), k.Write.Prop) {
		k.wantReads(link, []mi.Change{*k.Write})
	}
}

func (k *check) calls() {
	if k.Call == nil {
		k.Skip("there is no action")
	}
	link := k.open()
	k.spec(link)
	out, err := link.(mi.Caller).Call(k.Context(), k.Call.Action, k.Call.Args)
	if err != nil || !slices.Equal(out, k.Out) {
		k.Errorf("Call = %v, %v, want %v", out, err, k.Out)
	}
}

func (k *check) events() {
	if k.Event == nil {
		k.Skip("the device has no events")
	}
	k.listening()
	k.Event()
	if !k.sink.wait(func() bool { return len(k.sink.happened) > 0 }) {
		k.Error("the event did not arrive")
	}
}

func (k *check) pushes() {
	if k.Push == nil {
		k.Skip("the device reports nothing by itself")
	}
	k.listening()
	k.Push()
	if !k.sink.wait(func() bool { return len(k.sink.changes) > 0 }) {
		k.Error("the change did not arrive")
	}
}

// listening opens the device and, where that is told, waits until it reports.
func (k *check) listening() {
	link := k.open()
	spec := k.spec(link)
	if getter, ok := link.(mi.Getter); ok && len(k.Reads) > 0 && spec != nil {
		if _, err := getter.Get(k.Context(), props(k.Reads), nil); err != nil {
			k.Fatalf("Get = %v", err)
		}
	}
	if pusher, ok := link.(mi.Pusher); ok && !eventually(pusher.Pushing) {
		k.Fatal("the link never says that the device reports by itself")
	}
}

func (k *check) noise() {
	if k.Noise == nil {
		k.Skip("there is no way to make noise")
	}
	link := k.open()
	k.spec(link)
	for n := range 600 {
		junk := make([]byte, n*7%1500)
		for i := range junk {
			junk[i] = byte(i*n + n>>3)
		}
		k.Noise(junk)
	}
	if len(k.Reads) > 0 {
		k.wantReads(link, k.Reads)
	}
	if k.sink.told() {
		k.Errorf("noise became %v, %v", k.sink.changes, k.sink.happened)
	}
}

func (k *check) silence() {
	link := k.muted()
	ctx, cancel := context.WithTimeout(k.Context(), time.Minute)
	defer cancel()
	got, err := link.(mi.Getter).Get(ctx, props(k.Reads), nil)
	if !errors.Is(err, mi.ErrTimeout) && !errors.Is(err, mi.ErrOffline) || len(got) > 0 {
		k.Errorf("Get from a silent device = %v, %v, want ErrTimeout or ErrOffline", got, err)
	}
	if ctx.Err() != nil {
		k.Error("Get waited for the caller's patience to end instead of giving up")
	}
}

func (k *check) cancels() {
	link := k.muted()
	ctx, cancel := context.WithCancel(k.Context())
	err := k.interrupted(ctx, link, cancel)
	if err == nil {
		k.Error("a cancelled Get succeeded")
	}
}

// muted opens the device and silences it.
func (k *check) muted() mi.Link {
	if k.Mute == nil || len(k.Reads) == 0 {
		k.Skip("the device cannot be silenced")
	}
	link := k.open()
	k.spec(link)
	k.Mute()
	return link
}

// interrupted reads from the silent device and interrupts that.
func (k *check) interrupted(ctx context.Context, link mi.Link, interrupt func()) error {
	ended := make(chan error, 1)
	go func() {
		_, err := link.(mi.Getter).Get(ctx, props(k.Reads), nil)
		ended <- err
	}()
	timer := time.AfterFunc(50*time.Millisecond, interrupt)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-time.After(ends):
		k.Error("Get goes on")
		return <-ended
	}
}

func (k *check) crowd() {
	if len(k.Reads) == 0 {
		k.Skip("nothing is readable")
	}
	link := k.open()
	k.spec(link)
	var crowd sync.WaitGroup
	for range 8 {
		crowd.Go(func() {
			for range 5 {
				got, err := link.(mi.Getter).Get(k.Context(), props(k.Reads), nil)
				if err != nil || len(got) != len(k.Reads) {
					k.Errorf("Get = %v, %v", got, err)
				}
			}
		})
	}
	crowd.Wait()
}

func (k *check) closes() {
	link := k.muted()
	err := k.interrupted(k.Context(), link, func() { _ = link.Close() })
	if err == nil {
		k.Error("Get succeeded though its link was closed")
	}
	wantKind(k.T, "Get", err)
}

// wantKind checks that an error is of one of the kinds that the device loop tells
// apart.
func wantKind(t *testing.T, op string, err error) {
	t.Helper()
	if err != nil && !slices.ContainsFunc(mi.Kinds(), func(kind error) bool { return errors.Is(err, kind) }) {
		t.Errorf("%s = %v, which is of no kind", op, err)
	}
}
