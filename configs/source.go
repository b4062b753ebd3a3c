package configs

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// source is the text of a configuration file, and which parts of it may be shown.
type source struct {
	file   string
	lines  [][]rune
	hidden []int // per line: the first character that must not be shown; -1: all may
}

var (
	// secretKey is any key that looks as if a secret follows it, misspelt ones included. It is read from the text, not from the
	// YAML, because a file that does not parse has secrets too.
	secretKey = regexp.MustCompile(`(?i)["']?[\w-]*(?:` + strings.Join(secretWords(), "|") + `)[\w-]*["']?\s*:(?:\s+|$)`)
	reference = regexp.MustCompile(`^["']?(?:env|file):`)
	userinfo  = regexp.MustCompile(`://[^/\s'",]*@`)
)

// secretWords are what keys with secrets behind them are called, or a part of it, in small letters.
func secretWords() []string {
	return []string{"pass", "pasw", "psw", "pw", "secret", "token", "apikey", "api-key", "api_key", "accesskey", "access-key", "access_key",
		"credential", "webhook"}
}

// mentions reports whether a line has one of the words, which is much cheaper to tell than what the line means.
func mentions(line string, words []string) bool {
	small := strings.ToLower(line)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(small, w) })
}

func newSource(file string, data []byte) *source {
	s := &source{file: file}
	for line := range strings.SplitSeq(string(data), "\n") {
		s.lines = append(s.lines, []rune(strings.TrimSuffix(line, "\r")))
		s.hidden = append(s.hidden, -1)
	}
	words := secretWords()
	for i, line := range s.lines {
		text := string(line)
		if !mentions(text, words) && !strings.Contains(text, "://") {
			continue
		}
		if m := userinfo.FindStringIndex(text); m != nil {
			s.hide(i+1, len([]rune(text[:m[0]]))+len("://")+1)
		}
		for _, m := range secretKey.FindAllStringIndex(text, -1) {
			if !reference.MatchString(text[m[1]:]) {
				s.hide(i+1, len([]rune(text[:m[1]]))+1)
				break
			}
		}
	}
	return s
}

// hide keeps a line from column on from being shown, and every deeper line that follows: a value may span lines.
func (s *source) hide(line, column int) {
	i := line - 1
	if i < 0 || i >= len(s.lines) {
		return
	}
	if at := s.hidden[i]; at < 0 || column-1 < at {
		s.hidden[i] = max(column-1, 0)
	}
	own := depth(s.lines[i])
	for i++; i < len(s.lines) && (len(s.lines[i]) == 0 || depth(s.lines[i]) > own); i++ {
		s.hidden[i] = 0
	}
}

func depth(line []rune) int {
	n := 0
	for n < len(line) && (line[n] == ' ' || line[n] == '\t' || line[n] == '-') {
		n++
	}
	return n
}

// conceals reports whether what stands at this place must not be shown.
func (s *source) conceals(line, column int) bool {
	i := line - 1
	return i >= 0 && i < len(s.lines) && s.hidden[i] >= 0 && column-1 >= s.hidden[i]
}

const notShown = "a value that is not shown here"

// quote is a value of the file in quotes, unless a part of it must not be shown.
func (s *source) quote(at Pos, value string) string {
	last := at.Column + len([]rune(value))
	if i := at.Line - 1; i >= 0 && i < len(s.lines) && s.hidden[i] >= 0 && s.hidden[i] <= last {
		return notShown
	}
	if userinfo.MatchString(value) {
		return notShown
	}
	return quoted(value)
}

// touched reports whether any part of a line must not be shown.
func (s *source) touched(line int) bool {
	return line >= 1 && line <= len(s.lines) && s.hidden[line-1] >= 0
}

// text is a line as it may be shown.
func (s *source) text(line int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	shown, rest := s.lines[line-1], ""
	if at := s.hidden[line-1]; at >= 0 && at < len(shown) {
		shown, rest = shown[:at], placeholder
	}
	return strings.TrimRight(printable(shown), " ") + spaced(shown, rest)
}

func spaced(before []rune, rest string) string {
	if rest != "" && len(before) > 0 && before[len(before)-1] == ' ' {
		return " " + rest
	}
	return rest
}

// printable keeps a terminal from being steered by the file.
func printable(line []rune) string {
	clean := make([]rune, len(line))
	for i, r := range line {
		if r != '\t' && !strconv.IsPrint(r) {
			r = '\uFFFD'
		}
		clean[i] = r
	}
	return string(clean)
}

// tabAt is the column of the first tab in a line's indentation; 0: there is none.
func (s *source) tabAt(line int) int {
	if line < 1 || line > len(s.lines) {
		return 0
	}
	for i, r := range s.lines[line-1] {
		switch r {
		case '\t':
			return i + 1
		case ' ', '-':
		default:
			return 0
		}
	}
	return 0
}
