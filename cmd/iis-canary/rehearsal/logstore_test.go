package rehearsal_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/metrics/estest"
)

// theirs is an index of the user's that no rehearsal may touch.
const theirs = "iis-canary-rehearsal-of-somebody-else"

// ownCluster is a cluster of the user's own, which asks for the key.
func ownCluster(t *testing.T) (cluster *estest.Server, key string) {
	t.Helper()
	key = base64.StdEncoding.EncodeToString([]byte("rehearser:s3cret-of-the-user"))
	cluster, err := estest.New(estest.Config{APIKey: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	status, answer := request(t, cluster.URL(), key, http.MethodPost, "/"+theirs+"/_doc?refresh=true", `{"a":1}`)
	if status != http.StatusCreated {
		t.Fatalf("status %d: %s", status, answer)
	}
	return cluster, key
}

func request(t *testing.T, url, key, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "ApiKey "+key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, text.String()
}

func TestAClusterOfTheUsersOwnGetsTheLogAndIsLeftAsItWas(t *testing.T) {
	cluster, key := ownCluster(t)
	o := rehearsal.Options{Servers: 2, Speed: 40, Traffic: 100, Dir: t.TempDir(), Elasticsearch: cluster.URL() + "/", ElasticsearchKey: key}
	fleet, err := rehearsal.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Close)
	if err := fleet.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	url, index := fleet.LogStore()
	if url != cluster.URL() || cluster.Documents(index) < 60 {
		t.Errorf("%d documents in %s of %s", cluster.Documents(index), index, url)
	}
	if n, err := fleet.Failures(t.Context()); n != 0 || err != nil {
		t.Errorf("%d failure metrics, %v", n, err)
	}
	if status, mapping := request(t, url, key, http.MethodGet, "/"+index+"/_mapping", ""); status != http.StatusOK ||
		!strings.Contains(mapping, `"site_name":{"type":"keyword"}`) || !strings.Contains(mapping, `"duration":{"type":"long"}`) {
		t.Errorf("mapping %s", mapping)
	}
	keepsSecret(t, o.Dir, key)
	config, err := os.ReadFile(fleet.Config())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"api_key: 'env:" + rehearsal.ElasticsearchKeyVariable + "'", "index: " + index, "elastic: " + strings.TrimSuffix(index, "access") + "events"} {
		if !strings.Contains(string(config), part) {
			t.Errorf("the configuration lacks %q", part)
		}
	}
	fleet.Close()
	if left := fleet.Leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if status, list := request(t, cluster.URL(), key, http.MethodGet, "/_cat/indices?format=json&h=index", ""); status != http.StatusOK || strings.Count(list, `"index"`) != 1 {
		t.Errorf("the cluster holds %s", list)
	}
	if n := cluster.Documents(theirs); n != 1 {
		t.Errorf("the user's own index holds %d documents, want 1", n)
	}
}

func TestAStandingFleetForgetsOldLinesInAClusterOfTheUsersOwn(t *testing.T) {
	cluster, key := ownCluster(t)
	o := rehearsal.Options{Servers: 2, Speed: 40, Traffic: 100, Dir: t.TempDir(), Standing: true, Elasticsearch: cluster.URL(), ElasticsearchKey: key}
	fleet, err := rehearsal.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Close)
	if err := fleet.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	control, err := fleet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.Stand(control); err != nil {
		t.Fatal(err)
	}
	keepsSecret(t, o.Dir, key)
	_, index := fleet.LogStore()
	old := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	if status, answer := request(t, cluster.URL(), key, http.MethodPost, "/"+index+"/_doc/ancient?refresh=true", `{"@timestamp":"`+old+`"}`); status != http.StatusCreated {
		t.Fatalf("status %d: %s", status, answer)
	}
	if err := fleet.Forget(t.Context(), time.Now().Add(-30*time.Minute)); err != nil {
		t.Error(err)
	}
	if status, _ := request(t, cluster.URL(), key, http.MethodGet, "/"+index+"/_doc/ancient", ""); status != http.StatusNotFound || cluster.Documents(index) < 60 {
		t.Errorf("status %d of a line that is an hour old; %d lines are left", status, cluster.Documents(index))
	}
	if n := cluster.Documents(theirs); n != 1 {
		t.Errorf("the user's own index holds %d documents, want 1", n)
	}
}

// keepsSecret demands that no file of a folder holds the key.
func keepsSecret(t *testing.T, dir, key string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(key)) {
			t.Errorf("%s holds the user's key", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAClusterThatCannotBeTheLogStoreIsRefusedBeforeAnythingIsPutUp(t *testing.T) {
	cluster, key := ownCluster(t)
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	forbidding := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error":{"type":"security_exception","reason":"action [indices:admin/create] is unauthorized"},"status":403}`))
	}))
	t.Cleanup(forbidding.Close)
	for name, c := range map[string]struct{ url, key, words string }{
		"down":              {gone.URL, key, "no answer"},
		"something else":    {other.URL, key, "does not say that it is Elasticsearch"},
		"without a key":     {cluster.URL(), "", "put an API key into " + rehearsal.ElasticsearchKeyVariable},
		"a wrong key":       {cluster.URL(), base64.StdEncoding.EncodeToString([]byte("rehearser:wrong")), "status 401"},
		"too little rights": {forbidding.URL, key, "the key needs all on iis-canary-rehearsal-*"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fleet, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: 2, Speed: 40, Traffic: 100, Dir: dir, Elasticsearch: c.url, ElasticsearchKey: c.key})
			if fleet != nil {
				fleet.Close()
			}
			refused, ok := errors.AsType[*rehearsal.StoreError](err)
			if !ok || !strings.Contains(err.Error(), c.words) || refused.URL != c.url || c.key != "" && strings.Contains(err.Error(), c.key) {
				t.Errorf("got %v", err)
			}
			if entries, err := os.ReadDir(dir); len(entries) > 0 || err != nil {
				t.Errorf("the folder holds %v, %v", entries, err)
			}
		})
	}
	if n := cluster.Documents(theirs); n != 1 {
		t.Errorf("the user's own index holds %d documents, want 1", n)
	}
}

func TestWhatCouldNotBeRemovedFromTheClusterIsNamed(t *testing.T) {
	cluster, key := ownCluster(t)
	ctx, cancel := context.WithCancel(t.Context())
	fleet, err := rehearsal.New(ctx, rehearsal.Options{Servers: 2, Speed: 40, Traffic: 100, Dir: t.TempDir(), Elasticsearch: cluster.URL(), ElasticsearchKey: key})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	cluster.SetFaults(estest.Faults{Status: http.StatusServiceUnavailable})
	fleet.Close()
	_, index := fleet.LogStore()
	left := strings.Join(fleet.Leftovers(), "\n")
	if len(fleet.Leftovers()) != 2 || !strings.Contains(left, index) || strings.Contains(left, key) {
		t.Errorf("left behind: %s", left)
	}
}

func TestAddressesThatAreNoneAreRefused(t *testing.T) {
	for url, words := range map[string]string{
		"es:9200": "no address", "ftp://es": "no address", "https://": "no address", "https://es?pretty": "no address", "https://me:hidden@es:9200": "carries a password for es:9200",
	} {
		err := rehearsal.Options{Servers: 2, Speed: 1, Traffic: 1, Elasticsearch: url}.Check()
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v, want words about %q", url, err, words)
		}
	}
	err := rehearsal.Options{Servers: 2, Speed: 1, Traffic: 1, Elasticsearch: "https://es:9200", ElasticsearchKey: "hidden\nX: y"}.Check()
	if err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
}
