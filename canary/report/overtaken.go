package report

import "slices"

// Overtake says of a run that a later one left servers on a release that it does not know, where that is so: resume and revert refuse
// to go on with it, as status does to name it. typed is how a verb is typed. What happened on other machines is not known here.
func (r *Run) Overtake(later Run, typed Typed) {
	if r.OvertakenBy != "" || later.New.Slot == "" || later.New.Slot == r.New.Slot || slices.Contains(r.Old, later.New.Slot) {
		return
	}
	left := slices.ContainsFunc(later.Servers, func(s RunServer) bool { return s.State == OnNew || s.State == InHand })
	if !left {
		return
	}
	r.OvertakenBy = later.Run
	if r.Resumable {
		r.Resumable = false
		r.Next = []string{typed("status", ""), "run " + later.Run + " rolled another release since: nothing can be done with this one"}
	}
}
