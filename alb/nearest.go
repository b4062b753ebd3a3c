package alb

import (
	"cmp"
	"slices"
)

// nearest is the names most like the one that was asked for: at most three, none that would need more than half of its
// characters changed.
func nearest(asked string, names []string) []string {
	near := slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return distance(asked, n) > max(2, len(asked)/2)
	})
	slices.SortFunc(near, func(a, b string) int {
		return cmp.Or(cmp.Compare(distance(asked, a), distance(asked, b)), cmp.Compare(a, b))
	})
	return near[:min(3, len(near))]
}

// distance is Levenshtein's: how many characters must be added, dropped or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
