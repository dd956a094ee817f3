package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// field is one setting as the struct describes it.
type field struct {
	variable string // full name
	path     string // Go path below Config: "MQTT.URL"
	index    []int
	typ      reflect.Type
	tag      reflect.StructTag
}

// settings lists all fields of Config in their order.
func settings() []field { return walk(reflect.TypeFor[Config](), Prefix, "", nil) }

func walk(t reflect.Type, prefix, path string, index []int) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		at := append(slices.Clone(index), i)
		if sub, nested := f.Tag.Lookup("envPrefix"); nested {
			out = append(out, walk(f.Type, prefix+sub, path+f.Name+".", at)...)
			continue
		}
		out = append(out, field{variable: prefix + f.Tag.Get("env"), path: path + f.Name, index: at, typ: f.Type, tag: f.Tag})
	}
	return out
}

func (f field) secret() bool { return f.typ == reflect.TypeFor[mi.Secret]() }

func (f field) choices() []string {
	if words := f.tag.Get("choices"); words != "" {
		return strings.Split(words, ",")
	}
	return nil
}

// wrong says that value cannot be, and what can. The value of a secret is left out.
func (f field) wrong(value, want string) error {
	if f.secret() {
		return fmt.Errorf("%s is not right. %s", f.variable, want)
	}
	return fmt.Errorf("%s cannot be %q. %s", f.variable, value, want)
}

// want says what would be right, after parsing failed with err.
func (f field) want(err error) string {
	switch f.typ {
	case reflect.TypeFor[bool]():
		return "It can be: true, false"
	case reflect.TypeFor[time.Duration]():
		return "It is a time with its unit, such as 500ms, 30s, 5m or 2h"
	}
	if parse, ok := errors.AsType[env.ParseError](err); ok {
		err = parse.Err
	}
	return sentence(err.Error())
}

// sentence makes text begin with a capital letter.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + text[1:]
}

// check holds a value to the tags choices, min and max.
func (f field) check(v reflect.Value) error {
	if err := f.checkWord(v); err != nil {
		return err
	}
	return f.checkDuration(v)
}

func (f field) checkWord(v reflect.Value) error {
	words := f.choices()
	if words == nil || slices.Contains(words, v.String()) {
		return nil
	}
	return f.wrong(v.String(), "It can be: "+strings.Join(words, ", "))
}

func (f field) checkDuration(v reflect.Value) error {
	d, ok := reflect.TypeAssert[time.Duration](v)
	if !ok {
		return nil
	}
	low, high := limit(f.tag.Get("min")), limit(f.tag.Get("max"))
	if d == min(max(d, low), cmp.Or(high, d)) {
		return nil
	}
	return f.wrong(d.String(), fmt.Sprintf("It can be from %s to %s", f.tag.Get("min"), f.tag.Get("max")))
}

// limit reads a duration tag; a wrong one shows in the tests of this package.
func limit(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if text != "" && err != nil {
		panic("config: tag " + text + ": " + err.Error())
	}
	return d
}
