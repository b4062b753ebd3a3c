package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"iiscanary/canary"
)

// TestEveryReasonAgainstAPlanHasARow reads the kinds of problems out of the domain's own source: a new one without a row would keep
// a plan from being made, and nobody would be told why.
func TestEveryReasonAgainstAPlanHasARow(t *testing.T) {
	t.Parallel()
	kinds := problemKinds(t)
	if !slices.Contains(kinds, canary.HalfStarted) || len(kinds) < 10 {
		t.Fatalf("the domain's source names the kinds %v only", kinds)
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			id := rowOf(kind)
			if !slices.ContainsFunc(troubles(), func(x trouble) bool { return x.id == id }) {
				t.Errorf("a problem of the kind %s belongs to the row %q, which nothing is ever found for", kind, id)
			}
		})
	}
}

func problemKinds(t *testing.T) []canary.ProblemKind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash("../../canary/problem.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []canary.ProblemKind
	ast.Inspect(file, func(n ast.Node) bool {
		c, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if of, is := c.Type.(*ast.Ident); !is || of.Name != "ProblemKind" {
			return true
		}
		for _, v := range c.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, canary.ProblemKind(text))
		}
		return true
	})
	return kinds
}
