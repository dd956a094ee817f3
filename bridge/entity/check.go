package entity

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"time"
)

// Words of closed lists, for checks and for the schema.
var (
	shapes     = []string{"bool", "pair", "list", "range", "number", "text"}
	accesses   = []string{"read", "write"}
	inputKinds = []string{"none", "text", "list", "number", "bool", "many"}
	categories = []string{"none", "config", "diagnostic"}
	formats    = []string{"bool", "int", "float", "string"}
	singular   = []string{"switch", "select", "number", "text", "binary_sensor", "sensor"}
	callable   = []string{"button", "scene", "text", "notify", "select", "number", "command"}
)

// Shortest and longest time between polls that a correction may ask for.
const (
	minInterval = time.Second
	maxInterval = 24 * time.Hour
)

// checker collects what is wrong with one file.
type checker struct {
	*document
	problems []error
}

func (k *checker) fault(where, format string, args ...any) {
	k.problems = append(k.problems, k.problem(where, format, args...))
}

// oneOf wants an empty word or one of a list.
func (k *checker) oneOf(where, word string, list []string) {
	if word != "" && !slices.Contains(list, word) {
		k.fault(where, "%q is not one of: %s", word, strings.Join(list, ", "))
	}
}

func (k *checker) allOf(where string, words, list []string) {
	for i, w := range words {
		k.oneOf(fmt.Sprintf("%s[%d]", where, i), w, list)
	}
}

// globs wants at least one pattern, each of them readable.
func (k *checker) globs(where string, list []string) {
	if len(list) == 0 {
		k.fault(where[:strings.LastIndexByte(where, '.')], "%s is missing", where[strings.LastIndexByte(where, '.')+1:])
	}
	for i, g := range list {
		if _, err := path.Match(g, ""); err != nil || g == "" {
			k.fault(fmt.Sprintf("%s[%d]", where, i), "%q is no pattern; use *, ? and [abc]", g)
		}
	}
}

// check judges a file below rules/ beyond its shape.
func check(d *document, f *file) []error {
	k := &checker{document: d}
	for i := range f.Services {
		k.service(fmt.Sprintf("$.services[%d]", i), &f.Services[i])
	}
	for i := range f.Properties {
		r, where := &f.Properties[i], fmt.Sprintf("$.properties[%d]", i)
		k.globs(where+".properties", r.Properties)
		k.allOf(where+".shapes", r.Shapes, shapes)
		k.oneOf(where+".access", r.Access, accesses)
		k.oneOf(where+".category", r.Category, categories)
		k.oneOf(where+".component", r.Component, singular)
	}
	for i := range f.Fallback {
		r, where := &f.Fallback[i], fmt.Sprintf("$.fallback[%d]", i)
		k.allOf(where+".shapes", r.Shapes, shapes)
		k.oneOf(where+".access", r.Access, accesses)
		k.oneOf(where+".category", r.Category, categories)
		k.oneOf(where+".component", r.Component, singular)
		if r.Component == "" {
			k.fault(where, "component is missing")
		}
	}
	for i := range f.Actions {
		r, where := &f.Actions[i], fmt.Sprintf("$.actions[%d]", i)
		k.globs(where+".actions", r.Actions)
		k.oneOf(where+".inputs", r.Inputs, inputKinds)
		k.oneOf(where+".component", r.Component, callable)
		k.oneOf(where+".category", r.Category, categories)
	}
	for i := range f.Events {
		k.globs(fmt.Sprintf("$.events[%d].events", i), f.Events[i].Events)
	}
	for i := range f.Latches {
		r, where := &f.Latches[i], fmt.Sprintf("$.latches[%d]", i)
		k.globs(where+".services", r.Services)
		if r.Rule == "" || r.On == "" || r.Name == "" || r.Off == "" && r.Below == nil {
			k.fault(where, "a latch needs rule, name, on, and off or below")
		}
	}
	return k.problems
}

func (k *checker) service(where string, r *serviceRule) {
	k.globs(where+".services", r.Services)
	makers := makers()
	k.oneOf(where+".component", r.Component, sorted(makers))
	k.oneOf(where+".category", r.Category, categories)
	switch {
	case r.Component == "":
		k.fault(where, "component is missing")
	case r.Rule == "":
		k.fault(where, "rule is missing: give it a name")
	case len(r.Needs) == 0:
		k.fault(where, "needs is missing: say which roles must be there")
	}
	for i, need := range r.Needs {
		for role := range strings.SplitSeq(need, "|") {
			if _, ok := r.Roles[role]; !ok {
				k.fault(fmt.Sprintf("%s.needs[%d]", where, i), "the rule has no role %q", role)
			}
		}
	}
	for role := range r.Words {
		if _, ok := r.Roles[role]; !ok {
			k.fault(where+".words", "the rule has no role %q", role)
		}
	}
	for _, role := range sorted(r.Roles) {
		for i, text := range r.Roles[role] {
			p := parsePlace(text)
			at := fmt.Sprintf("%s.roles.%s[%d]", where, role, i)
			if p.name == "" {
				k.fault(at, "%q names no property or action", text)
			}
			k.oneOf(at, p.shape, shapes)
		}
	}
}

// checkModels judges a file below models/.
func checkModels(d *document, list []correction) []error {
	k := &checker{document: d}
	for i := range list {
		c, where := &list[i], fmt.Sprintf("$[%d]", i)
		k.globs(where+".models", c.Models)
		k.tuning(where, c)
		for n := range c.Add {
			k.addition(fmt.Sprintf("%s.add[%d]", where, n), &c.Add[n])
		}
		for _, key := range sorted(c.Properties) {
			a := c.Properties[key]
			k.adjustment(where+".properties", key, &a)
		}
		for _, key := range sorted(c.Roles) {
			if strings.Count(key, "/") != 1 {
				k.fault(where+".roles", "%q is no entity/role, such as fan_2/percentage", key)
			}
		}
	}
	return k.problems
}

func (k *checker) tuning(where string, c *correction) {
	if c.Batch < 0 || c.Batch > 100 {
		k.fault(where+".batch", "batch wants 1 to 100 properties")
	}
	for name, d := range map[string]time.Duration{"interval": c.Interval, "gone_after": c.GoneAfter} {
		if d != 0 && (d < minInterval || d > maxInterval) {
			k.fault(where+"."+name, "%s wants %s to %s", name, minInterval, maxInterval)
		}
	}
	if c.ReadbackDelay < 0 || c.ReadbackDelay > time.Minute {
		k.fault(where+".readback_delay", "readback_delay wants 0s to 1m")
	}
}

func (k *checker) addition(where string, a *addition) {
	if _, _, ok := numbers(a.ID); !ok {
		k.fault(where, "id %q is no siid.piid, such as 3.1", a.ID)
	}
	if a.Name == "" || a.Format == "" || a.Access == "" {
		k.fault(where, "an added property needs id, name, format and access")
	}
	k.oneOf(where+".format", a.Format, formats)
	k.letters(where, a.Access)
	k.limits(where, a.Range)
}

func (k *checker) adjustment(where, key string, a *adjustment) {
	about := func(format string, args ...any) {
		k.fault(where, key+": "+format, args...)
	}
	if a.Format != "" && !slices.Contains(formats, a.Format) {
		about("format %q is not one of: %s", a.Format, strings.Join(formats, ", "))
	}
	if a.Component != "" && !slices.Contains(singular, a.Component) {
		about("component %q is not one of: %s", a.Component, strings.Join(singular, ", "))
	}
	if a.Category != nil && *a.Category != "" && !slices.Contains(categories, *a.Category) {
		about("category %q is not one of: %s", *a.Category, strings.Join(categories, ", "))
	}
	if a.Scale != nil && !(math.Abs(*a.Scale) > 0 && math.Abs(*a.Scale) < math.MaxFloat32) {
		about("scale wants a number other than 0")
	}
	if len(a.Convert) > 0 && (a.Scale != nil || a.Offset != 0 || a.Invert) {
		about("convert and scale, offset or invert exclude each other")
	}
	for i := range a.Convert {
		if err := a.Convert[i].check(); err != nil {
			about("convert step %d: %v", i+1, err)
		}
	}
	k.letters(where, a.Access)
	k.limits(where, a.Range)
}

func (k *checker) letters(where, access string) {
	if strings.Trim(access, "rwn") != "" {
		k.fault(where, "access %q wants some of the letters r, w and n", access)
	}
}

func (k *checker) limits(where string, r []float64) {
	if r != nil && (len(r) < 2 || len(r) > 3 || r[0] >= r[1]) {
		k.fault(where, "range wants [min, max] or [min, max, step] with min < max")
	}
}

// homes are the folders of mapping files; testdata is none that is read.
var homes = []string{"rules", "models", "lang", "profiles", "testdata"}

// astray complains about files that lie where nobody looks.
func (l *loader) astray(tree fs.FS) {
	for _, pattern := range []string{"*.y*ml", "*/*.y*ml"} {
		names, err := fs.Glob(tree, pattern)
		if err != nil { // the pattern is right
			return
		}
		for _, name := range names {
			home, _, below := strings.Cut(name, "/")
			if !below || !slices.Contains(homes, home) && !strings.HasPrefix(home, ".") {
				l.problems = append(l.problems, fmt.Errorf("%s: nobody looks there; mapping files lie in rules/, models/, lang/ or profiles/", name))
			}
		}
	}
}

// wanted puts what the YAML library says of a value of the wrong kind into words
// of the mapping language.
func wanted(message string) string {
	for _, w := range []struct{ end, words string }{
		{"where sequence is expected", "a list is wanted here, such as [a, b]"},
		{"where mapping is expected", "words with values are wanted here, such as {name: Power}"},
		{"of type time.Duration", "a time with its unit is wanted here, such as 30s or 5m"},
		{"of type string", "a text is wanted here"},
		{"of type bool", "true or false is wanted here"},
		{"of type int", "a whole number is wanted here"},
		{"of type float64", "a number is wanted here"},
	} {
		if strings.HasSuffix(message, w.end) {
			return w.words
		}
	}
	return message
}
