package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// cluster is an Elasticsearch of the user's own. Only indices that the rehearsal made are ever named to it.
type cluster struct {
	url    string
	key    string // API key; empty: none
	client *http.Client
}

// storeTime bounds one request to the user's cluster.
const storeTime = 10 * time.Second

// newCluster does not connect. Redirects are not followed: the key is for this address alone.
func newCluster(url, key string) *cluster {
	return &cluster{url: url, key: key, client: &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 2, TLSHandshakeTimeout: storeTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answered is what a cluster answered.
type answered struct {
	status  int
	product string
	body    []byte
}

// ask sends one request; body nil: none.
func (c *cluster) ask(ctx context.Context, method, path string, body any) (answered, error) {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return answered{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(raw))
	if err != nil {
		return answered{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		request.Header.Set("Authorization", "ApiKey "+c.key)
	}
	response, err := c.client.Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // without the address, which the caller says
	}
	if err != nil {
		return answered{}, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	a := answered{status: response.StatusCode, product: response.Header.Get("X-Elastic-Product")}
	if a.body, err = io.ReadAll(io.LimitReader(response.Body, 1<<20)); err != nil {
		return a, fmt.Errorf("read the answer: %w", err)
	}
	return a, nil
}

// wrong is an answer that is no success, in words.
func (a answered) wrong() error {
	if a.status/100 == 2 {
		return nil
	}
	var says struct {
		Error struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
		} `json:"error"`
	}
	words := fmt.Sprintf("status %d", a.status)
	if json.Unmarshal(a.body, &says) == nil && says.Error.Reason != "" {
		words += ", " + says.Error.Type + ": " + strings.Join(strings.Fields(says.Error.Reason), " ")
	}
	switch a.status {
	case http.StatusUnauthorized:
		words += " (put an API key into " + ElasticsearchKeyVariable + ")"
	case http.StatusForbidden:
		words += " (the key needs all on " + ownPrefix + "*)"
	}
	return errors.New(words)
}

// greet finds out whether an Elasticsearch answers that knows the key. A key that may not look at the cluster itself is none
// the worse for it.
func (c *cluster) greet(ctx context.Context) error {
	a, err := c.ask(ctx, http.MethodGet, "/", nil)
	switch {
	case err != nil:
		return err
	case a.product != "Elasticsearch":
		return fmt.Errorf("the server there does not say that it is Elasticsearch (status %d, no header X-Elastic-Product)", a.status)
	case a.status == http.StatusForbidden:
		return nil
	}
	return a.wrong()
}

// must sends one request that has to succeed.
func (c *cluster) must(ctx context.Context, method, path string, body any) ([]byte, error) {
	a, err := c.ask(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	return a.body, a.wrong()
}

func (c *cluster) create(ctx context.Context, index string, body any) error {
	if _, err := c.must(ctx, http.MethodPut, "/"+index, body); err != nil {
		return fmt.Errorf("create the index %s: %w", index, err)
	}
	return nil
}

// remove deletes an index; that it is not there is no error.
func (c *cluster) remove(ctx context.Context, index string) error {
	a, err := c.ask(ctx, http.MethodDelete, "/"+index, nil)
	if err != nil || a.status == http.StatusNotFound {
		return err
	}
	return a.wrong()
}

// forget removes the log lines of before a moment. What somebody else removes meanwhile is no error.
func (c *cluster) forget(ctx context.Context, index string, before time.Time) error {
	old := map[string]any{"query": map[string]any{"range": map[string]any{"@timestamp": map[string]any{"lt": before.UTC().Format(time.RFC3339)}}}}
	if _, err := c.must(ctx, http.MethodPost, "/"+index+"/_delete_by_query?conflicts=proceed", old); err != nil {
		return fmt.Errorf("remove old log lines from %s: %w", index, err)
	}
	return nil
}

// count is how many documents an index holds, those that just came included.
func (c *cluster) count(ctx context.Context, index string) (int, error) {
	if _, err := c.must(ctx, http.MethodPost, "/"+index+"/_refresh", nil); err != nil {
		return 0, fmt.Errorf("refresh the index %s: %w", index, err)
	}
	body, err := c.must(ctx, http.MethodGet, "/"+index+"/_count", nil)
	if err != nil {
		return 0, fmt.Errorf("count the documents of %s: %w", index, err)
	}
	var found struct{ Count *int }
	if err := json.Unmarshal(body, &found); err != nil || found.Count == nil {
		return 0, fmt.Errorf("count the documents of %s: the answer has no count", index)
	}
	return *found.Count, nil
}
