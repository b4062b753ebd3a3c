package fetch_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/fetch"
)

func TestWhereServersCanFetchAPackage(t *testing.T) {
	keys := fetch.S3{Region: "eu-west-1", AccessKey: "AKID", SecretKey: "hunter2"}
	web, err := fetch.Locate(t.Context(), parse(t, "https://host/a.zip?sig=1#sha256="+sum(pack)), fetch.Options{Token: "token"}, time.Hour)
	if err != nil || web.URL != "https://host/a.zip?sig=1" || web.Token != "token" {
		t.Errorf("%+v, %v", web, err)
	}
	object, err := fetch.Locate(t.Context(), parse(t, "s3://releases/a b/ü+c.zip#version=x+/="), fetch.Options{Token: "token", S3: keys}, 15*time.Minute)
	if err != nil || object.Token != "" || strings.Contains(object.URL, "hunter2") {
		t.Fatalf("%+v, %v", object, err)
	}
	u, err := url.Parse(object.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme != "https" || u.Host != "releases.s3.eu-west-1.amazonaws.com" || u.EscapedPath() != "/a%20b/%C3%BC%2Bc.zip" || q.Get("versionId") != "x+/=" || q.Get("X-Amz-Expires") != "900" ||
		len(q.Get("X-Amz-Signature")) != 64 {
		t.Errorf("got %s", object.URL)
	}
}

func TestAPackageThatServersCannotFetch(t *testing.T) {
	plain := fetch.S3{Region: "eu-west-1", AccessKey: "AKID", SecretKey: "hunter2", Endpoint: "http://127.0.0.1:1"}
	for text, c := range map[string]struct {
		o   fetch.Options
		why string
	}{
		"app.zip":                   {fetch.Options{}, "is on this machine"},
		"s3://releases/x#version=1": {fetch.Options{S3: plain}, "over https only"},
		"s3://releases/y#version=1": {fetch.Options{S3: fetch.S3{Region: "?", AccessKey: "AKID", SecretKey: "hunter2"}}, "no region"},
	} {
		if at, err := fetch.Locate(t.Context(), parse(t, text), c.o, time.Minute); err == nil || !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "hunter2") || at.URL != "" {
			t.Errorf("%s: %+v, %v", text, at, err)
		}
	}
}
