package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// wholeFleet is three servers on the new slot, nothing wrong.
func wholeFleet() Survey {
	s := Survey{App: "app.domain.com", At: noon, Groups: []canary.Group{{ARN: group, Name: "web-443"}}}
	for i := range 3 {
		f := canary.Found{Server: canary.Server{Name: fmt.Sprintf("web-%02d", i+1)}}
		f.Slots = []canary.Slot{
			{Name: newSlot, Site: canary.Started, Pool: canary.Started, SiteBoot: true, PoolBoot: true, Workers: []int{7}, Digest: "abc", Version: "2.14.0"},
			{Name: oldSlot, Site: canary.Stopped, Pool: canary.Stopped, Digest: "def", Version: "2.13.0"},
		}
		f.Health = []canary.TargetHealth{{Target: canary.Target{Group: group, ID: fmt.Sprint("i-", i), Port: 443}, State: canary.Healthy}}
		s.Seen = append(s.Seen, Sighting{Found: f, Loads: []Load{{Slot: newSlot, Requests: 2 - i, Queue: 7 * (i - 1)}}})
	}
	return s
}

func TestDriftIsNamedWithWhatToDo(t *testing.T) {
	lease := func(over bool) *Lease {
		return &Lease{Run: "20261121-110000-cd34", Owner: "ann on ci-7 (pid 12)", Reason: "deploy " + newSlot, Since: noon.Add(-time.Minute),
			Until: noon.Add(19 * time.Minute), Over: over}
	}
	slot := func(s *Survey, i int) *canary.Slot { return &s.Seen[i].Found.Slots[0] }
	health := func(s *Survey, state canary.HealthState, reason string) {
		h := &s.Seen[1].Found.Health[0]
		h.State, h.Reason = state, reason
	}
	for name, c := range map[string]struct {
		change func(*Survey)
		kinds  []DriftKind
		server string
		what   string
		next   string
	}{
		"whole": {func(*Survey) {}, nil, "", "", ""},
		"nothing runs": {func(s *Survey) {
			slot(s, 1).Site, slot(s, 1).Pool, slot(s, 1).Workers = canary.Stopped, canary.Stopped, nil
		}, []DriftKind{DriftNothing}, "web-02", "no slot", "deploy again"},
		"the family twice": {func(s *Survey) { s.Seen[1].Found.Slots[1].Site = canary.Started }, []DriftKind{DriftTwice}, "web-02",
			newSlot + " and " + oldSlot + " are running", "by hand"},
		"IIS tells nothing": {func(s *Survey) {
			slot(s, 1).Site, slot(s, 1).Pool, slot(s, 1).Workers = canary.Unknown, canary.Unknown, nil
		}, []DriftKind{DriftUnknown}, "web-02", "IIS does not tell the state of ", "Start-Service WAS, W3SVC on that server"},
		"somebody else was here": {func(s *Survey) { slot(s, 1).Pool, s.Seen[1].Changed = canary.Stopped, "InetMgr runs there" }, []DriftKind{DriftHalf}, "web-02",
			"site started, pool stopped; InetMgr runs there", "by hand"},
		"half started": {func(s *Survey) { slot(s, 1).Pool = canary.Stopped }, []DriftKind{DriftHalf}, "web-02", "site started, pool stopped", "by hand"},
		"unreadable":   {func(s *Survey) { s.Seen[1].Found.Slots, s.Seen[1].Found.Problems = nil, []string{"no answer\nin 10s"} }, []DriftKind{DriftUnread}, "web-02", "no answer; in 10s", "status"},
		"clock is off": {func(s *Survey) { s.Seen[1].Found.Problems = []string{"its clock is 9s off"} }, []DriftKind{DriftUnread}, "web-02", "clock", "status"},
		"boots the other": {func(s *Survey) {
			f := s.Seen[1].Found.Slots
			f[0].SiteBoot, f[0].PoolBoot, f[1].SiteBoot, f[1].PoolBoot = false, false, true, true
		}, []DriftKind{DriftBoot}, "web-02", "after a reboot " + oldSlot + " would start instead of " + newSlot, "by hand"},
		"boots nothing": {func(s *Survey) { slot(s, 1).SiteBoot, slot(s, 1).PoolBoot = false, false }, []DriftKind{DriftBoot}, "web-02", "after a reboot nothing", "by hand"},
		"boots half":    {func(s *Survey) { slot(s, 1).PoolBoot = false }, []DriftKind{DriftBoot}, "web-02", "only a part of it", "by hand"},
		"mixed": {func(s *Survey) {
			f := s.Seen[1].Found.Slots
			f[0], f[1] = canary.Slot{Name: newSlot, Site: canary.Stopped, Pool: canary.Stopped}, canary.Slot{Name: oldSlot, Site: canary.Started, Pool: canary.Started, SiteBoot: true, PoolBoot: true}
		}, []DriftKind{DriftMixed}, "", oldSlot + " on web-02; " + newSlot + " on web-01, web-03", "deploy again"},
		"other files":      {func(s *Survey) { slot(s, 1).Digest = "xyz" }, []DriftKind{DriftFiles}, "", "same files", "new slot"},
		"draining":         {func(s *Survey) { health(s, canary.Draining, "Target.DeregistrationInProgress") }, []DriftKind{DriftOut}, "web-02", "web-443:443 is draining, Target.DeregistrationInProgress", "register it again"},
		"unhealthy":        {func(s *Survey) { health(s, canary.Unhealthy, "Target.Timeout") }, []DriftKind{DriftOut}, "web-02", "unhealthy, Target.Timeout", "health check's path"},
		"unused":           {func(s *Survey) { health(s, canary.Unused, "Target.NotInUse") }, []DriftKind{DriftOut}, "web-02", "unused", "listener's rule"},
		"initial":          {func(s *Survey) { health(s, canary.Initial, "Elb.InitialHealthChecking") }, []DriftKind{DriftOut}, "web-02", "initial", "wait"},
		"a port in danger": {func(s *Survey) { s.Seen[1].Omens = []Omen{{"nginx listens on port 443", "stop it"}} }, []DriftKind{DriftPort}, "web-02", "nginx listens", "stop it"},
		"in no group":      {func(s *Survey) { s.Seen[1].Found.Health = nil }, []DriftKind{DriftOut}, "web-02", "in no target group", ""},
		"lost": {func(s *Survey) {
			s.Seen = s.Seen[:1]
			s.Seen[0].Found.Slots[1].Name = "other"
			s.Runs = []Run{storyOf(killedRun(t))}
		}, []DriftKind{DriftLost}, "web-02", "run 20261121-120000-ab12 took it out of rotation", "iis-canary resume --config canary.yaml --run 20261121-120000-ab12, or iis-canary revert"},
		"draining by a run that died": {func(s *Survey) {
			health(s, canary.Draining, "Target.DeregistrationInProgress")
			s.Runs = []Run{storyOf(killedRun(t))}
		}, []DriftKind{DriftOut}, "web-02", "draining", "iis-canary resume --config canary.yaml --run 20261121-120000-ab12"},
		"a lease that ran out": {func(s *Survey) { s.Seen[1].Lease = lease(true) }, []DriftKind{DriftLeftover}, "web-02", "20261121-110000-cd34 by ann on ci-7", "resume"},
		"in flight": {func(s *Survey) {
			s.Seen[0].Lease, s.Seen[1].Lease = lease(false), lease(false)
			health(s, canary.Draining, "")
		}, []DriftKind{DriftOut}, "web-02", "draining", "wait for the run in flight"},
	} {
		t.Run(name, func(t *testing.T) {
			s := wholeFleet()
			c.change(&s)
			f := Assess(s, typed)
			var kinds []DriftKind
			for _, d := range f.Drift {
				kinds = append(kinds, d.Kind)
			}
			if !slices.Equal(kinds, c.kinds) {
				t.Fatalf("drift %v, want %v", f.Drift, c.kinds)
			}
			if f.Whole() != (len(kinds) == 0) {
				t.Errorf("whole: %t", f.Whole())
			}
			if len(kinds) == 0 {
				return
			}
			if d := f.Drift[0]; d.Server != c.server || !strings.Contains(d.What, c.what) || !strings.Contains(d.Next, c.next) || d.Next == "" {
				t.Errorf("%+v, want %s, %q, %q", d, c.server, c.what, c.next)
			}
		})
	}
}

func TestARunIsUnfinishedUntilItIsOverOrOvertaken(t *testing.T) {
	for name, c := range map[string]struct {
		run  Run
		slot string // that the servers run
		open bool
		fly  bool
	}{
		"killed":    {storyOf(killedRun(t)), newSlot, true, false},
		"held":      {storyOf(heldRun(t)), oldSlot, true, false},
		"deployed":  {storyOf(goodRun(t)), newSlot, false, false},
		"reverted":  {storyOf(refusedRun(t)), oldSlot, false, false},
		"overtaken": {storyOf(killedRun(t)), "app.domain.com-3458", false, false},
		"at work":   {Tell(Record{Events: killedRun(t).events, Alive: true}, typed), newSlot, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := wholeFleet()
			for i := range s.Seen {
				s.Seen[i].Found.Slots[0].Name = c.slot
			}
			s.Runs = []Run{c.run}
			f := Assess(s, typed)
			if open, fly := len(f.Unfinished) > 0, len(f.InFlight) > 0; open != c.open || fly != c.fly || f.Whole() == (open || fly) {
				t.Errorf("unfinished %v, in flight %v, whole %t", f.Unfinished, f.InFlight, f.Whole())
			}
		})
	}
}

func TestTheStatusInWordsAndInJSON(t *testing.T) {
	broken := wholeFleet()
	broken.Seen[1].Found.Health[0].State, broken.Seen[1].Found.Health[0].Reason = canary.Draining, "Target.DeregistrationInProgress"
	broken.Seen[1].Found.Slots[0].Version = "2.14.0\x1b[31m"
	broken.Seen[2].Found.Slots, broken.Seen[2].Found.Problems = nil, []string{"connect: no answer in 10s"}
	broken.Runs = []Run{storyOf(killedRun(t))}
	flight := wholeFleet()
	for i := range flight.Seen {
		flight.Seen[i].Lease = &Lease{Run: "20261121-120000-ab12", Owner: "ann on ci-7 (pid 12)", Reason: "deploy " + newSlot, Since: noon, Until: noon.Add(20 * time.Minute)}
	}
	for name, s := range map[string]Survey{"whole": wholeFleet(), "broken": broken, "flight": flight} {
		f := Assess(s, typed)
		var text, object bytes.Buffer
		if err := f.Text(&text); err != nil {
			t.Fatal(err)
		}
		if err := f.JSON(&object); err != nil {
			t.Fatal(err)
		}
		golden(t, "status-"+name+"-text", text.String())
		golden(t, "status-"+name+"-json", object.String())
		if strings.Contains(text.String(), "\x1b") {
			t.Errorf("an escape sequence in\n%q", text.String())
		}
		for _, verb := range []string{"iis-canary resume ", "iis-canary revert "} {
			if n := strings.Count(text.String(), verb); n > 1 {
				t.Errorf("%s is said %d times in\n%s", verb, n, text.String())
			}
		}
	}
}

func TestAServerIsOddWhenMoreOrLessThanOneSlotRunsOrBoots(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]canary.Slot)
		odd    bool
	}{
		"whole":        {func([]canary.Slot) {}, false},
		"nothing runs": {func(s []canary.Slot) { s[0].Site, s[0].Pool, s[0].Workers = canary.Stopped, canary.Stopped, nil }, true},
		"two run":      {func(s []canary.Slot) { s[1].Site, s[1].Pool = canary.Started, canary.Started }, true},
		"half":         {func(s []canary.Slot) { s[0].Pool = canary.Stopped }, true},
		"boots none":   {func(s []canary.Slot) { s[0].SiteBoot, s[0].PoolBoot = false, false }, true},
		"boots two":    {func(s []canary.Slot) { s[1].SiteBoot, s[1].PoolBoot = true, true }, true},
		"boots half":   {func(s []canary.Slot) { s[1].PoolBoot = true }, true},
	} {
		seen := wholeFleet().Seen[0]
		c.change(seen.Found.Slots)
		if seen.Odd() != c.odd {
			t.Errorf("%s: odd is %v", name, seen.Odd())
		}
	}
}
