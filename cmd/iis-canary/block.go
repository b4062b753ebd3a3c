package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func (s *screen) redraw() {
	if s.plan.Run == "" {
		return
	}
	s.erase()
	lines := s.block(s.height() - 1) // the cursor stands on the line below
	width := s.width()
	for _, l := range lines {
		fmt.Fprintln(s.w, clip(l, width-1))
	}
	s.drawn = len(lines)
}

// block is how the run stands, in so many lines at the most. Servers that do not fit are counted: first to stay are those in hand or in trouble.
func (s *screen) block(most int) []string {
	bound := s.plan.New.Slot
	if s.plan.Revert {
		bound = "back from " + bound
	}
	head := fmt.Sprintf("%s  %s  %s", s.plan.Run, bound, time.Since(s.started).Round(time.Second))
	foot := "  " + s.evidence()
	var rows []string
	for _, name := range s.foremost(most - 2) {
		r := s.rows[name]
		rows = append(rows, fmt.Sprintf("  %s %-12s %-8s  %s", r.mark, name, s.places.Of(name), r.doing))
	}
	if room := most - 2; len(rows) > room {
		shown := max(room-1, 0)
		rows = append(rows[:shown], fmt.Sprintf("  and %d more", len(rows)-shown))
	}
	lines := append(append([]string{head}, rows...), foot)
	if len(lines) > most { // there is no room for servers at all
		lines = []string{head, foot}[:min(max(most, 0), 2)]
	}
	return lines
}

// foremost is the names of the servers in the order of the plan, or where they are more than there is room for, with those in front that are in
// hand or in trouble.
func (s *screen) foremost(room int) []string {
	names, hand := []string{}, s.inHand()
	for _, server := range s.plan.Servers {
		names = append(names, server.Name)
	}
	if len(names) <= room {
		return names
	}
	rank := func(name string) int {
		if mark := s.rows[name].mark; mark == "✖" || mark == "◌" || slices.Contains(hand, name) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// evidence is the verdict so far, in one line.
func (s *screen) evidence() string {
	if s.plan.Revert {
		return "traffic: not judged on the way back"
	}
	if len(s.verdict.Evidence) == 0 {
		if s.verdict.Reason != "" {
			return "traffic: " + strings.Join(strings.Fields(s.verdict.Reason), " ")
		}
		return "traffic: nothing judged yet"
	}
	var parts []string
	for _, e := range s.verdict.Evidence {
		parts = append(parts, fmt.Sprintf("%s %d of %d new, %d of %d old, evidence %.1f of %.1f",
			e.Metric, e.New.Bad, e.New.Requests, e.Old.Bad, e.Old.Requests, e.Odds, e.Need))
	}
	return "traffic: " + strings.Join(parts, "; ")
}

// clip cuts a line to the width of the terminal, so that the block's height is known.
func clip(l string, width int) string {
	if utf8.RuneCountInString(l) <= width {
		return l
	}
	return string([]rune(l)[:max(width-1, 0)]) + "…"
}
