package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reader turns expressions of one package into the text that they come to, with a placeholder such as <server> for each
// part that is only known when the program runs.
type reader struct {
	consts map[string]ast.Expr
	funcs  map[string]*ast.FuncDecl // functions that only return one expression
	local  map[string]ast.Expr      // what the variables of the function in hand were first set to
	depth  int
}

func newReader(s source) *reader {
	r := &reader{consts: map[string]ast.Expr{}, funcs: map[string]*ast.FuncDecl{}}
	for _, file := range s.Files {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				if d.Tok == token.CONST {
					specs(d, r.consts)
				}
			case *ast.FuncDecl:
				if d.Body != nil && len(d.Body.List) == 1 && d.Recv == nil {
					r.funcs[d.Name.Name] = d
				}
			}
		}
	}
	return r
}

func specs(d *ast.GenDecl, into map[string]ast.Expr) {
	for _, s := range d.Specs {
		if v, is := s.(*ast.ValueSpec); is && len(v.Names) == len(v.Values) {
			for i, name := range v.Names {
				into[name.Name] = v.Values[i]
			}
		}
	}
}

// enter notes what the variables of a function are first set to.
func (r *reader) enter(f *ast.FuncDecl) {
	r.local = map[string]ast.Expr{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				id, is := left.(*ast.Ident)
				if is && len(n.Lhs) == len(n.Rhs) && r.local[id.Name] == nil && n.Tok == token.DEFINE {
					r.local[id.Name] = n.Rhs[i]
				}
			}
		case *ast.GenDecl:
			specs(n, r.local)
		}
		return true
	})
}

// closure reports whether a name is that of a function which the one in hand has made.
func (r *reader) closure(name string) bool {
	_, is := r.local[name].(*ast.FuncLit)
	return is
}

// text is what an expression comes to.
func (r *reader) text(e ast.Expr) string {
	if r.depth++; r.depth > 12 {
		r.depth--
		return "<...>"
	}
	defer func() { r.depth-- }()
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
		return e.Value
	case *ast.BinaryExpr:
		if !telling(e) {
			return r.text(e.X)
		}
		return r.text(e.X) + r.text(e.Y)
	case *ast.ParenExpr:
		return r.text(e.X)
	case *ast.Ident:
		return r.ident(e.Name)
	case *ast.SelectorExpr:
		return r.selected(e)
	case *ast.CallExpr:
		return r.call(e)
	case *ast.IndexExpr:
		return r.text(e.X)
	case *ast.CompositeLit:
		return r.joined(e.Elts, " ")
	}
	return "<...>"
}

func (r *reader) ident(name string) string {
	if e := r.local[name]; e != nil && telling(e) {
		if text := r.text(e); text != "" {
			return text
		}
	}
	if e := r.consts[name]; e != nil && simple(e) {
		return r.text(e)
	}
	return placeholder(name)
}

// simple reports whether a constant is written out.
func simple(e ast.Expr) bool {
	_, is := e.(*ast.BasicLit)
	return is || telling(e)
}

// telling reports whether what a variable was set to says more than its name: texts do.
func telling(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return e.Op == token.ADD && (telling(e.X) || telling(e.Y))
	case *ast.ParenExpr:
		return telling(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name == "HelpName"
	case *ast.CallExpr:
		name := called(e)
		return slices.Contains([]string{"Sprintf", "commandLine", "Errorf", "New", "retyped", "renamed", "switched"}, name)
	}
	return false
}

func (r *reader) selected(e *ast.SelectorExpr) string {
	x, _ := e.X.(*ast.SelectorExpr)
	switch {
	case e.Sel.Name == "HelpName":
		return "iis-canary <command>"
	case e.Sel.Name == "Name" && x != nil && x.Sel.Name == "App":
		return "iis-canary"
	case e.Sel.Name == "Name" && x != nil && x.Sel.Name == "Command":
		return "<command>"
	}
	return placeholder(e.Sel.Name)
}

// called is the name of what is called, without a package or a receiver.
func called(e *ast.CallExpr) string {
	switch f := e.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func (r *reader) call(e *ast.CallExpr) string {
	name := called(e)
	switch name {
	case "Sprintf", "Errorf":
		return r.formatted(e.Args)
	case "New", "TrimSpace", "string", "ToLower", "TrimRight", "Clone", "Join", "harmless":
		if len(e.Args) > 0 && (name != "Join" || len(e.Args) == 2) {
			return r.text(e.Args[0])
		}
	case "commandLine":
		return r.joined(e.Args, " ")
	case "retyped", "switched":
		return strings.TrimSpace("iis-canary <command> ... --" + r.joined(e.Args[1:], " "))
	case "renamed":
		return "iis-canary <command> ... " + r.text(e.Args[2]) + " ..."
	case "append":
		return r.joined(e.Args, " ")
	case "configPath":
		return "<config>"
	case "Format":
		return "<time>"
	case "Round", "Since":
		return "<duration>"
	case "len", "Len":
		return "<number>"
	case "Get", "First":
		return "<word>"
	case "again", "typed":
		if words := r.joined(e.Args, " "); words != "" {
			return strings.TrimSpace("iis-canary " + words + " ...")
		}
	}
	if f := r.funcs[name]; f != nil {
		if _, is := e.Fun.(*ast.Ident); is {
			return r.inlined(f, e)
		}
	}
	if name == "" {
		return "<...>"
	}
	return placeholder(name)
}

// inlined is what a function that only returns an expression comes to, where that is a text.
func (r *reader) inlined(f *ast.FuncDecl, call *ast.CallExpr) string {
	back, is := f.Body.List[0].(*ast.ReturnStmt)
	if !is || len(back.Results) != 1 || !telling(back.Results[0]) {
		return placeholder(f.Name.Name)
	}
	outer := r.local
	defer func() { r.local = outer }()
	r.local = map[string]ast.Expr{}
	i := 0
	for _, p := range f.Type.Params.List {
		for _, name := range p.Names {
			if i < len(call.Args) && telling(call.Args[i]) {
				r.local[name.Name] = call.Args[i]
			}
			i++
		}
	}
	return r.text(back.Results[0])
}

func (r *reader) joined(all []ast.Expr, with string) string {
	var words []string
	for _, e := range all {
		if w := r.text(e); w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, with)
}

var formatVerb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?(?:\[[0-9]+\])?[a-zA-Z%]`)

// formatted is a format with what its verbs stand for.
func (r *reader) formatted(args []ast.Expr) string {
	next := 1
	return formatVerb.ReplaceAllStringFunc(r.text(args[0]), func(v string) string {
		switch {
		case v == "%%":
			return "%"
		case next >= len(args):
			return "<...>"
		}
		text := r.text(args[next])
		next++
		if strings.HasSuffix(v, "q") {
			return `"` + text + `"`
		}
		return text
	})
}

var wordBreaks = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// placeholder is a name of the source as words: <deregistration delay>.
func placeholder(name string) string {
	switch name {
	case "e", "err", "cause", "failed", "bad", "Err", "Error", "Cause", "no", "werr":
		return "<error>"
	case "s", "c", "i", "_", "f", "o", "l", "p", "m", "k", "j", "h", "text", "t", "v", "n":
		return "<...>"
	case "pack": // "package" can name nothing in Go
		return "<package>"
	}
	return "<" + strings.ToLower(wordBreaks.ReplaceAllString(name, "$1 $2")) + ">"
}
