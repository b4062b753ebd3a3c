package configs

import "strings"

// longestWord bounds what is compared letter by letter: nobody means a key by a page of text.
const longestWord = 64

// Nearest is the candidate that a person most probably meant by word; empty when none comes close.
func Nearest(word string, candidates []string) string {
	if len(word) > longestWord {
		return ""
	}
	best, distance := "", max(1, len(word)/3)
	for _, c := range candidates {
		if d := edits(plain(word), plain(c)); d <= distance && (best == "" || d < distance) {
			best, distance = c, d
		}
	}
	return best
}

// plain drops what people get wrong without noticing: case, and the kind of dash.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "-", "_")
}

// edits is the number of letters to insert, drop, change or swap with their neighbour (optimal string alignment).
func edits(from, to string) int {
	a, b := []rune(from), []rune(to)
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
