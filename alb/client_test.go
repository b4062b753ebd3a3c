package alb

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"iiscanary/canary"
)

// A stray variable must not send the roll of a real fleet somewhere else.
func TestNewRefusesAnEndpointThatNobodyAskedFor(t *testing.T) {
	o := Options{Region: "eu-west-1", Groups: []string{"web-443"}, Credentials: Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "secret"}}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_STS"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "http://127.0.0.1:4566")
			_, err := New(t.Context(), o)
			if e, is := errors.AsType[*StrayEndpointError](err); !is || e.Endpoint != "http://127.0.0.1:4566" {
				t.Fatalf("New: %v", err)
			}
		})
	}
	if _, err := New(t.Context(), o); err != nil {
		t.Fatalf("without the variables: %v", err)
	}
}

// With AWS_IGNORE_CONFIGURED_ENDPOINT_URLS the SDK forgets an endpoint of its configuration, and a rehearsal would change a
// real fleet.
func TestAnEndpointThatWasAskedForHoldsWhateverTheEnvironmentSays(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	s := newService(t)
	s.on("DescribeTargetHealth", failure(400, "Throttling", "Rate exceeded"), lists(in(web, "i-1", 443, canary.Healthy)))
	if _, err := s.client().Health(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
		t.Fatal(err)
	}
}

func TestNewRefusesOptionsThatCannotWork(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	keys := Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "hunter2"}
	for name, o := range map[string]Options{
		"no group":       {Region: "eu-west-1", Credentials: keys},
		"no region":      {Groups: []string{"web-443"}, Credentials: keys},
		"half a key":     {Region: "eu-west-1", Groups: []string{"web-443"}, Credentials: Credentials{SecretKey: "hunter2"}},
		"no URL":         {Region: "eu-west-1", Groups: []string{"web-443"}, Credentials: keys, Endpoint: "localhost"},
		"key in the URL": {Region: "eu-west-1", Groups: []string{"web-443"}, Credentials: keys, Endpoint: "http://AKID:hunter2@127.0.0.1:1"},
		"negative poll":  {Region: "eu-west-1", Groups: []string{"web-443"}, Credentials: keys, Poll: -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(t.Context(), o)
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("New: %v", err)
			}
		})
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "hunter2", SessionToken: "hunter2"}
	o := Options{Credentials: c}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("made", "credentials", c, "options", o)
	texts := []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s %q", c, c, c, c), fmt.Sprintf("%+v %#v", o, o), logged.String()}
	for _, text := range texts {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the key is printed: %s", text)
		}
	}
}

func TestACredentialProcessIsNotQuoted(t *testing.T) {
	t.Parallel()
	err := &CredentialsError{Attempt: "read", Err: errors.New(`parse failed of process output: {"SecretAccessKey":"hunter2"`)}
	if text := err.Error(); strings.Contains(text, "hunter2") {
		t.Error(text)
	}
}
