package iis

import (
	"strings"
	"testing"
)

// What is kept of standard error begins anywhere, in the middle of a secret too.
func TestNothingOfASecretIsLeftWhereStandardErrorIsCut(t *testing.T) {
	const secret = "correct-horse\nbattery-staple"
	m := newMask([]Secret{secret})
	for name, c := range map[string]struct{ before, after string }{
		"lines":                        {"Cannot log in with ", "\nat X\n"},
		"lines, and many blanks":       {"Cannot log in with ", "\n" + strings.Repeat(" ", 3000) + "\n"},
		"one line":                     {"Cannot log in with ", "; at X "},
		"CLIXML":                       {"#< CLIXML\r\n<Objs><S S=\"Error\">Cannot log in with ", "</S><S S=\"Error\">at X</S>"},
		"a key of a connection string": {"Server=x;Password=", ";Encrypt=true\n"},
	} {
		for _, kept := range []int{stderrKept, stderrHeld} {
			for in := 1; in < len(secret); in += 3 {
				s := &session{mask: m}
				s.hear([]byte(c.before + secret))
				s.hear([]byte(strings.Repeat(c.after, kept/len(c.after)+1)[:kept-in]))
				heard := s.heard()
				if strings.Contains(heard, "ple") || strings.Contains(heard, "orse") {
					t.Errorf("%s, the last %d bytes of it and %d more: %.60q", name, in, kept-in, heard)
				}
			}
		}
	}
}

func TestTheEndOfStandardErrorIsHeard(t *testing.T) {
	for name, said := range map[string]string{
		"little":                  "the end",
		"many lines":              strings.Repeat("another line\r\n", 100_000) + "the end",
		"one line":                strings.Repeat("and more; ", 100_000) + "the end",
		"CLIXML of many KB":       "#< CLIXML\r\n<Objs>" + strings.Repeat(`<S S="Error">another line_x000D__x000A_</S>`, 500) + `<S S="Error">the end</S>`,
		"characters of two bytes": strings.Repeat("é", 3000) + " the end",
	} {
		s := &session{}
		for rest := said; rest != ""; rest = rest[min(len(rest), 1000):] {
			s.hear([]byte(rest[:min(len(rest), 1000)]))
		}
		heard := s.heard()
		if !strings.HasSuffix(heard, "the end") || len(heard) > stderrKept || strings.Contains(heard, "<") || strings.ContainsRune(heard, '\ufffd') {
			t.Errorf("%s: %d bytes, %.60q", name, len(heard), heard)
		}
	}
}
