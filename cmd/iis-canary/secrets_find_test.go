package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// stem is in both halves of every planted secret, and nowhere else.
const stem = "Kanar13nVqZw"

// plantedAs is a secret that can be found whole, halved and in most codings. Between its halves is what codings change.
func plantedAs(name string) string { return plainly(name) + `1"é<%\+ &='/` + plainly(name) + "2" }

// plainly is the same for a place that takes letters and digits only.
func plainly(name string) string { return stem + name }

// form is one way in which a text may be written.
type form struct {
	name string
	text []byte
}

// forms is every coding of a text that is looked for, in small letters. What base64 makes of it depends on how many bytes are in front of it.
func forms(text string) []form {
	plain, wide := []byte(text), utf16le(text)
	out := []form{{"plain", plain}, {"UTF-16", wide}, {"hexadecimal", []byte(hex.EncodeToString(plain))},
		{"percent-encoded", each("%%%02x", plain)}, {"JSON-escaped", each(`\u%04x`, plain)}}
	for offset := range 3 {
		out = append(out, form{"base64", coded(plain, offset)}, form{"base64 of UTF-16", coded(wide, offset)},
			form{"base64 for URLs", urlSafe(coded(plain, offset))}, form{"hexadecimal of base64", []byte(hex.EncodeToString(coded(plain, offset)))})
	}
	for i := range out {
		out[i].text = bytes.ToLower(out[i].text)
	}
	return out
}

func each(format string, text []byte) []byte {
	var out []byte
	for _, c := range text {
		out = fmt.Appendf(out, format, c)
	}
	return out
}

func utf16le(text string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// coded is the part of a base64 text that depends on these bytes alone, where so many others stand in front of the last group of three.
func coded(text []byte, offset int) []byte {
	all := base64.StdEncoding.EncodeToString(append(make([]byte, offset), text...))
	first := []int{0, 2, 3}[offset]
	whole := (offset + len(text)) / 3 * 4
	return []byte(all[first:whole])
}

func urlSafe(text []byte) []byte {
	return []byte(strings.NewReplacer("+", "-", "/", "_").Replace(string(text)))
}

// found says where in a text a planted secret stands; nothing where none does.
func found(text []byte) []string {
	var out []string
	text = bytes.ToLower(text)
	for _, f := range forms(stem) {
		if at := bytes.Index(text, f.text); at >= 0 {
			out = append(out, fmt.Sprintf("%s: …%q…", f.name, text[max(0, at-40):min(len(text), at+len(f.text)+60)]))
		}
	}
	return out
}

// foundBut is found where plants of these names are at home, as settings are in a file of the application itself.
func foundBut(text []byte, names ...string) []string {
	for _, name := range names {
		text = bytes.ReplaceAll(text, []byte(stem+name), nil)
	}
	return found(text)
}

// leaks is what was found where.
type leaks struct{ list []string }

// look looks for every plant.
func (l *leaks) look(where string, text []byte) { l.lookBut(where, text) }

// lookAtWords is look at the words of a run: people are told whose login was refused, on screen and wherever else these words go. The name
// of an account is no secret, though it may come from where secrets are.
func (l *leaks) lookAtWords(where string, text []byte) { l.lookBut(where, text, nameOfUser) }

// lookBut is look where plants of these names may be.
func (l *leaks) lookBut(where string, text []byte, names ...string) {
	for _, hit := range foundBut(text, names...) {
		l.list = append(l.list, where+": "+hit)
	}
}

// walk looks into every file below a folder, at its name too, but for those that may hold secrets.
func (l *leaks) walk(t *testing.T, dir string, may func(path string) string) int {
	t.Helper()
	looked := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		short, _ := filepath.Rel(dir, path) // below dir by construction
		l.look("the name of a file", []byte(short))
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		switch allowed := may(filepath.ToSlash(short)); allowed {
		case everything:
		case "":
			l.look(short, text)
		default:
			l.lookBut(short, text, allowed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return looked
}

// everything is allowed in a file that is a secret's own.
const everything = "*"

// processes looks at the command lines of every process of this machine.
func (l *leaks) processes() {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	for _, file := range lines {
		if text, err := os.ReadFile(file); err == nil { // it may have ended
			l.look("a command line of this machine", text)
		}
	}
}
