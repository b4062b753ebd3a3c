package estest

import (
	"strings"
	"unicode"
)

// analyze splits text as the standard analyzer does (Unicode word boundaries, UAX #29, for the scripts that log files use)
// and lower-cases the words. A dot between two letters or two digits joins them, a hyphen never does: "app.domain.com-3457"
// is the two words "app.domain.com" and "3457".
func analyze(text string) []string {
	runes := []rune(text)
	var words []string
	start := -1
	for i, r := range runes {
		switch {
		case wordRune(r):
			if start < 0 {
				start = i
			}
		case start >= 0 && i+1 < len(runes) && joins(runes[i-1], r, runes[i+1]):
		case start >= 0:
			words = appendWord(words, runes[start:i])
			start = -1
		}
	}
	if start >= 0 {
		words = appendWord(words, runes[start:])
	}
	return words
}

// appendWord leaves out what consists of underscores only: they extend words but are none.
func appendWord(words []string, runes []rune) []string {
	word := strings.ToLower(string(runes))
	if strings.Trim(word, "_") == "" {
		return words
	}
	return append(words, word)
}

func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_'
}

// joins says whether the middle rune keeps its neighbours in one word (rules WB6, WB7, WB11 and WB12).
func joins(before, middle, after rune) bool {
	letters := unicode.IsLetter(before) && unicode.IsLetter(after)
	digits := unicode.IsDigit(before) && unicode.IsDigit(after)
	switch middle {
	case '.', '\'', '\u2019':
		return letters || digits
	case ':', '\u00b7':
		return letters
	case ',', ';':
		return digits
	}
	return false
}

// wildcard says whether text matches a pattern of *, ? and \-escapes, in time proportional to the product of their lengths.
func wildcard(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	i, j, star, mark := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && p[i] == '\\' && i+1 < len(p) && p[i+1] == t[j]:
			i, j = i+2, j+1
		case i < len(p) && p[i] != '\\' && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
