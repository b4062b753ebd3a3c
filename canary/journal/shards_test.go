package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
	"iiscanary/canary/journal"
)

// servers keeps shards in memory.
type servers struct {
	mu    sync.Mutex
	lines map[string][]string
	fails map[string]error
	hangs bool
}

func newServers() *servers { return &servers{lines: map[string][]string{}, fails: map[string]error{}} }

func (s *servers) Note(ctx context.Context, server, run string, lines []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hangs {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if err := s.fails[server]; err != nil {
		return err
	}
	for _, l := range lines {
		if strings.ContainsAny(l, "\r\n") || run != "run-1" {
			return errors.New("not one line of this run")
		}
	}
	s.lines[server] = append(s.lines[server], lines...)
	return nil
}

func (s *servers) read(_ context.Context, server string) ([]string, error) {
	return s.lines[server], s.fails[server]
}

// has is the sequence numbers that a server holds, in its order.
func (s *servers) has(server string) []int {
	var out []int
	for _, l := range s.lines[server] {
		var e canary.Event
		if json.Unmarshal([]byte(l), &e) == nil {
			out = append(out, e.Seq)
		}
	}
	return out
}

func TestEachServerHoldsThePlanAndWhatIsAboutIt(t *testing.T) {
	home, away := open(t, filepath.Join(t.TempDir(), "j")), newServers()
	s := journal.NewShards(home, away, fleet)
	add(t, s, planned(1, false), event(2, canary.Began, "web-01"), event(3, canary.Began, "web-02"),
		event(4, canary.Ended, "web-02"), event(5, canary.Halted, ""))
	for server, want := range map[string][]int{"web-01": {1, 2, 5}, "web-02": {1, 3, 4, 5}} {
		if diff := cmp.Diff(want, away.has(server)); diff != "" {
			t.Errorf("%s: %s", server, diff)
		}
	}
	events, err := journal.Collect(t.Context(), []string{"web-01", "web-02"}, away.read)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Collect(s.Events()), events); diff != "" {
		t.Error("merged, the shards are not the journal:", diff)
	}
}

func TestABeginningThatCannotReachItsServerIsNotWrittenAtAll(t *testing.T) {
	home, away := open(t, filepath.Join(t.TempDir(), "j")), newServers()
	s := journal.NewShards(home, away, fleet)
	add(t, s, planned(1, false))
	away.fails["web-02"] = canary.ErrUnreachable
	if err := s.Append(event(2, canary.Began, "web-02")); !errors.Is(err, canary.ErrUnreachable) {
		t.Fatalf("it answers %v", err)
	}
	add(t, s, event(2, canary.Broke, "web-02"), event(3, canary.Began, "web-01"))
	if got := seqs(home); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("home holds %v", got)
	}
	delete(away.fails, "web-02")
	add(t, s, event(4, canary.Ended, "web-02"))
	if diff := cmp.Diff([]int{1, 2, 4}, away.has("web-02")); diff != "" {
		t.Error("back again, the server holds:", diff)
	}
	if strings.Contains(strings.Join(away.lines["web-02"], ""), `"began"`) {
		t.Error("the beginning that was never written came through")
	}
}

func TestAPlanThatDoesNotReachEveryServerIsNotBegun(t *testing.T) {
	home, away := open(t, filepath.Join(t.TempDir(), "j")), newServers()
	away.fails["web-02"] = errors.New("disk full")
	err := journal.NewShards(home, away, fleet).Append(planned(1, false))
	if err == nil || !strings.Contains(err.Error(), "web-02: disk full") || len(seqs(home)) != 0 {
		t.Errorf("it answers %v, home holds %v", err, seqs(home))
	}
}

func TestARevertGoesOnWithoutTheServersThatDoNotAnswer(t *testing.T) {
	home, away := open(t, filepath.Join(t.TempDir(), "j")), newServers()
	s := journal.NewShards(home, away, fleet)
	add(t, s, planned(1, false), event(2, canary.Began, "web-01"))
	away.fails["web-01"] = canary.ErrUnreachable
	add(t, s, planned(3, true), event(4, canary.Began, "web-01"), event(5, canary.Ended, "web-01"))
	delete(away.fails, "web-01")
	// The next process knows from the journal that the run is being put back.
	away.fails["web-02"] = canary.ErrUnreachable
	add(t, journal.NewShards(home, away, fleet), event(6, canary.Began, "web-02"))
	add(t, s, event(7, canary.Ended, "web-01"))
	if diff := cmp.Diff([]int{1, 2, 3, 4, 5, 7}, away.has("web-01")); diff != "" {
		t.Error(diff)
	}
}

func TestAServerThatHangsIsGivenUp(t *testing.T) {
	home, away := open(t, filepath.Join(t.TempDir(), "j")), newServers()
	away.hangs = true
	synctest.Test(t, func(t *testing.T) {
		err := journal.NewShards(home, away, canary.Plan{Run: "run-1", Servers: fleet.Servers[:1]}).Append(event(1, canary.Began, "web-01"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it answers %v", err)
		}
	})
}

func TestMergeKeepsBothOfTwoLinesWithOneNumber(t *testing.T) {
	line := func(e canary.Event) string {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	plan, a, b := line(planned(1, false)), line(event(2, canary.Began, "web-01")), line(event(2, canary.Halted, ""))
	events, err := journal.Merge([]string{plan, a}, []string{plan, b, `{"seq":3,"ty`})
	if err != nil || len(events) != 3 {
		t.Errorf("%d events, %v", len(events), err)
	}
	for name, c := range map[string]struct {
		shards  [][]string
		unknown bool
	}{
		"nothing":       {[][]string{{}, nil}, true},
		"no plan":       {[][]string{{a}}, true},
		"two runs":      {[][]string{{plan, strings.Replace(b, "run-1", "run-2", 1)}}, false},
		"a torn middle": {[][]string{{plan, "{", a}}, false},
	} {
		if _, err := journal.Merge(c.shards...); err == nil || errors.Is(err, journal.ErrNoPlan) != c.unknown {
			t.Errorf("%s is merged as %v", name, err)
		}
	}
}

func TestACollectionNamesTheServersThatAreMissing(t *testing.T) {
	home, away := open(t, filepath.Join(t.TempDir(), "j")), newServers()
	add(t, journal.NewShards(home, away, fleet), planned(1, false))
	away.fails["web-02"] = canary.ErrUnreachable
	events, err := journal.Collect(t.Context(), []string{"web-01", "web-02"}, away.read)
	incomplete, is := errors.AsType[*journal.IncompleteError](err)
	if !is || !slices.Equal(incomplete.Missing, []string{"web-02"}) || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestALineThatATakenServerRefusesEndsBothWays(t *testing.T) {
	for _, back := range []bool{false, true} {
		for _, kind := range []canary.EventType{canary.Began, canary.Ended, canary.Finished} {
			home, away := open(t, filepath.Join(t.TempDir(), "j")), newServers()
			s := journal.NewShards(home, away, fleet)
			add(t, s, planned(1, false))
			if back {
				add(t, s, planned(2, true))
			}
			away.fails["web-01"] = canary.ErrTaken
			if err := s.Append(event(3, kind, "web-01")); !errors.Is(err, canary.ErrTaken) {
				t.Errorf("%s, back %t: it answers %v", kind, back, err)
			}
		}
	}
}
