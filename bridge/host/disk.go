package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
	temp                 = ".tmp"  // of a write that is under way
	previous             = ".prev" // content before the last write
)

// Disk is a folder of this machine that only its owner can read.
type Disk struct {
	dir      string
	root     *os.Root
	repaired []string

	writing sync.Mutex // one write at a time
}

var _ mi.Disk = (*Disk)(nil)

// OpenDisk opens the data folder, creating it when it is missing. Files and
// folders that others could read are closed to them. A folder that cannot be
// written is opened all the same: its writes fail in words.
func OpenDisk(dir string) (*Disk, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("host: data folder: %w", explain(dir, err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("host: data folder: %w", explain(dir, err))
	}
	d := &Disk{dir: dir, root: root}
	if err := d.tidy(); err != nil {
		return nil, errors.Join(fmt.Errorf("host: data folder: %w", explain(dir, err)), root.Close())
	}
	return d, nil
}

// tidy repairs modes and removes what an interrupted write left behind.
func (d *Disk) tidy() error {
	return fs.WalkDir(d.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		want := fileMode
		switch {
		case e.IsDir():
			want = dirMode
		case !e.Type().IsRegular():
			return nil
		case strings.HasSuffix(name, temp):
			_ = d.root.Remove(name) // a read-only folder keeps it; it is never read
			return nil
		}
		d.repair(name, want)
		return nil
	})
}

func (d *Disk) repair(name string, want fs.FileMode) {
	st, err := d.root.Stat(name)
	if err != nil || st.Mode().Perm() == want {
		return
	}
	if d.root.Chmod(name, want) == nil {
		d.repaired = append(d.repaired, fmt.Sprintf("%s: mode %#o made %#o", path.Join(d.dir, name), st.Mode().Perm(), want))
	}
}

// Repaired says in words which modes OpenDisk put right.
func (d *Disk) Repaired() []string { return d.repaired }

// ReadFile implements mi.Disk.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	b, err := d.root.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("host: read %s: %w", name, explain(d.dir, err))
	}
	return b, nil
}

// WriteFile implements mi.Disk: temporary file, sync, rename, sync of the folder.
func (d *Disk) WriteFile(name string, data []byte) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if err := d.replace(name, data); err != nil {
		_ = d.root.Remove(name + temp)
		return fmt.Errorf("host: write %s: %w", name, explain(d.dir, err))
	}
	return nil
}

func (d *Disk) replace(name string, data []byte) error {
	if err := d.root.MkdirAll(path.Dir(name), dirMode); err != nil {
		return err
	}
	if err := d.create(name+temp, data); err != nil {
		return err
	}
	if err := d.keep(name); err != nil {
		return err
	}
	if err := d.root.Rename(name+temp, name); err != nil {
		return err
	}
	return d.syncDir(path.Dir(name))
}

func (d *Disk) create(name string, data []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// keep makes the file's content its previous one; the name is never missing.
func (d *Disk) keep(name string) error {
	link := name + previous + temp
	_ = d.root.Remove(link) // of an interrupted write
	err := d.root.Link(name, link)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS) {
		err = d.copy(name, link) // a file system without hard links
	}
	if err != nil {
		return err
	}
	return d.root.Rename(link, name+previous)
}

func (d *Disk) copy(from, to string) error {
	b, err := d.root.ReadFile(from)
	if err != nil {
		return err
	}
	return d.create(to, b)
}

func (d *Disk) syncDir(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) {
		err = nil // a file system that does not sync folders
	}
	return errors.Join(err, f.Close())
}

// Remove implements mi.Disk. The previous content goes too; removing what is not
// there is no error.
func (d *Disk) Remove(name string) error {
	for _, n := range []string{name + previous, name} {
		if err := d.root.Remove(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("host: remove %s: %w", name, explain(d.dir, err))
		}
	}
	return nil
}

// List implements mi.Disk.
func (d *Disk) List(dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(d.root.FS(), path.Clean("./"+dir), func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.HasSuffix(name, temp) {
			names = append(names, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("host: list %s: %w", dir, explain(d.dir, err))
	}
	slices.Sort(names)
	return names, nil
}

// FS implements mi.Disk.
func (d *Disk) FS() fs.FS { return d.root.FS() }

// Close releases the folder.
func (d *Disk) Close() error { return d.root.Close() }
