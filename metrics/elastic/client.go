package elastic

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esapi"

	"iiscanary/metrics"
)

const (
	defaultTimeout = 10 * time.Second
	largestAnswer  = 64 << 20
	retries        = 3
	productHeader  = "X-Elastic-Product"
)

// Source counts requests in one cluster. It may be used by several goroutines.
type Source struct {
	o      Options
	client *elasticsearch.BaseClient
}

var _ metrics.Source = (*Source)(nil)

// New checks the options; it does not connect.
func New(o Options) (*Source, error) {
	o.Fields = o.Fields.complete()
	if o.Flavour == "" {
		o.Flavour = Elasticsearch
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("source elastic: %w", err)
	}
	transport, err := o.transport()
	if err != nil {
		return nil, fmt.Errorf("source elastic: %w", err)
	}
	config := elasticsearch.Config{
		Addresses: o.URLs, APIKey: o.APIKey, Username: o.User, Password: o.Password, Transport: transport,
		RetryOnStatus: []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
		MaxRetries:    retries, RetryBackoff: backoff, DisableMetaHeader: true,
	}
	client, err := elasticsearch.NewBaseClient(config)
	if err != nil {
		return nil, fmt.Errorf("source elastic: %w", err)
	}
	return &Source{o: o, client: client}, nil
}

// backoff is how long to wait before a retry: 200, 400, 800 ms, of which up to a half is left to chance.
func backoff(attempt int) time.Duration {
	d := 100 * time.Millisecond << min(attempt, 5)
	return d - rand.N(d/2)
}

// transport is a connection pool of the source's own, with the operator's authorities where there are any.
func (o Options) transport() (http.RoundTripper, error) {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: o.Timeout,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if len(o.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return nil, errors.New("the ca holds no certificate in PEM form")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	if o.Flavour == OpenSearch {
		return openSearch{t}, nil
	}
	return t, nil
}

// openSearch answers for OpenSearch the header that the client insists on.
type openSearch struct{ next http.RoundTripper }

// RoundTrip adds the product header to every answer.
func (t openSearch) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err == nil {
		resp.Header.Set(productHeader, "Elasticsearch")
	}
	return resp, err
}

// search sends one search and checks that its answer is complete.
func (s *Source) search(ctx context.Context, body []byte, into complete) error {
	yes, no := true, false
	raw, err := s.do(ctx, esapi.SearchRequest{
		Index: []string{s.o.Index}, Body: bytes.NewReader(body), Preference: preference,
		AllowPartialSearchResults: &no, AllowNoIndices: &no, IgnoreUnavailable: &no, RequestCache: &yes,
	})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return &InvalidError{Why: "it is not the JSON that was asked for: " + oneLine(err.Error())}
	}
	return into.complete()
}

// preference sends all polls to the same copies of the shards: replicas refresh at different moments, and counts would jump.
const preference = "iis-canary"

// do sends a request within the poll's time and returns the body of a good answer.
func (s *Source) do(ctx context.Context, r esapi.Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	resp, err := r.Do(ctx, s.client)
	if err != nil {
		if strings.Contains(err.Error(), "not Elasticsearch") {
			return nil, &ProductError{Err: err}
		}
		return nil, fmt.Errorf("asking %s: %w", strings.Join(s.o.URLs, ", "), err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if resp.IsError() {
		return nil, statusError(resp.StatusCode, raw)
	}
	if len(raw) > largestAnswer {
		return nil, &InvalidError{Why: "it is larger than 64 MiB"}
	}
	return raw, nil
}
