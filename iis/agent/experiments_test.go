package agent_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
)

// experiments is the names that the C# agent knows, as its source has them.
func experiments(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("Experiments.cs")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(source), "};")
	var names []string
	for _, m := range regexp.MustCompile(`\{ "([a-z-]+)", `).FindAllStringSubmatch(table, -1) {
		names = append(names, m[1])
	}
	if len(names) < 10 {
		t.Fatalf("the table of Experiments.cs has %v", names)
	}
	return names
}

// Without Windows many experiments can tell nothing: each has to say so, and to go on.
func TestEveryExperimentRunsInEveryAgentAndLeavesNothing(t *testing.T) {
	for name, h := range halves(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := put(t, h, speed, func(*iistest.Config) {})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(b.connect(t), b.acquire(t.Context())); err != nil {
				t.Fatal(err)
			}
			tryEverything(t, b)
		})
	}
}

func tryEverything(t *testing.T, b *bench) {
	args := func(name string) agent.ExperimentArgs {
		return agent.ExperimentArgs{App: "app", Root: `D:\sites`, ID: "ab12cd", Name: name}
	}
	count := 0
	ask := func(a agent.ExperimentArgs, blob []byte, out any) *agent.Error {
		count++
		all, err := b.ask(t.Context(), []asking{{agent.Request{ID: fmt.Sprint(count), Op: "experiment", Args: a, Lease: b.lease}, blob}})
		if err != nil {
			t.Fatal(err)
		}
		answer := all[0]
		if out != nil && answer.Error == nil {
			if err := json.Unmarshal(answer.Result, out); err != nil {
				t.Fatalf("%s: %v", answer.Result, err)
			}
		}
		return answer.Error
	}
	refused := func(code agent.Code, a agent.ExperimentArgs) {
		t.Helper()
		if err := ask(a, nil, nil); err == nil || err.Code != code {
			t.Errorf("%+v: got %v, want %s", a, err, code)
		}
	}
	held := b.lease
	b.lease = nil
	refused("fenced", args("echo"))
	b.lease = held
	seen := 0
	for _, name := range experiments(t) {
		var r agent.ExperimentResult
		if err := ask(args(name), nil, &r); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		switch {
		case r.Hindrance == "" && len(r.Observed) == 0:
			t.Errorf("%s saw nothing, and does not say why", name)
		case strings.HasPrefix(r.Hindrance, "it failed: "):
			t.Errorf("%s: %s", name, r.Hindrance)
		case r.Hindrance == "":
			seen++
		}
		t.Log(name, r.Hindrance, r.Observed)
	}
	if seen < 3 {
		t.Errorf("only %d experiments saw anything", seen)
	}
	var echo agent.ExperimentResult
	if err := ask(args("echo"), []byte("some bytes"), &echo); err != nil || echo.Observed["bytes"] != 10.0 || echo.Observed["sha256"] != sum("some bytes") {
		t.Errorf("echoed %v, %v", echo.Observed, err)
	}
	refused("bad_request", args("no-such"))
	for _, id := range []string{"", "a", `..\..`, "AB12", strings.Repeat("a", 13)} {
		bad := args("token")
		bad.ID = id
		refused("bad_request", bad)
	}
	for _, want := range []int{1, 0} {
		var gone agent.PruneResult
		if err := ask(args("clean"), nil, &gone); err != nil || len(gone.Removed) != want || len(gone.Warnings) > 0 {
			t.Errorf("cleaned %+v, %v, want %d removed", gone, err, want)
		}
	}
}
