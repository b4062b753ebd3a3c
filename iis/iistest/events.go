package iistest

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Entry is one record of an event log.
type Entry struct {
	Log    string // System or Application
	Source string // such as Microsoft-Windows-WAS
	ID     int
	Kind   string // Error, Warning or Information; empty: Error
	Text   string
}

// event is an entry with its time.
type event struct {
	at time.Time
	Entry
}

// Write adds records to the event logs. In a text, $id stands for the number of the named slot's site.
func (s *Server) Write(slot string, all ...Entry) {
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range all {
		if one := m.sites[slot]; one != nil {
			e.Text = strings.ReplaceAll(e.Text, "$id", strconv.FormatInt(one.id, 10))
		}
		m.enter(e)
	}
}

// enter adds to an event log. The lock is held.
func (m *machine) enter(e Entry) {
	e.Kind = cmp.Or(e.Kind, "Error")
	m.events = append(m.events, event{time.Now(), e})
}

// write adds to the System log what WAS says. The lock is held.
func (m *machine) write(id int, text string) {
	m.enter(Entry{Log: "System", Source: "Microsoft-Windows-WAS", ID: id, Text: text})
}

// written is the newest text that WAS wrote about a slot since a time; empty: none, or the log cannot be read.
func (m *machine) written(name string, since time.Time) string {
	if m.faults.trapped("log", "") != 0 {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	said := m.namesOf(name)
	for i := len(m.events) - 1; i >= 0 && !m.events[i].at.Before(since); i-- {
		if e := m.events[i]; strings.Contains(e.Source, "WAS") && said.MatchString(e.Text) {
			return fmt.Sprintf("%s (WAS event %d)", e.Text, e.ID)
		}
	}
	return ""
}

// httpEvent is the provider of what http.sys writes into the System log.
const httpEvent = "Microsoft-Windows-HttpEvent"

const (
	entriesMost = 40   // that events returns
	textMost    = 1500 // characters of each
)

// record is an entry as events returns it.
type record struct {
	Time   string `json:"time"`
	Log    string `json:"log"`
	Source string `json:"source"`
	ID     int    `json:"id"`
	Named  bool   `json:"named"`
	Count  int    `json:"count"`
	Text   string `json:"text"`
}

func events(_ context.Context, c *call) (any, error) {
	var a struct {
		Slot   string `json:"slot"`
		LastMS *int64 `json:"last_ms"`
		Within int64  `json:"within_ms"`
	}
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if !inFamily(c.app, a.Slot) {
		return nil, refuse("bad_request", "%q is no slot of %s", a.Slot, c.app)
	}
	last := 10 * time.Minute
	if a.LastMS != nil {
		last = time.Duration(*a.LastMS) * time.Millisecond
	}
	if unread, over := c.server.readLogs(time.Duration(a.Within) * time.Millisecond); over {
		return map[string]any{"clock": c.server.clock(), "entries": []record{}, "left_off": 0, "unread": unread}, nil
	}
	found := c.server.machine.records(a.Slot, time.Now().Add(-last-time.Second))
	slices.SortStableFunc(found, func(x, y record) int { return cmp.Compare(x.Time, y.Time) })
	left := max(0, len(found)-entriesMost)
	return map[string]any{"clock": c.server.clock(), "entries": append([]record{}, found[left:]...), "left_off": left, "unread": []string{}}, nil
}

// SlowLogs lets each event log take so long to open, as it may on a server with millions of records; 0: no time.
func (s *Server) SlowLogs(d time.Duration) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.slowLogs = d
}

// openLog is the opening of an event log.
func (f *faults) openLog() {
	f.mu.Lock()
	d := f.slowLogs
	f.mu.Unlock()
	time.Sleep(d)
}

// readLogs takes the time that the event logs take. Where the first already takes more than there is, nothing is read.
func (s *Server) readLogs(within time.Duration) (unread []string, over bool) {
	began := time.Now()
	for range 2 {
		s.faults.openLog()
		if within > 0 && time.Since(began) >= within {
			for _, log := range []string{"System", "Application", "HTTPERR"} {
				unread = append(unread, log+": not read to its end, the time was up")
			}
			return unread, true
		}
	}
	return nil, false
}

// namesOf matches a text that names a slot, or its site by its number, as a whole word. The lock is held.
func (m *machine) namesOf(slot string) *regexp.Regexp {
	words := regexp.QuoteMeta(slot)
	if s := m.sites[slot]; s != nil {
		words += "|W3SVC/" + strconv.FormatInt(s.id, 10)
	}
	return regexp.MustCompile(`(?i)(?:^|[^A-Za-z0-9.-])(?:` + words + `)(?:$|[^A-Za-z0-9.-]|\.(?:$|[^A-Za-z0-9]))`)
}

// records is what the logs hold about a slot since a time.
func (m *machine) records(slot string, since time.Time) []record {
	m.mu.Lock()
	defer m.mu.Unlock()
	said := m.namesOf(slot)
	var out []record
	for _, e := range m.events {
		if named, told := e.concerns(said); told && !e.at.Before(since) {
			source := e.Source
			if source == httpEvent {
				source = "HttpEvent"
			}
			out = append(out, record{stamp(e.at), e.Log, source, e.ID, named, 1, e.Text[:min(len(e.Text), textMost)]})
		}
	}
	return append(out, m.refused.records(slot, since)...)
}

var workers = regexp.MustCompile(`(?i)\b(w3wp|dotnet)\.exe\b`)

// concerns says whether a record names a slot, and whether it is told at all: some sources never name one.
func (e Entry) concerns(said *regexp.Regexp) (named, told bool) {
	from := func(sources ...string) bool {
		return slices.ContainsFunc(sources, func(s string) bool { return strings.Contains(e.Source, s) })
	}
	named = said.MatchString(e.Text)
	switch {
	case e.Kind == "Information" && !from("HttpEvent"):
		return named, false
	case e.Log == "System" && from("HttpEvent"):
		return named, true
	case e.Log == "System" && from("WAS", "W3SVC"), e.Log == "Application" && from("IIS AspNetCore Module", "ASP.NET ", "W3SVC-WP"):
		return named, named
	case e.Log == "Application" && from(".NET Runtime", "Application Error"):
		return named, named || workers.MatchString(e.Text)
	}
	return named, false
}
