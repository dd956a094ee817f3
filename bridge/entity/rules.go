package entity

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Rules are the loaded mapping files. They are immutable.
type Rules struct {
	units    map[string]string
	classes  map[string]map[string]class
	words    map[string]map[string]string // group → bare label → word
	devices  map[string]deviceRule
	services []serviceRule
	singles  index[propertyRule]
	actions  index[actionRule]
	events   index[eventRule]
	fallback []fallbackRule
	latches  []latchRule
	fixes    []correction
	names    map[string]map[string]string // language → English → name
}

// Load reads the mapping files below each of the trees; a later tree lies over
// the earlier ones: a file of the same path replaces theirs, its rules come
// first and its corrections last. Errors name file, line and column.
func Load(trees ...fs.FS) (*Rules, error) {
	l := newLoader()
	for _, tree := range shadow(trees) {
		l.tree(tree)
	}
	if err := errors.Join(l.settled()...); err != nil {
		return nil, err
	}
	return l.rules(), nil
}

// Validate returns everything that is wrong with the mapping files below tree,
// each with file, line and column. References to words of other trees are not
// errors: base is what lies below.
func Validate(tree fs.FS, base ...fs.FS) []error {
	l := newLoader()
	for _, below := range base {
		l.tree(below)
	}
	l.problems, l.later = nil, nil
	l.tree(tree)
	return l.settled()
}

// index finds the rules for a name: those that name it and those with a glob.
type index[R any] struct {
	rules  []R
	byName map[string][]int
	globs  []pattern
}

type pattern struct {
	glob string
	rule int
}

func newIndex[R any](rules []R, names func(*R) []string) index[R] {
	x := index[R]{rules: rules, byName: map[string][]int{}}
	for i := range rules {
		for _, name := range names(&rules[i]) {
			if strings.ContainsAny(name, "*?[") {
				x.globs = append(x.globs, pattern{name, i})
				continue
			}
			if at := x.byName[name]; len(at) == 0 || at[len(at)-1] != i {
				x.byName[name] = append(at, i)
			}
		}
	}
	return x
}

// find returns the first rule for service/name that fits.
func (x *index[R]) find(service, name string, fits func(*R) bool) *R {
	best := -1
	try := func(i int) {
		if (best < 0 || i < best) && fits(&x.rules[i]) {
			best = i
		}
	}
	full := service + "/" + name
	for _, i := range x.byName[full] {
		try(i)
	}
	for _, i := range x.byName[name] {
		try(i)
	}
	for _, g := range x.globs {
		subject := name
		if strings.Contains(g.glob, "/") {
			subject = full
		}
		if (best < 0 || g.rule < best) && match(g.glob, subject) {
			try(g.rule)
		}
	}
	if best < 0 {
		return nil
	}
	return &x.rules[best]
}

// match reports whether a glob fits; * stands for anything but a slash.
func match(glob, name string) bool {
	if glob == name {
		return true
	}
	ok, err := path.Match(glob, name)
	return err == nil && ok
}

// anyMatch reports whether one of the globs fits; none at all fit everything.
func anyMatch(globs []string, name string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(g string) bool { return match(g, name) })
}

// word returns what a label means within a vocabulary; "" when nothing.
func (r *Rules) word(group, label string) string { return r.words[group][bare(label)] }

// unit returns Home Assistant's spelling of a spec's unit; "" for none.
func (r *Rules) unit(u string) string {
	if u == "" || u == "none" {
		return ""
	}
	if known, ok := r.units[strings.ToLower(u)]; ok {
		return known
	}
	return strings.ReplaceAll(u, "µ", "μ")
}

// class finds the first of the classes a|b|… that the component has and that
// takes the unit.
func (r *Rules) class(component, wanted, unit string) (string, *class) {
	for name := range strings.SplitSeq(wanted, "|") {
		c, ok := r.classes[component][name]
		if ok && (len(c.Units) == 0 || slices.Contains(c.Units, unit)) {
			return name, &c
		}
	}
	return "", nil
}

// corrections returns those that fit a model, in the order to apply them.
func (r *Rules) corrections(model string) []*correction {
	var fit []*correction
	if model == "" {
		return nil
	}
	for i := range r.fixes {
		if slices.ContainsFunc(r.fixes[i].Models, func(g string) bool { return match(g, model) }) {
			fit = append(fit, &r.fixes[i])
		}
	}
	return fit
}

// Like returns the model whose spec describes model better than its own does:
// model itself unless a correction says otherwise.
func (r *Rules) Like(model string) string {
	for _, c := range r.corrections(model) {
		if c.Like != "" {
			model = c.Like
		}
	}
	return model
}
