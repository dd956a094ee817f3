package entity

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of mapping files: what a person writes is far below, what an attacker
// writes is cut off early.
const (
	maxFile  = 1 << 20
	maxFiles = 2000
	maxTree  = 64 << 20
	maxDepth = 20
	maxText  = 512
	maxMarks = 40_000 // bytes that begin or part values; the YAML library needs time and memory for each
	maxKeys  = 10_000 // it compares every key with every other
)

// loader collects mapping files and what is wrong with them.
type loader struct {
	file     file // all rule files so far
	fixes    []correction
	names    map[string]map[string]string
	problems []error
	later    []func() []error // judgements that need all files
	files    int
	bytes    int64
}

func newLoader() *loader {
	return &loader{
		file: file{
			Units: map[string]string{}, Classes: map[string]map[string]class{},
			Words: map[string]vocabulary{}, Devices: map[string]deviceRule{},
		},
		names: map[string]map[string]string{},
	}
}

// tree reads the files below rules/, models/ and lang/, in the order of their
// names.
func (l *loader) tree(tree fs.FS) {
	var rules file
	for _, part := range []struct {
		folder string
		read   func(d *document)
	}{
		{"rules", func(d *document) { l.rule(d, &rules) }},
		{"models", l.model},
		{"lang", l.language},
	} {
		l.folder(tree, part.folder, part.read)
	}
	l.astray(tree)
	l.file.Services = append(rules.Services, l.file.Services...)
	l.file.Properties = append(rules.Properties, l.file.Properties...)
	l.file.Fallback = append(rules.Fallback, l.file.Fallback...)
	l.file.Actions = append(rules.Actions, l.file.Actions...)
	l.file.Events = append(rules.Events, l.file.Events...)
	l.file.Latches = append(rules.Latches, l.file.Latches...)
}

// settled returns all problems, those included that only show when every file is
// there.
func (l *loader) settled() []error {
	for _, judge := range l.later {
		l.problems = append(l.problems, judge()...)
	}
	return l.problems
}

func (l *loader) folder(tree fs.FS, folder string, read func(*document)) {
	err := fs.WalkDir(tree, folder, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)):
			return nil
		}
		d, err := l.open(tree, name)
		if err != nil {
			l.problems = append(l.problems, err)
			return nil
		}
		read(d)
		return nil
	})
	if err != nil {
		l.problems = append(l.problems, fmt.Errorf("entity: read mappings in %s: %w", folder, err))
	}
}

// open reads and parses one file within the limits.
func (l *loader) open(tree fs.FS, name string) (*document, error) {
	if l.files++; l.files > maxFiles {
		return nil, fmt.Errorf("%s: more than %d mapping files", name, maxFiles)
	}
	f, err := tree.Open(name)
	if err != nil {
		return nil, fmt.Errorf("entity: read mappings: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch l.bytes += int64(len(data)); {
	case err != nil:
		return nil, fmt.Errorf("entity: read %s: %w", name, err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxFile)
	case l.bytes > maxTree:
		return nil, fmt.Errorf("%s: the mapping files together are larger than %d bytes", name, int64(maxTree))
	}
	return parse(name, data)
}

// document is one parsed file.
type document struct {
	name string
	data []byte
	file *ast.File
}

// parse reads YAML. Anchors and aliases are refused, and so is deep nesting.
func parse(name string, data []byte) (d *document, err error) {
	defer func() {
		if p := recover(); p != nil { // a parser's bug must not stop the bridge
			d, err = nil, fmt.Errorf("%s: not readable as YAML: %v", name, p)
		}
	}()
	if marks(data) > maxMarks {
		return nil, fmt.Errorf("%s: more values than the %d that a mapping file may hold", name, maxMarks)
	}
	if err := screen(name, lexer.Tokenize(string(data))); err != nil {
		return nil, err
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, located(name, err)
	}
	if len(tree.Docs) > 1 {
		return nil, fmt.Errorf("%s: one document per file, this one has %d", name, len(tree.Docs))
	}
	return &document{name, data, tree}, nil
}

// marks counts the bytes that can begin or part values.
func marks(data []byte) int {
	n := 0
	for _, c := range data {
		switch c {
		case '\n', ':', ',', '[', ']', '{', '}', '-', '?', '"', '\'', '#':
			n++
		}
	}
	return n
}

// screen judges the tokens before anything is built from them.
func screen(name string, tokens token.Tokens) error {
	flow, line, dashes, keys := 0, 0, 0, 0
	for _, t := range tokens {
		at := func(text string) error {
			return fmt.Errorf("%s:%d:%d: %s", name, t.Position.Line, t.Position.Column, text)
		}
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType:
			return at("anchors, aliases, tags and directives are not part of the mapping language")
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType:
			dashes++
		case token.MappingValueType:
			keys++
		}
		switch {
		case keys > maxKeys:
			return at(fmt.Sprintf("more than %d keys in one file", maxKeys))
		case flow > maxDepth || dashes > maxDepth || t.Position.IndentNum > 4*maxDepth:
			return at(fmt.Sprintf("nested deeper than %d levels", maxDepth))
		case len(t.Value) > maxText && t.Type != token.CommentType:
			return at(fmt.Sprintf("a text longer than %d characters", maxText))
		}
	}
	return nil
}

// decode fills v strictly: an unknown field is an error.
func (d *document) decode(v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: not readable: %v", d.name, p)
		}
	}()
	if len(d.file.Docs) == 0 || d.file.Docs[0].Body == nil {
		return nil
	}
	if err := yaml.NodeToValue(d.file.Docs[0].Body, v, yaml.Strict()); err != nil {
		return located(d.name, err)
	}
	return nil
}

// located writes an error of the YAML library as file:line:column: message.
func located(name string, err error) error {
	var e yaml.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", name, err)
	}
	t := e.GetToken()
	if t == nil || t.Position == nil {
		return fmt.Errorf("%s: %s", name, wanted(e.GetMessage()))
	}
	return fmt.Errorf("%s:%d:%d: %s", name, t.Position.Line, t.Position.Column, wanted(e.GetMessage()))
}

// problem notes a fault at a path such as $.services[3].component.
func (d *document) problem(where, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	p, err := yaml.PathString(where)
	if err == nil {
		if node, err := p.FilterFile(d.file); err == nil && node.GetToken() != nil {
			at := node.GetToken().Position
			return fmt.Errorf("%s:%d:%d: %s", d.name, at.Line, at.Column, text)
		}
	}
	return fmt.Errorf("%s: %s: %s", d.name, strings.TrimPrefix(where, "$."), text)
}

// rule reads a file below rules/.
func (l *loader) rule(d *document, into *file) {
	var f file
	if err := d.decode(&f); err != nil {
		l.problems = append(l.problems, err)
		return
	}
	maps.Copy(l.file.Units, f.Units)
	maps.Copy(l.file.Devices, f.Devices)
	for component, classes := range f.Classes {
		if l.file.Classes[component] == nil {
			l.file.Classes[component] = map[string]class{}
		}
		maps.Copy(l.file.Classes[component], classes)
	}
	for group, words := range f.Words {
		if l.file.Words[group] == nil {
			l.file.Words[group] = vocabulary{}
		}
		for word, labels := range words {
			l.file.Words[group][word] = append(labels, l.file.Words[group][word]...)
		}
	}
	l.problems = append(l.problems, check(d, &f)...)
	l.later = append(l.later, func() []error { return l.classify(d, &f) })
	into.Services = append(into.Services, f.Services...)
	into.Properties = append(into.Properties, f.Properties...)
	into.Fallback = append(into.Fallback, f.Fallback...)
	into.Actions = append(into.Actions, f.Actions...)
	into.Events = append(into.Events, f.Events...)
	into.Latches = append(into.Latches, f.Latches...)
}

// model reads a file below models/.
func (l *loader) model(d *document) {
	var list []correction
	if err := d.decode(&list); err != nil {
		l.problems = append(l.problems, err)
		return
	}
	l.problems = append(l.problems, checkModels(d, list)...)
	l.later = append(l.later, func() []error { return l.classifyModels(d, list) })
	l.fixes = append(l.fixes, list...)
}

// language reads a file below lang/; its name is the language.
func (l *loader) language(d *document) {
	var names map[string]string
	if err := d.decode(&names); err != nil {
		l.problems = append(l.problems, err)
		return
	}
	code := strings.TrimSuffix(path.Base(d.name), path.Ext(d.name))
	if l.names[code] == nil {
		l.names[code] = map[string]string{}
	}
	maps.Copy(l.names[code], names)
}

// rules builds the indexes.
func (l *loader) rules() *Rules {
	r := &Rules{
		units: map[string]string{}, classes: l.file.Classes, words: map[string]map[string]string{}, devices: l.file.Devices,
		services: l.file.Services, fallback: l.file.Fallback, latches: l.file.Latches, fixes: l.fixes, names: l.names,
		singles: newIndex(l.file.Properties, func(p *propertyRule) []string { return p.Properties }),
		actions: newIndex(l.file.Actions, func(a *actionRule) []string { return a.Actions }),
		events:  newIndex(l.file.Events, func(e *eventRule) []string { return e.Events }),
	}
	for from, to := range l.file.Units {
		r.units[strings.ToLower(from)] = to
	}
	for group, words := range l.file.Words {
		r.words[group] = map[string]string{}
		for _, word := range sorted(words) {
			for _, label := range words[word] {
				r.words[group][bare(label)] = word
			}
		}
	}
	return r
}

// sorted returns the keys of m in order.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// shadow hides the files of each tree that a later one has too.
func shadow(trees []fs.FS) []fs.FS {
	out := make([]fs.FS, len(trees))
	for i := range trees {
		out[i] = trees[i]
		if i+1 < len(trees) {
			out[i] = &under{trees[i], trees[i+1:]}
		}
	}
	return out
}

// under is a tree with others above it.
type under struct {
	fs.FS
	above []fs.FS
}

// Open implements fs.FS. A file that lies above is not here.
func (u *under) Open(name string) (fs.File, error) {
	for _, tree := range u.above {
		if info, err := fs.Stat(tree, name); err == nil && !info.IsDir() {
			return &nothing{info}, nil
		}
	}
	return u.FS.Open(name)
}

// nothing is the empty file that stands where another tree has one.
type nothing struct{ fs.FileInfo }

// Stat implements fs.File.
func (n *nothing) Stat() (fs.FileInfo, error) { return n.FileInfo, nil }

// Read implements fs.File.
func (n *nothing) Read([]byte) (int, error) { return 0, io.EOF }

// Close implements fs.File.
func (n *nothing) Close() error { return nil }
