//go:build genuine

package elastic_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"iiscanary/metrics/elastic"
	"iiscanary/metrics/estest"
)

// genuineVariable names the environment variable with the address of a genuine Elasticsearch. It gets indices of names that
// begin with "canary-equal-".
const genuineVariable = "IIS_CANARY_GENUINE_ELASTICSEARCH"

// exchange is one request and its answer.
type exchange struct {
	Request string // method, path and parameters
	Body    string
	Status  int
	Product string
	Answer  any
}

// engine is an Elasticsearch behind a wire tap.
type engine struct {
	name string
	url  string // past the tap
	tap  *httptest.Server

	mu    sync.Mutex
	heard []exchange
}

// pair is the genuine engine and the simulated one, which are always asked the same.
type pair struct {
	t       *testing.T
	prefix  string // of the names of all indices
	engines [2]*engine
}

func newPair(t *testing.T) *pair {
	t.Helper()
	genuine := strings.TrimRight(os.Getenv(genuineVariable), "/")
	if genuine == "" {
		t.Fatalf("%s is not set: it is the address of a genuine Elasticsearch, see .ci/elasticsearch", genuineVariable)
	}
	simulated, err := estest.New(estest.Config{Keep: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = simulated.Close() })
	p := &pair{t: t, prefix: "canary-equal-" + strings.ToLower(rand.Text()[:10]) + "-"}
	p.engines = [2]*engine{tapped(t, "genuine", genuine), tapped(t, "estest", simulated.URL())}
	t.Cleanup(p.sweep)
	return p
}

func tapped(t *testing.T, name, url string) *engine {
	e := &engine{name: name, url: url}
	e.tap = httptest.NewServer(e)
	t.Cleanup(e.tap.Close)
	return e
}

// ServeHTTP passes a request on and notes it with its answer.
func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	status, header, answer, err := e.send(r.Context(), r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	e.mu.Lock()
	e.heard = append(e.heard, exchange{r.Method + " " + r.URL.RequestURI(), string(body), status, header.Get("X-Elastic-Product"), plain(answer)})
	e.mu.Unlock()
	for _, name := range []string{"Content-Type", "X-Elastic-Product"} {
		w.Header().Set(name, header.Get(name))
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (e *engine) send(ctx context.Context, method, uri, kind string, body []byte) (int, http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, e.url+uri, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, answer, err
}

// listen is what went over the wire since the last time.
func (e *engine) listen() []exchange {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := e.heard
	e.heard = nil
	return out
}

// both sends a request to both engines, and demands that both answer 2xx.
func (p *pair) both(method, uri string, body any) {
	p.t.Helper()
	kind, raw := "application/x-ndjson", []byte(nil)
	if lines, ok := body.([]byte); ok {
		raw = lines
	} else if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			p.t.Fatal(err)
		}
		kind = "application/json"
	}
	for _, e := range p.engines {
		status, _, answer, err := e.send(p.t.Context(), method, uri, kind, raw)
		if err != nil || status/100 != 2 || bytes.Contains(answer, []byte(`"errors":true`)) {
			p.t.Fatalf("%s: %s %s: %v, status %d, %.500s", e.name, method, uri, err, status, answer)
		}
	}
}

// sweep removes what was made, as far as the genuine engine lets it: one without the module of data streams keeps those.
func (p *pair) sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	g := p.engines[0]
	for _, uri := range []string{"/_data_stream/" + p.prefix + "*", "/_index_template/" + p.prefix + "stream"} {
		_, _, _, _ = g.send(ctx, http.MethodDelete, uri, "", nil)
	}
	_, _, list, _ := g.send(ctx, http.MethodGet, "/_cat/indices/"+p.prefix+"*?format=json&h=index", "", nil)
	var held []struct{ Index string }
	_ = json.Unmarshal(list, &held)
	for _, ix := range held {
		_, _, _, _ = g.send(ctx, http.MethodDelete, "/"+ix.Index, "", nil)
	}
}

// source is the adapter aimed at one engine.
func (p *pair) source(e *engine, index string, change func(*elastic.Options)) *elastic.Source {
	p.t.Helper()
	o := elastic.Options{URLs: []string{e.tap.URL}, Index: index, Fields: elastic.Fields{Slot: "labels.slot"}, Timeout: 20 * time.Second}
	if change != nil {
		change(&o)
	}
	s, err := elastic.New(o)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// anonymous is a text without what must differ between two engines.
func (p *pair) anonymous(e *engine, text string) string {
	return unnamed(strings.ReplaceAll(text, e.tap.URL, "http://es"))
}

// told is an error in all that a caller can see of it.
func (p *pair) told(e *engine, err error) string {
	if err == nil {
		return ""
	}
	kind := fmt.Sprintf("%T", innermost(err))
	return p.anonymous(e, kind+" "+err.Error())
}

func innermost(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || u.Unwrap() == nil {
			return err
		}
		err = u.Unwrap()
	}
}
