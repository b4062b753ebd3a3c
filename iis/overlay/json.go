package overlay

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

func (d *desk) jsonFiles(files []JSONFile) error {
	var all error
	for _, f := range files {
		t, err := d.takeKeyed(f.At, f.Path)
		if t != nil {
			d.json(t, f)
		}
		all = errors.Join(all, err)
	}
	return all
}

// json puts the settings into one file.
func (d *desk) json(t *text, f JSONFile) {
	if !utf8.ValidString(t.body) {
		d.miss(f.At, t.path+", which is neither UTF-8 nor UTF-16", "a file in one of the two", "", nil)
		return
	}
	nodes, err := scanJSON(t.body)
	if err != nil {
		d.unreadable(t, f.At, "JSON", err)
		return
	}
	var edits []edit
	for _, s := range f.Settings {
		if !utf8.ValidString(s.Value.text) {
			d.miss(s.At, "a value that is not UTF-8", "a text in UTF-8", "", nil)
		} else if n, one := d.one(s, nodes, t.path); one && !d.twice(edits, s, n) {
			edits = append(edits, edit{n.from, n.to, s.Value.json(n.kind)})
		}
	}
	t.revise(edits)
}

// unreadable notes a file that is not what its settings take it for.
func (d *desk) unreadable(t *text, at, kind string, err error) {
	if errors.Is(err, errTooMuch) {
		d.miss(at, fmt.Sprintf("%s, which %v", t.path, err), "a smaller file", "", nil)
		return
	}
	line := 1
	if wrong, is := errors.AsType[*syntax](err); is {
		line = t.line(wrong.at)
	}
	d.miss(at, fmt.Sprintf("%s, which is no %s: %v in its line %d", t.path, kind, err, line), "a file that can be read", "", nil)
}

// one is the value that a setting replaces; false where that was a mismatch.
func (d *desk) one(s Setting, nodes []node, file string) (node, bool) {
	var found []node
	var known []string
	for _, n := range nodes {
		if n.path == "" || n.holds {
			if strings.EqualFold(n.path, s.Key) {
				d.miss(s.At, fmt.Sprintf("%q, which holds other values in %s", s.Key, file), "the key of one value", s.Key, inside(n, nodes))
				return node{}, false
			}
			continue
		}
		known = append(known, n.path)
		if strings.EqualFold(n.path, s.Key) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 1:
		return found[0], true
	case 0:
		d.miss(s.At, fmt.Sprintf("no key %q in %s", s.Key, file), "a key that is there; settings change values and add none", s.Key, known)
	default:
		d.miss(s.At, fmt.Sprintf("the key %q, which stands in %s %d times", s.Key, file, len(found)), "a key that stands there once", "", nil)
	}
	return node{}, false
}

// inside is the keys of the values that a node holds.
func inside(n node, nodes []node) []string {
	var keys []string
	for _, other := range nodes {
		if other.from > n.from && other.to <= n.to && !other.holds {
			keys = append(keys, other.path)
		}
	}
	return keys
}
