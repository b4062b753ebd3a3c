package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAWebhookGetsTheNewsAndNoErrorShowsItsAddress(t *testing.T) {
	var got news
	status := http.StatusOK
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
	}))
	address := hook.URL + "/token-of-mine"
	if err := post(t.Context(), address, news{Event: "reverted", Run: "r", Failed: 1}); err != nil || got.Event != "reverted" || got.Failed != 1 {
		t.Errorf("%v: %+v", err, got)
	}
	status = http.StatusForbidden
	refused := post(t.Context(), address, news{})
	hook.Close()
	for _, err := range []error{refused, post(t.Context(), address, news{}), post(t.Context(), "://token-of-mine", news{})} {
		if err == nil || strings.Contains(err.Error(), "token-of-mine") {
			t.Errorf("error %v", err)
		}
	}
}

func TestARefusedReleaseDropsAFailureMetric(t *testing.T) {
	t.Parallel()
	f := putUp(t, "crash")
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 3)
	if n := f.Failures(); n != 1 {
		t.Errorf("%d failure metrics, want 1", n)
	}
}
