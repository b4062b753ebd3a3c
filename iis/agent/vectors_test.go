package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
)

// vector is a sequence of operations with the answers that every agent must give (testdata/README.md).
type vector struct {
	Trouble string  `json:"trouble"`
	Speed   float64 `json:"speed"` // 0: the usual one
	Server  struct {
		SettleMS, StopMS, ColdMS int
		DiskFree                 int64
	} `json:"server"`
	Lease string `json:"lease"` // "none": the steps take their own
	Given given  `json:"given"`
	Steps []step `json:"steps"`
}

type step struct {
	Given given           `json:"given"` // comes about before the operation
	ID    string          `json:"id"`
	Op    string          `json:"op"`
	Args  map[string]any  `json:"args"`
	Lease json.RawMessage `json:"lease"`
	Want  any             `json:"want"`  // part of the result
	Error any             `json:"error"` // part of the error
	See   any             `json:"see"`   // part of the truth after it
}

// load reads every vector, by its name.
func load(t *testing.T) map[string]vector {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	all := map[string]vector{}
	for _, p := range paths {
		all[strings.TrimSuffix(filepath.Base(p), ".json")] = read(t, p)
	}
	return all
}

func read(t *testing.T, path string) vector {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	var v vector
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

// TestEveryAgentGivesTheSameAnswers holds the C# agent and its model in the simulated server to one contract, on both channels.
func TestEveryAgentGivesTheSameAnswers(t *testing.T) {
	agents := everyWay(halves(t))
	ran := map[string]*atomic.Int32{}
	for way := range agents {
		ran[way] = &atomic.Int32{}
	}
	t.Run("vectors", func(t *testing.T) {
		for name, v := range load(t) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got := map[string]any{}
				for way, h := range agents { // one after the other: they are measured by the clock
					answers, err := v.run(t, h)
					if err != nil {
						t.Errorf("%s: %v", way, err)
						continue
					}
					got[way] = answers
					ran[way].Add(1)
				}
				same(t, got)
			})
		}
	})
	for _, way := range slices.Sorted(maps.Keys(ran)) {
		fmt.Printf("%d vectors: %s\n", ran[way].Load(), way)
	}
}

// everyWay is each agent with a process that lives on, and with one for each batch of frames.
func everyWay(agents map[string]half) map[string]half {
	all := map[string]half{}
	for side, h := range agents {
		all[side+", stream"] = h
		h.batched = true
		all[side+", oneshot"] = h
	}
	return all
}

func same(t *testing.T, got map[string]any) {
	t.Helper()
	const first = "the model, stream"
	if got[first] == nil {
		return
	}
	for way, answers := range got {
		if diff := cmp.Diff(got[first], answers); diff != "" {
			t.Errorf("%s (-) and %s (+) differ:\n%s", first, way, diff)
		}
	}
}

// run carries the vector out on a server of its own. It returns the answers without what differs from run to run.
func (v vector) run(t tester, h half) ([]any, error) {
	pace := v.Speed
	if pace == 0 {
		pace = speed
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := put(t, h, pace, func(c *iistest.Config) {
		c.Settle, c.Stop = time.Duration(v.Server.SettleMS)*time.Millisecond, time.Duration(v.Server.StopMS)*time.Millisecond
		c.Cold, c.DiskFree = time.Duration(v.Server.ColdMS)*time.Millisecond, v.Server.DiskFree
	})
	if err != nil {
		return nil, err
	}
	if err := b.come(v.Given); err != nil {
		return nil, fmt.Errorf("given: %w", err)
	}
	if err := b.connect(t); err != nil {
		return nil, err
	}
	if v.Lease == "" {
		if err := b.acquire(ctx); err != nil {
			return nil, err
		}
	}
	var answers []any
	for i := 0; i < len(v.Steps); {
		n := 1
		for h.batched && i+n < len(v.Steps) && v.Steps[i+n-1].See == nil && v.Steps[i+n].follows() {
			n++
		}
		some, err := b.take(ctx, t, v.Steps[i:i+n])
		if err != nil {
			return nil, fmt.Errorf("step %d and on, %s: %w", i+1, v.Steps[i].Op, err)
		}
		answers = append(answers, some...)
		i += n
	}
	return answers, nil
}

// follows says whether a step may be in one batch with the step before it: nothing comes about in between.
func (s step) follows() bool { return s.Op != "" && reflect.ValueOf(s.Given).IsZero() }

func (b *bench) acquire(ctx context.Context) error {
	all, err := b.ask(ctx, []asking{{agent.Request{ID: "lease", Op: "lease",
		Args: agent.LeaseArgs{App: "app", Action: "acquire", Run: "run-1", Owner: "a test", Reason: "vectors", Seconds: 600}}, nil}})
	if err != nil {
		return err
	}
	a := all[0]
	if a.Error != nil {
		return a.Error
	}
	var r agent.LeaseResult
	if err := json.Unmarshal(a.Result, &r); err != nil {
		return err
	}
	b.lease = &agent.Fence{Run: r.Lease.Run, Generation: r.Lease.Generation}
	return nil
}

// take does steps that follow each other at once, and compares. What the last one is to have brought about is looked at.
func (b *bench) take(ctx context.Context, t tester, steps []step) ([]any, error) {
	first, last := steps[0], steps[len(steps)-1]
	if err := b.come(first.Given); err != nil {
		return nil, err
	}
	if first.Given.Reboot {
		b.server.Reboot()
		if err := b.connect(t); err != nil {
			return nil, err
		}
	}
	var answers []any
	if first.Op != "" {
		var err error
		if answers, err = b.answers(ctx, steps); err != nil {
			return nil, err
		}
	} else {
		answers = []any{nil}
	}
	if last.See == nil {
		return answers, nil
	}
	truth, err := plain(b.server.Truth())
	if err != nil {
		return nil, err
	}
	return answers, within("truth", b.fill(last.See), lower(truth))
}

func (b *bench) answers(ctx context.Context, steps []step) ([]any, error) {
	var asked []asking
	for _, s := range steps {
		one, err := b.request(s)
		if err != nil {
			return nil, err
		}
		asked = append(asked, one)
	}
	given, err := b.ask(ctx, asked)
	if err != nil {
		return nil, err
	}
	var out []any
	for i, a := range given {
		answer, err := b.compare(steps[i], asked[i].request, a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", steps[i].Op, err)
		}
		out = append(out, answer)
	}
	return out, nil
}

// request is a step's, with an id and the lease.
func (b *bench) request(s step) (asking, error) {
	args, blob, err := b.arguments(s)
	if err != nil {
		return asking{}, err
	}
	b.count++
	r := agent.Request{ID: s.ID, Op: s.Op, Args: args, Lease: b.lease}
	if r.ID == "" {
		r.ID = fmt.Sprintf("t-%d", b.count)
	}
	if s.Lease != nil {
		r.Lease = nil
		if err := json.Unmarshal(s.Lease, &r.Lease); err != nil {
			return asking{}, err
		}
	}
	return asking{r, blob}, nil
}

func (b *bench) compare(s step, r agent.Request, a agent.Answer) (any, error) {
	if a.ID != r.ID {
		return nil, fmt.Errorf("answered %q instead of %q", a.ID, r.ID)
	}
	got, err := plain(map[string]any{"result": a.Result, "error": a.Error})
	if err != nil {
		return nil, err
	}
	parts := got.(map[string]any)
	if a.Error != nil && s.Error == nil {
		return nil, a.Error
	}
	if err := within("error", b.fill(s.Error), parts["error"]); err != nil && s.Error != nil {
		return nil, err
	}
	if s.Want != nil {
		if err := within("result", b.fill(s.Want), parts["result"]); err != nil {
			return nil, err
		}
	}
	return steady(got), nil
}
