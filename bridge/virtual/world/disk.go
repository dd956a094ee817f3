package world

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing/fstest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// Disk is a data folder in memory that can be full, read-only, or lose its power
// in the middle of a write.
type Disk struct {
	seed uint64

	mu       sync.Mutex // guards the fields below
	files    map[string][]byte
	synced   map[string][]byte // what survives a power cut for sure
	limit    int               // bytes; 0 is none
	readOnly bool
	slow     time.Duration // before each call
	dead     bool          // between PowerLoss and PowerOn
	killAt   int           // number of the write that is interrupted; 0 is none
	writes   int
	written  int
}

var _ mi.Disk = (*Disk)(nil)

// NewDisk makes an empty disk.
func NewDisk(seed uint64) *Disk {
	return &Disk{seed: seed, files: map[string][]byte{}, synced: map[string][]byte{}}
}

const previous = ".prev"

// Fill limits the disk to so many bytes; 0 takes the limit away.
func (d *Disk) Fill(limit int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit = limit
}

// Protect makes the disk read-only, or writable again.
func (d *Disk) Protect(readOnly bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readOnly = readOnly
}

// Delay makes every call wait, as a worn card or a busy network disk does.
func (d *Disk) Delay(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow = by
}

// wait lets the disk work on a file. It must not be called with d.mu held.
func (d *Disk) wait(name string) {
	d.mu.Lock()
	slow := d.slow
	d.mu.Unlock()
	if slow > 0 {
		<-time.After(slow + time.Duration(nature.Roll(d.seed, "slow "+name)%uint64(time.Millisecond)))
	}
}

// KillAt interrupts the n-th write from now on by a power cut; 1 is the next.
func (d *Disk) KillAt(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.killAt = d.writes + n
}

// PowerLoss cuts the power: every later call fails until PowerOn.
func (d *Disk) PowerLoss() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
}

// PowerOn brings the disk back with what survived. A disk that lies about
// syncing loses more: of each file written since the last PowerOn, any prefix
// may be all that is left.
func (d *Disk) PowerOn(lies bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead, d.killAt = false, 0
	if lies {
		d.tear()
	}
	d.synced = clone(d.files)
}

// tear keeps a prefix of each file that changed.
func (d *Disk) tear() {
	names := sortedNames(d.files)
	for i, name := range names {
		if string(d.synced[name]) == string(d.files[name]) {
			continue
		}
		whole := d.files[name]
		d.files[name] = whole[:nature.Roll(d.seed, "tear "+name, uint64(d.writes), uint64(i))%uint64(len(whole)+1)]
	}
}

// Wear returns how many writes and bytes the disk has seen.
func (d *Disk) Wear() (writes, bytes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes, d.written
}

// Put sets a file's content without a write, as somebody from outside would.
func (d *Disk) Put(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name] = slices.Clone(data)
}

// ready reports why nothing can be done, or nil.
func (d *Disk) ready(write bool) error {
	switch {
	case d.dead:
		return syscall.EIO
	case write && d.readOnly:
		return syscall.EROFS
	}
	return nil
}

// ReadFile implements mi.Disk.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	d.wait(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.ready(false)
	data, ok := d.files[name]
	if err == nil && !ok {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("virtual: read %s: %w", name, err)
	}
	return slices.Clone(data), nil
}

// WriteFile implements mi.Disk.
func (d *Disk) WriteFile(name string, data []byte) error {
	d.wait(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.write(name, data); err != nil {
		return fmt.Errorf("virtual: write %s: %w", name, err)
	}
	return nil
}

func (d *Disk) write(name string, data []byte) error {
	if err := d.ready(true); err != nil {
		return err
	}
	if d.limit > 0 && d.used()+len(data) > d.limit {
		return syscall.ENOSPC
	}
	d.writes++
	d.written += len(data)
	if d.writes == d.killAt {
		d.interrupt(name, data)
		return syscall.EIO
	}
	d.keep(name)
	d.files[name] = slices.Clone(data)
	return nil
}

func (d *Disk) keep(name string) {
	if old, ok := d.files[name]; ok {
		d.files[name+previous] = old
	}
}

// interrupt leaves what a power cut leaves of an atomic write: a part of the
// temporary file, the kept old content, or the finished write.
func (d *Disk) interrupt(name string, data []byte) {
	d.dead = true
	roll := nature.Roll(d.seed, "interrupt "+name, uint64(d.writes))
	switch roll % 3 {
	case 0:
		d.files[name+".tmp"] = slices.Clone(data[:roll>>8%uint64(len(data)+1)])
	case 1:
		d.files[name+".tmp"] = slices.Clone(data)
		d.keep(name)
	default:
		d.keep(name)
		d.files[name] = slices.Clone(data)
	}
}

func (d *Disk) used() int {
	n := 0
	for _, data := range d.files {
		n += len(data)
	}
	return n
}

// Remove implements mi.Disk.
func (d *Disk) Remove(name string) error {
	d.wait(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(true); err != nil {
		return fmt.Errorf("virtual: remove %s: %w", name, err)
	}
	delete(d.files, name)
	delete(d.files, name+previous)
	return nil
}

// List implements mi.Disk.
func (d *Disk) List(dir string) ([]string, error) {
	d.wait(dir)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(false); err != nil {
		return nil, fmt.Errorf("virtual: list %s: %w", dir, err)
	}
	var names []string
	for _, name := range sortedNames(d.files) {
		if (dir == "" || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")) && !strings.HasSuffix(name, ".tmp") {
			names = append(names, name)
		}
	}
	return names, nil
}

// FS implements mi.Disk: it shows the folder as it is now.
func (d *Disk) FS() fs.FS { return folder{d} }

// folder is a view of the disk.
type folder struct{ disk *Disk }

// Open implements fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	d := f.disk
	d.wait(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(false); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	files := fstest.MapFS{}
	for n, data := range d.files {
		files[n] = &fstest.MapFile{Data: slices.Clone(data), Mode: 0o600}
	}
	return files.Open(name)
}

func sortedNames(files map[string][]byte) []string {
	return slices.Sorted(maps.Keys(files))
}

func clone(files map[string][]byte) map[string][]byte {
	return maps.Clone(files) // contents are replaced, never changed
}
