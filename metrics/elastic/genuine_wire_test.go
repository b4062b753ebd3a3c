//go:build genuine

package elastic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

// plain is an answer without what differs from one run to the next: durations, and the ids that engines give.
func plain(answer []byte) any {
	dec := json.NewDecoder(bytes.NewReader(answer))
	dec.UseNumber()
	var tree any
	if dec.Decode(&tree) != nil {
		return string(answer)
	}
	return prune(tree)
}

// unnamed is a text without ids, days and positions, and without what a parser had expected.
func unnamed(text string) string {
	text = backing.ReplaceAllString(text, "-DAY-")
	for _, e := range []*regexp.Regexp{shardID, documentID, position, expected} {
		text = e.ReplaceAllString(text, "")
	}
	return strings.TrimSpace(text)
}

var (
	backing    = regexp.MustCompile(`-\d{4}\.\d{2}\.\d{2}-`) // the day in the name of a backing index
	shardID    = regexp.MustCompile(`/[A-Za-z0-9_-]{22}\]`)
	documentID = regexp.MustCompile(`document with id '[^']*'`)
	position   = regexp.MustCompile(` at \d+:\d+$`)
	expected   = regexp.MustCompile(`(?s)\s*Was expecting( one of)?:.*`)
)

func prune(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		for key, child := range v {
			switch key {
			case "took", "uuid", "index_uuid", "node", "_id", "line", "col", "_seq_no":
				delete(v, key)
			case "failed_shards": // their root causes are compared
				delete(v, key)
			default:
				v[key] = prune(child)
			}
		}
	case []any:
		for i, child := range v {
			v[i] = prune(child)
		}
	case string:
		return unnamed(v)
	}
	return tree
}

// differences is where two answers differ, one line each. Percentiles of a genuine engine are estimates: those within 3 %
// are equal.
func differences(genuine, simulated any) string {
	var found places
	cmp.Equal(genuine, simulated, cmp.Reporter(&found), cmp.Comparer(closeTimes), cmp.FilterPath(percentile, cmp.Comparer(closeNumbers)),
		cmp.FilterValues(func(a, b string) bool { return unordered(a) || unordered(b) }, cmp.Ignore()))
	return strings.Join(found.lines, "\n")
}

// unordered tells a query that Lucene prints in the order of a hash table: one that looks into every field, or that has a part twice.
func unordered(explanation string) bool {
	return strings.Contains(explanation, " | ") || strings.Contains(explanation, ")^2.0") || strings.Contains(explanation, ")^3.0")
}

// places collects the places of differences.
type places struct {
	path  cmp.Path
	lines []string
}

func (p *places) PushStep(step cmp.PathStep) { p.path = append(p.path, step) }
func (p *places) PopStep()                   { p.path = p.path[:len(p.path)-1] }

func (p *places) Report(r cmp.Result) {
	if r.Equal() {
		return
	}
	var where strings.Builder
	for _, step := range p.path[1:] {
		if _, cast := step.(cmp.TypeAssertion); !cast {
			where.WriteString(step.String())
		}
	}
	genuine, simulated := p.path.Last().Values()
	p.lines = append(p.lines, fmt.Sprintf("%s:\n  genuine %s\n  estest  %s", where.String(), shown(genuine), shown(simulated)))
}

func shown(v reflect.Value) string {
	if !v.IsValid() {
		return "has none"
	}
	return fmt.Sprintf("%v", v)
}

// closeTimes takes response times for equal that differ by the estimate of a percentile.
func closeTimes(a, b time.Duration) bool { return max(a-b, b-a) <= max(a, b)*3/100 }

func closeNumbers(a, b json.Number) bool {
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && math.Abs(x-y) <= 0.03*math.Max(math.Abs(x), math.Abs(y))
}

// percentile tells a value of a percentiles aggregation by its key, which is a number.
func percentile(path cmp.Path) bool {
	for _, step := range path {
		if key, ok := step.(cmp.MapIndex); ok && slices.Contains([]string{"50.0", "95.0", "99.0"}, key.Key().String()) {
			return true
		}
	}
	return false
}
