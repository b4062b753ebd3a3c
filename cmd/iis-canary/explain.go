package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"iiscanary/canary"
)

// witness is a server that can say what its own logs hold about a slot's failure.
type witness interface {
	Explain(ctx context.Context, server, slot string, last time.Duration) string
}

// margin is how much further back than a step's begin its server's logs are read: clocks and log times are rough.
const margin = 3 * time.Second

// watchedFor bounds how far back the logs are read after a bake, in which only the end matters.
const watchedFor = 10 * time.Minute

// explainer asks the servers of a step that failed for what their own logs say, all at the same time. A failure that is none of a
// server's own, such as one of the balancer, has no record there.
func explainer(w witness) func(context.Context, canary.Step, time.Time) string {
	return func(ctx context.Context, s canary.Step, began time.Time) string {
		servers, slot := placeOf(s)
		said := make([]string, len(servers))
		last := min(time.Since(began), watchedFor) + margin
		var all sync.WaitGroup
		for i, server := range servers {
			all.Go(func() {
				if words := w.Explain(ctx, server, slot, last); words != "" {
					said[i] = "the logs of " + server + " say: " + words
				}
			})
		}
		all.Wait()
		return testimony(said)
	}
}

// voices is how many servers are quoted; the others mostly say the same.
const voices = 2

// testimony is what servers said, those that said nothing left out.
func testimony(said []string) string {
	said = slices.DeleteFunc(said, func(words string) bool { return words == "" })
	if more := len(said) - voices; more > 0 {
		return fmt.Sprintf("%s; and records of %d more", strings.Join(said[:voices], "; "), more)
	}
	return strings.Join(said, "; ")
}

// placeOf is where to look for the reason of a step's failure; nowhere for steps that IIS has no part in.
func placeOf(s canary.Step) (servers []string, slot string) {
	switch a := s.Action.(type) {
	case canary.Start:
		return []string{a.Server}, a.Slot
	case canary.Stop:
		return []string{a.Server}, a.Slot
	case canary.Warm:
		return []string{a.Server}, a.Slot
	case canary.Admit:
		return []string{a.Server}, a.Slot
	case canary.Own:
		for name, on := range a.Boot {
			if on {
				return []string{a.Server}, name
			}
		}
	case canary.Bake:
		return a.On, a.New
	}
	return nil, ""
}
