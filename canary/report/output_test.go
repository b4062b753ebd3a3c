package report

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
)

// documented is everything that the commands print as JSON; what these hold is followed.
func documented() []any {
	return []any{Outcome{}, Runs{}, Run{}, Fleet{}, canary.Plan{}, canary.Timeline{}, canary.Stage{}, canary.Spare{}, canary.Drain{},
		canary.Stop{}, canary.Start{}, canary.Warm{}, canary.Own{}, canary.Admit{}, canary.Bake{}, canary.Tidy{}}
}

// sectionOf is the heading under which a type is documented.
func sectionOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[canary.Server]():
		return "PlanServer"
	case reflect.TypeFor[canary.Step]():
		return "PlanStep"
	}
	return t.Name()
}

// fields is the rows of a type's table without their meaning, and the structs that it holds.
func fields(t reflect.Type) (rows []string, inner []reflect.Type) {
	if t == reflect.TypeFor[canary.Step]() { // it writes itself
		return []string{"id | string | never", "server | string | when empty", "kind | string | never", "action | object | never"}, nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if f.Anonymous && tag == "" {
			more, held := fields(f.Type)
			rows, inner = append(rows, more...), append(inner, held...)
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		absent := "never"
		if strings.Contains(options, "omit") {
			absent = "when empty"
		}
		word, held := wordFor(f.Type)
		rows, inner = append(rows, fmt.Sprintf("%s | %s | %s", name, word, absent)), append(inner, held...)
	}
	return rows, inner
}

// wordFor is a type as the documentation calls it, and the structs in it.
func wordFor(t reflect.Type) (string, []reflect.Type) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time", nil
	case t == reflect.TypeFor[time.Duration]():
		return "nanoseconds", nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wordFor(t.Elem())
	case reflect.Slice:
		word, held := wordFor(t.Elem())
		return "list of " + word, held
	case reflect.Map:
		word, held := wordFor(t.Elem())
		return "map of " + word, held
	case reflect.Struct:
		return sectionOf(t), []reflect.Type{t}
	case reflect.Int, reflect.Int64:
		return "integer", nil
	case reflect.Float64:
		return "number", nil
	}
	return t.Kind().String(), nil
}

var (
	heading = regexp.MustCompile(`^### (\w+)$`)
	tableOf = regexp.MustCompile("^\\| `(\\w+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\|$")
)

// sections is the tables of the documentation, by heading.
func sections(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	out, under := map[string][]string{}, ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if h := heading.FindStringSubmatch(line); h != nil {
			under = h[1]
			out[under] = []string{}
			continue
		}
		if row := tableOf.FindStringSubmatch(line); row != nil && under != "" {
			out[under] = append(out[under], strings.Join(row[1:4], " | "))
		}
	}
	return out
}

func TestEveryFieldOfEveryOutputIsDocumented(t *testing.T) {
	written := sections(t)
	var todo []reflect.Type
	for _, v := range documented() {
		todo = append(todo, reflect.TypeOf(v))
	}
	var seen []string
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		name := sectionOf(at)
		if slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		rows, inner := fields(at)
		todo = append(todo, inner...)
		if diff := cmp.Diff(rows, written[name]); diff != "" {
			t.Errorf("docs/output.md, ### %s (-printed +documented):\n%s", name, diff)
		}
	}
	for name := range written {
		if !slices.Contains(seen, name) && name != "PlanOutput" {
			t.Errorf("docs/output.md documents %s, which nothing prints", name)
		}
	}
}

func TestEveryWordOfAClosedListIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{
		string(Deployed), string(Reverted), string(Held), string(Stopped), string(Mixed), string(Unfinished), string(Underway),
		string(Untouched), string(Staged), string(InHand), string(OnNew), string(PutBack), string(Unplanned),
		string(Done), string(FoundDone), string(Refused), string(Doubted), string(Waived), string(Broken), string(Unreachable), string(CutShort),
		string(AtWork), string(NotBegun),
		string(DriftUnread), string(DriftNothing), string(DriftTwice), string(DriftHalf), string(DriftUnknown), string(DriftBoot), string(DriftMixed), string(DriftFiles),
		string(DriftOut), string(DriftLost), string(DriftLeftover),
		string(canary.Pass), string(canary.Fail), string(canary.Unsure), placeIn, placeLeaving, placeOut, placeEntering, placeUnknown,
	} {
		if !strings.Contains(string(b), "`"+word+"`") {
			t.Errorf("docs/output.md does not say what %q means", word)
		}
	}
}
