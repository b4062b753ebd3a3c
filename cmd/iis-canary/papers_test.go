package main

import (
	"encoding/json"
	"go/ast"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// policy is an IAM policy.
type policy struct {
	Statement []struct {
		Effect, Resource string
		Action           []string
	}
}

func TestThePolicyAllowsJustTheCallsThatAreMade(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/iam-policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var p policy
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for _, s := range p.Statement {
		allowed = append(allowed, s.Action...)
		for _, a := range s.Action {
			if _, name, _ := strings.Cut(a, ":"); s.Effect != "Allow" || strings.HasPrefix(name, "Describe") != (s.Resource == "*") {
				t.Errorf("%s is to be allowed, on * only where it describes", a)
			}
		}
	}
	slices.Sort(allowed)
	if diff := cmp.Diff(awsCalls(t), allowed); diff != "" {
		t.Errorf("calls of alb (-) and docs/iam-policy.json (+):\n%s", diff)
	}
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```json\n"+string(text)+"```\n") {
		t.Error("docs/operations.md shows another policy than docs/iam-policy.json")
	}
}

// awsCalls is the IAM actions behind the calls in alb, each of which needs the input of its operation. Who somebody is may
// be asked without a permission.
func awsCalls(t *testing.T) []string {
	t.Helper()
	services := map[string]string{"elasticloadbalancingv2": "elasticloadbalancing", "ec2": "ec2", "sts": "sts"}
	found := map[string]bool{}
	for _, file := range sources(t, "../../alb").Files {
		prefix := map[string]string{} // by the name that the file has for the service
		for _, i := range file.Imports {
			full := strings.Trim(i.Path.Value, `"`)
			name := path.Base(full)
			service := services[name]
			if i.Name != nil {
				name = i.Name.Name
			}
			if strings.Contains(full, "aws-sdk-go-v2/service/") {
				prefix[name] = service
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			input, is := n.(*ast.SelectorExpr)
			if !is {
				return true
			}
			of, is := input.X.(*ast.Ident)
			operation, asked := strings.CutSuffix(input.Sel.Name, "Input")
			if is && asked && prefix[of.Name] != "" && operation != "GetCallerIdentity" {
				found[prefix[of.Name]+":"+operation] = true
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

func TestEveryDirectDependencyIsExplained(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var direct, explained []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.]+/\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		direct = append(direct, m[1])
	}
	for l := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(l), "|")
		if len(cells) != 6 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		explained = append(explained, strings.Trim(strings.TrimSpace(cells[1]), "`"))
		for i, what := range []string{"why", "a licence", "what was considered instead"} {
			if strings.TrimSpace(cells[i+2]) == "" {
				t.Errorf("%s lacks %s", cells[1], what)
			}
		}
	}
	slices.Sort(direct)
	slices.Sort(explained)
	if diff := cmp.Diff(direct, explained); diff != "" {
		t.Errorf("direct requirements of go.mod (-) and rows of docs/dependencies.md (+):\n%s", diff)
	}
}

var (
	relative = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unlinked = regexp.MustCompile(`[^a-z0-9 _-]`)
)

func TestEveryLinkInTheDocsLeadsSomewhere(t *testing.T) {
	t.Parallel()
	for _, file := range append(papers(t), errorsPage) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range relative.FindAllStringSubmatch(string(text), -1) {
			to := file
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(file), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s leads to %s: %v", file, m[1], err)
				continue
			}
			if m[2] != "" && !slices.Contains(anchors(t, to), m[2]) {
				t.Errorf("%s leads to %s%s, which has no such heading", file, m[1], m[2])
			}
		}
	}
}

// anchors is the places that a page can be entered at.
func anchors(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		all = append(all, "#"+strings.ReplaceAll(unlinked.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

func TestEveryAssumptionHasACheck(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/assumptions.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for l := range strings.Lines(string(page)) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(l), `\|`, ""), "|")
		if !strings.HasPrefix(l, "| ") || strings.HasPrefix(l, "| assumption") {
			continue
		}
		if len(cells) != 5 {
			t.Errorf("a row of %d cells: %s", len(cells)-2, l)
			continue
		}
		rows++
		for _, c := range cells[1:4] {
			if len(strings.TrimSpace(c)) < 10 {
				t.Errorf("a cell says too little: %s", l)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d assumptions", rows)
	}
}
