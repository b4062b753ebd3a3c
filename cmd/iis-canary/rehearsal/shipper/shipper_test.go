package shipper_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/cmd/iis-canary/rehearsal/shipper"
)

const fields = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2026-11-21 12:00:00\r\n" +
	"#Fields: date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n"

func logLine(n, status int) string {
	return fmt.Sprintf("2026-11-21 12:00:%02d app.domain.com-3457 10.0.0.11 GET /cart id=%d 443 - 10.0.9.1 Mozilla/5.0+(Windows) - %d 0 0 37\r\n", n%60, n, status)
}

type server struct{ dir string }

func newServer(t *testing.T) server { return server{t.TempDir()} }

func (v server) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(v.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func ship(t *testing.T, s *store, config shipper.Config, servers ...server) *shipper.Shipper {
	t.Helper()
	config.URL, config.Index, config.Poll = s.URL, "logs", time.Millisecond
	for i, v := range servers {
		config.Sources = append(config.Sources, shipper.Source{Host: fmt.Sprintf("web-%02d", i+1), Dir: v.dir})
	}
	out, err := shipper.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Stop)
	return out
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	limit, tick := time.After(5*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit:
			t.Fatalf("waited 5 s for %s", what)
		case <-tick.C:
		}
	}
}

func numbers(n int) []string {
	out := []string{}
	for i := range n {
		out = append(out, fmt.Sprintf("id=%d", i))
	}
	return out
}

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(logLine(i, 200))
	}
	return b.String()
}

func TestLineBecomesTheDocumentOfFilebeat(t *testing.T) {
	s, v := newStore(t), newServer(t)
	v.write(t, "W3SVC2/u_ex261121.log", fields+logLine(5, 503))
	ship(t, s, shipper.Config{APIKey: "a2V5"}, v)
	await(t, "the line", func() bool { return len(s.queries()) == 1 })
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.docs[s.order[0]]
	created, err := time.Parse(time.RFC3339, got["event"].(map[string]any)["created"].(string))
	if err != nil || time.Since(created) > time.Minute || time.Since(created) < 0 {
		t.Errorf("event.created is %v", created)
	}
	delete(got["event"].(map[string]any), "created")
	want := map[string]any{
		"@timestamp":  "2026-11-21T12:00:05.000Z",
		"destination": map[string]any{"address": "10.0.0.11", "ip": "10.0.0.11", "port": 443.0},
		"event":       map[string]any{"dataset": "iis.access", "module": "iis", "duration": 37e6, "outcome": "failure"},
		"host":        map[string]any{"name": "web-01"},
		"http":        map[string]any{"request": map[string]any{"method": "get"}, "response": map[string]any{"status_code": 503.0}},
		"iis":         map[string]any{"access": map[string]any{"site_name": "app.domain.com-3457", "sub_status": 0.0, "win32_status": 0.0}},
		"source":      map[string]any{"address": "10.0.9.1", "ip": "10.0.9.1"},
		"url":         map[string]any{"path": "/cart", "query": "id=5"},
		"user_agent":  map[string]any{"original": "Mozilla/5.0 (Windows)"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s.auth != "ApiKey a2V5" {
		t.Errorf("Authorization %q", s.auth)
	}
}

func TestLineThatDoesNotFitItsColumnsIsKeptWithoutAStatus(t *testing.T) {
	s, v := newStore(t), newServer(t)
	v.write(t, "W3SVC2/u_ex261121.log", fields+"2026-11-21 12:00:00 a stray line\r\n")
	ship(t, s, shipper.Config{}, v)
	await(t, "the line", func() bool { return len(s.queries()) == 1 })
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.docs[s.order[0]]
	if got["error"] == nil || got["http"] != nil || got["message"] != "2026-11-21 12:00:00 a stray line" {
		t.Errorf("%v", got)
	}
	if at, err := time.Parse(time.RFC3339, fmt.Sprint(got["@timestamp"])); err != nil || time.Since(at) > time.Minute {
		t.Errorf("@timestamp %v is not the time of reading", got["@timestamp"])
	}
}

func TestPartialLinesNewFilesAndNewColumnsAreFollowed(t *testing.T) {
	s, v := newStore(t), newServer(t)
	whole := logLine(0, 200)
	v.write(t, "W3SVC2/u_ex261121.log", fields+whole[:40])
	ship(t, s, shipper.Config{}, v)
	v.write(t, "W3SVC3/u_ex261121.log", fields+logLine(7, 200))
	await(t, "the new file", func() bool { return slices.Equal(s.queries(), []string{"id=7"}) })
	v.write(t, "W3SVC2/u_ex261121.log", whole[40:])
	await(t, "the rest of the line", func() bool { return slices.Equal(s.queries(), []string{"id=7", "id=0"}) })
	v.write(t, "W3SVC2/u_ex261121.log", "#Fields: date time cs-uri-query sc-status\r\n2026-11-21 12:00:09 id=9 200\r\n")
	await(t, "a line with other columns", func() bool { return slices.Equal(s.queries(), []string{"id=7", "id=0", "id=9"}) })
}

func TestNothingIsLostOrDoubledWhateverElasticsearchAnswers(t *testing.T) {
	for name, misbehave := range map[string]func(*store){
		"refuses requests":  func(s *store) { s.refuse = func(call int) int { return map[bool]int{true: 503}[call < 4] } },
		"loses its answers": func(s *store) { s.lose = func(call int) bool { return call < 4 } },
		"is full for some": func(s *store) {
			s.worker = func(call int, id string) int { return map[bool]int{true: 429}[call < 4 && id[0]%2 == 0] }
		},
		"is all right":       func(*store) {},
		"answers 500 per id": func(s *store) { s.worker = func(call int, _ string) int { return map[bool]int{true: 500}[call < 3] } },
	} {
		t.Run(name, func(t *testing.T) {
			s, v := newStore(t), newServer(t)
			misbehave(s)
			v.write(t, "W3SVC2/u_ex261121.log", fields+lines(0, 1200))
			sh := ship(t, s, shipper.Config{}, v)
			await(t, "all lines", func() bool { return len(s.queries()) >= 1200 })
			got := s.queries()
			slices.Sort(got)
			want := numbers(1200)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			await(t, "an empty queue", func() bool { st := sh.Status(); return st.Shipped == 1200 && st.Queued == 0 && st.Problem == "" })
			if st := sh.Status(); name == "loses its answers" && st.Repeated == 0 {
				t.Errorf("%+v: the retry met no conflicts", st)
			}
		})
	}
}

func TestLineThatElasticsearchRefusesIsDroppedAndCounted(t *testing.T) {
	s, v := newStore(t), newServer(t)
	first := ""
	s.worker = func(_ int, id string) int {
		if first == "" {
			first = id
		}
		return map[bool]int{true: 400}[id == first]
	}
	v.write(t, "W3SVC2/u_ex261121.log", fields+lines(0, 3))
	sh := ship(t, s, shipper.Config{}, v)
	await(t, "the other lines", func() bool { st := sh.Status(); return st.Shipped == 2 && st.Dropped == 1 })
}

func TestLinesOfAServerArriveInOrder(t *testing.T) {
	s, v := newStore(t), newServer(t)
	v.write(t, "W3SVC2/u_ex261121.log", fields)
	ship(t, s, shipper.Config{}, v)
	for i := 0; i < 400; i += 40 {
		v.write(t, "W3SVC2/u_ex261121.log", lines(i, i+40))
	}
	await(t, "all lines", func() bool { return len(s.queries()) == 400 })
	if diff := cmp.Diff(numbers(400), s.queries()); diff != "" {
		t.Error(diff)
	}
}

func TestEqualLinesOfTwoServersAreTwoDocuments(t *testing.T) {
	s, one, two := newStore(t), newServer(t), newServer(t)
	for _, v := range []server{one, two} {
		v.write(t, "W3SVC2/u_ex261121.log", fields+logLine(1, 200)+logLine(1, 200))
	}
	ship(t, s, shipper.Config{}, one, two)
	await(t, "four documents", func() bool { return len(s.queries()) == 4 })
}

func TestDelayHoldsLinesBackUntilItIsOver(t *testing.T) {
	s, v := newStore(t), newServer(t)
	v.write(t, "W3SVC2/u_ex261121.log", fields+logLine(0, 200))
	sh := ship(t, s, shipper.Config{Delay: time.Hour}, v)
	await(t, "the line to be read", func() bool { return sh.Status().Queued == 1 })
	if got := s.queries(); len(got) != 0 {
		t.Fatalf("shipped %v in spite of the delay", got)
	}
	sh.SetDelay(0)
	await(t, "the line", func() bool { return len(s.queries()) == 1 })
}

func TestNothingIsShippedWhilePausedAndAllAfterwards(t *testing.T) {
	s, v := newStore(t), newServer(t)
	sh := ship(t, s, shipper.Config{}, v)
	v.write(t, "W3SVC2/u_ex261121.log", fields+logLine(0, 200))
	await(t, "the first line", func() bool { return len(s.queries()) == 1 })
	sh.Pause(true)
	v.write(t, "W3SVC2/u_ex261121.log", logLine(1, 200)+logLine(2, 200))
	quiet := time.NewTimer(30 * time.Millisecond) // thirty looks
	<-quiet.C
	if got := s.queries(); len(got) > 1 {
		t.Fatalf("shipped %v while paused", got)
	}
	sh.Pause(false)
	await(t, "the rest", func() bool { return slices.Equal(s.queries(), numbers(3)) })
}

func TestSenselessConfigurationIsRefused(t *testing.T) {
	for _, config := range []shipper.Config{{}, {URL: "http://127.0.0.1:1"}, {URL: "http://127.0.0.1:1", Index: "logs", Sources: []shipper.Source{{Host: "web-01"}}}} {
		if sh, err := shipper.Start(t.Context(), config); err == nil {
			sh.Stop()
			t.Errorf("%+v was accepted", config)
		}
	}
}
