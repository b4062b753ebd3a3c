package metrics

import "time"

// block is neighbouring buckets taken together, so that both arms have enough requests in it.
type block struct {
	start      time.Time
	requests   [2]int64 // new, old
	fresh, old Tally
}

// fill is the number of requests that both arms must have before a block is closed.
const fill = 20

// blocks merges neighbouring buckets until both arms have enough requests. It looks at request counts only, never at what
// was bad, and so keeps the test honest. The last block may be short.
func blocks(buckets []Bucket, metric int) []block {
	var out []block
	open := false
	for _, b := range buckets {
		if !open {
			out = append(out, block{start: b.Start})
			open = true
		}
		last := &out[len(out)-1]
		last.requests[0] += b.New.Requests
		last.requests[1] += b.Old.Requests
		last.fresh = last.fresh.plus(b.New.Tallies[metric])
		last.old = last.old.plus(b.Old.Tallies[metric])
		open = min(last.requests[0], last.requests[1]) < fill
	}
	return out
}
