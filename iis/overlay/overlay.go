// Package overlay puts the settings of one environment into the files of a release: values in JSON files, in the appSettings
// and connectionStrings of .NET configuration files, and in place of #{NAME} in any text.
//
// What it promises: only the values change. Encoding, byte order mark, line ends, comments, order and blanks of a file stay
// byte for byte. Whatever is asked for and has no place in the release is told, all at once, with what is there instead.
// No value is ever in an error or a mismatch: it may be a secret.
package overlay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// Overlay is what to put where. The zero value changes nothing.
type Overlay struct {
	JSON   []JSONFile
	Config []ConfigFile
	Tokens Tokens
}

// JSONFile is values for one JSON file. Comments and trailing commas are allowed in it, as in ASP.NET Core. A key is the way
// to a value with ":" between names and list positions, upper and lower case alike: Logging:LogLevel:Default, Hosts:0.
type JSONFile struct {
	At       string // where it is asked for, in the terms of the caller
	Path     string
	Settings []Setting
}

// ConfigFile is values for one .NET configuration file, such as web.config, or for a file that it draws a section from.
type ConfigFile struct {
	At                string
	Path              string
	AppSettings       []Setting // by key of <add key= value=>
	ConnectionStrings []Setting // by name of <add name= connectionString=>
}

// Tokens replaces each #{NAME} in some files, upper and lower case of the name alike. What it becomes is escaped for the place
// it stands in: in .json files as in a string of JSON, in .config and .xml files as in an attribute, else not at all. ##{NAME}
// is left as it is.
type Tokens struct {
	At     string
	Files  []Place // path or pattern, see [path.Match]
	Values []Setting
}

// Place is a text and where it stands.
type Place struct{ At, Text string }

// Setting is a value for one key.
type Setting struct {
	At    string
	Key   string
	Value Value
}

// Mismatch is something that was asked for and has no place in the release.
type Mismatch struct {
	At      string   // the setting, the file or the token that has none
	Found   string   // what is not so, such as: no key "Db" in appsettings.json
	Allowed string   // what would be
	Word    string   // what to compare with Known; empty: nothing is like it
	Known   []string // what is there
}

// mostEdited bounds the bytes of a file with settings in it.
const mostEdited = 16 << 20

// IsZero reports whether there is nothing to put anywhere.
func (o Overlay) IsZero() bool {
	return len(o.JSON) == 0 && len(o.Config) == 0 && len(o.Tokens.Files) == 0 && len(o.Tokens.Values) == 0
}

// Apply returns the contents of the files that change. Tokens come first, so that what they become may be overridden by key.
// paths are the files of the release; open reads one of them. Where there are mismatches nothing is returned but them.
func (o Overlay) Apply(paths []string, open func(path string) (io.ReadCloser, error)) (map[string][]byte, []Mismatch, error) {
	d := &desk{paths: paths, open: open, before: map[string]string{}, now: map[string]*text{}, keyed: map[*text]bool{}}
	err := errors.Join(d.tokens(o.Tokens), d.jsonFiles(o.JSON), d.configFiles(o.Config))
	if err != nil || len(d.mismatches) > 0 {
		return nil, d.mismatches, err
	}
	changed := map[string][]byte{}
	for p, t := range d.now {
		if b := string(t.bytes()); b != d.before[p] {
			changed[p] = []byte(b)
		}
	}
	return changed, nil, nil
}

// desk holds the files that are worked on.
type desk struct {
	paths      []string
	open       func(string) (io.ReadCloser, error)
	before     map[string]string
	now        map[string]*text
	keyed      map[*text]bool // files that values were put into by key
	mismatches []Mismatch
}

// takeKeyed brings a file to the desk to put values into it by key, which happens once.
func (d *desk) takeKeyed(at, name string) (*text, error) {
	t, err := d.take(at, name)
	if t == nil || !d.keyed[t] {
		d.keyed[t] = true
		return t, err
	}
	d.miss(at, t.path+" a second time", "each file once", "", nil)
	return nil, err
}

func (d *desk) miss(at, found, allowed, word string, known []string) {
	d.mismatches = append(d.mismatches, Mismatch{At: at, Found: found, Allowed: allowed, Word: word, Known: known})
}

// find is the release's own spelling of a path.
func (d *desk) find(name string) (string, bool) {
	name = strings.ReplaceAll(name, `\`, "/")
	i := slices.IndexFunc(d.paths, func(p string) bool { return strings.EqualFold(p, name) })
	if i < 0 {
		return "", false
	}
	return d.paths[i], true
}

// take brings a file to the desk; nil where that was a mismatch.
func (d *desk) take(at, name string) (*text, error) {
	p, known := d.find(name)
	if !known {
		d.miss(at, fmt.Sprintf("no file %q in the package", name), "a file of the package", name, d.paths)
		return nil, nil
	}
	if t := d.now[p]; t != nil {
		return t, nil
	}
	content, err := d.open(p)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p, err)
	}
	defer content.Close()
	b, err := io.ReadAll(io.LimitReader(content, mostEdited+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p, err)
	}
	if len(b) > mostEdited {
		d.miss(at, fmt.Sprintf("%s, which is larger than %d bytes", p, mostEdited), "a smaller file", "", nil)
		return nil, nil
	}
	t, err := decode(b)
	if err != nil {
		d.miss(at, fmt.Sprintf("%s, which %v", p, err), "a file in UTF-8 or UTF-16", "", nil)
		return nil, nil
	}
	t.path = p
	d.before[p], d.now[p] = string(b), t
	return t, nil
}

// matching is the files that a path or a pattern names.
func (d *desk) matching(place Place) []string {
	if p, known := d.find(place.Text); known {
		return []string{p}
	}
	pattern := strings.ToLower(strings.ReplaceAll(place.Text, `\`, "/"))
	var found []string
	for _, p := range d.paths {
		if ok, err := path.Match(pattern, strings.ToLower(p)); ok && err == nil {
			found = append(found, p)
		}
	}
	return found
}

// edit is another text for a part of a file.
type edit struct {
	from, to int
	text     string
}

// twice notes edits of the same place, of which only one could last.
func (d *desk) twice(edits []edit, s Setting, n node) bool {
	if !slices.ContainsFunc(edits, func(e edit) bool { return e.from == n.from }) {
		return false
	}
	d.miss(s.At, fmt.Sprintf("the key %q a second time", s.Key), "each key once, whatever its case", "", nil)
	return true
}

// revise makes all edits of one file at once; they do not overlap.
func (t *text) revise(edits []edit) {
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	at := 0
	for _, e := range edits {
		out.WriteString(t.body[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.WriteString(t.body[at:])
	t.body = out.String()
}

// sorted is the names of a set.
func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
