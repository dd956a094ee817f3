package config

import (
	_ "embed" // settings.go is also the text of the table
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

//go:embed settings.go
var source string

// Setting is one variable as people read of it.
type Setting struct {
	Variable string
	Text     string // what it does, one line
	Default  string
	Choices  []string
	Secret   bool // also read from the file that Variable+"_FILE" names
}

// Settings lists all variables in the order of the struct.
func Settings() []Setting {
	docs := comments()
	var out []Setting
	for _, f := range settings() {
		out = append(out, Setting{
			Variable: f.variable,
			Text:     docs[f.path],
			Default:  f.tag.Get("envDefault"),
			Choices:  f.choices(),
			Secret:   f.secret(),
		})
	}
	return out
}

// Table returns all settings as a Markdown table.
func Table() string {
	var b strings.Builder
	b.WriteString("| variable | default | what it does |\n|---|---|---|\n")
	for _, s := range Settings() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Variable, code(s.Default), s.describe())
	}
	return b.String()
}

func (s Setting) describe() string {
	text := s.Text
	if s.Choices != nil {
		text += " One of `" + strings.Join(s.Choices, "`, `") + "`."
	}
	if s.Secret {
		text += " Or the name of a file that holds it, in `" + s.Variable + "_FILE`."
	}
	return text
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// comments returns the doc comment of every field by its Go path.
func comments() map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "settings.go", source, parser.ParseComments)
	if err != nil {
		panic("config: embedded source: " + err.Error()) // it has been compiled
	}
	structs := map[string]*ast.StructType{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			structs[spec.Name.Name], _ = spec.Type.(*ast.StructType)
		}
		return true
	})
	docs := map[string]string{}
	collectDocs(structs, "Config", "", docs)
	return docs
}

func collectDocs(structs map[string]*ast.StructType, name, path string, docs map[string]string) {
	for _, f := range structs[name].Fields.List {
		at := path + f.Names[0].Name
		docs[at] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		if typ, ok := f.Type.(*ast.Ident); ok && structs[typ.Name] != nil {
			collectDocs(structs, typ.Name, at+".", docs)
		}
	}
}
