package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
)

// memory is a Disk of a map that can be full.
type memory struct {
	files  fstest.MapFS
	full   bool
	writes int
}

func (m *memory) ReadFile(name string) ([]byte, error) { return fs.ReadFile(m.files, name) }
func (m *memory) Remove(name string) error             { return errors.New("nothing is removed") }
func (m *memory) List(string) ([]string, error)        { return nil, nil }
func (m *memory) FS() fs.FS                            { return m.files }
func (m *memory) WriteFile(name string, data []byte) error {
	if m.full {
		return errors.New("data folder full: 0 bytes free")
	}
	m.writes++
	if old, ok := m.files[name]; ok {
		m.files[name+".prev"] = old
	}
	m.files[name] = &fstest.MapFile{Data: bytes.Clone(data)}
	return nil
}

// plainFile is a file without a secret.
func plainFile(body []byte) []byte {
	raw, err := (*sealed.Key)(nil).Encode(body, false)
	if err != nil {
		panic(err) // nothing is encrypted
	}
	return raw
}

func newMemory() *memory { return &memory{files: fstest.MapFS{}} }

// saved returns a disk that holds the words in the order saved.
func saved(t *testing.T, words ...string) *memory {
	t.Helper()
	disk := newMemory()
	for _, w := range words {
		s := New(disk, nil, zerolog.Nop())
		s.Save("word", w)
		s.flush(true)
	}
	return disk
}

func load(disk *memory, log zerolog.Logger) (string, bool) {
	var got string
	ok := New(disk, nil, log).Load("word", &got)
	return got, ok
}

func TestFileCutAnywhereFallsBackToTheCopyBefore(t *testing.T) {
	whole := saved(t, "first", "second").files["word.json"].Data
	for n := range whole {
		disk := saved(t, "first", "second")
		disk.files["word.json"].Data = whole[:n]
		if got, ok := load(disk, zerolog.Nop()); !ok || got != "first" {
			t.Fatalf("cut after %d of %d bytes: got %q %v, want the copy before", n, len(whole), got, ok)
		}
		if _, kept := disk.files["word.json.bad"]; !kept {
			t.Fatalf("cut after %d bytes: the damaged file was not kept", n)
		}
	}
}

func TestNewerFileStaysAsItIs(t *testing.T) {
	disk := newMemory()
	newer := []byte("{\"version\":99,\"crc\":0}\n{}")
	disk.files["word.json"] = &fstest.MapFile{Data: newer}
	var out bytes.Buffer
	s := New(disk, nil, zerolog.New(&out))
	var got string
	if s.Load("word", &got) {
		t.Error("a newer file was read")
	}
	s.Save("word", "mine")
	s.flush(true)
	if !bytes.Equal(disk.files["word.json"].Data, newer) {
		t.Error("a newer file was overwritten")
	}
	if !strings.Contains(out.String(), "newer version of mihome2mqtt") {
		t.Errorf("the log does not say why: %s", out.String())
	}
}

func TestSavesAreCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newMemory()
		s := New(disk, nil, zerolog.Nop())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		for i := range 100 {
			s.Save("count", i)
		}
		var got int
		if !s.Load("count", &got) || got != 99 {
			t.Errorf("before it is written Load gives %d, want 99", got)
		}
		time.Sleep(saveDelay + time.Second)
		synctest.Wait()
		if disk.writes != 1 {
			t.Errorf("%d writes for 100 saves, want 1", disk.writes)
		}
		s.Save("last", true)
		stop()
		<-done
		if _, ok := disk.files["last.json"]; !ok {
			t.Error("what was saved last was lost at the stop")
		}
	})
}

func TestFullDiskIsSaidOnceAndNothingIsLost(t *testing.T) {
	disk := newMemory()
	disk.full = true
	var out bytes.Buffer
	s := New(disk, nil, zerolog.New(&out))
	for i := range 50 {
		s.Save("count", i)
		s.flush(true)
	}
	if n := strings.Count(out.String(), "cannot be written"); n != 1 {
		t.Errorf("said %d times, want once: %s", n, out.String())
	}
	disk.full = false
	s.flush(true)
	var got int
	if !New(disk, nil, zerolog.Nop()).Load("count", &got) || got != 49 {
		t.Errorf("with room again %d is kept, want 49", got)
	}
}

func TestDevicesKeepTheirTokens(t *testing.T) {
	disk := newMemory()
	s := New(disk, nil, zerolog.Nop())
	want := mi.Info{DID: "123", Model: "x.light.y", Token: "00112233445566778899aabbccddeeff"}
	s.SaveDevices([]mi.Info{want, {DID: "bad/did"}})
	s.flush(true)
	if got := New(disk, nil, zerolog.Nop()).LoadDevices(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v alone", got, want)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(plainFile([]byte(`"word"`)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		disk := newMemory()
		disk.files["devices.json"] = &fstest.MapFile{Data: raw}
		New(disk, nil, zerolog.Nop()).LoadDevices()
	})
}

func TestDamagedFileIsMendedFromTheCopy(t *testing.T) {
	disk := saved(t, "first", "second")
	disk.files["word.json"].Data = []byte("rubbish")
	load(disk, zerolog.Nop())
	for _, name := range []string{"word.json", "word.json.prev"} {
		if body, err := (*sealed.Key)(nil).Decode(disk.files[name].Data); err != nil || string(body) != `"first"` {
			t.Errorf("%s holds %q, %v; want the good copy", name, body, err)
		}
	}
}

func TestBothDamagedStartsEmptyAndSaysSo(t *testing.T) {
	disk := saved(t, "first", "second")
	disk.files["word.json"].Data = []byte("rubbish")
	disk.files["word.json.prev"].Data = nil
	var out bytes.Buffer
	if got, ok := load(disk, zerolog.New(&out)); ok || got != "" {
		t.Errorf("got %q %v from two damaged files", got, ok)
	}
	if !strings.Contains(out.String(), "what they held is gone") || string(disk.files["word.json.bad"].Data) != "rubbish" {
		t.Errorf("log %s, kept aside %q", out.String(), disk.files["word.json.bad"].Data)
	}
}

// A value of another shape is damage too, and nothing of it gets into the result.
func TestOtherShapeIsDamage(t *testing.T) {
	disk := newMemory()
	disk.files["pair.json"] = &fstest.MapFile{Data: plainFile([]byte(`{"A":"half","B":"text"}`))}
	var got struct {
		A string
		B int
	}
	if New(disk, nil, zerolog.Nop()).Load("pair", &got) || got.A != "" {
		t.Errorf("got %+v from a value of another shape", got)
	}
	if disk.files["pair.json.bad"] == nil {
		t.Error("the file was not kept aside")
	}
}

func TestNewerFileStaysThoughNobodyReadIt(t *testing.T) {
	disk := newMemory()
	newer := []byte("{\"version\":99,\"crc\":0}\n{}")
	disk.files["word.json"] = &fstest.MapFile{Data: newer}
	s := New(disk, nil, zerolog.Nop())
	s.Save("word", "mine")
	s.flush(true)
	if !bytes.Equal(disk.files["word.json"].Data, newer) {
		t.Error("a newer file was overwritten")
	}
}

// The value changes every second for an hour.
func TestOneFileIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newMemory()
		s := New(disk, nil, zerolog.Nop())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		for i := range 3600 {
			s.Save("count", i)
			s.Save("still", "the same")
			time.Sleep(time.Second)
		}
		stop()
		<-done
		if disk.writes < 50 || disk.writes > 63 {
			t.Errorf("%d writes in an hour, want one a minute", disk.writes)
		}
		var got int
		if !New(disk, nil, zerolog.Nop()).Load("count", &got) || got != 3599 {
			t.Errorf("the disk holds %d, want the newest value", got)
		}
	})
}

// Files as earlier releases wrote them stay readable.
func TestFilesOfEarlierReleases(t *testing.T) {
	for _, tc := range []struct{ name, file string }{
		{"version 1", "{\"version\":1,\"crc\":1410338504}\n[{\"DID\":\"123\",\"Model\":\"x.light.y\",\"Name\":\"Lamp\",\"Room\":\"\",\"MAC\":\"\",\"Addr\":\"192.0.2.7:54321\",\"Parent\":\"\",\"Firmware\":\"\",\"Hardware\":\"\",\"Token\":\"00112233445566778899aabbccddeeff\"}]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			disk := newMemory()
			disk.files["devices.json"] = &fstest.MapFile{Data: []byte(tc.file)}
			got := New(disk, nil, zerolog.Nop()).LoadDevices()
			want := mi.Info{DID: "123", Model: "x.light.y", Name: "Lamp", Addr: "192.0.2.7:54321", Token: "00112233445566778899aabbccddeeff"}
			if len(got) != 1 || got[0] != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	disk := newMemory()
	disk.full = true
	var out bytes.Buffer
	s := New(disk, nil, zerolog.New(&out))
	s.SaveDevices([]mi.Info{{DID: "123", Token: "00112233445566778899aabbccddeeff"}})
	s.flush(true)
	if out.Len() == 0 || strings.Contains(out.String(), "0011223344") {
		t.Errorf("the log says %q", out.String())
	}
}

func TestNamesAreChecked(t *testing.T) {
	disk := newMemory()
	s := New(disk, nil, zerolog.Nop())
	for _, name := range []string{"", "..", "../x", "a/b", ".hidden", "a\x00b", strings.Repeat("a", 101)} {
		s.Save(name, 1)
		if s.Load(name, new(int)) {
			t.Errorf("%q was kept", name)
		}
	}
	s.flush(true)
	if disk.writes != 0 {
		t.Errorf("%d files written", disk.writes)
	}
}
