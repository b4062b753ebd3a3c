package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// saying is one call of fail or usage.
type saying struct {
	text, exit, now string
	next            []string
	passedOn        bool // the sentence is another part's
}

type sayings []saying

func (all sayings) rows(which func(saying) bool) []string {
	var rows []string
	for _, f := range all {
		if !which(f) {
			continue
		}
		cells := []string{f.exit, f.now, adviceCell(f.next)}
		if !f.passedOn {
			cells = append([]string{codeCell(f.text)}, cells...)
		}
		rows = append(rows, tableRow(cells...))
	}
	return rows
}

// failures is every call of fail and usage in this package.
func failures(t *testing.T) sayings {
	t.Helper()
	src := sources(t, ".")
	r := newReader(src)
	var all sayings
	for _, file := range src.Files {
		for _, d := range file.Decls {
			if f, is := d.(*ast.FuncDecl); is && f.Body != nil && f.Name.Name != "fail" && f.Name.Name != "usage" {
				r.enter(f)
				all = append(all, saidIn(r, f)...)
			}
		}
	}
	return all
}

func saidIn(r *reader, f *ast.FuncDecl) sayings {
	var all sayings
	advice := map[*ast.CallExpr][]ast.Expr{} // by the call that made the failure
	made := map[string]*ast.CallExpr{}       // by the variable that holds it
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if id, is := n.Lhs[0].(*ast.Ident); is && len(n.Rhs) == 1 {
				made[id.Name], _ = n.Rhs[0].(*ast.CallExpr)
			}
		case *ast.CallExpr:
			if then, is := n.Fun.(*ast.SelectorExpr); is && then.Sel.Name == "then" {
				switch x := then.X.(type) {
				case *ast.CallExpr:
					advice[x] = append(advice[x], n.Args...)
				case *ast.Ident:
					advice[made[x.Name]] = append(advice[made[x.Name]], n.Args...)
				}
			}
		}
		return true
	})
	ast.Inspect(f, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		name, is := call.Fun.(*ast.Ident)
		switch {
		case is && name.Name == "fail":
			all = append(all, failureOf(r, call, advice[call]))
		case is && name.Name == "usage":
			s := saying{text: r.formatted(call.Args), exit: "2", now: "nothing was touched"}
			all = append(all, s.advised(r, advice[call]))
		}
		return true
	})
	return all
}

// failureOf is a call of fail.
func failureOf(r *reader, call *ast.CallExpr, more []ast.Expr) saying {
	s := saying{text: r.text(call.Args[1]), exit: "2, 6 or 7", now: r.text(call.Args[2])}
	if id, is := call.Args[0].(*ast.Ident); is {
		if value, known := constants()[id.Name]; known {
			s.exit = fmt.Sprint(int(value))
		}
	}
	if s.now == "" {
		s.now = "–"
	}
	return s.advised(r, append(call.Args[3:], more...))
}

func (s saying) advised(r *reader, next []ast.Expr) saying {
	for _, e := range next {
		s.next = append(s.next, r.text(e))
	}
	s.passedOn = !speaks(s.text)
	s.now = untagged(s.now)
	return s
}

// preflightTable is the table of checks, where there is one: what has to be so, what is said when it is not, what to do.
func preflightTable(t *testing.T, b *bytes.Buffer) {
	t.Helper()
	src := sources(t, ".")
	r := newReader(src)
	found := map[string][]string{}
	var rows [][3]string
	for _, file := range src.Files {
		for _, d := range file.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || f.Body == nil {
				continue
			}
			r.enter(f)
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					m, is := n.Fun.(*ast.SelectorExpr)
					if is && (m.Sel.Name == "fail" || m.Sel.Name == "warn") && len(n.Args) == 3 {
						id := r.text(n.Args[0])
						found[id] = append(found[id], r.text(n.Args[2]))
					}
				case *ast.AssignStmt:
					if id, what := paired(r, n); id != "" {
						found[id] = append(found[id], what)
					}
				case *ast.CompositeLit:
					if fields := fieldsOf(n); fields["id"] != nil && fields["title"] != nil && fields["remedy"] != nil {
						rows = append(rows, [3]string{r.text(fields["id"]), r.text(fields["title"]), r.text(fields["remedy"])})
					} else if fields["check"] != nil && fields["what"] != nil {
						id := r.text(fields["check"])
						found[id] = append(found[id], r.text(fields["what"]))
					}
				}
				return true
			})
		}
	}
	if len(rows) == 0 {
		return
	}
	b.WriteString("## What is looked at before the first change\n\n" +
		"`doctor`, `plan` and `deploy` look at all of this before anything is touched, and say everything at once: `<check>`, the server, what is true, what to do. Exit 7; 6 where only another run stands in the way.\n\n" +
		"| check | what has to be so | what it says when it is not | what to do |\n|---|---|---|---|\n")
	for _, c := range rows {
		var said []string
		for _, s := range found[c[0]] {
			if s = codeCell(s); speaks(s) && !slices.Contains(said, s) {
				said = append(said, s)
			}
		}
		if len(said) == 0 {
			said = []string{"the error of the part concerned, see below"}
		}
		slices.Sort(said)
		fmt.Fprintln(b, tableRow(codeCell(c[0]), untagged(c[1]), strings.Join(said, "<br>"), untagged(c[2])))
	}
	b.WriteByte('\n')
}

// paired is the check and the sentence that one assignment gives to a finding.
func paired(r *reader, a *ast.AssignStmt) (id, what string) {
	if len(a.Lhs) != len(a.Rhs) {
		return "", ""
	}
	for i, left := range a.Lhs {
		if field, is := left.(*ast.SelectorExpr); is {
			switch field.Sel.Name {
			case "check":
				id = r.text(a.Rhs[i])
			case "what":
				what = r.text(a.Rhs[i])
			}
		}
	}
	if what == "" {
		return "", ""
	}
	return id, what
}

// fieldsOf is the fields of a literal by their names.
func fieldsOf(c *ast.CompositeLit) map[string]ast.Expr {
	all := map[string]ast.Expr{}
	for _, e := range c.Elts {
		if kv, is := e.(*ast.KeyValueExpr); is {
			if key, is := kv.Key.(*ast.Ident); is {
				all[key.Name] = kv.Value
			}
		}
	}
	return all
}
