package depot_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal/depot"
	"iiscanary/iis/fetch"
)

const content = "the bytes of a package"

// stand is a depot with one object in two versions, and how the program would fetch from it.
func stand(t *testing.T) (*depot.Depot, fetch.Options) {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil)
	borrowed.Close()
	pool := x509.NewCertPool()
	pool.AddCert(borrowed.Certificate())
	d, err := depot.New(depot.Config{Certificate: borrowed.TLS.Certificates[0], Token: "token", Region: "eu-west-1", AccessKey: "AKID", SecretKey: "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	d.Put("/releases/a.zip", depot.Object{Content: []byte("older"), Version: "v1"}, depot.Object{Content: []byte(content), Version: "v2"})
	d.Put("/web/a.zip", depot.Object{Content: []byte(content)})
	endpoint := strings.Replace(d.URL(), "localhost", "127.0.0.1", 1)
	return d, fetch.Options{CAs: pool, Pause: time.Millisecond, S3: fetch.S3{Region: "eu-west-1", AccessKey: "AKID", SecretKey: "hunter2", Endpoint: endpoint}}
}

func get(t *testing.T, o fetch.Options, url string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: o.CAs}, DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestASignedAddressIsGoodForItsObjectOnly(t *testing.T) {
	d, o := stand(t)
	r, err := fetch.Parse("s3://releases/a.zip#version=v2", "")
	if err != nil {
		t.Fatal(err)
	}
	signed := func(o fetch.Options, valid time.Duration) string {
		at, err := fetch.Locate(t.Context(), r, o, valid)
		if err != nil {
			t.Fatal(err)
		}
		return at.URL
	}
	good, other := signed(o, time.Minute), o
	other.S3.SecretKey = "wrong"
	stranger := o
	stranger.S3.AccessKey = "OTHER"
	for name, c := range map[string]struct {
		url    string
		status int
		says   string
	}{
		"good":            {good, 200, content},
		"another version": {strings.Replace(good, "versionId=v2", "versionId=v1", 1), 403, "SignatureDoesNotMatch"},
		"another object":  {strings.Replace(good, "a.zip", "b.zip", 1), 403, "SignatureDoesNotMatch"},
		"longer":          {strings.Replace(good, "X-Amz-Expires=60", "X-Amz-Expires=61", 1), 403, "SignatureDoesNotMatch"},
		"expired":         {strings.Replace(good, "X-Amz-Expires=60", "X-Amz-Expires=0", 1), 400, "X-Amz-Expires"},
		"for a month":     {signed(o, 30*24*time.Hour), 400, "less than a week"},
		"another key":     {signed(other, time.Minute), 403, "SignatureDoesNotMatch"},
		"a stranger":      {signed(stranger, time.Minute), 403, "InvalidAccessKeyId"},
		"not signed":      {o.S3.Endpoint + "/releases/a.zip", 403, "AccessDenied"},
		"a token":         {o.S3.Endpoint + "/web/a.zip", 401, ""},
	} {
		if status, text := get(t, o, c.url); status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, text := get(t, o, o.S3.Endpoint+"/web/a.zip", "Authorization", "Bearer token"); status != 200 || text != content {
		t.Errorf("with the token: %d %s", status, text)
	}
	if n := len(d.Asked()); n != 11 {
		t.Errorf("%d requests are noted", n)
	}
}

func TestTheProgramFetchesAnObject(t *testing.T) {
	d, o := stand(t)
	d.Move("us-west-2")
	for text, why := range map[string]string{
		"s3://releases/a.zip#version=v2":                                             "",
		fmt.Sprintf("s3://releases/a.zip#sha256=%x", sha256.Sum256([]byte(content))): "",
		"s3://releases/a.zip#version=v3":                                             "no such bucket, object or version",
		"s3://releases/none.zip#version=v2":                                          "no such bucket, object or version",
	} {
		r, err := fetch.Parse(text, "")
		if err != nil {
			t.Fatal(err)
		}
		f, err := fetch.Fetch(t.Context(), r, o)
		if err == nil {
			if f.Region != "us-west-2" {
				t.Errorf("%s: found in %s", text, f.Region)
			}
			_ = f.Close()
		}
		if why == "" && err != nil || why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
