package canary_test

import (
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// A way back is at its end where each server is as it was before the run, whoever saw to that.
func TestAWayBackIsReachedWhereEveryServerIsAsBefore(t *testing.T) {
	for name, c := range map[string]struct {
		reverted bool
		then     func(st *stage)
		want     bool
	}{
		"after the run":               {false, func(*stage) {}, false},
		"after its way back":          {true, func(*stage) {}, true},
		"a server boots another slot": {true, func(st *stage) { st.world.Alter("web-02", newSlot, func(s *canary.Slot) { s.SiteBoot = true }) }, false},
		"a server is out of rotation": {true, func(st *stage) { st.world.TakeOut("web-02") }, false},
		"nothing runs on a server":    {true, func(st *stage) { st.must(st.world.Stop(st.t.Context(), "web-02", oldSlot)) }, false},
		"a server cannot be read":     {true, func(st *stage) { st.world.Break(canarytest.Fault{Server: "web-02", Kind: canarytest.Unreachable}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(st *stage) {
				st.must(st.run())
				back := st.back()
				if c.reverted {
					st.must(st.revert())
				}
				c.then(st)
				time.Sleep(time.Hour) // every state has settled
				if got := canary.Reached(st.t.Context(), st.world, back); got != c.want {
					t.Errorf("it is reached: %t, want %t", got, c.want)
				}
			})
		})
	}
}
