package web

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// object is a JSON object of the description.
type object = map[string]any

// openAPI describes the API (OpenAPI 3.1), from the table of endpoints and their
// types.
func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	b := describer{schemas: object{}}
	paths := object{}
	for _, e := range s.endpoints() {
		at, ok := paths["/"+e.path].(object)
		if !ok {
			at = object{}
			paths["/"+e.path] = at
		}
		at[strings.ToLower(e.method)] = b.operation(e)
	}
	b.schema(reflect.TypeFor[failure]())
	writeJSON(w, http.StatusOK, object{
		"openapi": "3.1.0",
		"info":    object{"title": "mihome2mqtt", "version": s.opt.Version, "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers": []object{{"url": "."}},
		"paths":   paths,
		"components": object{
			"schemas":         b.schemas,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
		"security": []object{{"token": []string{}}, {}},
	})
}

// describer turns Go types into schemas.
type describer struct{ schemas object }

var inPath = regexp.MustCompile(`\{(\w+)\}`)

func (b describer) operation(e endpoint) object {
	params := []object{}
	for _, name := range inPath.FindAllStringSubmatch(e.path, -1) {
		params = append(params, object{"name": name[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, q := range e.query {
		params = append(params, object{"name": q.name, "in": "query", "description": q.does, "schema": object{"type": "string"}})
	}
	ok := object{"description": "Done"}
	switch {
	case e.out != nil:
		ok["content"] = object{"application/json": object{"schema": b.schema(reflect.TypeOf(e.out))}}
	case e.kind != "":
		ok["content"] = object{e.kind: object{"schema": object{"type": "string"}}}
	}
	op := object{
		"summary": e.does, "operationId": strings.ToLower(e.method) + strings.ReplaceAll(inPath.ReplaceAllString("/"+e.path, "$1"), "/", "_"), "parameters": params,
		"responses": object{"200": ok, "default": object{
			"description": "Why it could not be done", "content": object{"application/problem+json": object{"schema": object{"$ref": "#/components/schemas/failure"}}},
		}},
	}
	if e.in != nil {
		op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": b.schema(reflect.TypeOf(e.in))}}}
	}
	return op
}

// schema describes a type; named structs become components.
func (b describer) schema(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[mi.Value]():
		return object{"type": []string{"boolean", "number", "string", "null"}}
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.schema(t.Elem())
	case reflect.Slice:
		return object{"type": "array", "items": b.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": b.schema(t.Elem())}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Struct:
		return b.component(t)
	}
	return object{"type": "integer"}
}

// plainName makes the name of a component of a type's: list[web.Device] is
// list_Device.
var plainName = regexp.MustCompile(`\[.*[./](\w+)\]`)

func (b describer) component(t reflect.Type) object {
	name := plainName.ReplaceAllString(t.Name(), "_$1")
	ref := object{"$ref": "#/components/schemas/" + name}
	if _, known := b.schemas[name]; known {
		return ref
	}
	fields := object{}
	b.schemas[name] = object{"type": "object", "properties": fields}
	b.fields(t, fields)
	return ref
}

func (b describer) fields(t reflect.Type, into object) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && f.Anonymous:
			b.fields(f.Type, into)
		case name != "":
			into[name] = b.schema(f.Type)
		}
	}
}
