package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Limits of profile files.
const (
	MaxFile   = 64 << 10 // the largest of ours has 10 KiB; reading YAML is slow
	MaxFiles  = 2000
	MaxTotal  = 8 << 20
	MaxModels = 500 // in one file
	maxDepth  = 20
	maxText   = 512
)

// Set is every profile of a folder.
type Set struct {
	files  []*source // sorted by name
	legacy []string

	mu    sync.Mutex // guards built
	built map[string]*Profile
}

// source is one file of profiles.
type source struct {
	name string
	file *file
}

// Load reads every *.yaml below fsys. A mistake names the file, line and column.
func Load(fsys fs.FS) (*Set, error) {
	s := &Set{built: map[string]*Profile{}}
	total := 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		raw, err := readFile(fsys, name)
		if err != nil {
			return err
		}
		if total += len(raw); total > MaxTotal || len(s.files) == MaxFiles {
			return fmt.Errorf("profile: %s: more than %d files or %d bytes of profiles", name, MaxFiles, MaxTotal)
		}
		return s.add(name, raw)
	})
	if err != nil {
		return nil, err
	}
	return s, s.check()
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("profile: %s: %w", name, err)
	}
	if len(raw) > MaxFile {
		return nil, fmt.Errorf("profile: %s: larger than %d bytes", name, MaxFile)
	}
	return raw, nil
}

// add reads one file and builds it once for each of its models, so that every
// mistake shows at the start.
func (s *Set) add(name string, raw []byte) error {
	f, tree, err := decode(name, raw)
	if err != nil {
		return err
	}
	s.legacy = append(s.legacy, f.Legacy...)
	if len(f.Models) == 0 && len(f.Legacy) > 0 {
		return nil
	}
	if len(f.Models) == 0 {
		return place(name, tree, wrong("$", "models: a profile needs at least one model"))
	}
	if len(f.Models) > MaxModels {
		return place(name, tree, wrong("$.models", "more than %d models", MaxModels))
	}
	for i, m := range f.Models {
		if !pattern(m) {
			return place(name, tree, wrong(fmt.Sprintf("$.models[%d]", i), "%q is no model such as vendor.type.version; a star may stand at its end", m))
		}
		if _, err := build(f, strings.ReplaceAll(m, "*", "any")); err != nil {
			return place(name, tree, err)
		}
	}
	s.files = append(s.files, &source{name, f})
	return nil
}

// check refuses two files for the same model.
func (s *Set) check() error {
	owner := map[string]string{}
	for _, src := range s.files {
		for _, m := range src.file.Models {
			if other, taken := owner[m]; taken {
				return fmt.Errorf("profile: %s: model %s is in %s too", src.name, m, other)
			}
			owner[m] = src.name
		}
	}
	return nil
}

// Match returns the profile of a model, nil when there is none. The model's own
// name goes before the longest pattern that fits.
func (s *Set) Match(model string) *Profile {
	src := s.find(model)
	if src == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.built[model]; p != nil {
		return p
	}
	p, err := build(src.file, model)
	if err != nil {
		return nil // it was built for the pattern; only an odd model gets here
	}
	s.built[model] = p
	return p
}

func (s *Set) find(model string) *source {
	var best *source
	long := -1
	for _, src := range s.files {
		for _, m := range src.file.Models {
			if len(m) > long && fits(m, model) {
				best, long = src, len(m)
			}
			if m == model {
				return src
			}
		}
	}
	return best
}

// Legacy reports whether a model is known to speak no MIoT, with or without a
// profile.
func (s *Set) Legacy(model string) bool {
	return s.find(model) != nil || slices.ContainsFunc(s.legacy, func(p string) bool { return fits(p, model) })
}

// Models returns every model and pattern that has a profile, sorted.
func (s *Set) Models() []string {
	var out []string
	for _, src := range s.files {
		out = append(out, src.file.Models...)
	}
	slices.Sort(out)
	return out
}

// File is a file of profiles with the models and patterns that it is for.
type File struct {
	Name   string
	Models []string
}

// Files returns every file of profiles, sorted by name.
func (s *Set) Files() []File {
	out := make([]File, len(s.files))
	for i, src := range s.files {
		out[i] = File{src.name, slices.Clone(src.file.Models)}
	}
	return out
}

var modelPattern = regexp.MustCompile(`^[a-z0-9_-]+\.[a-z0-9_-]+\.([a-z0-9_-]+\*?|\*)$`)

func pattern(s string) bool { return len(s) <= 100 && modelPattern.MatchString(s) }

func fits(pattern, model string) bool {
	prefix, star := strings.CutSuffix(pattern, "*")
	return pattern == model || star && strings.HasPrefix(model, prefix)
}

// applies reports whether a part restricted to models is there for one. A
// leading ! takes models out; a list of nothing but those means all others.
func applies(models []string, model string) bool {
	only, hit := false, false
	for _, m := range models {
		out, isOut := strings.CutPrefix(m, "!")
		if isOut && fits(out, model) {
			return false
		}
		only = only || !isOut
		hit = hit || !isOut && fits(m, model)
	}
	return hit || !only
}

// decode reads the YAML of a file strictly. Anchors are no part of the language.
func decode(name string, raw []byte) (f *file, tree *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil { // the YAML reader panics on a few broken texts
			err = fmt.Errorf("profile: %s: this is no YAML", name)
		}
	}()
	if line := tooDeep(raw); line > 0 {
		return nil, nil, fmt.Errorf("profile: %s:%d: nested deeper than %d", name, line, maxDepth)
	}
	if tree, err = parser.ParseBytes(raw, 0); err != nil {
		return nil, nil, positioned(name, err)
	}
	if at := anchor(tree); at != nil {
		p := at.GetToken().Position
		return nil, nil, fmt.Errorf("profile: %s:%d:%d: anchors and aliases are not used here", name, p.Line, p.Column)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, nil, fmt.Errorf("profile: %s: a file is one profile", name)
	}
	f = &file{}
	dec := yaml.NewDecoder(bytes.NewReader(nil), yaml.Strict(), yaml.DisallowUnknownField())
	if err := dec.DecodeFromNode(tree.Docs[0].Body, f); err != nil {
		return nil, nil, positioned(name, err)
	}
	return f, tree, nil
}

// positioned brings an error of the YAML reader into the form file:line:column.
func positioned(name string, err error) error {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		text, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("profile: %s: %s", name, text)
	}
	p := e.GetToken().Position
	return fmt.Errorf("profile: %s:%d:%d: %s", name, p.Line, p.Column, e.GetMessage())
}

// place finds the line and column of a fault.
func place(name string, tree *ast.File, err error) error {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return fmt.Errorf("profile: %s: %w", name, err)
	}
	for at := f.path; at != ""; at = parent(at) {
		p, pathErr := yaml.PathString(at)
		if pathErr != nil {
			break
		}
		node, findErr := p.FilterFile(tree)
		if findErr == nil && node != nil && node.GetToken() != nil {
			pos := start(node).Position
			return fmt.Errorf("profile: %s:%d:%d: %w", name, pos.Line, pos.Column, f.err)
		}
	}
	return fmt.Errorf("profile: %s: %w", name, f.err)
}

// parent cuts the last step off a path: $.a[1].b, $.a[1], $.a, $.
func parent(path string) string {
	i := strings.LastIndexAny(path, ".[")
	if i < 0 {
		return ""
	}
	return path[:i]
}
