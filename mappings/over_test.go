package mappings

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
)

func TestOverLaysTheUsersFilesOnTop(t *testing.T) {
	below := fstest.MapFS{"rules/a.yaml": {Data: []byte("built-in")}, "rules/b.yaml": {Data: []byte("built-in")}}
	user := fstest.MapFS{"rules/b.yaml": {Data: []byte("mine")}, "rules/c.yaml": {Data: []byte("mine")}, "models/acme.yaml": {Data: []byte("mine")}}
	both := layers{user, below}
	for name, want := range map[string]string{"rules/a.yaml": "built-in", "rules/b.yaml": "mine", "rules/c.yaml": "mine", "models/acme.yaml": "mine"} {
		if got, err := fs.ReadFile(both, name); string(got) != want || err != nil {
			t.Errorf("%s = %q, %v; want %q", name, got, err, want)
		}
	}
	var names []string
	err := fs.WalkDir(both, ".", func(name string, e fs.DirEntry, err error) error {
		if !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if want := []string{"models/acme.yaml", "rules/a.yaml", "rules/b.yaml", "rules/c.yaml"}; !slices.Equal(names, want) || err != nil {
		t.Errorf("walked %q, %v; want %q", names, err, want)
	}
	for _, name := range []string{"none", "rules/none.yaml"} {
		if _, err := both.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open %s: %v", name, err)
		}
	}
	if _, err := fs.ReadDir(both, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read none: %v", err)
	}
}
