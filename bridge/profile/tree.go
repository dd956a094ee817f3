package profile

import (
	"bytes"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// start returns the token that a reader of the file would point at.
func start(n ast.Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken()
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		return m.Key.GetToken()
	}
	return n.GetToken()
}

// finder looks for anchors and aliases.
type finder struct{ found ast.Node }

// Visit implements ast.Visitor.
func (f *finder) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		if f.found == nil {
			f.found = n
		}
		return nil
	}
	return f
}

func anchor(tree *ast.File) ast.Node {
	f := &finder{}
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			ast.Walk(f, doc.Body)
		}
	}
	return f.found
}

// tooDeep returns the line on which a text nests too deep, or 0. It looks at
// the bytes alone, because reading such a text is what would hurt.
func tooDeep(raw []byte) int {
	flow := 0
	for n, line := range bytes.Split(raw, []byte("\n")) {
		rest := bytes.TrimLeft(line, " ")
		marks := (len(line) - len(rest)) / 2
		for len(rest) > 1 && (rest[0] == '-' || rest[0] == '?') && (rest[1] == ' ' || rest[1] == '\t') {
			marks, rest = marks+1, bytes.TrimLeft(rest[1:], " \t")
		}
		flow += bytes.Count(rest, []byte("[")) + bytes.Count(rest, []byte("{"))
		if marks > 4*maxDepth || flow > maxDepth*8 {
			return n + 1
		}
		flow = max(flow-bytes.Count(rest, []byte("]"))-bytes.Count(rest, []byte("}")), 0)
	}
	return 0
}
