package main

import (
	"go/ast"
	"go/doc"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sentences is every error that a package of the program says, with what is known about it.
func sentences(t *testing.T, dir string) []string {
	t.Helper()
	src := sources(t, dir)
	r := newReader(src)
	types := errorTypes(src)
	var rows []string
	add := func(text, about string) {
		if speaks(text) && !inner.MatchString(text) {
			rows = append(rows, tableRow(codeCell(text), adviceCell([]string{about})))
		}
	}
	for _, file := range src.Files {
		for _, d := range file.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || f.Body == nil {
				continue
			}
			r.enter(f)
			if means, is := types[method(f)]; is && returnsText(f) {
				errorMethod(r, f, means, add)
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					calledError(r, n, add)
				case *ast.CompositeLit:
					literalError(r, n, types, add)
				case *ast.AssignStmt:
					for i, left := range n.Lhs {
						if field, is := left.(*ast.SelectorExpr); is && len(n.Lhs) == len(n.Rhs) && explains(field.Sel.Name) && telling(n.Rhs[i]) {
							add(added(n.Tok, r.text(n.Rhs[i])), "")
						}
					}
				}
				return true
			})
		}
		for _, d := range file.Decls {
			if g, is := d.(*ast.GenDecl); is {
				ast.Inspect(g, func(n ast.Node) bool {
					if call, is := n.(*ast.CallExpr); is {
						calledError(r, call, add)
					}
					return true
				})
			}
		}
	}
	return rows
}

// returnsText reports whether a function returns one string.
func returnsText(f *ast.FuncDecl) bool {
	if f.Type.Results == nil || len(f.Type.Results.List) != 1 {
		return false
	}
	id, is := f.Type.Results.List[0].Type.(*ast.Ident)
	return is && id.Name == "string"
}

// inner is what the parsers of values say to their caller, who says it better.
var inner = regexp.MustCompile(`^no (count|comparison|duration|factor|limit|margin|number|percent sign|quantile|reference|share|time)$`)

// method is the name of a method's type; empty of a function.
func method(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	e := f.Recv.List[0].Type
	if star, is := e.(*ast.StarExpr); is {
		e = star.X
	}
	if id, is := e.(*ast.Ident); is {
		return id.Name
	}
	return ""
}

// errorTypes is what is said about each type that has an Error method.
func errorTypes(src source) map[string]string {
	all := map[string]string{}
	for _, file := range src.Files {
		for _, d := range file.Decls {
			if f, is := d.(*ast.FuncDecl); is && f.Recv != nil && f.Name.Name == "Error" {
				all[method(f)] = ""
			}
		}
	}
	for _, file := range src.Files {
		for _, d := range file.Decls {
			g, is := d.(*ast.GenDecl)
			if !is {
				continue
			}
			for _, s := range g.Specs {
				if ts, is := s.(*ast.TypeSpec); is {
					if _, wanted := all[ts.Name.Name]; wanted {
						all[ts.Name.Name] = meansOf(ts.Name.Name, g.Doc.Text())
					}
				}
			}
		}
	}
	return all
}

var (
	docLink = regexp.MustCompile(`\*?\[([A-Za-z.]+)\]`)
	docVerb = regexp.MustCompile(`^\w+ (says that|says|is|are|names|prints) `)
)

// meansOf is the first sentence of a type's comment, without its name.
func meansOf(name, comment string) string {
	text := new(doc.Package).Synopsis(comment)
	if !strings.HasPrefix(text, name) || !ast.IsExported(name) {
		return ""
	}
	return strings.TrimSuffix(docLink.ReplaceAllString(docVerb.ReplaceAllString(text, ""), "$1"), ".")
}

// errorMethod is what an Error method returns, or one that it adds something from: every text that it may begin with, and
// every one that it may add.
func errorMethod(r *reader, f *ast.FuncDecl, means string, add func(text, about string)) {
	addition := func(text string) { add(added(token.ADD_ASSIGN, text), means) }
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			if text := r.text(n.Results[0]); f.Name.Name == "Error" {
				add(text, means)
			} else {
				addition(text)
			}
		case *ast.AssignStmt:
			if n.Tok == token.ADD_ASSIGN {
				addition(r.text(n.Rhs[0]))
			}
		}
		return true
	})
}

// calledError is an error made by a call: of the standard library's makers, of canary's list of problems, or of a problem
// of the configuration.
func calledError(r *reader, call *ast.CallExpr, add func(text, about string)) {
	method, _ := call.Fun.(*ast.SelectorExpr)
	name := called(call)
	args := call.Args
	switch {
	case method != nil && name == "Errorf" && len(args) > 0:
		add(r.formatted(args), "")
	case method != nil && name == "New" && len(args) == 1:
		if x, is := method.X.(*ast.Ident); is && x.Name == "errors" {
			add(r.text(args[0]), "")
		}
	case method != nil && name == "add" && len(args) >= 4:
		if telling(args[2]) && telling(args[3]) {
			add(r.formatted(args[3:]), r.text(args[2]))
		}
	case method == nil && (name == "refused" || name == "broken") && len(args) >= 2:
		add(r.formatted(args[1:]), "a package that is refused")
	case method != nil && name == "add" && len(args) > 0 && telling(args[0]):
		add(r.formatted(args), "a package that is refused")
	case method != nil && name == "miss" && len(args) == 5:
		add("found "+r.text(args[1]), "allowed: "+r.text(args[2]))
	case method == nil && r.closure(name):
		for i, a := range args {
			if text, is := a.(*ast.BasicLit); is && len(strings.Fields(text.Value)) > 3 {
				add(r.formatted(args[i:]), "")
			}
		}
	case method != nil && name == "wrong" && len(args) == 3:
		add(r.text(args[0])+": found "+r.text(args[1]), "allowed: "+r.text(args[2]))
	case method != nil && name == "refuse" && len(args) == 5:
		add("found "+r.text(args[2]), "allowed: "+r.text(args[3]))
	case method != nil && name == "warn" && len(args) >= 2:
		if text := r.formatted(args[1:]); speaks(text) {
			add("warning: "+text, "a warning: nothing is refused")
		}
	case method == nil && name == "unreachable" && len(args) == 3:
		add(r.text(args[1]), "AWS could not be asked")
	}
}

// literalError is an error or a problem made by its fields.
func literalError(r *reader, c *ast.CompositeLit, types map[string]string, add func(text, about string)) {
	name := ""
	switch x := c.Type.(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	}
	means, is := types[name]
	if !is && name != "Problem" && name != "Verdict" && name != "Shortcoming" {
		return
	}
	for _, e := range c.Elts {
		kv, is := e.(*ast.KeyValueExpr)
		if !is {
			add(r.text(e), means)
			continue
		}
		if key, is := kv.Key.(*ast.Ident); is && explains(key.Name) {
			add(r.text(kv.Value), means)
		}
	}
}

// added is a text as it is assigned, or as it stands behind another.
func added(how token.Token, text string) string {
	if how == token.ADD_ASSIGN {
		return "… " + strings.TrimLeft(text, ";,: ")
	}
	return text
}

// explains reports whether a field holds a sentence for people.
func explains(field string) bool {
	return slices.Contains([]string{"Why", "Text", "What", "Reason"}, field)
}
