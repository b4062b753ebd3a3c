package configs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxFile bounds the bytes of a configuration file.
const maxFile = 1 << 20

// Load reads a configuration file. lookup finds environment variables for secrets (nil: the process's own); it is asked at
// once only to warn about variables that are not set. The error is [Problems] where the file could be read.
func Load(path string, lookup func(string) (string, bool)) (*Spec, Warnings, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	if len(data) > maxFile {
		return nil, nil, fmt.Errorf("read the configuration: %s is larger than %d bytes", path, maxFile)
	}
	if lookup == nil {
		lookup = os.LookupEnv
	}
	return read(path, data, lookup)
}

// Parse reads the bytes of a configuration. The name stands in messages, and its folder is what relative paths start from.
// Secrets will be looked up in the process's environment. The error is [Problems].
func Parse(name string, data []byte) (*Spec, Warnings, error) { return read(name, data, nil) }

func read(name string, data []byte, lookup func(string) (string, bool)) (*Spec, Warnings, error) {
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, nil, fmt.Errorf("find the folder of the configuration: %w", err)
	}
	src := newSource(name, data)
	root, problem := syntax(src, data)
	if problem != nil {
		return nil, nil, Problems{*problem}
	}
	d, spec := shape(src, root, Secret{dir: dir, lookup: lookup})
	s := &sense{decoder: d, spec: spec, dir: dir}
	s.check()
	if len(d.problems) > 0 {
		return nil, s.sorted(), d.sorted()
	}
	sum := sha256.Sum256(data)
	spec.Digest = hex.EncodeToString(sum[:])
	return spec, s.sorted(), nil
}

// shape is the second pass: what may stand where, each value for itself.
func shape(src *source, root *yaml.Node, secret Secret) (*decoder, *Spec) {
	d := &decoder{source: src, secret: secret, positions: map[string]Pos{"": {src.file, 1, 1}}, broken: map[string]bool{},
		forms: map[string]*regexp.Regexp{}}
	spec := &Spec{Path: src.file, source: src, positions: d.positions}
	d.value(root, reflect.ValueOf(spec).Elem(), "", rules{})
	return d, spec
}

// sorted puts the mistakes in the order of the file, each with its line as it may be shown.
func (d *decoder) sorted() Problems {
	texts := map[int]string{} // thousands of mistakes may share one long line
	for i := range d.problems {
		line := d.problems[i].Line
		if _, have := texts[line]; !have {
			texts[line] = d.source.text(line)
		}
		d.problems[i].Text = texts[line]
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return d.problems
}

// syntax is the first pass: one YAML document that is a mapping.
func syntax(src *source, data []byte) (*yaml.Node, *Problem) {
	start := Pos{src.file, 1, 1}
	if len(bytes.TrimSpace(data)) == 0 {
		p := problemAt(src, start, "", "an empty file", "a configuration; it starts with the line app: NAME")
		return nil, &p
	}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		p := syntaxProblem(src, err)
		return nil, &p
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		p := problemAt(src, start, "", "no keys at the top level", "a configuration; it starts with the line app: NAME")
		return nil, &p
	}
	return doc.Content[0], nil
}

// syntaxProblem restates the parser's error. Its words may quote the file, so they are left out where a secret may be near.
func syntaxProblem(src *source, err error) Problem {
	at, found := Pos{src.file, 1, 1}, "text that is not YAML"
	var mark int
	if e, is := errors.AsType[*yaml.LoadError](err); is {
		if e.Mark.Line > 0 {
			at.Line, at.Column = min(e.Mark.Line, len(src.lines)), max(e.Mark.Column, 1)
			mark = at.Line
		}
		if !src.touched(at.Line) {
			found += ": " + e.Message
		}
	}
	if column := src.tabAt(mark); column > 0 {
		return problemAt(src, Pos{src.file, mark, column}, "", "a tab in front of the line, where YAML takes spaces only", "spaces, as many as the lines beside it have; set the editor to write spaces")
	}
	if errs, is := errors.AsType[*yaml.LoadErrors](err); is && strings.Contains(errs.Error(), "multiple") {
		found = "more than one YAML document"
	}
	return problemAt(src, at, "", found, "one YAML document; quote texts that hold ': ', '#', '%', '@' or '*'")
}
