package overlay

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text is a file without its byte order mark, and how it goes back into bytes.
type text struct {
	path string
	body string
	mark string
	wide wideOrder // of UTF-16; nil: single bytes
}

// wideOrder is the order of the two bytes of a UTF-16 unit.
type wideOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var (
	errOdd  = errors.New("is UTF-16 with half a character at its end")
	errPair = errors.New("is UTF-16 with half a pair in it")
)

// decode reads a file so that encoding it gives the very same bytes. What is neither UTF-16 nor UTF-8 is kept as it is: every
// encoding in use has ASCII in it, and more than that is not looked at.
func decode(b []byte) (*text, error) {
	for mark, wide := range map[string]wideOrder{"\xff\xfe": binary.LittleEndian, "\xfe\xff": binary.BigEndian} {
		if rest, is := strings.CutPrefix(string(b), mark); is {
			body, err := narrow([]byte(rest), wide)
			return &text{body: body, mark: mark, wide: wide}, err
		}
	}
	const mark = "\xef\xbb\xbf"
	if rest, is := strings.CutPrefix(string(b), mark); is {
		return &text{body: rest, mark: mark}, nil
	}
	return &text{body: string(b)}, nil
}

func narrow(b []byte, wide wideOrder) (string, error) {
	if len(b)%2 != 0 {
		return "", errOdd
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = wide.Uint16(b[2*i:])
	}
	body := string(utf16.Decode(units))
	for i, back := 0, utf16.Encode([]rune(body)); i < len(units); i++ {
		if i >= len(back) || back[i] != units[i] {
			return "", errPair
		}
	}
	return body, nil
}

// bytes is the file.
func (t *text) bytes() []byte {
	out := []byte(t.mark)
	if t.wide == nil {
		return append(out, t.body...)
	}
	for _, u := range utf16.Encode([]rune(t.body)) {
		out = t.wide.AppendUint16(out, u)
	}
	return out
}

// takes reports whether a text can be written into the file without knowing its encoding.
func (t *text) takes(more string) bool {
	if !utf8.ValidString(more) {
		return false
	}
	return t.wide != nil || utf8.ValidString(t.body) || !strings.ContainsFunc(more, func(r rune) bool { return r > '~' })
}

// line is where a byte of the body stands; it starts at 1.
func (t *text) line(at int) int { return 1 + strings.Count(t.body[:min(at, len(t.body))], "\n") }
