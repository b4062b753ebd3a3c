package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"iiscanary/configs"
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
	for _, err := range []error{refused, post(t.Context(), address, news{}), post(t.Context(), "://token-of-mine", news{}),
		post(t.Context(), "token-of-mine://host", news{})} {
		if err == nil || strings.Contains(err.Error(), "token-of-mine") {
			t.Errorf("error %v", err)
		}
	}
}

// The log of the other side would have the address, which is a secret, in the header Referer.
func TestAWebhookIsNotFollowedElsewhere(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		asked := false
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
		hook := httptest.NewServer(http.RedirectHandler(other.URL, status))
		err := post(t.Context(), hook.URL+"/token-of-mine", news{})
		hook.Close()
		other.Close()
		if err == nil || !strings.Contains(err.Error(), "give the address that it leads to") || asked {
			t.Errorf("%d: %v, followed: %t", status, err, asked)
		}
	}
}

func TestWhyAWebhookDoesNotAnswerIsSaidWithoutItsHost(t *testing.T) {
	t.Parallel()
	const host = "token.example"
	for want, err := range map[string]error{
		"its host's name is not known":          &net.DNSError{Name: host, IsNotFound: true, Err: "no such host"},
		"its host's certificate is not trusted": &tls.CertificateVerificationError{Err: x509.HostnameError{Host: host, Certificate: &x509.Certificate{}}},
		"no answer in 10s":                      &url.Error{URL: host, Err: context.DeadlineExceeded},
		"no answer: connection refused":         &net.OpError{Op: "dial", Addr: &net.UnixAddr{Name: host}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"no answer":                             errors.New(host + " went away"),
	} {
		if got := unanswered(fmt.Errorf("post: %w", err)); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestARefusedReleaseDropsAFailureMetric(t *testing.T) {
	t.Parallel()
	f := putUp(t, "crash")
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 3)
	if n, err := f.Failures(t.Context()); n != 1 || err != nil {
		t.Errorf("%d failure metrics, %v, want 1", n, err)
	}
}

// partyRules reads a rule about a party of one kind, whose address is somewhere.
func partyRules(t *testing.T, key, value, address string) *conduct {
	t.Helper()
	text, err := os.ReadFile("../../configs/examples/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "canary.yaml")
	if err := os.WriteFile(path, fmt.Appendf(text, "\nnotify: [{ on: [failed], %s: '%s' }]\n", key, value), 0o600); err != nil {
		t.Fatal(err)
	}
	spec, _, err := configs.Load(path, func(string) (string, bool) { return address, true })
	if err != nil {
		t.Fatal(err)
	}
	spec.Sources.Elastic.URLs = []string{address}
	return &conduct{ses: &session{spec: spec, path: path}}
}

// What the configuration takes and nobody delivers would be noticed when a run has failed, by its silence.
func TestEveryKindOfPartyIsTold(t *testing.T) {
	t.Parallel()
	values := map[string]string{"webhook": "env:HOOK", "elastic": "canary-runs"}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[configs.Notify]()) {
		if field.Tag.Get("either") == "" {
			continue
		}
		key := field.Tag.Get("yaml")
		if values[key] == "" {
			t.Errorf("this test tells no party of the kind %s", key)
			continue
		}
		var heard string
		party := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			heard += r.URL.Path + string(body)
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}")
		}))
		cd := partyRules(t, key, values[key], party.URL)
		err := cd.deliver(t.Context(), cd.ses.spec.Notify[0], news{Event: "reverted", Run: "the-run"})
		party.Close()
		if err != nil || !strings.Contains(heard, "the-run") || strings.Contains(heard, "canary-runs") != (key == "elastic") {
			t.Errorf("%s: %v, heard %q", key, err, heard)
		}
	}
}

func TestAPartyOfNoKnownKindIsNotTakenForAnother(t *testing.T) {
	t.Parallel()
	err := (&conduct{}).deliver(t.Context(), configs.Notify{On: []string{"failed"}}, news{})
	if err == nil || !strings.Contains(err.Error(), "nobody here knows how to tell this party") {
		t.Errorf("got %v", err)
	}
}
