package rehearsal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// ElasticsearchKeyVariable names the environment variable that holds the API key of a cluster of the user's own. The
// configuration of the rehearsal refers to it, so that the key is written nowhere.
const ElasticsearchKeyVariable = "IIS_CANARY_ELASTICSEARCH_API_KEY"

// ownPrefix begins the names of all indices that a rehearsal makes in a cluster of the user's own.
const ownPrefix = "iis-canary-rehearsal-"

// logStore is where the log lines of the fleet go, and where the verdicts on them come from.
type logStore struct {
	url       string
	key       string // API key; empty: none is asked for
	reference string // how the configuration refers to the key
	lines     string // index or data stream of the log lines
	events    string // index of the failure metrics
	cluster   *cluster
}

// client is what the log shipper sends with; nil: one of its own.
func (l logStore) client() *http.Client {
	if l.cluster == nil {
		return nil
	}
	return l.cluster.client
}

// source is the part of the configuration that says where the log lines are.
func (l logStore) source() string {
	lines := []string{"    urls: ['" + strings.ReplaceAll(l.url, "'", "''") + "']"}
	if l.key != "" {
		lines = append(lines, "    api_key: '"+l.reference+"'")
	}
	return strings.Join(append(lines, "    index: "+l.lines), "\n")
}

// checkStore refuses what is no address of a cluster. No error shows a key or a password.
func (o Options) checkStore() error {
	if o.Elasticsearch == "" {
		return nil
	}
	u, err := url.Parse(o.Elasticsearch)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("--elasticsearch is no address, allowed: one like https://es:9200")
	case u.User != nil:
		return fmt.Errorf("--elasticsearch carries a password for %s, allowed: the address alone, and an API key in %s", u.Host, ElasticsearchKeyVariable)
	case strings.ContainsFunc(o.ElasticsearchKey, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("%s is no API key, allowed: the base64 text that Elasticsearch calls \"encoded\"", ElasticsearchKeyVariable)
	}
	return nil
}

// Words says what a fleet with these options is made of.
func (o Options) Words() string {
	if o.Elasticsearch == "" {
		return fmt.Sprintf("putting up %d servers, a load balancer, a log store and customers on this machine", o.Servers)
	}
	return fmt.Sprintf("putting up %d servers, a load balancer and customers on this machine; their log lines go to %s", o.Servers, o.Elasticsearch)
}

// StoreError is a cluster of the user's own that cannot be the log store. Nothing was put up.
type StoreError struct {
	URL string
	Err error
}

func (e *StoreError) Error() string { return fmt.Sprintf("use %s as the log store: %v", e.URL, e.Err) }

func (e *StoreError) Unwrap() error { return e.Err }

// ownCluster makes the indices of this rehearsal in the cluster of the user; the end of the fleet removes them.
func (f *Fleet) ownCluster(ctx context.Context) error {
	o := f.options
	id := make([]byte, 8)
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("make the name of an index: %w", err)
	}
	name := ownPrefix + hex.EncodeToString(id)
	c := newCluster(strings.TrimRight(o.Elasticsearch, "/"), o.ElasticsearchKey)
	f.store = logStore{url: c.url, key: c.key, reference: "env:" + ElasticsearchKeyVariable, lines: name + "-access",
		events: name + "-events", cluster: c}
	for _, simulated := range []string{"es_api_key", "es_user", "es_password"} {
		delete(f.secrets, simulated)
	}
	f.teardown = append(f.teardown, c.client.CloseIdleConnections)
	if err := c.greet(ctx); err != nil {
		return &StoreError{URL: c.url, Err: err}
	}
	for _, index := range []string{f.store.lines, f.store.events} {
		f.teardown = append(f.teardown, func() {
			if err := c.remove(context.WithoutCancel(ctx), index); err != nil {
				f.left = append(f.left, fmt.Sprintf("%s/%s: %v", c.url, index, err))
			}
		})
		if err := c.create(ctx, index, f.indexBody()); err != nil {
			return &StoreError{URL: c.url, Err: err}
		}
	}
	if o.Standing {
		f.forgetting()
	}
	return nil
}

// forgetEvery is the time between two removals of old log lines from the user's cluster.
const forgetEvery = time.Minute

// forgetting removes old log lines from the user's cluster for as long as the fleet stands. A cluster that is away for a while gets
// rid of them later.
func (f *Fleet) forgetting() {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for pause(ctx, forgetEvery) == nil {
			_ = f.Forget(ctx, time.Now().Add(-standingLogTime))
		}
	})
	f.teardown = append(f.teardown, func() {
		cancel()
		done.Wait()
	})
}

// Forget removes the log lines of before a moment from a cluster of the user's own, as a standing fleet does by itself. The
// simulated log store does so without being asked.
func (f *Fleet) Forget(ctx context.Context, before time.Time) error {
	if f.store.cluster == nil {
		return nil
	}
	return f.store.cluster.forget(ctx, f.store.lines, before)
}

// indexBody is what an index of the rehearsal is like: the types of Filebeat's iis module, strings as keywords, and the refresh
// interval of the rehearsal.
func (f *Fleet) indexBody() map[string]any {
	properties := map[string]any{}
	for name, typ := range logMapping() {
		properties[name] = map[string]any{"type": typ}
	}
	keyword := map[string]any{"match_mapping_type": "string", "mapping": map[string]any{"type": "keyword"}}
	return map[string]any{
		"settings": map[string]any{"index": map[string]any{"number_of_shards": 1, "number_of_replicas": 0,
			"refresh_interval": fmt.Sprintf("%dms", f.options.scaled(indexRefresh).Milliseconds())}},
		"mappings": map[string]any{"properties": properties, "dynamic_templates": []any{map[string]any{"strings": keyword}}},
	}
}

// LogStore is the address of the log store, and the index or data stream of the log lines.
func (f *Fleet) LogStore() (url, index string) { return f.store.url, f.store.lines }

// Leftovers is what Close could not remove from the user's cluster, each with the reason.
func (f *Fleet) Leftovers() []string { return f.left }

// Failures is how many failure metrics the log store has. Only a cluster of the user's own may not answer.
func (f *Fleet) Failures(ctx context.Context) (int, error) {
	if f.store.cluster == nil {
		return f.Logs.Documents(f.store.events), nil
	}
	return f.store.cluster.count(ctx, f.store.events)
}
