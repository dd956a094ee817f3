package store

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// Power is cut in each write of a run; what is there afterwards is the old value
// or the new one, and never less.
func TestPowerCutAtAnyWriteLosesNothingOlder(t *testing.T) {
	for seed := range uint64(20) {
		for cut := 1; cut <= 4; cut++ {
			disk := world.NewDisk(seed)
			s := New(disk, nil, zerolog.Nop())
			s.Save("word", 0)
			s.flush(true)
			disk.KillAt(cut)
			last := 0
			for i := 1; i <= 4; i++ {
				s.Save("word", i)
				s.flush(true)
				last = i
			}
			disk.PowerOn(false)
			var got int
			if !New(disk, nil, zerolog.Nop()).Load("word", &got) || got < cut-1 || got > last {
				t.Fatalf("seed %d, cut in write %d: %d is left, want at least %d", seed, cut, got, cut-1)
			}
		}
	}
}

func TestReadOnlyDiskRunsFromMemory(t *testing.T) {
	disk := world.NewDisk(1)
	disk.Protect(true)
	s := New(disk, nil, zerolog.Nop())
	s.Save("word", "kept")
	s.flush(true)
	var got string
	if !s.Load("word", &got) || got != "kept" {
		t.Errorf("Load gives %q from a read-only disk", got)
	}
	if err := s.Failing(); !errors.Is(err, syscall.EROFS) {
		t.Errorf("the last write failed with %v", err)
	}
	disk.Protect(false)
	if err := s.Try(); err != nil || s.Failing() != nil {
		t.Errorf("a disk that can be written again: %v, %v", err, s.Failing())
	}
	disk.Protect(true)
	if err := s.Try(); !errors.Is(err, syscall.EROFS) || s.Failing() == nil {
		t.Errorf("a read-only disk takes a trial: %v", err)
	}
	if all, err := disk.List(""); err != nil || len(all) != 0 {
		t.Errorf("the trial left %v, %v", all, err)
	}
}

func TestFullDiskIsTriedAgainByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := world.NewDisk(1)
		disk.Fill(1)
		s := New(disk, nil, zerolog.Nop())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		s.Save("word", "kept")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		disk.Fill(0)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, err := disk.ReadFile("word.json"); err != nil {
			t.Error("with room again nothing was written:", err)
		}
		stop()
		<-done
	})
}
