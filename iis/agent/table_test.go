package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEachTroubleHasAVector keeps the list of the 25 troubles whole.
func TestEachTroubleHasAVector(t *testing.T) {
	names := load(t)
	for n := 1; n <= 25; n++ {
		found := false
		for name := range names {
			found = found || strings.HasPrefix(name, fmt.Sprintf("%02d-", n))
		}
		if !found {
			t.Errorf("trouble %d has no vector", n)
		}
	}
}

// TestTheTableOfHRESULTsIsThatOfTheProtocol compares the rows of the C# with those of the page, and finds a vector that springs each.
func TestTheTableOfHRESULTsIsThatOfTheProtocol(t *testing.T) {
	page, sharp := text(t, "../../docs/agent-protocol.md"), text(t, "Rules.cs")
	var written, coded []string
	for _, row := range regexp.MustCompile(`(?m)^\| (commit|start|stop|any) \| (0x[0-9A-F]{8}) \| (\w*) ?\| (again|give up|done)(?:, (\d+) s)? \|$`).FindAllStringSubmatch(page, -1) {
		written = append(written, strings.Join(row[1:], " "))
	}
	words := strings.NewReplacer("GiveUp", "give up", "Again", "again", "Done", "done")
	for _, row := range regexp.MustCompile(`new Rule\("(\w*)", (0x[0-9A-F]{8}), "(\w*)", Reaction\.(\w+), (\d+),`).FindAllStringSubmatch(sharp, -1) {
		if row[1] == "" {
			row[1] = "any"
		}
		if row[5] == "0" {
			row[5] = ""
		}
		coded = append(coded, strings.Join([]string{row[1], row[2], row[3], words.Replace(row[4]), row[5]}, " "))
	}
	if diff := cmp.Diff(written, coded); diff != "" || len(coded) == 0 {
		t.Errorf("the page (-) and the C# (+) differ:\n%s", diff)
	}
	for _, row := range coded {
		if parts := strings.Fields(row); !sprung(load(t), parts[0], parts[1]) {
			t.Errorf("no vector springs %s at %s", parts[1], parts[0])
		}
	}
}

// sprung says whether a vector has a trap with that HRESULT at that place.
func sprung(vectors map[string]vector, where, code string) bool {
	for _, v := range vectors {
		all := []given{v.Given}
		for _, s := range v.Steps {
			all = append(all, s.Given)
		}
		for _, g := range all {
			if code == "0x800703EE" && g.Rivals > 0 {
				return true
			}
			if slices.ContainsFunc(g.Traps, func(x trapped) bool { return x.Code == code && (where == "any" || strings.HasSuffix(x.Call, where)) }) {
				return true
			}
		}
	}
	return false
}

func text(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestTheOperationsAreThoseOfTheProtocol compares the agent's list of operations with the page, and those that need the lease.
func TestTheOperationsAreThoseOfTheProtocol(t *testing.T) {
	page, sharp := text(t, "../../docs/agent-protocol.md"), text(t, "Agent.cs")
	named := func(pattern, in string) []string {
		var out []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(in, -1) {
			out = append(out, m[1])
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	if diff := cmp.Diff(named("\\*\\*`(\\w+)`\\*\\*", page), named(`operations\["(\w+)"\]`, sharp)); diff != "" {
		t.Errorf("the operations of the page (-) and of the C# (+) differ:\n%s", diff)
	}
	_, rest, _ := strings.Cut(page, "Operations that change something (`")
	list, _, _ := strings.Cut(rest, "`)")
	written := strings.Fields(list)
	slices.Sort(written)
	_, rest, _ = strings.Cut(sharp, "changing = new HashSet<string> {")
	list, _, _ = strings.Cut(rest, "}")
	coded := named(`"(\w+)"`, list)
	if diff := cmp.Diff(written, coded); diff != "" || len(coded) == 0 {
		t.Errorf("what needs the lease differs, page (-), C# (+):\n%s", diff)
	}
}

// TestEveryOperationHasAVector leaves out experiment: TestEveryExperimentRunsInEveryAgentAndLeavesNothing runs all that there are.
func TestEveryOperationHasAVector(t *testing.T) {
	held := map[string]bool{"experiment": true}
	for _, v := range load(t) {
		for _, s := range v.Steps {
			held[s.Op] = true
		}
	}
	for _, op := range regexp.MustCompile(`operations\["(\w+)"\]`).FindAllStringSubmatch(text(t, "Agent.cs"), -1) {
		if !held[op[1]] {
			t.Errorf("no vector asks for %s", op[1])
		}
	}
}

// TestTheWayToANewOperationLeadsToPlacesThatAreThere looks for each file and each test that the page names.
func TestTheWayToANewOperationLeadsToPlacesThatAreThere(t *testing.T) {
	_, way, found := strings.Cut(text(t, "../../docs/agent-protocol.md"), "## To add an operation\n")
	places := regexp.MustCompile("`((?:iis|canary|docs|\\.ci)/[^` *]*)").FindAllStringSubmatch(way, -1)
	tests := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(way, -1)
	if !found || len(places) < 15 || len(tests) < 8 {
		t.Fatalf("%d places, %d tests", len(places), len(tests))
	}
	for _, place := range places {
		if _, err := os.Stat("../../" + place[1]); err != nil {
			t.Error(err)
		}
	}
	for _, test := range tests {
		written := false
		for _, dir := range []string{".", "../iistest", "../../cmd/iis-canary"} {
			files, _ := filepath.Glob(dir + "/*_test.go")
			written = written || slices.ContainsFunc(files, func(file string) bool { return strings.Contains(text(t, file), "\nfunc "+test[1]+"(") })
		}
		if !written {
			t.Errorf("there is no %s", test[1])
		}
	}
}
