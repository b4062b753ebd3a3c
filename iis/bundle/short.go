package bundle

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	// shortForm is a name such as Windows makes up for a file with a long one, which then answers to both (KB 101601, "Converting
	// Filenames from NTFS to FAT (8.3) Convention").
	shortForm = regexp.MustCompile(`^[^.]{0,6}~[1-9][0-9]{0,6}(\.[^.]{1,3})?$`)
	// plain is a name that is short as it is, and gets no other.
	plain = regexp.MustCompile("^[a-z0-9!#$%&'()@^_`{}~-]{1,8}(\\.[a-z0-9!#$%&'()@^_`{}~-]{1,3})?$")
)

// anything stands for a character that is not ASCII: what Windows makes of it depends on the server.
const anything = "?"

// trace is what a short name keeps of the long one in any case: its folder, its first character and three of its ending. Between them
// stands more of it, or a checksum.
type trace struct{ folder, first, ending string }

// traceOf is the trace of a folded path.
func traceOf(p string) trace {
	folder, name := path.Split(p)
	name = strings.TrimLeft(strings.ReplaceAll(name, " ", ""), ".")
	t := trace{folder: folder, first: name[:1]}
	if at := strings.LastIndexByte(name, '.'); at >= 0 {
		t.ending = name[at+1:][:min(3, len(name)-at-1)]
	}
	t.first, t.ending = legal(t.first), legal(t.ending)
	return t
}

// legal is a part of a name as it stands in a short one.
func legal(part string) string {
	if strings.ContainsFunc(part, func(r rune) bool { return r > '~' }) {
		return anything
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("+,;=[]", r) {
			return '_'
		}
		return r
	}, part)
}

// shorts objects to each name that Windows may take for the short one of another beside it: what is written to the one would be in the
// other.
func (n names) shorts(against *objections) {
	all := maps.Clone(n.folders)
	maps.Copy(all, n.files)
	var suspects []string
	for p := range all {
		if _, name := path.Split(p); strings.Contains(name, "~") && shortForm.MatchString(name) {
			suspects = append(suspects, p)
		}
	}
	if len(suspects) == 0 {
		return
	}
	long := map[trace][]string{}
	for p := range all {
		if _, name := path.Split(p); !plain.MatchString(name) {
			if t := traceOf(p); len(long[t]) < 2 { // one of the two is another
				long[t] = append(long[t], p)
			}
		}
	}
	slices.Sort(suspects)
	for _, p := range suspects {
		if other := beside(p, long); other != "" {
			against.add("%s has a name that Windows may take for the short one of %s", quoted(all[p]), quoted(all[other]))
		}
	}
}

// beside is a path with the trace of another one; empty: there is none.
func beside(p string, long map[trace][]string) string {
	own := traceOf(p)
	for _, first := range []string{own.first, anything} {
		for _, ending := range []string{own.ending, anything} {
			for _, other := range long[trace{own.folder, first, ending}] {
				if other != p {
					return other
				}
			}
		}
	}
	return ""
}
