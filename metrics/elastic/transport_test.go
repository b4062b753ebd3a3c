package elastic_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iiscanary/metrics/elastic"
)

func TestOnlyTheOperatorsAuthorityIsTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "reader" || password != "hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, _ = w.Write([]byte(whole))
	}))
	t.Cleanup(server.Close)
	o := elastic.Options{URLs: []string{server.URL}, Index: "logs", Fields: elastic.Fields{Slot: "slot"}, User: "reader", Password: "hunter2",
		Timeout: 5 * time.Second, CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})}
	trusting, err := elastic.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := trusting.Collect(t.Context(), poll())
	if err != nil || !strings.Contains(b.Text, `-u "$ES_USER:$ES_PASSWORD"`) || strings.Contains(b.Text, "hunter2") {
		t.Errorf("got %q, %v", b.Text, err)
	}
	o.CA = nil
	o.Timeout = 500 * time.Millisecond
	wary, err := elastic.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wary.Collect(t.Context(), poll()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an unknown authority was trusted, or the password said: %v", err)
	}
}
