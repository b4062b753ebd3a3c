package lint

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"path"
	"strings"
)

// webServer is the group that IIS itself reads; the others are read by .NET, which has rules of its own.
const webServer = "system.webServer"

// A section's path has few elements, five at most in IIS itself; and there are few sections.
const (
	deepest      = 6
	mostSections = 1000
)

// walk is the way through one web.config.
type walk struct {
	file  string
	root  bool     // the file is the site's own, not a folder's
	part  bool     // what is said now is of one path of the site, in an element location
	at    []string // the elements around, without configuration and location
	depth int      // of elements, all of them
	skip  int      // depth of configSections, which declares and uses nothing; 0: not in it
	known map[string]bool
	own   map[string]bool // sections that the file declares itself, or the root's
	needs *Needs
}

// config reads one web.config.
func (n *Needs) config(p string, r io.Reader) error {
	text, err := whole(p, r)
	if err != nil {
		return err
	}
	w := walk{file: p, root: path.Dir(p) == ".", known: map[string]bool{}, own: n.own, needs: n}
	if !w.root {
		w.own = maps.Clone(n.own)
	}
	d := xml.NewDecoder(bytes.NewReader(utf8Text(text)))
	d.CharsetReader = declared
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if !w.known["configuration"] {
				return &FlawError{File: p, Why: "holds no element configuration"}
			}
			return nil
		}
		line, _ := d.InputPos()
		if err != nil {
			return &FlawError{p, line, "is no good XML: " + syntax(err)}
		}
		switch t := token.(type) {
		case xml.StartElement:
			w.enter(t, line)
		case xml.EndElement:
			w.leave(t)
		}
	}
}

// syntax is what is wrong with XML, without the line.
func syntax(err error) string {
	if bad, is := errors.AsType[*xml.SyntaxError](err); is {
		return bad.Msg
	}
	return err.Error()
}

// utf8Text is a text without the mark of its encoding; UTF-16, which Windows writes too, is made UTF-8.
func utf8Text(b []byte) []byte {
	if rest, is := bytes.CutPrefix(b, []byte("\xef\xbb\xbf")); is {
		return rest
	}
	little, big := bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff"))
	if !little && !big {
		return b
	}
	return wide(b[2:], big)
}

// declared reads a text in the encoding that it says it has. UTF-8 and UTF-16 are UTF-8 by now (utf8Text). In all others each byte
// from 0x80 on is taken for one letter, as in ISO-8859-1: names of elements and attributes are ASCII in every one, and no other matter.
func declared(encoding string, r io.Reader) (io.Reader, error) {
	if strings.HasPrefix(strings.ToLower(encoding), "utf-") {
		return r, nil
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	letters := make([]rune, len(b))
	for i, c := range b {
		letters[i] = rune(c)
	}
	return strings.NewReader(string(letters)), nil
}

func (w *walk) enter(e xml.StartElement, line int) {
	w.depth++
	name := e.Name.Local
	switch {
	case w.depth == 1:
		w.known[name] = true
		return
	case w.skip > 0:
		if name == "section" {
			w.own[strings.ToLower(value(e, "name"))] = true
		}
		return
	case name == "configSections" && w.depth == 2:
		w.skip = w.depth
		return
	case name == "location" && len(w.at) == 0:
		at := value(e, "path")
		w.part = at != "" && at != "."
		return
	}
	w.at = append(w.at, name)
	w.note(e, line)
}

func (w *walk) leave(e xml.EndElement) {
	switch {
	case w.skip == w.depth:
		w.skip = 0
	case w.skip == 0 && len(w.at) == 0 && e.Name.Local == "location":
		w.part = false
	case w.skip == 0 && w.depth > 1 && len(w.at) > 0 && w.at[len(w.at)-1] == e.Name.Local:
		w.at = w.at[:len(w.at)-1]
	}
	w.depth--
}

// whole reports whether what is said now is of the whole site.
func (w *walk) whole() bool { return w.root && !w.part }

// note keeps what an element says that somebody may have to provide.
func (w *walk) note(e xml.StartElement, line int) {
	if len(w.at) > deepest || len(w.needs.Sections) == mostSections {
		return
	}
	p := strings.Join(w.at, "/")
	switch p {
	case webServer + "/aspNetCore":
		if w.whole() {
			w.needs.Core = &Core{Process: value(e, "processPath"), Arguments: value(e, "arguments"),
				InProcess: strings.EqualFold(value(e, "hostingModel"), "inprocess"), File: w.file, Line: line}
		}
	case webServer + "/aspNetCore/environmentVariables/environmentVariable":
		name := strings.ToUpper(value(e, "name"))
		if w.whole() && w.needs.Core != nil && (strings.HasPrefix(name, "DOTNET_ROOT") || strings.HasPrefix(name, "DOTNET_ROLL_FORWARD")) {
			w.needs.Core.Elsewhere = true
		}
	case "system.web/compilation/assemblies/remove", "system.web/compilation/assemblies/clear":
		w.needs.picks = w.needs.picks || w.whole()
	case "system.web/compilation", "system.web/httpRuntime":
		if version := value(e, "targetFramework"); w.whole() && version != "" {
			w.needs.Target = higher(w.needs.Target, Target{version, w.file, line})
		}
	}
	seen := p
	if w.part {
		seen += " of a part"
	}
	if w.at[0] != webServer || len(w.at) == 1 || w.known[seen] || w.own[strings.ToLower(e.Name.Local)] {
		return
	}
	w.known[seen] = true
	w.needs.Sections = append(w.needs.Sections, Section{Path: p, File: w.file, Line: line, Doubt: !w.whole()})
}

func value(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
