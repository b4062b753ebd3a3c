package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"iiscanary/metrics"
)

// Fields proves what every poll relies on: the fields are there and of the right type in every index, and the operator's filter
// can be read. It asks twice at most.
func (s *Source) Fields(ctx context.Context) (metrics.Facts, error) {
	problems, err := s.checkFields(ctx)
	if err != nil {
		return metrics.Facts{}, fmt.Errorf("reading the fields of %s: %w", s.o.Index, err)
	}
	facts := metrics.Facts{Problems: problems}
	if s.o.Filter == "" {
		return facts, nil
	}
	understood, problem, err := s.checkFilter(ctx)
	if err != nil {
		return metrics.Facts{}, fmt.Errorf("checking the filter: %w", err)
	}
	facts.Filter = understood
	if problem != "" {
		facts.Problems = append(facts.Problems, metrics.Problem{Kind: metrics.BadFilter, Subject: s.o.Filter, Text: problem, Fatal: true})
	}
	return facts, nil
}

// Traffic proves, on old's traffic, that every server has lines with status and response time. It asks twice at most.
func (s *Source) Traffic(ctx context.Context, v metrics.Survey) (metrics.Facts, error) {
	facts, err := s.survey(ctx, v)
	if err != nil {
		return metrics.Facts{}, fmt.Errorf("looking at old traffic in %s: %w", s.o.Index, err)
	}
	return facts, nil
}

// role is what a field has to be good for.
type role struct {
	field string
	use   string   // in words
	types []string // that will do
	fatal bool
}

func (s *Source) roles() []role {
	f := s.o.Fields
	keyword := []string{"keyword", "constant_keyword", "wildcard"}
	number := []string{"long", "integer", "short", "byte", "unsigned_long", "double", "float", "half_float", "scaled_float"}
	return []role{
		{f.Time, "the time of a line", []string{"date", "date_nanos"}, true},
		{f.Slot, "the slot", keyword, true},
		{f.Host, "the server", keyword, true},
		{f.Status, "the status", number, true},
		{f.Duration, "the response time", number, true},
		{f.UserAgent, "the user agent", keyword, false},
	}
}

type fieldCaps struct {
	Fields map[string]map[string]fieldCap `json:"fields"`
}

type fieldCap struct {
	Searchable   bool     `json:"searchable"`
	Aggregatable bool     `json:"aggregatable"`
	Indices      []string `json:"indices"`
}

func (s *Source) checkFields(ctx context.Context) ([]metrics.Problem, error) {
	no := false
	var names []string
	for _, r := range s.roles() {
		names = append(names, r.field, r.field+".keyword")
	}
	raw, err := s.do(ctx, esapi.FieldCapsRequest{
		Index: []string{s.o.Index}, Fields: names, AllowNoIndices: &no, IgnoreUnavailable: &no,
	})
	if err != nil {
		return nil, err
	}
	var caps fieldCaps
	if err := json.Unmarshal(raw, &caps); err != nil || caps.Fields == nil {
		return nil, &InvalidError{Why: "it is no list of fields"}
	}
	var out []metrics.Problem
	for _, r := range s.roles() {
		if p, wrong := caps.problem(r); wrong {
			out = append(out, p)
		}
	}
	return out, nil
}

// problem says what is wrong with a field.
func (c fieldCaps) problem(r role) (metrics.Problem, bool) {
	types := maps.Clone(c.Fields[r.field])
	delete(types, "unmapped")
	p := metrics.Problem{Subject: r.field, Fatal: r.fatal, Kind: metrics.FieldType}
	if !r.fatal {
		p.Kind = metrics.HealthChecksIn
	}
	names := slices.Sorted(maps.Keys(types))
	var wrong []string
	for _, name := range names {
		if !slices.Contains(r.types, name) || !types[name].Searchable || !types[name].Aggregatable {
			wrong = append(wrong, name)
		}
	}
	hint := ""
	if _, ok := c.Fields[r.field+".keyword"]["keyword"]; ok && slices.Contains(r.types, "keyword") {
		hint = fmt.Sprintf("; use %s.keyword", r.field)
	}
	switch {
	case len(names) == 0:
		if r.fatal {
			p.Kind = metrics.FieldMissing
		}
		p.Text = fmt.Sprintf("no index has the field %s for %s%s", r.field, r.use, hint)
	case len(names) > 1 && len(wrong) > 0:
		if r.fatal {
			p.Kind = metrics.FieldConflict
		}
		p.Text = fmt.Sprintf("the field %s for %s is of type %s in some indices (%s): wanted is %s everywhere%s", r.field, r.use,
			strings.Join(names, " or "), strings.Join(types[wrong[0]].Indices, ", "), r.types[0], hint)
	case len(wrong) > 0:
		p.Text = fmt.Sprintf("the field %s for %s is of type %s, or not indexed: wanted is %s%s", r.field, r.use, wrong[0], r.types[0], hint)
	default:
		return p, false
	}
	if !r.fatal {
		p.Text += "; health checks of the load balancer are counted as requests"
	}
	return p, true
}

// explained is the answer of _validate/query.
type explained struct {
	Valid        *bool  `json:"valid"`
	Error        string `json:"error"`
	Explanations []struct {
		Explanation string `json:"explanation"`
		Error       string `json:"error"`
	} `json:"explanations"`
}

// checkFilter lets the cluster read the operator's Lucene text, and returns how it understood it and what is wrong with it.
func (s *Source) checkFilter(ctx context.Context) (understood, problem string, err error) {
	yes, no := true, false
	body, err := json.Marshal(dict{"query": lucene(s.o.Filter)})
	if err != nil {
		return "", "", err
	}
	raw, err := s.do(ctx, esapi.IndicesValidateQueryRequest{
		Index: []string{s.o.Index}, Body: bytes.NewReader(body), Explain: &yes, Rewrite: &yes, AllowNoIndices: &no, IgnoreUnavailable: &no,
	})
	if err != nil {
		return "", "", err
	}
	var a explained
	if err := json.Unmarshal(raw, &a); err != nil || a.Valid == nil {
		return "", "", &InvalidError{Why: "it does not say whether the filter is valid"}
	}
	understood, problem = a.read(s.o.Filter)
	return understood, problem, nil
}

func (a explained) read(filter string) (understood, problem string) {
	why, nothing := a.Error, len(a.Explanations) > 0
	for _, e := range a.Explanations {
		if why == "" {
			why = e.Error
		}
		if understood == "" {
			understood = oneLine(e.Explanation)
		}
		nothing = nothing && matchesNothing(e.Explanation)
	}
	switch {
	case !*a.Valid:
		return understood, fmt.Sprintf("the filter %q cannot be read: %s", filter, withoutJava(why))
	case nothing:
		return understood, fmt.Sprintf("the filter %q matches nothing: %s", filter, understood)
	}
	return understood, ""
}

// barren is a part of a query as Lucene prints it that matches no document, whatever the documents.
var barren = regexp.MustCompile(`MatchNoDocsQuery\(".*?"\)`)

// matchesNothing tells from a rewritten query that it matches no document: nothing is left of it, or only parts that match
// none, or it demands such a part. Text without a field is looked for in every field, and is allowed to be in one of them.
func matchesNothing(explanation string) bool {
	const none = "\x00"
	left := barren.ReplaceAllString(explanation, none)
	for shorter := ""; shorter != left; {
		shorter, left = left, emptyGroup.ReplaceAllString(left, none)
	}
	if strings.Trim(left, none+" ") == "" {
		return true
	}
	depth := 0
	for i := range len(left) {
		switch left[i] {
		case '(':
			depth++
		case ')':
			depth--
		case '+', '#':
			if depth == 0 && strings.HasPrefix(left[i+1:], none) {
				return true
			}
		}
	}
	return false
}

// emptyGroup is a group of parts that match nothing.
var emptyGroup = regexp.MustCompile(`\((?:\x00|[ |])+\)`)

// withoutJava is the words of a parser's error for people: without the classes of its exceptions, and without the list of all
// that it had expected.
func withoutJava(why string) string {
	if i := strings.LastIndex(why, "Exception: "); i >= 0 {
		why = why[i+len("Exception: "):]
	}
	why, _, _ = strings.Cut(why, "Was expecting")
	return oneLine(why)
}
