package ninebot_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ninebot"
)

// TestBytesThatComeInAnyShape reads in spite of everything that only costs time.
func TestBytesThatComeInAnyShape(t *testing.T) {
	for _, tc := range []struct {
		name    string
		trouble virtual.Trouble
		counted func(ninebot.Counts) int64
	}{
		{"byte by byte", virtual.Trouble{Piece: 1}, nil},
		{"all in one", virtual.Trouble{Piece: 200}, nil},
		{"wrong checksums", virtual.Trouble{Corrupt: 3}, func(c ninebot.Counts) int64 { return c.Refused }},
		{"strays in between", virtual.Trouble{Strays: true}, func(c ninebot.Counts) int64 { return min(c.Stray, c.Junk) }},
		{"strays in one piece", virtual.Trouble{Strays: true, Piece: 200}, func(c ninebot.Counts) int64 { return c.Junk }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in(t, nil, func(h *house) {
				v := h.open(addr(0))
				defer v.link.Close()
				v.v.Hurt(tc.trouble)
				v.want(shows())
				if tc.counted != nil && tc.counted(h.driver.Counts()) == 0 {
					h.Errorf("counted were %+v", h.driver.Counts())
				}
			})
		})
	}
}

// TestVisitsThatFail end by themselves, leave nobody connected and are not
// repeated at once.
func TestVisitsThatFail(t *testing.T) {
	for _, tc := range []struct {
		name    string
		trouble virtual.Trouble
		kind    error
		within  time.Duration
	}{
		{"silence", virtual.Trouble{Silent: true}, mi.ErrTimeout, 10 * time.Second},
		{"half answers", virtual.Trouble{Half: true}, mi.ErrTimeout, 10 * time.Second},
		{"nothing is taken", virtual.Trouble{Hangs: true}, mi.ErrTimeout, time.Minute},
		{"the connection breaks at once", virtual.Trouble{DropAt: 1}, mi.ErrOffline, 5 * time.Second},
		{"the connection breaks mid-read", virtual.Trouble{DropAt: 3}, mi.ErrOffline, 5 * time.Second},
		{"somebody else is connected", virtual.Trouble{Occupied: true}, mi.ErrBusy, time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in(t, func(o *ninebot.Options) { o.Vehicles[1].Kind, o.Vehicles[2].Kind = ninebot.Scooter, ninebot.Crypto }, func(h *house) {
				for i := range byte(4) {
					v := h.open(addr(i))
					v.v.Hurt(tc.trouble)
					start := time.Now()
					_, err := v.read()
					took := time.Since(start)
					if !errors.Is(err, tc.kind) || took > tc.within {
						h.Errorf("vehicle %d: %v after %v, want %v within %v", i, err, took, tc.kind, tc.within)
					}
					visits := v.v.State().Visits
					for range 10 {
						if _, err := v.read(); !errors.Is(err, tc.kind) {
							h.Errorf("vehicle %d: %v", i, err)
						}
					}
					if s := v.v.State(); s.Visits != visits || s.Connected {
						h.Errorf("vehicle %d is not left alone: %+v", i, s)
					}
					v.v.Hurt(virtual.Trouble{Occupied: true})
					_ = v.link.Close()
				}
			})
		})
	}
}

// TestAVehicleThatKnowsLittle still shows what it tells.
func TestAVehicleThatKnowsLittle(t *testing.T) {
	in(t, nil, func(h *house) {
		v := h.open(addr(0))
		defer v.link.Close()
		v.v.Hurt(virtual.Trouble{Few: true})
		want := shows()
		for _, key := range []string{"information/serial-number", "information/firmware-version", "scooter/remaining-mileage", "battery/voltage"} {
			delete(want, key)
		}
		v.want(want)
	})
}

// TestTheFirstAdvertIsWaitedFor calls nothing away that was not heard yet.
func TestTheFirstAdvertIsWaitedFor(t *testing.T) {
	for _, comes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, nil)
			v := h.open(addr(0))
			defer v.link.Close()
			v.v.Leave()
			h.listen()
			if comes {
				late := time.AfterFunc(4*time.Second, v.v.Return)
				defer late.Stop()
			}
			start := time.Now()
			got, err := v.read()
			if took := time.Since(start); took > 11*time.Second || comes != (err == nil) || comes == errors.Is(err, mi.ErrOffline) {
				t.Errorf("a vehicle that comes, %v, reads as %v, %v after %v", comes, got, err, took)
			}
			h.stop()
		})
	}
}

// TestPolite counts the visits of hours.
func TestPolite(t *testing.T) {
	in(t, nil, func(h *house) {
		v := h.open(addr(0))
		defer v.link.Close()
		for range 120 {
			if _, err := v.read(); err != nil {
				h.Fatal(err)
			}
			after(30 * time.Second)
		}
		if n := v.v.State().Visits; n != 12 {
			h.Errorf("%d visits in an hour, want 12", n)
		}
		v.v.Leave()
		after(4 * time.Minute)
		for range 120 {
			if _, err := v.read(); !errors.Is(err, mi.ErrOffline) {
				h.Fatalf("away it reads as %v", err)
			}
			after(30 * time.Second)
		}
		if c := h.driver.Counts(); c.Visits != 12 {
			h.Errorf("%d visits, want none to a vehicle that is away", c.Visits)
		}
		v.v.Return()
		after(3 * time.Second)
		v.v.Ride(4200, 20*time.Minute)
		got, err := v.read()
		if err != nil || got["scooter/mileage"] != mi.Float(222.8) || got["battery/battery-level"] != mi.Int(44) || got["scooter/current-speed"] != mi.Float(12.6) {
			h.Errorf("back again it shows %v, %v", got, err)
		}
	})
}

// TestAFailedVisitIsExcused keeps what was read a while ago.
func TestAFailedVisitIsExcused(t *testing.T) {
	in(t, nil, func(h *house) {
		v := h.open(addr(0))
		defer v.link.Close()
		v.want(shows())
		v.v.Hurt(virtual.Trouble{Silent: true})
		after(6 * time.Minute)
		v.want(shows())
		after(10 * time.Minute)
		if _, err := v.read(); !errors.Is(err, mi.ErrTimeout) {
			h.Errorf("a silent vehicle reads as %v", err)
		}
	})
}

func TestARiddenScooterIsNotLocked(t *testing.T) {
	in(t, nil, func(h *house) {
		v := h.open(addr(1))
		defer v.link.Close()
		v.spec()
		v.v.Ride(100, time.Minute)
		if err := v.set("lock/locked", true); !errors.Is(err, mi.ErrBusy) {
			h.Errorf("lock = %v", err)
		}
		if s := v.v.State(); len(s.Writes) > 0 || s.Locked {
			h.Errorf("a scooter that is ridden was written to: %+v", s)
		}
	})
}

func TestNothingIsWrittenUnasked(t *testing.T) {
	in(t, func(o *ninebot.Options) { o.Writes = false }, func(h *house) {
		v := h.open(addr(1))
		defer v.link.Close()
		for _, p := range v.spec().Props {
			if p.Access&mi.Write != 0 {
				h.Errorf("%s can be written", p.Key)
			}
		}
		if err := v.set("lock/locked", true); !errors.Is(err, mi.ErrInvalid) {
			h.Errorf("lock = %v", err)
		}
		if n := v.v.State().Visits; n != 1 {
			h.Errorf("%d visits", n)
		}
	})
}

// TestOnlyLockAndLightAreEverWritten looks at what each kind of vehicle offers.
func TestOnlyLockAndLightAreEverWritten(t *testing.T) {
	in(t, nil, func(h *house) {
		h.garage.Vehicle(addr(2)).Press()
		for i := range byte(4) {
			v := h.open(addr(i))
			var writable []mi.Key
			for _, p := range v.spec().Props {
				if p.Access&mi.Write != 0 {
					writable = append(writable, p.Key)
				}
			}
			if want := []mi.Key{"lock/locked", "light/on"}; !slices.Equal(writable, want[:min(2, 2*int(i))]) || len(v.spec().Actions) > 0 {
				h.Errorf("vehicle %d takes %v", i, writable)
			}
			_ = v.link.Close()
		}
	})
}

func TestPairingNeedsTheButton(t *testing.T) {
	in(t, nil, func(h *house) {
		v := h.open(addr(2))
		if _, err := v.read(); !errors.Is(err, mi.ErrDenied) {
			h.Errorf("nobody pressed: %v", err)
		}
		after(2 * time.Hour)
		press := time.AfterFunc(5*time.Second, v.v.Press)
		defer press.Stop()
		v.want(showsCrypto())
		_ = v.link.Close()
		v = h.open(addr(2)) // the key is remembered
		defer v.link.Close()
		v.want(showsCrypto())
	})
	in(t, func(o *ninebot.Options) {
		o.Vehicles = []ninebot.Config{{Addr: addr(2)}, {Addr: addr(3), Kind: ninebot.Secure}}
	}, func(h *house) {
		for i := byte(2); i < 4; i++ {
			v := h.open(addr(i))
			v.v.Press()
			if _, err := v.read(); !errors.Is(err, mi.ErrDenied) {
				h.Errorf("pairing was not allowed: %v", err)
			}
			visits := v.v.State().Visits
			after(50 * time.Minute)
			if _, err := v.read(); !errors.Is(err, mi.ErrDenied) || v.v.State().Visits != visits {
				h.Errorf("it is not left alone: %v, %+v", err, v.v.State())
			}
			_ = v.link.Close()
		}
	})
}

func TestPairingAMiScooter(t *testing.T) {
	in(t, func(o *ninebot.Options) {
		o.Vehicles = []ninebot.Config{{Addr: addr(3), Kind: ninebot.Secure, Pair: true}}
	}, func(h *house) {
		h.garage.Vehicle(addr(3)).Forget()
		v := h.open(addr(3))
		v.want(showsScooter())
		_ = v.link.Close()
		v = h.open(addr(3))
		defer v.link.Close()
		v.want(showsScooter())
	})
}

// TestAStranger speaks a protocol that needs what the user did not give.
func TestAStranger(t *testing.T) {
	in(t, func(o *ninebot.Options) { o.Vehicles, o.All = nil, true }, func(h *house) {
		for i, want := range []error{nil, nil, mi.ErrDenied, mi.ErrTimeout} {
			v := h.open(addr(byte(i)))
			for range 100 {
				if _, err := v.read(); !errors.Is(err, want) {
					h.Errorf("vehicle %d reads as %v, want %v", i, err, want)
				}
				after(30 * time.Second)
			}
			if n := v.v.State().Visits; want != nil && n != 1 {
				h.Errorf("a stranger was visited %d times", n)
			}
			_ = v.link.Close()
		}
	})
}

// TestWhoIsFound tells of named vehicles always and of strangers when asked.
func TestWhoIsFound(t *testing.T) {
	for _, tc := range []struct {
		name string
		all  bool
		want int
	}{{"named", false, 1}, {"all", true, 4}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, func(o *ninebot.Options) { o.Vehicles, o.All = o.Vehicles[:1], tc.all })
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				found := map[string]int{}
				var mu sync.Mutex
				if err := h.driver.Find(ctx, func(i mi.Info) {
					mu.Lock()
					defer mu.Unlock()
					found[i.DID]++
				}); err != nil {
					t.Error(err)
				}
				if len(found) != tc.want || found[ninebot.DID(addr(0))] == 0 {
					t.Errorf("found were %v", found)
				}
				for did, n := range found {
					if n > 12 {
						t.Errorf("%s was told %d times in five minutes", did, n)
					}
				}
			})
		})
	}
}

// TestAMiniComesAndGoes lets a home run around the vehicles of the demo.
func TestAMiniComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(o *ninebot.Options) { o.Vehicles = o.Vehicles[:1] })
		home := device.New(device.Options{
			World: mi.World{Now: time.Now}, View: &drivertest.View{}, Log: zerolog.Nop(),
			Routes: []device.Route{{Name: "bluetooth", Driver: h.driver}},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- home.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		mini := h.garage.Vehicle(addr(0))
		mileage := func() mi.Value { return home.Device(ninebot.DID(addr(0))).Values(nil)[1] }
		online := func() bool { return home.Device(ninebot.DID(addr(0))).Status().Online }
		after(10 * time.Minute)
		if !online() || mileage() != mi.Float(218.6) {
			t.Errorf("at home it is %v with %v", online(), mileage())
		}
		for i := range 3 {
			mini.Leave()
			after(6 * time.Minute)
			if online() {
				t.Error("it is available six minutes after it left")
			}
			if got := home.Device(ninebot.DID(addr(0))).Status().Problem; got != "device.asleep" {
				t.Errorf("that it is out is the problem %q, and not that its silence is normal", got)
			}
			mini.Ride(1000, 5*time.Minute)
			mini.Return()
			after(10 * time.Second)
			if want := mi.Float(219.6 + float64(i)); !online() || mileage() != want {
				t.Errorf("ten seconds after it came back it is %v with %v, want %v", online(), mileage(), want)
			}
			after(time.Hour)
		}
		if n := mini.State().Visits; n > 3*14+4 {
			t.Errorf("%d visits in three and a half hours", n)
		}
	})
}
