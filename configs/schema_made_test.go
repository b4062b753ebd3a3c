package configs

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pair is a key and its value; object is a JSON object that keeps the order of the Go fields.
type (
	pair struct {
		key   string
		value any
	}
	object []pair
)

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(p.key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(p.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// maker makes the schema from the types, their tags and their comments.
type maker struct {
	t    *testing.T
	docs map[string]string // "Type.Field" to its comment
}

func newMaker(t *testing.T) maker {
	t.Helper()
	m := maker{t, map[string]string{}}
	for _, name := range []string{"spec.go", "winrm.go", "package.go", "judging.go", "notify.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, is := n.(*ast.TypeSpec); is {
				m.read(spec)
			}
			return true
		})
	}
	return m
}

func (m maker) read(spec *ast.TypeSpec) {
	body, is := spec.Type.(*ast.StructType)
	if !is {
		return
	}
	for _, f := range body.Fields.List {
		for _, name := range f.Names {
			m.docs[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
	}
}

// description is the comment of a field in the words of the file: keys for the names of Go.
func (m maker) description(owner reflect.Type, f reflect.StructField) string {
	text := m.docs[owner.Name()+"."+f.Name]
	if text == "" {
		m.t.Errorf("%s.%s has no comment: its key would have no description", owner.Name(), f.Name)
	}
	for _, other := range reflect.VisibleFields(owner) {
		if key := other.Tag.Get("yaml"); key != "" && key != "-" {
			text = regexp.MustCompile(`\b`+other.Name+`\b`).ReplaceAllLiteralString(text, key)
		}
	}
	r := rulesOf(f)
	if f.Type == reflect.TypeFor[time.Duration]() {
		text += " A time with its unit" + ranged(r) + "."
	}
	return text
}

// root is the whole schema.
func (m maker) root() object {
	o := object{
		{"$schema", "http://json-schema.org/draft-07/schema#"},
		{"title", "iis-canary configuration"},
		{"description", "How a release of an IIS application is rolled through the servers behind an Application Load Balancer."},
	}
	return append(o, m.section(reflect.TypeFor[Spec]())...)
}

func (m maker) section(t reflect.Type) object {
	var properties, needs object
	required, choice := []string{}, []object{}
	for _, f := range reflect.VisibleFields(t) {
		r := rulesOf(f)
		if r.key == "" || r.key == "-" {
			continue
		}
		field := append(object{{"description", m.description(t, f)}}, m.field(f.Type, r)...)
		properties = append(properties, pair{r.key, m.withDefault(field, f.Type, r)})
		if r.required || demands(f.Type) {
			required = append(required, r.key)
		}
		if r.with != "" {
			needs = append(needs, pair{r.key, []string{r.with}})
		}
	}
	for _, key := range alternatives(t) {
		choice = append(choice, object{{"required", []string{key}}})
	}
	o := object{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}}
	if len(required) > 0 {
		o = append(o, pair{"required", required})
	}
	if len(needs) > 0 {
		o = append(o, pair{"dependencies", needs})
	}
	if len(choice) > 0 {
		o = append(o, pair{"oneOf", choice})
	}
	return o
}

// demands reports whether a section must be given because something in it must.
func demands(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || isScalar(reflect.New(t).Elem()) {
		return false
	}
	for _, f := range reflect.VisibleFields(t) {
		if r := rulesOf(f); r.required || (r.key != "" && r.key != "-" && demands(f.Type)) {
			return true
		}
	}
	return false
}

func (m maker) field(t reflect.Type, r rules) object {
	v := reflect.New(t).Elem()
	if _, is := v.Addr().Interface().(*Waves); is {
		return object{{"anyOf", []object{{{"enum", []string{"each"}}},
			{{"type", "array"}, {"minItems", 1}, {"items", m.field(reflect.TypeFor[Size](), rules{})}}}}}
	}
	if s, is := v.Addr().Interface().(scalar); is {
		return formed(s, r)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.section(t.Elem())
	case reflect.Struct:
		return m.section(t)
	case reflect.Map:
		o := object{{"type", "object"}}
		if keys, is := formNamed(r.keys); is {
			o = append(o, pair{"propertyNames", object{{"pattern", keys.pattern}}})
		}
		return append(o, pair{"additionalProperties", m.field(t.Elem(), rules{form: r.form})})
	case reflect.Slice:
		o := object{{"type", "array"}, {"items", m.field(t.Elem(), rules{form: r.form, words: r.words})}}
		if r.required {
			o = append(o, pair{"minItems", 1})
		}
		if r.unique {
			o = append(o, pair{"uniqueItems", true})
		}
		return o
	}
	return plainField(t, r)
}

func plainField(t reflect.Type, r rules) object {
	bounds := object{}
	if r.least != "" {
		bounds = append(bounds, pair{"minimum", numberBound(r.least)})
	}
	if r.most != "" {
		bounds = append(bounds, pair{"maximum", numberBound(r.most)})
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return object{{"type", "string"}, {"pattern", durationPattern}, {"patternErrorMessage", durationAllowed}}
	case t.Kind() == reflect.Bool:
		return object{{"type", "boolean"}}
	case t.Kind() == reflect.Int:
		return append(object{{"type", "integer"}}, bounds...)
	case t.Kind() == reflect.Float64:
		return append(object{{"type", "number"}}, bounds...)
	}
	return textField(r)
}

func textField(r rules) object {
	if f, is := formNamed(r.form); is {
		return object{{"type", "string"}, {"pattern", f.pattern}, {"patternErrorMessage", f.allowed}}
	}
	if len(r.words) == 0 {
		return object{{"type", "string"}, {"minLength", 1}}
	}
	open := slices.IndexFunc(r.words, func(w string) bool { return strings.HasSuffix(w, "NAME") })
	if open < 0 {
		return object{{"type", "string"}, {"enum", r.words}}
	}
	closed := slices.Delete(slices.Clone(r.words), open, open+1)
	named := object{{"type", "string"}, {"pattern", "^" + strings.TrimSuffix(r.words[open], "NAME") + ".+$"},
		{"patternErrorMessage", strings.Join(r.words, ", ")}}
	return object{{"anyOf", []object{{{"enum", closed}}, named}}}
}

func formed(s scalar, r rules) object {
	text := func(pattern string) object {
		return object{{"type", "string"}, {"pattern", pattern}, {"patternErrorMessage", s.allowed()}}
	}
	switch s.(type) {
	case *Size:
		return object{{"anyOf", []object{{{"type", "integer"}, {"minimum", 1}}, text(sizePattern)}}}
	case *Limit:
		return text(limitPattern)
	case *Bad:
		return text(badPattern)
	case *Slower:
		return text(slowerPattern)
	case *Value:
		return object{{"anyOf", []object{{{"type", "string"}}, {{"type", "number"}}, {{"type", "boolean"}}}}}
	}
	if r.literal {
		return object{{"type", "string"}, {"minLength", 1}}
	}
	return text(secretPattern)
}

// withDefault adds the default of a tag, as YAML would read it.
func (m maker) withDefault(o object, t reflect.Type, r rules) object {
	if r.preset == "" {
		return o
	}
	var preset any = r.preset
	switch t.Kind() {
	case reflect.Bool:
		preset = r.preset == "true"
	case reflect.Int, reflect.Float64:
		f, err := strconv.ParseFloat(r.preset, 64)
		if err != nil {
			m.t.Fatal(err)
		}
		preset = f
	case reflect.Int64, reflect.String, reflect.Slice, reflect.Struct:
	default:
		m.t.Fatalf("a default for %s", t)
	}
	return append(o, pair{"default", preset})
}

func TestTheSchemaIsMadeFromTheTypes(t *testing.T) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(newMaker(t).root()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(Schema()), b.String()); diff != "" {
		t.Errorf("schema.json is stale; go test ./configs -update makes it anew (-have +made):\n%s", diff)
	}
}
