package overlay

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// token is #{NAME}, as Octopus writes it; the # in front is of one that is meant to stay.
var token = regexp.MustCompile(`(#?)#\{([A-Za-z0-9_.:\[\]-]+)\}`)

// mostTokens bounds how many a file may hold.
const mostTokens = 100_000

// tokens replaces every token of every file that is named.
func (d *desk) tokens(t Tokens) error {
	values, used, there := map[string]Setting{}, map[string]bool{}, map[string]bool{}
	for _, v := range t.Values {
		values[strings.ToLower(v.Key)] = v
	}
	var all error
	done := map[string]bool{}
	for _, place := range t.Files {
		found := d.matching(place)
		if len(found) == 0 {
			d.miss(place.At, fmt.Sprintf("no file %q in the package", place.Text), "a file of the package, or a pattern such as Scripts/*.js", place.Text, d.paths)
		}
		for _, p := range found {
			if done[p] {
				continue
			}
			done[p] = true
			file, err := d.take(place.At, p)
			if file != nil {
				file.revise(d.replace(file, t.At, values, used, there))
			}
			all = errors.Join(all, err)
		}
	}
	for _, v := range t.Values {
		if !used[strings.ToLower(v.Key)] {
			d.miss(v.At, fmt.Sprintf("no #{%s} in the files that are named", v.Key), "a token that is there", v.Key, sorted(there))
		}
	}
	return all
}

// replace finds the tokens of one file.
func (d *desk) replace(file *text, at string, values map[string]Setting, used, there map[string]bool) []edit {
	found := token.FindAllStringSubmatchIndex(file.body, mostTokens+1)
	if len(found) > mostTokens {
		for _, v := range values {
			used[strings.ToLower(v.Key)] = true // nobody can tell
		}
		d.miss(at, fmt.Sprintf("%s, which holds more than %d tokens", file.path, mostTokens), "a smaller file", "", nil)
		return nil
	}
	var edits []edit
	line, from := 1, 0
	for _, m := range found {
		line += strings.Count(file.body[from:m[0]], "\n")
		from = m[0]
		if m[3] > m[2] { // ##{NAME}
			continue
		}
		name := file.body[m[4]:m[5]]
		there[name] = true
		value, known := values[strings.ToLower(name)]
		if !known {
			d.miss(at, fmt.Sprintf("no value for #{%s} in line %d of %s", name, line, file.path),
				"a value for each token of the files that are named", "", nil)
			continue
		}
		used[strings.ToLower(name)] = true
		text, fits := value.Value.within(file)
		if !fits {
			d.miss(value.At, "a value with characters that "+file.path+" cannot hold", "a value without them, or the file in UTF-8", "", nil)
			continue
		}
		edits = append(edits, edit{m[0], m[1], text})
	}
	return edits
}

// within is the value as it stands in a file of this kind.
func (v Value) within(file *text) (string, bool) {
	switch strings.ToLower(path.Ext(file.path)) {
	case ".json":
		quoted := quoteJSON(v.text)
		return quoted[1 : len(quoted)-1], file.takes(v.text)
	case ".config", ".xml":
		return v.attribute()
	}
	return v.text, file.takes(v.text)
}
