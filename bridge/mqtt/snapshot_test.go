package mqtt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

func TestSnapshotSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b, stop := startBroker(t, w, nil)
		retain(b, "mihome2mqtt/d1/p2_1/state", "ON")
		retain(b, "mihome2mqtt/d1/p2_2/state", "21.5")
		stop()

		_, stop = startBroker(t, w, nil)
		u := mustConnect(t, w, "reader")
		u.listen("#")
		got := u.heard()
		slices.Sort(got)
		if got, want := fmt.Sprint(got), "[!mihome2mqtt/d1/p2_1/state ON !mihome2mqtt/d1/p2_2/state 21.5]"; got != want {
			t.Errorf("after a restart %s, want %s", got, want)
		}
		u.bye()
		stop()
	})
}

func TestSnapshotIsLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b, stop := startBroker(t, w, nil)
		for i := range 3600 {
			retain(b, "mihome2mqtt/d1/p2_1/state", fmt.Sprint(i))
			time.Sleep(time.Second)
		}
		d := w.Disk.(*disk)
		d.mu.Lock()
		if n := d.writes; n < 5 || n > 13 {
			t.Errorf("%d writes in an hour of changes, want about 12", n)
		}
		d.broken = errors.New("disk full")
		d.mu.Unlock()
		time.Sleep(time.Hour)
		stop()
	})
}

func retain(b *Broker, topic, payload string) {
	b.snapshot.restore([]kept{{topic, []byte(payload), 0}})
	b.snapshot.touch()
}

func TestSnapshotCutAnywhere(t *testing.T) {
	whole := encodeSnapshot([]kept{{"a/b", []byte("one"), 1}, {"a/c", []byte("two"), 0}})
	for n := range whole {
		if _, err := decodeSnapshot(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes were taken for the whole", n, len(whole))
		}
	}
	all, err := decodeSnapshot(whole)
	if err != nil || len(all) != 2 {
		t.Errorf("decodeSnapshot = %v, %v", all, err)
	}
}

func TestSnapshotFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		w.Disk.(*disk).files[snapshotFile] = []byte("rubbish")
		w.Disk.(*disk).files[snapshotFile+".prev"] = encodeSnapshot([]kept{{"mihome2mqtt/d/x", []byte("1"), 0}})
		var log bytes.Buffer
		b, err := NewBroker(BrokerOptions{World: w, Log: zerolog.New(&log), Listen: listen})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(b.snapshot.collect()); n != 1 {
			t.Errorf("%d messages restored, want 1", n)
		}
	})
}

func FuzzSnapshot(f *testing.F) {
	f.Add(encodeSnapshot([]kept{{"a/b", []byte("one"), 1}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := decodeSnapshot(data)
		if err == nil {
			if again, err := decodeSnapshot(encodeSnapshot(all)); err != nil || len(again) != len(all) {
				t.Errorf("does not survive a round: %v", err)
			}
		}
	})
}
