package main

import (
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
)

// graph is who mentions whom among the functions and methods of this package, and which exit codes they mention. What is
// called through an interface or a field is not followed.
type graph struct {
	calls map[*types.Func][]*types.Func
	codes map[*types.Func][]string
	named map[string]*types.Func // functions that are no methods
}

// nothing imports packages without their contents: only what is declared here matters.
type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, path[strings.LastIndex(path, "/")+1:])
	p.MarkComplete()
	return p, nil
}

func calls(t *testing.T) graph {
	t.Helper()
	src := sources(t, ".")
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	ignore := func(error) {} // of what other packages hold
	_, _ = (&types.Config{Importer: nothing{}, Error: ignore}).Check("main", src.FileSet, src.Files, info)
	g := graph{map[*types.Func][]*types.Func{}, map[*types.Func][]string{}, map[string]*types.Func{}}
	for _, file := range src.Files {
		for _, d := range file.Decls {
			decl, is := d.(*ast.FuncDecl)
			if !is {
				continue
			}
			f := info.Defs[decl.Name].(*types.Func)
			if decl.Recv == nil {
				g.named[f.Name()] = f
			}
			ast.Inspect(decl.Body, func(n ast.Node) bool {
				if id, is := n.(*ast.Ident); is {
					switch used := info.Uses[id].(type) {
					case *types.Func:
						g.calls[f] = append(g.calls[f], used)
					case *types.Const:
						g.codes[f] = append(g.codes[f], used.Name())
					}
				}
				return true
			})
		}
	}
	return g
}

// reached is the functions that a function leads to, itself among them. Every command leads to codeOf, and the app's own
// functions to every command.
func (g graph) reached(from string) map[*types.Func]bool {
	seen := map[*types.Func]bool{g.named["meanings"]: true, g.named["newApp"]: true}
	for todo := []*types.Func{g.named[from]}; len(todo) > 0; todo = todo[1:] {
		if !seen[todo[0]] {
			seen[todo[0]] = true
			todo = append(todo, g.calls[todo[0]]...)
		}
	}
	delete(seen, g.named["meanings"])
	return seen
}

// constants is the names of the exit codes in the source.
func constants() map[string]exit {
	return map[string]exit{
		"exitDone": exitDone, "exitUnexpected": exitUnexpected, "exitUsage": exitUsage, "exitReverted": exitReverted, "exitMixed": exitMixed,
		"exitStopped": exitStopped, "exitLocked": exitLocked, "exitPreflight": exitPreflight, "exitHeld": exitHeld,
		"exitChanges": exitChanges, "exitAbandoned": exitAbandoned,
	}
}

// spared is the codes that the code of a command mentions and that it cannot end with, each with the reason.
func spared() map[string]map[exit]string {
	return map[string]map[exit]string{
		"deploy":   {exitChanges: "its --dry-run is plan, without plan's --detailed-exitcode"},
		"revert":   {exitReverted: "going back is what was asked for: 0"},
		"rehearse": {exitLocked: "nobody else knows of its fleet"},
	}
}

func TestEveryCommandSaysTheExitCodesThatItsCodeLeadsTo(t *testing.T) {
	t.Parallel()
	g := calls(t)
	for _, c := range newApp(streams{}).VisibleCommands() {
		found := map[exit]bool{exitDone: true, exitUnexpected: true, exitUsage: true}
		for f := range g.reached(c.Name + "Command") {
			for _, name := range g.codes[f] {
				if code, is := constants()[name]; is {
					found[code] = true
				}
			}
		}
		for _, m := range meanings() {
			_, spare := spared()[c.Name][m.code]
			switch said := m.of(c.Name); {
			case said && !found[m.code]:
				t.Errorf("the help of %s names exit code %d, which nothing in its code leads to", c.Name, m.code)
			case !said && found[m.code] && !spare:
				t.Errorf("the code of %s leads to exit code %d, which meanings in exit.go does not name for it", c.Name, m.code)
			case spare && (said || !found[m.code]):
				t.Errorf("spared names exit code %d of %s without need", m.code, c.Name)
			}
		}
	}
}

func TestEveryExitCodeHasAMeaningAndCommandsThatExist(t *testing.T) {
	t.Parallel()
	var known []exit
	for _, m := range meanings() {
		known = append(known, m.code)
		for _, name := range strings.Fields(m.commands) {
			if newApp(streams{}).Command(name) == nil {
				t.Errorf("exit code %d is of %s, which is no command", m.code, name)
			}
		}
	}
	if want := slices.Sorted(maps.Values(constants())); !slices.Equal(known, want) {
		t.Errorf("meanings of %v, want %v in this order", known, want)
	}
}

func TestEveryHelpPageHasExamplesThatCanBeTyped(t *testing.T) {
	t.Parallel()
	for _, c := range newApp(streams{}).VisibleCommands() {
		if n := len(examples(c.Name)); n < 1 || n > 2 {
			t.Errorf("%s has %d examples in help.go, want one or two", c.Name, n)
		}
		for _, e := range examples(c.Name) {
			if !strings.HasPrefix(e.line, "iis-canary "+c.Name) {
				t.Errorf("an example of %s is one of another command: %s", c.Name, e.line)
			}
			line := tidied(e.line)
			if err := parses(line); err != nil {
				t.Errorf("an example of %s cannot be typed: %s: %v", c.Name, line, err)
			}
		}
	}
}
