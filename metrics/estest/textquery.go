package estest

import (
	"slices"
	"strings"
	"unique"
)

// analyzed matches analysed text that holds one, or all, of the words; fields without analysis are asked for the whole.
func (f *field) analyzed(s scalar, all bool) (clause, error) {
	if f.family != texts {
		return f.equals(s, false)
	}
	words := analyze(s.text)
	join := " "
	if all {
		join = " +"
	}
	printed := make([]string, len(words))
	for i, w := range words {
		printed[i] = f.name + ":" + w
	}
	text := strings.TrimPrefix(strings.Join(append([]string{""}, printed...), join), " ")
	if len(words) == 0 {
		return nothing("analysis left no words"), nil
	}
	c := f.onText(text, func(held []string) bool {
		found := 0
		for _, w := range words {
			if slices.Contains(held, w) {
				found++
			}
		}
		return found == len(words) || found > 0 && !all
	})
	if c.several = len(words) > 1; c.several {
		for i, w := range words {
			c.words = append(c.words, f.onText(printed[i], func(held []string) bool { return slices.Contains(held, w) }))
		}
	}
	return c, nil
}

// phrase matches analysed text that holds the words side by side, in order.
func (f *field) phrase(s scalar) (clause, error) {
	if f.family != texts {
		return f.equals(s, false)
	}
	words := analyze(s.text)
	if len(words) == 0 {
		return nothing("analysis left no words"), nil
	}
	text := f.name + ":" + words[0]
	if len(words) > 1 {
		text = f.name + ":\"" + strings.Join(words, " ") + "\""
	}
	return f.onText(text, func(held []string) bool {
		for i := 0; i+len(words) <= len(held); i++ {
			if slices.Equal(held[i:i+len(words)], words) {
				return true
			}
		}
		return false
	}), nil
}

// onText matches documents of which an analysed value passes.
func (f *field) onText(text string, pass func([]string) bool) clause {
	seen := map[unique.Handle[string]]bool{}
	return f.onValues(text, func(c cell) bool {
		verdict, known := seen[c.text]
		if !known {
			verdict = pass(analyze(c.text.Value()))
			seen[c.text] = verdict
		}
		return verdict
	})
}
