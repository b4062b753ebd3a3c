package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// entry is one line of the table: what was found alike on some servers.
type entry struct {
	finding
	servers []string // with their places, in order; none: the whole fleet
}

// entries groups findings that say the same.
func entries(findings []finding) []entry {
	var out []entry
	for _, f := range findings {
		i := slices.IndexFunc(out, func(r entry) bool {
			return r.check == f.check && r.state == f.state && r.what == f.what && r.do == f.do && (r.server == "") == (f.server == "")
		})
		if i < 0 {
			out, i = append(out, entry{finding: f}), len(out)
		} else {
			out[i].next = append(out[i].next, f.next...)
		}
		if f.server != "" {
			out[i].servers = append(out[i].servers, placed(f))
		}
	}
	return out
}

func placed(f finding) string {
	if f.place == "" {
		return f.server
	}
	return f.server + " (" + f.place + ")"
}

// mostServers is how many servers a line names.
const mostServers = 8

// where is the servers of a row in words.
func (e entry) where() string {
	if len(e.servers) <= mostServers {
		return cmp.Or(strings.Join(e.servers, ", "), "-")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(e.servers[:mostServers], ", "), len(e.servers)-mostServers)
}

// remedy is what a person can do about a row.
func (e entry) remedy() string { return cmp.Or(e.do, checkOf(e.check).remedy) }

func checkOf(id checkID) check {
	all := checks()
	return all[slices.IndexFunc(all, func(c check) bool { return c.id == id })]
}

// with is the rows in a state.
func with(s state, all []entry) []entry {
	return slices.DeleteFunc(slices.Clone(all), func(r entry) bool { return r.state != s })
}

// table is every row as found, in order.
func (pf *preflight) table() []entry { return entries(pf.settle(names(pf.servers))) }

// verdict is nil when nothing stands in the way. Otherwise it is everything that does, in one error.
func (pf *preflight) verdict() error {
	if pf.misuse != nil {
		return pf.misuse
	}
	all := pf.table()
	bad := causes(with(failed, all))
	if len(bad) == 0 {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s before the first change\n", counted(len(bad), "thing stands", "things stand")+" in the way")
	lines(&text, bad)
	if missing := notMade(all); missing != "" {
		fmt.Fprintln(&text, missing)
	}
	fmt.Fprintf(&text, "%d checks passed", passes(all))
	now := "nothing was touched"
	if slices.ContainsFunc(bad, func(e entry) bool { return e.check == checkLock || e.check == checkUnfinished }) {
		now += " by this command"
	}
	return fail(pf.code(all), errors.New(text.String()), now, pf.next(bad)...)
}

// causes leaves out what the run that holds the servers does itself, where there is one: to mend that would be wrong.
func causes(bad []entry) []entry {
	if !slices.ContainsFunc(bad, isLock) {
		return bad
	}
	its := []checkID{checkHealthy, checkRegistered, checkOldSite, checkOneSlot, checkFloor, checkTraffic}
	return slices.DeleteFunc(bad, func(e entry) bool { return slices.Contains(its, e.check) })
}

func isLock(e entry) bool { return e.check == checkLock }

// code tells another run, for which one can wait, from everything else.
func (pf *preflight) code(all []entry) exit {
	bad := with(failed, all)
	switch {
	case len(bad) == 0:
		return exitDone
	case slices.ContainsFunc(bad, isLock):
		return exitLocked
	}
	return exitPreflight
}

// next is what to type: what single rows say, and how to see the whole table.
func (pf *preflight) next(bad []entry) []string {
	var out []string
	for _, r := range bad {
		for _, line := range r.next {
			if !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	doctor := []string{"iis-canary doctor", "--config", pf.ses.path}
	if !pf.order.pack.IsZero() {
		doctor = append(doctor, "--package", pf.order.pack.String())
	}
	mendable := slices.ContainsFunc(bad, func(e entry) bool { return !isLock(e) && e.check != checkUnfinished })
	if mendable || !pf.mayUnlock() { // otherwise there is nothing but to wait
		out = append(out, "mend that, then type the same line again")
	}
	return append(out, commandLine(doctor...)+"   (the whole table)")
}

// lines prints rows with their remedies, lined up.
func lines(w io.Writer, all []entry) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for i, e := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", e.check, e.where(), flat(e.what))
		if i+1 == len(all) || all[i+1].check != e.check || all[i+1].remedy() != e.remedy() { // said once for all that it mends
			fmt.Fprintf(t, "\t\tdo: %s\n", flat(e.remedy()))
		}
	}
	_ = t.Flush() // a write that fails has nowhere to be reported
}

// flat is a text on one line, without the tabs that would make columns.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// notMade says which checks were not made, by what kept them from it.
func notMade(all []entry) string {
	var reasons []string
	ids := map[string][]string{}
	for _, r := range with(unchecked, all) {
		reason := r.what
		if len(r.servers) > 0 {
			reason = "on " + r.where() + ": " + reason
		}
		if ids[reason] == nil {
			reasons = append(reasons, reason)
		}
		ids[reason] = append(ids[reason], string(r.check))
	}
	var out []string
	for _, reason := range reasons {
		out = append(out, fmt.Sprintf("not checked, %s: %s", reason, strings.Join(ids[reason], ", ")))
	}
	return strings.Join(out, "\n")
}

// passes is how many checks came out well everywhere.
func passes(all []entry) int {
	n := 0
	for _, c := range checks() {
		found := slices.DeleteFunc(slices.Clone(all), func(r entry) bool { return r.check != c.id })
		if len(found) > 0 && !slices.ContainsFunc(found, func(r entry) bool { return r.state == failed || r.state == unchecked }) {
			n++
		}
	}
	return n
}

// mentions is what does not stop a deployment and a person should know.
func (pf *preflight) mentions() []string {
	var out []string
	for _, r := range with(warned, pf.table()) {
		text := r.what
		if len(r.servers) > 0 {
			text = r.where() + " " + text
		}
		out = append(out, text)
	}
	return append(out, pf.doubts...)
}

// close gives back what only a plan would need.
func (pf *preflight) close() {
	if pf.release != nil {
		_ = pf.release.Close() // nothing was written
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
