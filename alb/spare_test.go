package alb

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iiscanary/canary"
)

const (
	routing = "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
	failing = "target_group_health.dns_failover.minimum_healthy_targets."
)

func TestSpare(t *testing.T) {
	t.Parallel()
	h := func(id string) canary.TargetHealth { return in(web, id, 443, canary.Healthy) }
	tests := []struct {
		name    string
		list    listing
		leaving []canary.Target
		floor   int
		set     settings
		want    *canary.NoSpareError
	}{
		{name: "enough others", list: listing{h("i-1"), h("i-2"), h("i-3")}, floor: 2},
		{name: "one too few", list: listing{h("i-1"), h("i-2")}, floor: 2,
			want: &canary.NoSpareError{Healthy: 2, Left: 1, Need: 2, Why: "min_healthy"}},
		{name: "an unhealthy target costs nothing", list: listing{in(web, "i-1", 443, canary.Unhealthy), h("i-2")}, floor: 5},
		{name: "a target that is out costs nothing", list: listing{h("i-2")}, floor: 5},
		{name: "only healthy others count", floor: 1,
			list: listing{h("i-1"), in(web, "i-2", 443, canary.Initial), in(web, "i-3", 443, canary.Draining), in(web, "i-4", 443, "new-word"),
				in(web, "i-5", 443, canary.Unavailable), in(web, "i-6", 443, canary.Unused, notInUse)},
			want: &canary.NoSpareError{Healthy: 1, Left: 0, Need: 1, Why: "min_healthy"}},
		{name: "two ports of one server are one server", floor: 2,
			list: listing{h("i-1"), h("i-2"), in(web, "i-2", 8443, canary.Healthy)},
			want: &canary.NoSpareError{Healthy: 3, Left: 1, Need: 2, Why: "min_healthy"}},
		{name: "a server that is half healthy does not count", floor: 1,
			list: listing{h("i-1"), h("i-2"), in(web, "i-2", 8443, canary.Unhealthy)},
			want: &canary.NoSpareError{Healthy: 2, Left: 0, Need: 1, Why: "min_healthy"}},
		{name: "a server that is leaving does not count", list: listing{h("i-1"), h("i-2"), h("i-3")}, leaving: []canary.Target{at("i-2", 443)}, floor: 2,
			want: &canary.NoSpareError{Healthy: 2, Left: 1, Need: 2, Why: "min_healthy"}},
		{name: "the group's count", list: listing{h("i-1"), h("i-2")}, set: settings{routing + "count": "2", failing + "count": "off"},
			want: &canary.NoSpareError{Healthy: 2, Left: 1, Need: 2, Why: routing + "count"}},
		{name: "the last one, by the group's default", list: listing{h("i-1")}, set: settings{routing + "count": "1"},
			want: &canary.NoSpareError{Healthy: 1, Left: 0, Need: 1, Why: routing + "count"}},
		{name: "a percentage of the rest", list: listing{h("i-1"), h("i-2"), h("i-3"), in(web, "i-4", 443, canary.Unhealthy)},
			set:  settings{routing + "percentage": "75", failing + "percentage": "off"},
			want: &canary.NoSpareError{Healthy: 3, Left: 2, Need: 3, Why: routing + "percentage"}},
		{name: "a percentage that still holds", list: listing{h("i-1"), h("i-2"), h("i-3"), h("i-4")}, set: settings{routing + "percentage": "100"}},
		{name: "the threshold of DNS", list: listing{h("i-1"), h("i-2")}, set: settings{routing + "count": "1", failing + "count": "2"},
			want: &canary.NoSpareError{Healthy: 2, Left: 1, Need: 2, Why: failing + "count"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := share{group: &group{arn: web, name: "web-443"}, targets: []canary.Target{at("i-1", 443)}}
			err := tt.list.spare(s, tt.leaving, tt.floor, tt.set)
			if tt.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			tt.want.Group = "web-443"
			got, is := errors.AsType[*canary.NoSpareError](err)
			if !is {
				t.Fatalf("spare = %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever the group looks like, a permission keeps floor servers healthy and each threshold of the group.
func TestSparePermissionKeepsTheFloor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := []canary.HealthState{canary.Healthy, canary.Healthy, canary.Initial, canary.Unhealthy, canary.Draining, canary.Unused, "new-word"}
		var l listing
		for i := range rapid.IntRange(1, 8).Draw(t, "targets") {
			l = append(l, in(web, fmt.Sprintf("i-%d", i), 443, rapid.SampledFrom(all).Draw(t, "state")))
		}
		floor, percent := rapid.IntRange(0, 8).Draw(t, "floor"), rapid.IntRange(0, 100).Draw(t, "percent")
		s := share{group: &group{arn: web, name: "web-443"}, targets: []canary.Target{l[0].Target}}
		err := l.spare(s, nil, floor, settings{routing + "percentage": fmt.Sprint(percent), routing + "count": "1"})
		left, registered := 0, 0
		for _, h := range l[1:] {
			if h.In() {
				registered++
			}
			if h.State == canary.Healthy {
				left++
			}
		}
		holds := left >= floor && left >= 1 && left*100 >= percent*registered
		if costs := l[0].State == canary.Healthy; costs && holds != (err == nil) || !costs && err != nil {
			t.Fatalf("left %d of %d, floor %d, %d %%: %v", left, registered, floor, percent, err)
		}
	})
}
