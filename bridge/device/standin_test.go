package device

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	heardDID = "ble.a4c138000001" // made of the address
	ownDID   = "blt.3.1abc"       // the account's
	heardMAC = "a4:c1:38:00:00:01"
)

// signIn runs f with a device that was heard on the air before the account tells its
// did: the driver of the air opens it by that one from then on.
func signIn(t *testing.T, f func(s *stage, account func(mi.Info), saved *[]mi.Info)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		th := newThing()
		var tell func(mi.Info)
		saved := new([]mi.Info)
		s := newStage(t, map[string]*thing{heardDID: th}, func(o *Options) {
			o.Known[0].MAC = heardMAC
			o.Changed = func(all []mi.Info) { *saved = slices.Clone(all) }
			account := &wires{things: map[string]*thing{ownDID: th}, find: func(ctx context.Context, found func(mi.Info)) error {
				tell = found
				<-ctx.Done()
				return nil
			}}
			o.Routes = append(o.Routes, Route{Name: "cloud", Driver: account, Trusted: true})
		})
		s.after(10 * time.Second)
		f(s, tell, saved)
		s.stop()
	})
}

func TestDeviceKeepsItsTopicsWhenTheAccountTellsItsDID(t *testing.T) {
	signIn(t, func(s *stage, account func(mi.Info), saved *[]mi.Info) {
		s.lan.mu.Lock()
		s.lan.things[ownDID] = s.lan.things[heardDID]
		delete(s.lan.things, heardDID)
		s.lan.mu.Unlock()
		account(mi.Info{DID: ownDID, MAC: "A4:C1:38:00:00:01", Name: "Door", Token: "0123"})
		s.after(time.Minute)
		all := s.All()
		if len(all) != 1 || all[0].ID() != "ble_a4c138000001" || s.Device(ownDID) != all[0] || s.Device(heardDID) != all[0] {
			t.Fatalf("%d devices, the first is %s", len(all), all[0].ID())
		}
		d := all[0]
		if info := d.Info(); info.DID != ownDID || info.Name != "Door" || info.Token != "0123" {
			t.Errorf("it is %+v", info)
		}
		if st := d.Status(); !st.Online || st.Connection != "lan" {
			t.Errorf("status %+v", st)
		}
		// By the air it is heard under the old did as well.
		s.Found("lan", mi.Info{DID: heardDID, MAC: heardMAC})
		s.after(time.Minute)
		if info := d.Info(); info.DID != ownDID || !d.Status().Online {
			t.Errorf("heard again it is %+v", info)
		}
		if ways := d.Ways(); len(ways) != 2 {
			t.Errorf("ways %+v, want the air and the cloud", ways)
		}
		if len(*saved) != 1 || (*saved)[0].DID != heardDID {
			t.Errorf("saved %+v, want the did of its topics", *saved)
		}
		s.Remove(ownDID)
		account(mi.Info{DID: ownDID, MAC: heardMAC, Token: "0123"})
		s.Found("lan", mi.Info{DID: heardDID, MAC: heardMAC})
		s.after(time.Minute)
		if n := len(s.All()); n != 0 {
			t.Errorf("%d devices after it was removed", n)
		}
	})
}

func TestOthersAreNotTakenForADeviceThatWasHeard(t *testing.T) {
	signIn(t, func(s *stage, account func(mi.Info), _ *[]mi.Info) {
		account(mi.Info{DID: "blt.3.other", MAC: "a4:c1:38:00:00:02"})
		account(mi.Info{DID: "123456", MAC: heardMAC}) // on the Wi-Fi
		account(mi.Info{DID: ownDID})
		s.after(time.Second)
		if n := len(s.All()); n != 4 {
			t.Errorf("%d devices, want 4", n)
		}
	})
}

func TestDeviceThatWasOnlySeenIsFoldedIntoTheOneThatWasHeard(t *testing.T) {
	const gateway, number = "lumi.7811dc000001", "123456"
	synctest.Test(t, func(t *testing.T) {
		heard, seen := newThing(), newThing()
		s := newStage(t, map[string]*thing{gateway: heard}, func(o *Options) {
			o.Known[0].MAC = "78:11:dc:00:00:01"
			o.Routes = append(o.Routes, Route{Name: "lan", Driver: &wires{things: map[string]*thing{number: seen}}})
		})
		seen.put(func(t *thing) { t.noSpec = mi.ErrDenied }) // a hello without a token
		s.after(10 * time.Second)
		s.found(1, mi.Info{DID: number, Addr: "10.0.0.9:54321"})
		s.after(10 * time.Second)
		if n := len(s.All()); n != 2 {
			t.Fatalf("%d devices, want the one that was heard and the one that was seen", n)
		}
		s.lan.mu.Lock()
		s.lan.things[number] = heard
		s.lan.mu.Unlock()
		s.found(1, mi.Info{DID: number, MAC: "78:11:dc:00:00:01", Name: "Gateway", Token: "0123"})
		s.after(time.Minute)
		all := s.All()
		if len(all) != 1 || all[0].ID() != "lumi_7811dc000001" || s.Device(number) != all[0] {
			t.Fatalf("%d devices, the first is %s", len(all), all[0].ID())
		}
		if d := all[0]; d.Info().DID != number || d.Info().Name != "Gateway" || !d.Status().Online {
			t.Errorf("it is %+v, %+v", d.Info(), d.Status())
		}
		if ways := all[0].Ways(); len(ways) != 2 || ways[1].Addr != "10.0.0.9:54321" {
			t.Errorf("ways %+v, want also that by which it was seen", ways)
		}
		if n := len(seen.sinks()); n > 1 {
			t.Errorf("%d links are open to it", n)
		}
		s.stop()
	})
}

func TestStandInsOfKnownDevicesAreNoDevices(t *testing.T) {
	h := New(Options{Known: []mi.Info{
		{DID: heardDID, MAC: heardMAC}, {DID: ownDID, MAC: heardMAC}, {DID: "lumi.7811dc000001", MAC: "78:11:dc:00:00:01"}, {DID: "lumi.158d0001234567"},
	}})
	var got []string
	for _, d := range h.All() {
		got = append(got, d.did)
	}
	if want := []string{ownDID, "lumi.158d0001234567", "lumi.7811dc000001"}; !slices.Equal(got, want) {
		t.Errorf("devices %q, want %q", got, want)
	}
}
