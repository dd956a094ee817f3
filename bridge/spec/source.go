package spec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const maxSets = 100 // files of a folder that are read through

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

// models returns the models whose fetched specs are kept.
func (d diskSource) models() []string {
	if d.disk == nil {
		return nil
	}
	names, err := d.disk.List("specs")
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range names {
		model, ok := strings.CutSuffix(strings.TrimPrefix(name, "specs/"), ".json")
		if ok && ValidModel(model) {
			out = append(out, model)
		}
	}
	return out
}

func keptName(model string) string { return "specs/" + model + ".json" }

// Folder is a Source of a folder: files <model>.json, and sets *.jsonl and
// *.jsonl.gz, which are looked into by Search.
type Folder struct{ fsys fs.FS }

var (
	_ Source   = (*Folder)(nil)
	_ Searcher = (*Folder)(nil)
)

// NewFolder returns a Source that reads fsys.
func NewFolder(fsys fs.FS) *Folder { return &Folder{fsys} }

// Instance implements Source: it looks at the file of the model alone.
func (f *Folder) Instance(model string) ([]byte, error) {
	file, err := f.fsys.Open(model + ".json")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, MaxSize+1))
}

// Search implements Searcher: it reads every set through once. A released spec
// goes before a preview, that before any other; the first one counts.
func (f *Folder) Search(models []string) (map[string][]byte, error) {
	sets, err := f.sets()
	found := map[string][]byte{}
	best := map[string]int{}
	for _, name := range sets {
		setErr := f.set(name, func(l Line) error {
			if !slices.Contains(models, l.Model) || found[l.Model] != nil && rank(l.Status) <= best[l.Model] {
				return nil
			}
			found[l.Model], best[l.Model] = l.Instance, rank(l.Status)
			return nil
		})
		if setErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, setErr))
		}
	}
	return found, err
}

func (f *Folder) sets() ([]string, error) {
	entries, err := fs.ReadDir(f.fsys, ".")
	if err != nil {
		if notThere(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("spec: specs folder: %w", err)
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".jsonl") || strings.HasSuffix(e.Name(), ".jsonl.gz") {
			out = append(out, e.Name())
		}
	}
	if len(out) > maxSets {
		return out[:maxSets], fmt.Errorf("spec: specs folder: %d sets, the first %d are read", len(out), maxSets)
	}
	return out, nil
}

func (f *Folder) set(name string, each func(Line) error) error {
	file, err := f.fsys.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return Lines(file, each)
}

func rank(status string) int {
	switch status {
	case "released":
		return 2
	case "preview":
		return 1
	}
	return 0
}
