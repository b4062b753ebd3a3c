package overlay

import (
	"html"
	"strings"
)

// attribute is one attribute of an element; from and to are the bytes between its quotes.
type attribute struct {
	name     string
	from, to int
}

// tag is the start of an element, and what it stands in, from the top.
type tag struct {
	name       string
	around     []string
	attributes []attribute
}

// get is an attribute by its name.
func (t tag) get(name string) (attribute, bool) {
	for _, a := range t.attributes {
		if a.name == name {
			return a, true
		}
	}
	return attribute{}, false
}

// value is what an attribute says.
func (a attribute) value(body string) string { return html.UnescapeString(body[a.from:a.to]) }

// reader walks over XML.
type reader struct {
	body  string
	at    int
	stack []string
	tags  []tag
	noted int // bytes
}

func (r *reader) wrong(what string) error { return &syntax{r.at, what} }

// scanXML lists the start of every element in its order. Namespaces mean nothing in a .NET configuration file; a document type
// is refused, as .NET does.
func scanXML(body string) ([]tag, error) {
	r := &reader{body: body}
	for {
		next := strings.IndexByte(r.body[r.at:], '<')
		if next < 0 {
			break
		}
		r.at += next
		if err := r.markup(); err != nil {
			return nil, err
		}
	}
	if len(r.stack) > 0 {
		return nil, &syntax{len(body), "an element without an end"}
	}
	if len(r.tags) == 0 {
		return nil, r.wrong("no element")
	}
	return r.tags, nil
}

// markup reads what begins with "<".
func (r *reader) markup() error {
	rest := r.body[r.at:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return r.skip(4, "-->")
	case strings.HasPrefix(rest, "<![CDATA["):
		return r.skip(9, "]]>")
	case strings.HasPrefix(rest, "<?"):
		return r.skip(2, "?>")
	case strings.HasPrefix(rest, "<!"):
		return r.wrong("a document type")
	case strings.HasPrefix(rest, "</"):
		return r.end()
	}
	return r.start()
}

func (r *reader) skip(opening int, closing string) error {
	end := strings.Index(r.body[r.at+opening:], closing)
	if end < 0 {
		return r.wrong("no " + closing)
	}
	r.at += opening + end + len(closing)
	return nil
}

func (r *reader) end() error {
	end := strings.IndexByte(r.body[r.at:], '>')
	if end < 0 {
		return r.wrong("an end without >")
	}
	name := strings.TrimRight(r.body[r.at+2:r.at+end], " \t\r\n")
	if len(r.stack) == 0 || r.stack[len(r.stack)-1] != name {
		return r.wrong("the end of an element that is not open")
	}
	r.stack = r.stack[:len(r.stack)-1]
	r.at += end + 1
	return nil
}

// wordSize is what an element's name takes in the list of those around another, in bytes.
const wordSize = 16

// note bounds what is noted, see [mostNoted].
func (r *reader) note(bytes int) error {
	if r.noted += bytes; r.noted > mostNoted {
		return errTooMuch
	}
	return nil
}

const xmlBlanks = " \t\r\n"

// start reads the start of an element with its attributes.
func (r *reader) start() error {
	r.at++
	name := r.word()
	if name == "" {
		return r.wrong("< without a name behind it")
	}
	if len(r.stack) >= deepest {
		return r.wrong("elements nested too deep")
	}
	if err := r.note(noteSize + len(r.stack)*wordSize); err != nil {
		return err
	}
	t := tag{name: name, around: append([]string(nil), r.stack...)}
	for {
		r.blanks()
		rest := r.body[r.at:]
		switch {
		case strings.HasPrefix(rest, "/>"):
			r.at += 2
			r.tags = append(r.tags, t)
			return nil
		case strings.HasPrefix(rest, ">"):
			r.at++
			r.tags = append(r.tags, t)
			r.stack = append(r.stack, name)
			return nil
		}
		a, err := r.attribute()
		if err == nil {
			err = r.note(noteSize)
		}
		if err != nil {
			return err
		}
		t.attributes = append(t.attributes, a)
	}
}

func (r *reader) attribute() (attribute, error) {
	a := attribute{name: r.word()}
	r.blanks()
	if a.name == "" || !strings.HasPrefix(r.body[r.at:], "=") {
		return a, r.wrong("no attribute")
	}
	r.at++
	r.blanks()
	rest := r.body[r.at:]
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return a, r.wrong("an attribute without quotes")
	}
	end := strings.IndexByte(rest[1:], rest[0])
	if end < 0 || strings.Contains(rest[1:1+end], "<") {
		return a, r.wrong("an attribute without an end")
	}
	a.from, a.to = r.at+1, r.at+1+end
	r.at = a.to + 1
	return a, nil
}

func (r *reader) blanks() {
	r.at = len(r.body) - len(strings.TrimLeft(r.body[r.at:], xmlBlanks))
}

func (r *reader) word() string {
	rest := r.body[r.at:]
	end := strings.IndexAny(rest, xmlBlanks+`=<>/"'`)
	if end < 0 {
		end = len(rest)
	}
	r.at += end
	return rest[:end]
}
