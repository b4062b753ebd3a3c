package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// source is the code of one package, without its tests.
type source struct {
	*token.FileSet
	Files []*ast.File
}

// sources parses the package in a folder.
func sources(t *testing.T, dir string) source {
	t.Helper()
	s := source{FileSet: token.NewFileSet()}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			f, err := parser.ParseFile(s.FileSet, filepath.Join(dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			s.Files = append(s.Files, f)
		}
	}
	return s
}
