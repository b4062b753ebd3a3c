package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"iiscanary/metrics"
	"iiscanary/metrics/elastic"
)

// askLogs looks at the index, its fields and the filter, for which no server has to be known.
func (pf *preflight) askLogs(ctx context.Context) {
	source, err := pf.ses.source()
	if err != nil {
		if !isReference(err) {
			pf.fail(checkElastic, "", err.Error())
		}
		return
	}
	facts, err := source.Fields(ctx)
	if err != nil {
		pf.elasticFailed(err)
		return
	}
	for _, id := range []checkID{checkElastic, checkLogin, checkIndex} {
		pf.pass(id, "", "")
	}
	for _, p := range facts.Problems {
		switch p.Kind {
		case metrics.FieldMissing, metrics.FieldType, metrics.FieldConflict:
			pf.fail(checkFields, "", p.Text)
		case metrics.HealthChecksIn:
			pf.warn(checkFields, "", p.Text)
		case metrics.BadFilter:
			pf.fail(checkFilter, "", p.Text)
		}
	}
	pf.passUnless(checkFields, "", "")
	pf.passUnless(checkFilter, "", facts.Filter)
	pf.source = source
}

// elasticFailed notes why the logs could not be asked, and what could be asked before that.
func (pf *preflight) elasticFailed(err error) {
	status, is := errors.AsType[*elastic.StatusError](err)
	switch {
	case is && (status.Status == http.StatusUnauthorized || status.Status == http.StatusForbidden):
		pf.pass(checkElastic, "", "")
		pf.fail(checkLogin, "", err.Error())
	case is && status.Status == http.StatusNotFound:
		pf.pass(checkElastic, "", "")
		pf.pass(checkLogin, "", "")
		pf.fail(checkIndex, "", err.Error())
	default:
		pf.fail(checkElastic, "", err.Error())
	}
}

// lookAtTraffic looks at what the verdict would rest on: the requests to the slots that run now.
func (pf *preflight) lookAtTraffic(ctx context.Context) {
	if pf.source == nil || !pf.isClear("", checkFields, checkFilter) {
		return
	}
	old := pf.old()
	if len(old) == 0 {
		if pf.release != nil && !slices.Contains(pf.read, nil) {
			pf.passUnless(checkTraffic, "", "every server runs the new slot already: nothing is left to judge")
		}
		return
	}
	ms := pf.ses.questions()
	facts, err := pf.source.Traffic(ctx, metrics.Survey{Old: old, Hosts: names(pf.servers), Metrics: ms, From: pf.now.Add(-lookBack), To: pf.now})
	if err != nil {
		pf.fail(checkTraffic, "", err.Error())
		return
	}
	for _, p := range facts.Problems {
		server := ""
		if slices.Contains(names(pf.servers), p.Subject) {
			server = p.Subject
		}
		switch {
		case p.Fatal:
			pf.fail(checkTraffic, server, strings.TrimPrefix(p.Text, server+" "))
		default:
			pf.doubts = append(pf.doubts, p.Text)
		}
	}
	if facts.Fatal() {
		return
	}
	if pf.metrics, err = metrics.Settle(ms, facts); err != nil {
		pf.fail(checkTraffic, "", err.Error())
		return
	}
	pf.facts = facts
	pf.pass(checkTraffic, "", trafficWords(facts))
}

// old is the slots that serve now, other than the new one. With all servers on the new one nothing is left to judge.
func (pf *preflight) old() []string {
	var out []string
	for _, f := range pf.found {
		for _, s := range f.Running() {
			if (pf.release == nil || s.Name != pf.named.Slot) && !slices.Contains(out, s.Name) {
				out = append(out, s.Name)
			}
		}
	}
	return out
}

func trafficWords(f metrics.Facts) string {
	return fmt.Sprintf("%d requests in %s", f.Lines, f.Span.Round(time.Second))
}
