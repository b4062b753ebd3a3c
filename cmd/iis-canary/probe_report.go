package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"iiscanary/iis"
)

// probeVersion is that of the shape that doctor --probe prints in JSON.
const probeVersion = 1

// probed is what doctor --probe prints in JSON. It holds no names and no addresses unless they were asked for.
type probed struct {
	Version      int       `json:"version"`
	Tool         string    `json:"tool"`
	App          string    `json:"app,omitempty"`
	Server       string    `json:"server,omitempty"`
	Account      string    `json:"account,omitempty"`
	OS           string    `json:"os"`
	IIS          string    `json:"iis"`
	PowerShell   string    `json:"powershell"`
	Began        time.Time `json:"began"`
	Seconds      float64   `json:"seconds"`
	AsExpected   int       `json:"as_expected"`
	Other        int       `json:"other"`
	CouldNotTell int       `json:"could_not_tell"`
	Questions    []replied `json:"questions"`
	Removed      []string  `json:"removed"` // what earlier probes had left
}

// replied is one question with what came out of it.
type replied struct {
	ID       string         `json:"id"`
	Asked    string         `json:"asked"`
	Expected string         `json:"expected"`
	Observed map[string]any `json:"observed"`
	Answer   iis.Answer     `json:"answer"`
	Why      string         `json:"why,omitempty"`
	MS       float64        `json:"ms"`
	Settles  string         `json:"settles"` // the row of docs/assumptions.md
}

func (p *probing) document(findings []iis.Finding) probed {
	hide := p.hidden()
	d := probed{Version: probeVersion, Tool: version(), OS: p.hello.OS, IIS: p.hello.IIS, PowerShell: p.hello.PowerShell,
		Began: p.began.UTC().Truncate(time.Second), Seconds: time.Since(p.began).Round(100 * time.Millisecond).Seconds(), Questions: []replied{}, Removed: []string{}}
	d.Removed = append(d.Removed, p.removed...)
	if p.withNames {
		d.App, d.Server, d.Account = p.ses.spec.App, p.server, p.hello.Account
	}
	for _, f := range findings {
		switch f.Answer {
		case iis.AsExpected:
			d.AsExpected++
		case iis.Other:
			d.Other++
		default:
			d.CouldNotTell++
		}
		d.Questions = append(d.Questions, replied{ID: f.Question.ID, Asked: f.Question.Asked, Expected: f.Question.Expectation(),
			Observed: hide.values(f.Observed), Answer: f.Answer, Why: hide.text(f.Why), MS: float64(f.Took.Microseconds()) / 1000, Settles: f.Question.Settles})
	}
	return d
}

func (p *probing) print(w io.Writer, findings []iis.Finding) error {
	d := p.document(findings)
	if p.format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(d)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, q := range d.Questions {
		fmt.Fprintf(t, "%s %s\t%s\t%s\n", markOf(q.Answer), q.Answer, q.ID, q.Asked)
		if q.Why != "" {
			fmt.Fprintf(t, "\t\t%s\n", flat(q.Why))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d as expected, %d other, %d could not tell; the throw-away site is removed; please send us what --output json prints\n", d.AsExpected, d.Other, d.CouldNotTell)
	return err
}

func markOf(a iis.Answer) string {
	switch a {
	case iis.AsExpected:
		return passed.mark()
	case iis.Other:
		return failed.mark()
	}
	return unchecked.mark()
}

// hiding replaces names in what servers said.
type hiding struct {
	names     []string // longest first
	addresses bool
}

// hidden is everything by which a server, an account or an application could be known; nothing where names are wanted.
func (p *probing) hidden() hiding {
	if p.withNames {
		return hiding{}
	}
	h := hiding{addresses: true}
	add := func(names ...string) {
		for _, n := range names {
			if len(n) > 2 && !slices.Contains(h.names, n) {
				h.names = append(h.names, n)
			}
		}
	}
	add(p.server, p.hello.Machine, p.hello.Account, p.ses.spec.App, p.ses.spec.Site.Host, p.ses.spec.Servers.WinRM.ServerName)
	add(strings.FieldsFunc(p.hello.Account, func(r rune) bool { return r == '\\' || r == '@' })...)
	if host, ok := p.ses.hosts.Address(p.server); ok {
		add(host)
	}
	slices.SortStableFunc(h.names, func(a, b string) int { return len(b) - len(a) })
	return h
}

var dotted = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b|\[?[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}\]?`)

func (h hiding) text(s string) string {
	for _, n := range h.names {
		s = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(n)+`(?:\.[0-9a-z-]+)*`).ReplaceAllString(s, "(name)")
	}
	if !h.addresses {
		return s
	}
	return dotted.ReplaceAllStringFunc(s, func(m string) string {
		if a, err := netip.ParseAddr(strings.Trim(m, "[]")); err != nil || a.IsLoopback() || a.IsUnspecified() {
			return m
		}
		return "(address)"
	})
}

func (h hiding) values(observed map[string]any) map[string]any {
	out := maps.Clone(observed)
	for k, v := range out {
		out[k] = h.value(v)
	}
	return out
}

func (h hiding) value(v any) any {
	switch v := v.(type) {
	case string:
		return h.text(v)
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = h.value(out[i])
		}
		return out
	case map[string]any:
		return h.values(v)
	}
	return v
}
