package entity

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// Schema returns the JSON Schema (draft 2020-12) of the mapping files, for
// editors: a file below rules/ is an object, one below models/ a list, one
// below lang/ a flat object of texts.
func Schema() []byte {
	g := &grammar{defs: map[string]any{}}
	rules, models := g.of(reflect.TypeFor[file](), ""), g.of(reflect.TypeFor[[]correction](), "")
	out := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "Mapping files of mihome2mqtt",
		"oneOf": []any{
			rules, models,
			map[string]any{"title": "names in one language", "type": "object", "additionalProperties": map[string]any{"type": "string"}},
		},
		"$defs": g.defs,
	}
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		panic("entity: schema: " + err.Error()) // maps of texts always encode
	}
	return append(raw, '\n')
}

// grammar writes types as schemas; each struct becomes a definition.
type grammar struct{ defs map[string]any }

// closed are the words that a field takes, by its name in YAML.
func closed(owner, name string) []string {
	switch name {
	case "shapes":
		return shapes
	case "category":
		return categories
	case "format":
		return formats
	case "inputs":
		return inputKinds
	case "component":
		switch owner {
		case "serviceRule":
			return sorted(makers())
		case "actionRule":
			return callable
		}
		return singular
	case "access":
		if owner == "propertyRule" || owner == "fallbackRule" {
			return accesses
		}
	}
	return nil
}

func (g *grammar) of(t reflect.Type, field string) any {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`}
	case t.Kind() == reflect.Pointer:
		return g.of(t.Elem(), field)
	case t.Kind() == reflect.Interface:
		return map[string]any{"type": []string{"string", "number", "boolean"}}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": g.of(t.Elem(), field)}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": g.of(t.Elem(), "")}
	case t.Kind() == reflect.Struct:
		return g.object(t)
	}
	kind := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Float64: "number",
	}[t.Kind()]
	return map[string]any{"type": kind}
}

func (g *grammar) object(t reflect.Type) any {
	ref := map[string]any{"$ref": "#/$defs/" + t.Name()}
	if _, known := g.defs[t.Name()]; known {
		return ref
	}
	properties := map[string]any{}
	g.defs[t.Name()] = properties // ends a recursion
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		schema := g.of(f.Type, name)
		if words := closed(t.Name(), name); words != nil {
			schema = enumerate(schema, words)
		}
		properties[name] = schema
	}
	g.defs[t.Name()] = map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	return ref
}

// enumerate narrows a text, or the texts of a list, to some words.
func enumerate(schema any, words []string) any {
	m := schema.(map[string]any)
	if m["type"] == "array" {
		m["items"] = map[string]any{"enum": words}
		return m
	}
	return map[string]any{"enum": words}
}
