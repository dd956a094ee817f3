package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var modelName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){2,3}$`)

// ValidModel reports whether s has the form of a model name: vendor.type.version.
func ValidModel(s string) bool { return modelName.MatchString(s) }

func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// diskSource is the part of the data folder where fetched specs are kept.
type diskSource struct{ disk mi.Disk }

func (d diskSource) Instance(model string) ([]byte, error) { return d.read(keptName(model)) }

func (d diskSource) read(name string) ([]byte, error) {
	if d.disk == nil { // a command that leaves no trace
		return nil, fs.ErrNotExist
	}
	return d.disk.ReadFile(name)
}

func (d diskSource) write(name string, data []byte) error {
	if d.disk == nil {
		return nil
	}
	return d.disk.WriteFile(name, data)
}

func keptName(model string) string { return "specs/" + model + ".json" }

// Folder is a Source of a folder: files <model>.json, and sets *.jsonl and
// *.jsonl.gz. It is read through when it is first asked for a set.
type Folder struct {
	fsys fs.FS

	once sync.Once
	sets map[string]json.RawMessage
	err  error
}

// NewFolder returns a Source that reads fsys.
func NewFolder(fsys fs.FS) *Folder { return &Folder{fsys: fsys} }

// Instance implements Source.
func (f *Folder) Instance(model string) ([]byte, error) {
	raw, err := readLimited(f.fsys, model+".json")
	if err == nil || !notThere(err) {
		return raw, err
	}
	f.once.Do(f.index)
	if raw, ok := f.sets[model]; ok {
		return raw, nil
	}
	if f.err != nil {
		return nil, f.err
	}
	return nil, fs.ErrNotExist
}

// index reads every set of the folder; a released spec wins over the others.
func (f *Folder) index() {
	f.sets = map[string]json.RawMessage{}
	released := map[string]bool{}
	entries, err := fs.ReadDir(f.fsys, ".")
	if err != nil && !notThere(err) {
		f.err = fmt.Errorf("spec: specs folder: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".jsonl") && !strings.HasSuffix(e.Name(), ".jsonl.gz") {
			continue
		}
		err := f.set(e.Name(), func(l Line) error {
			if _, ok := f.sets[l.Model]; !ok || l.Status == "released" && !released[l.Model] {
				f.sets[l.Model], released[l.Model] = l.Instance, l.Status == "released"
			}
			return nil
		})
		if err != nil {
			f.err = fmt.Errorf("%s: %w", e.Name(), err)
		}
	}
}

func (f *Folder) set(name string, each func(Line) error) error {
	file, err := f.fsys.Open(path.Clean(name))
	if err != nil {
		return err
	}
	defer file.Close()
	return Lines(file, each)
}

func readLimited(fsys fs.FS, name string) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, MaxSize+1))
}
