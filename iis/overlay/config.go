package overlay

import (
	"errors"
	"strings"
)

// section is a list of <add> elements in a .NET configuration file.
type section struct{ name, key, value string }

func (d *desk) configFiles(files []ConfigFile) error {
	var all error
	for _, f := range files {
		t, err := d.takeKeyed(f.At, f.Path)
		if t != nil {
			d.config(t, f)
		}
		all = errors.Join(all, err)
	}
	return all
}

// config puts the settings into one file.
func (d *desk) config(t *text, f ConfigFile) {
	tags, err := scanXML(t.body)
	if err != nil {
		d.unreadable(t, f.At, "XML", err)
		return
	}
	edits := d.section(t, tags, section{"appSettings", "key", "value"}, f.AppSettings)
	edits = append(edits, d.section(t, tags, section{"connectionStrings", "name", "connectionString"}, f.ConnectionStrings)...)
	t.revise(edits)
}

func (d *desk) section(t *text, tags []tag, in section, settings []Setting) []edit {
	var edits []edit
	places := in.places(t, tags)
	for _, s := range settings {
		n, one := d.one(s, places, "<"+in.name+"> of "+t.path)
		if !one || d.twice(edits, s, n) {
			continue
		}
		value, fits := s.Value.attribute()
		if !fits {
			d.miss(s.At, "a value with a character that XML cannot hold", "a value without control characters", "", nil)
			continue
		}
		edits = append(edits, edit{n.from, n.to, value})
	}
	return edits
}

// places are the values of a section: below <configuration>, or of a file of its own (configSource) at the top.
func (in section) places(t *text, tags []tag) []node {
	var nodes []node
	for _, tag := range tags {
		around := strings.Join(tag.around, "/")
		if tag.name != "add" || around != "configuration/"+in.name && around != in.name {
			continue
		}
		key, named := tag.get(in.key)
		value, given := tag.get(in.value)
		if named && given {
			nodes = append(nodes, node{path: key.value(t.body), from: value.from, to: value.to})
		}
	}
	return nodes
}
