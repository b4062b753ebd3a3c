package overlay

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// node is a value in a JSON file.
type node struct {
	path     string // names and positions with ":" between
	from, to int    // of the value, in bytes
	kind     Kind
	holds    bool // other values, or none: it is an object or a list
}

// deepest bounds how deep values may stand in each other.
const deepest = 200

const (
	// mostNoted bounds what is noted of one file, in bytes: a small one can make much of its names, which are part of the way to every
	// value below them.
	mostNoted = 32 << 20
	// noteSize is what a note takes at least, in bytes.
	noteSize = 64
)

var errTooMuch = errors.New("holds more values, or longer ways to them, than can be looked through")

// scanner walks over JSON with comments and trailing commas, and notes where each value stands.
type scanner struct {
	body  string
	at    int
	nodes []node
	noted int // bytes
}

// syntax is what is wrong at a place of a file.
type syntax struct {
	at   int
	what string
}

func (e *syntax) Error() string { return e.what }

func (s *scanner) wrong(what string) error { return &syntax{s.at, what} }

// scanJSON lists every value of a JSON file in its order.
func scanJSON(body string) ([]node, error) {
	s := &scanner{body: body}
	if err := s.blanks(); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(s.body[s.at:], "{") {
		return nil, s.wrong("no object at the top")
	}
	if err := s.value("", 0); err != nil {
		return nil, err
	}
	if err := s.blanks(); err != nil {
		return nil, err
	}
	if s.at < len(s.body) {
		return nil, s.wrong("more behind the end")
	}
	return s.nodes, nil
}

// blanks skips blanks and comments.
func (s *scanner) blanks() error {
	for s.at < len(s.body) {
		rest := s.body[s.at:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			s.at++
		case strings.HasPrefix(rest, "//"):
			if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
				s.at += end
			} else {
				s.at = len(s.body)
			}
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return s.wrong("a comment without an end")
			}
			s.at += end + 4
		default:
			return nil
		}
	}
	return nil
}

// value scans one value and notes it, before what it holds.
func (s *scanner) value(path string, depth int) error {
	if depth > deepest {
		return s.wrong("values nested deeper than " + strconv.Itoa(deepest))
	}
	if s.at >= len(s.body) {
		return s.wrong("no value at the end")
	}
	if s.noted += noteSize + len(path); s.noted > mostNoted {
		return errTooMuch
	}
	own, from := len(s.nodes), s.at
	s.nodes = append(s.nodes, node{path: path, from: from})
	var err error
	switch s.body[s.at] {
	case '{':
		err = s.members(path, '}', depth)
	case '[':
		err = s.members(path, ']', depth)
	case '"':
		_, err = s.text()
	default:
		s.nodes[own].kind, err = s.literal()
	}
	s.nodes[own].to = s.at
	s.nodes[own].holds = strings.IndexByte("{[", s.body[from]) >= 0
	return err
}

// members scans an object or a list.
func (s *scanner) members(path string, end byte, depth int) error {
	s.at++
	for i := 0; ; i++ {
		if err := s.blanks(); err != nil {
			return err
		}
		if s.at < len(s.body) && s.body[s.at] == end {
			s.at++
			return nil
		}
		name := strconv.Itoa(i)
		if end == '}' {
			var err error
			if name, err = s.name(); err != nil {
				return err
			}
		}
		if path != "" {
			name = path + ":" + name
		}
		if err := s.value(name, depth+1); err != nil {
			return err
		}
		if err := s.blanks(); err != nil {
			return err
		}
		switch {
		case s.at < len(s.body) && s.body[s.at] == ',':
			s.at++
		case s.at >= len(s.body) || s.body[s.at] != end:
			return s.wrong(fmt.Sprintf("neither a comma nor %q", end))
		}
	}
}

// name scans the name of a member with its colon.
func (s *scanner) name() (string, error) {
	name, err := s.text()
	if err != nil {
		return "", err
	}
	if err := s.blanks(); err != nil {
		return "", err
	}
	if !strings.HasPrefix(s.body[s.at:], ":") {
		return "", s.wrong("a name without a colon behind it")
	}
	s.at++
	return name, s.blanks()
}

// text scans a string.
func (s *scanner) text() (string, error) {
	if !strings.HasPrefix(s.body[s.at:], `"`) {
		return "", s.wrong("no string")
	}
	for end := s.at + 1; end < len(s.body); end++ {
		switch s.body[end] {
		case '\\':
			end++
		case '"':
			var name string
			if json.Unmarshal([]byte(s.body[s.at:end+1]), &name) != nil {
				return "", s.wrong("no string of JSON")
			}
			s.at = end + 1
			return name, nil
		}
	}
	return "", s.wrong("a string without an end")
}

// literal scans a number, a switch or null.
func (s *scanner) literal() (Kind, error) {
	rest := s.body[s.at:]
	end := strings.IndexAny(rest, ",]}:/ \t\r\n")
	if end < 0 {
		end = len(rest)
	}
	switch word := rest[:end]; {
	case word == "true" || word == "false":
		s.at += end
		return Switch, nil
	case word == "null":
		s.at += end
		return Text, nil
	case isNumber(word):
		s.at += end
		return Number, nil
	}
	return Text, s.wrong("no value of JSON")
}
