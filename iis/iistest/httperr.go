package iistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// errorLog is http.sys' own log of answers that no application gave.
type errorLog struct {
	path string // local
	port int

	mu    sync.Mutex
	lines []refusedRequest

	fields []string // columns of the file
	begun  bool     // it has its head
}

type refusedRequest struct {
	at     time.Time
	status int
	reason string
	queue  string // the pool's name; empty: none
}

// errorLines bounds what is remembered; the file has all.
const errorLines = 1000

// newErrorLog writes to the folder of Windows on this server's disk.
func newErrorLog(root string, port int) *errorLog {
	return &errorLog{path: filepath.Join(root, "c", "Windows", "System32", "LogFiles", "HTTPERR", "httperr1.log"), port: port, fields: strings.Fields(errorFields)}
}

// errorFields are the columns of Windows Server 2016 to 2022. 2012 R2 has no streamid, later ones have more.
const errorFields = "date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid sc-status s-siteid s-reason s-queuename"

// FillErrorLog begins http.sys' log of errors with so many bytes of old lines, in columns of its own; empty: the usual ones. Nothing may have been
// refused yet.
func (s *Server) FillErrorLog(fields string, bytes int) error {
	l := s.machine.refused
	l.mu.Lock()
	defer l.mu.Unlock()
	if fields != "" {
		l.fields = strings.Fields(fields)
	}
	old := refusedRequest{time.Now().Add(-24 * time.Hour), 503, "QueueFull", ""}
	text := l.head()
	l.begun = true
	text += strings.Repeat(l.line(old), 1+bytes/len(l.line(old)))
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return fmt.Errorf("fill HTTPERR: %w", err)
	}
	return os.WriteFile(l.path, []byte(text), 0o644)
}

func (l *errorLog) head() string {
	return "#Software: Microsoft HTTP API 2.0\n#Fields: " + strings.Join(l.fields, " ") + "\n"
}

// line is a request in the columns of the file.
func (l *errorLog) line(r refusedRequest) string {
	queue := r.queue
	if queue == "" {
		queue = "-"
	}
	at := r.at.UTC()
	known := map[string]string{"date": at.Format("2006-01-02"), "time": at.Format("15:04:05"), "c-ip": "10.0.0.9", "c-port": "50000", "s-ip": "10.0.0.1",
		"s-port": strconv.Itoa(l.port), "cs-version": "HTTP/1.1", "cs-method": "GET", "cs-uri": "/secret?of=a-customer", "sc-status": strconv.Itoa(r.status),
		"s-reason": r.reason, "s-queuename": queue}
	var values []string
	for _, name := range l.fields {
		value := known[name]
		if value == "" {
			value = "-"
		}
		values = append(values, value)
	}
	return strings.Join(values, " ") + "\n"
}

// add writes a line. A disk that is full or gone loses it, as it would on Windows.
func (l *errorLog) add(status int, reason, queue string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := refusedRequest{time.Now().UTC(), status, reason, queue}
	text := l.line(one)
	if !l.begun {
		_ = os.MkdirAll(filepath.Dir(l.path), 0o755)
		text = l.head() + text
		l.begun = true
	}
	if l.lines = append(l.lines, one); len(l.lines) > errorLines {
		l.lines = l.lines[errorLines/2:]
	}
	if f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err == nil {
		_, _ = f.WriteString(text)
		_ = f.Close()
	}
}

// records counts the refused requests of a slot, and those of nobody on its port, since a time.
func (l *errorLog) records(slot string, since time.Time) []record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []record
	place := map[string]int{}
	for _, r := range l.lines {
		named := strings.EqualFold(r.queue, slot)
		if r.at.Before(since) || !named && r.queue != "" {
			continue
		}
		key := strconv.Itoa(r.status) + r.reason + strconv.FormatBool(named)
		i, known := place[key]
		if !known {
			i, place[key] = len(out), len(out)
			out = append(out, record{Log: "HTTPERR", Source: r.reason, ID: r.status, Named: named})
		}
		out[i].Count++
		out[i].Time = stamp(r.at.Truncate(time.Second))
	}
	return out
}
