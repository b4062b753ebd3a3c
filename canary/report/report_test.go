package report

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, diff)
	}
}

// told is a change with fixed words.
type told struct{ kind, words string }

func (a told) Kind() string                                          { return a.kind }
func (a told) Describe() string                                      { return a.words }
func (told) Budget() time.Duration                                   { return time.Minute }
func (told) Look(context.Context, canary.World) (canary.Seen, error) { return canary.Seen{}, nil }
func (told) Do(context.Context, canary.World) error                  { return nil }
func (told) Undo(canary.State) []canary.Action                       { return nil }

// asked is a question with fixed words.
type asked struct{ kind, words string }

func (a asked) Kind() string        { return a.kind }
func (a asked) Describe() string    { return a.words }
func (asked) Budget() time.Duration { return time.Minute }
func (asked) Ask(context.Context, canary.World) (canary.Verdict, error) {
	return canary.Verdict{}, nil
}

const (
	oldSlot = "app.domain.com-3456"
	newSlot = "app.domain.com-3457"
	group   = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web-443/abc"
)

func laneOf(server string) canary.Lane {
	step := func(a canary.Action) canary.Step {
		return canary.Step{ID: "canary/" + server + "/" + a.Kind(), Server: server, Action: a}
	}
	return canary.Lane{
		step(asked{"spare", "ask whether " + server + " may leave: at least 1 other healthy"}),
		step(told{"drain", "drain " + server + ": settle 20s, then until no request is in flight, at most 5m0s"}),
		step(told{"stop", "stop " + oldSlot + " on " + server}),
		step(told{"start", "start " + newSlot + " on " + server}),
		step(asked{"warm", "warm " + newSlot + " on " + server + ": 6 answers under 100ms"}),
		step(told{"admit", "admit " + server}),
	}
}

func examplePlan() canary.Plan {
	servers := []canary.Server{{Name: "web-01"}, {Name: "web-02"}}
	stage := func(name string) canary.Lane {
		return canary.Lane{{ID: "stage/" + name + "/stage", Server: name, Action: told{"stage", "stage " + newSlot + " on " + name}}}
	}
	return canary.Plan{
		Run: "20261121-120000-ab12", App: "app.domain.com", Old: []string{oldSlot}, Servers: servers, Floor: 1,
		New: canary.Release{Slot: newSlot, Version: "2.14.0", Digest: strings.Repeat("0123456789abcdef", 4), Files: 1204, Bytes: 48_400_000},
		Waves: []canary.Wave{
			{Name: "stage", Parallel: 8, Lanes: []canary.Lane{stage("web-01"), stage("web-02")}},
			{Name: "canary", Parallel: 1, Lanes: []canary.Lane{laneOf("web-01")},
				Gate: canary.Lane{{ID: "canary/bake", Action: asked{"bake", "watch real traffic for 2m"}}}},
			{Name: "tidy", Final: true, Lanes: []canary.Lane{{{ID: "tidy/web-01/tidy", Server: "web-01", Action: told{"tidy", "remove old slots of web-01"}}}}},
		},
	}
}

func exampleInventory() canary.Inventory {
	serving := canary.Slot{Name: oldSlot, Site: canary.Started, Pool: canary.Started, SiteBoot: true, PoolBoot: true, Workers: []int{7}}
	healthy := func(id string) canary.TargetHealth {
		return canary.TargetHealth{Target: canary.Target{Group: group, ID: id, Port: 443}, State: canary.Healthy}
	}
	sick := healthy("i-2")
	sick.State, sick.Reason = canary.Unhealthy, "Target.Timeout"
	staged := canary.Slot{Name: newSlot, Site: canary.Stopped, Pool: canary.Stopped, Digest: strings.Repeat("0123456789abcdef", 4)}
	half := serving
	half.Pool, half.PoolBoot = canary.Starting, false
	return canary.Inventory{
		Groups: []canary.Group{{ARN: group, Name: "web-443"}},
		Servers: []canary.Found{
			{Server: canary.Server{Name: "web-01"}, Slots: []canary.Slot{serving, staged}, Health: []canary.TargetHealth{healthy("i-1")}, DiskFree: 80 << 30},
			{Server: canary.Server{Name: "web-02"}, Slots: []canary.Slot{half}, Health: []canary.TargetHealth{sick}, DiskFree: 3 << 20,
				Problems: []string{"its clock is 9s off"}},
			{Server: canary.Server{Name: "web-03"}, Problems: []string{"connect: no answer\x1b[31m in 10s"}},
			{Server: canary.Server{Name: "web-04"}, Slots: []canary.Slot{{Name: newSlot, Site: canary.Stopped, Pool: canary.Stopped,
				SiteBoot: true, PoolBoot: true, Digest: "other"}}, Facts: []string{"Windows Server 2022"}},
		},
	}
}

func TestFailureHasThreeParts(t *testing.T) {
	var b bytes.Buffer
	Failure{What: "the gate said no: 4.1% > 1.0%.", Now: "web-03 is drained; the other 11 serve", Next: []string{"iis-canary revert", "iis-canary status"}}.Print(&b)
	Failure{What: "2 mistakes in c.yaml\nc.yaml:1:3: app\n     1 | \tx\n       |   ^"}.Print(&b)
	golden(t, "failure", b.String())
}

func TestACommandToTypeKeepsItsDots(t *testing.T) {
	var b bytes.Buffer
	Failure{What: "read the configuration.", Now: "nothing was touched.", Next: []string{"iis-canary status --config .."}}.Print(&b)
	want := "error: read the configuration\nnow:   nothing was touched\nnext:  iis-canary status --config ..\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestForeignTextCannotSteerATerminal(t *testing.T) {
	steer := "a\x1b[2Jb\r\nc\u009bd\x07"
	var b bytes.Buffer
	Failure{What: steer, Now: steer, Next: []string{steer}}.Print(&b)
	if err := Summary(&b, Outcome{Outcome: Mixed, New: steer, Servers: []Server{{Name: steer, Slot: steer}},
		Verdict: canary.Verdict{Answer: canary.Fail, Reason: steer}}, Story{Why: "x" + steer, Trouble: []string{steer}, Next: []string{steer}}); err != nil {
		t.Fatal(err)
	}
	line := Line(canary.Event{Type: canary.Broke, Step: steer, Server: steer, Err: steer}, canary.Plan{})
	if strings.Contains(line, "\n") {
		t.Errorf("a line has two: %q", line)
	}
	if all := b.String() + line; strings.ContainsAny(all, "\x1b\r\x07\u009b") {
		t.Errorf("control characters: %q", all)
	}
}

func TestWordsForNumbers(t *testing.T) {
	for got, want := range map[string]string{
		thousands(0): "0", thousands(999): "999", thousands(1000): "1,000", thousands(-1234567): "-1,234,567",
		Size(12): "12 B", Size(2048): "2.0 KB", Size(48_400_000): "46.2 MB", Size(80 << 30): "80.0 GB",
		span(2 * time.Minute): "2m", span(time.Hour): "1h", span(90 * time.Second): "1m30s", span(1234 * time.Millisecond): "1.2s",
		span(1500 * time.Microsecond): "2ms", counted(1, "server"): "1 server", counted(0, "step"): "0 steps",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
