package canary

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Revert is the plan that puts back what a run began: per server the undo of every change, newest first; the servers
// in hand before all others, and as many at the same time as the floor allows. It is a pure function, and its steps have
// the same ids each time, so that a revert that was killed is run again and skips what it ended. A plan without waves
// means that nothing is to be put back.
//
// The way back of a way back is to carry on with it: Revert of a plan that reverts is that plan itself.
func Revert(plan Plan, done Progress) Plan {
	if plan.Revert {
		return plan
	}
	back := plan
	back.Revert, back.Waves = true, nil
	steps := map[string]Step{}
	for s := range plan.Steps() {
		steps[s.ID] = s
	}
	lanes, order := map[string]Lane{}, slices.Clone(done.InHand)
	for _, id := range slices.Backward(done.Order) {
		s, ok := steps[id]
		change, changes := s.Action.(Change)
		if !ok || !changes {
			continue
		}
		undo := change.Undo(done.Before[id])
		for i, a := range undo {
			lanes[s.Server] = append(lanes[s.Server], Step{fmt.Sprintf("revert/%s/%d-%s", id, i+1, a.Kind()), s.Server, a})
		}
		if len(undo) > 0 && !slices.Contains(order, s.Server) {
			order = append(order, s.Server)
		}
	}
	w := Wave{Name: "revert", Stubborn: true}
	for _, server := range order {
		if len(lanes[server]) > 0 {
			w.Lanes = append(w.Lanes, lanes[server])
		}
	}
	if len(w.Lanes) > 0 {
		w.Parallel = max(1, min(len(w.Lanes), len(plan.Servers)-plan.Floor))
		back.Waves = []Wave{w}
	}
	return back
}

// Reached reports whether every server is already as a plan that puts the fleet back would leave it. One that cannot be read is not.
func Reached(ctx context.Context, w World, back Plan) bool {
	var lanes []Lane
	for _, wave := range back.Waves {
		lanes = append(lanes, wave.Lanes...)
	}
	reached := make([]bool, len(lanes))
	var all sync.WaitGroup
	for i, l := range lanes {
		all.Go(func() { reached[i] = l.reached(ctx, w) })
	}
	all.Wait()
	return !slices.Contains(reached, false)
}

// reached leaves out the drain of a server that is let in again further on.
func (l Lane) reached(ctx context.Context, w World) bool {
	for i, s := range l {
		change, is := s.Action.(Change)
		if _, drains := s.Action.(Drain); drains && l[i:].admits() {
			is = false
		}
		if !is {
			continue
		}
		if seen, err := change.Look(ctx, w); err != nil || !seen.Done {
			return false
		}
	}
	return true
}

func (l Lane) admits() bool {
	return slices.ContainsFunc(l, func(s Step) bool { _, is := s.Action.(Admit); return is })
}
