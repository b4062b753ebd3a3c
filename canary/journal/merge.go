package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"iiscanary/canary"
)

// ErrNoPlan says that what the servers have of a run does not begin with its plan: they know nothing of it, or not enough.
var ErrNoPlan = errors.New("none of them has the plan")

// Merge puts the shards of a run's servers together, in order of sequence number. A line that several servers have counts
// once; a torn last line of a shard is left out. Two different lines with one number, as a runner leaves that died between
// writing one on a server and writing it at home, are both kept. Without the plan
// it is [ErrNoPlan].
func Merge(shards ...[]string) ([]canary.Event, error) {
	var all []canary.Event
	seen := map[string]bool{}
	for _, lines := range shards {
		for n, line := range lines {
			if seen[line] || line == "" {
				continue
			}
			e, err := parse([]byte(line))
			if err != nil && n == len(lines)-1 {
				continue
			}
			if err != nil {
				return nil, &CorruptError{Line: n + 1, Err: err}
			}
			seen[line] = true
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b canary.Event) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), a.At.Compare(b.At))
	})
	return all, check(all)
}

func check(all []canary.Event) error {
	if len(all) == 0 || all[0].Type != canary.Planned {
		return fmt.Errorf("merge the servers' copies of the journal: %w", ErrNoPlan)
	}
	for _, e := range all {
		if e.Run != all[0].Run {
			return fmt.Errorf("merge the servers' copies of the journal: lines of run %s and of run %s", all[0].Run, e.Run)
		}
	}
	return nil
}
