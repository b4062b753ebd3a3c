package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"iiscanary/canary"
)

// IncompleteError says that some servers did not give up their copy: what happened to them alone is not known.
type IncompleteError struct {
	Missing []string // servers
	Err     error
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("no copy of the journal from %s: %v", strings.Join(e.Missing, ", "), e.Err)
}

// Unwrap is why they did not.
func (e *IncompleteError) Unwrap() error { return e.Err }

// Collect reads the shard of one run from each server, side by side, and merges them. With an *IncompleteError it returns
// the events of the servers that answered.
func Collect(ctx context.Context, servers []string, read func(ctx context.Context, server string) ([]string, error)) ([]canary.Event, error) {
	shards, errs := make([][]string, len(servers)), make([]error, len(servers))
	var wg sync.WaitGroup
	for i, server := range servers {
		wg.Go(func() { shards[i], errs[i] = read(ctx, server) })
	}
	wg.Wait()
	var missing []string
	for i, err := range errs {
		if err != nil {
			missing = append(missing, servers[i])
		}
	}
	events, err := Merge(shards...)
	if err != nil {
		return nil, errors.Join(err, errors.Join(errs...))
	}
	if len(missing) > 0 {
		return events, &IncompleteError{missing, errors.Join(errs...)}
	}
	return events, nil
}
