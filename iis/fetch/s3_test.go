package fetch_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/fetch"
)

// signedBy computes the signature of a request by Signature Version 4 (Amazon S3 API Reference, "Authenticating Requests"), for
// the headers that it says it signed.
func signedBy(r *http.Request, secret, region string) string {
	auth := r.Header.Get("Authorization")
	_, list, _ := strings.Cut(auth, "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	var headers strings.Builder
	for name := range strings.SplitSeq(list, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.TrimSpace(value))
	}
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, headers.String(), list, r.Header.Get("X-Amz-Content-Sha256")}, "\n")
	day := r.Header.Get("X-Amz-Date")[:8]
	sum := sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, "s3", "aws4_request", "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + day + "/" + region + "/s3/aws4_request\n" + hex.EncodeToString(sum[:])} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// bucket is an S3 of one bucket that is in us-west-2, and its one object in one version.
func bucket(t *testing.T) (*httptest.Server, *[]string) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		region := strings.Split(r.Header.Get("Authorization"), "/")[2]
		switch {
		case !strings.HasSuffix(r.Header.Get("Authorization"), "Signature="+signedBy(r, "secret", region)) || !strings.Contains(r.Header.Get("Authorization"), "Credential=AKID/"):
			w.WriteHeader(http.StatusForbidden)
		case region != "us-west-2":
			w.Header().Set("X-Amz-Bucket-Region", "us-west-2")
			w.WriteHeader(http.StatusMovedPermanently)
		case r.URL.Path != "/releases/a b/ü+c.zip":
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Header().Set("X-Amz-Version-Id", "v1")
			_, _ = io.WriteString(w, pack)
		}
	}))
	t.Cleanup(s.Close)
	return s, &asked
}

func TestAnObjectOfS3(t *testing.T) {
	s, asked := bucket(t)
	o := fetch.Options{Pause: time.Millisecond, S3: fetch.S3{Region: "eu-west-1", AccessKey: "AKID", SecretKey: "secret", Endpoint: s.URL}}
	for _, pinned := range []string{"version=v1", "sha256=" + sum(pack)} {
		*asked = nil
		f, err := fetch.Fetch(t.Context(), parse(t, "s3://releases/a b/ü+c.zip#"+pinned), o)
		if err != nil {
			t.Fatalf("%v, asked %q", err, *asked)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if want := "/releases/a%20b/%C3%BC%2Bc.zip"; len(*asked) != 2 || !strings.HasPrefix((*asked)[1], want) {
			t.Errorf("asked for %q", *asked)
		}
	}
	for ref, why := range map[string]string{
		"s3://releases/a b/ü+c.zip#version=v2":             `sent the version "v1"`,
		"s3://releases/none.zip#version=v1":                "no such bucket, object or version",
		"s3://releases/a b/ü+c.zip#sha256=" + sum("other"): "not the package that is meant",
	} {
		if _, err := fetch.Fetch(t.Context(), parse(t, ref), o); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	o.S3.SecretKey = "hunter2"
	if _, err := fetch.Fetch(t.Context(), parse(t, "s3://releases/x#version=v1"), o); err == nil || !strings.Contains(err.Error(), "s3:GetObject") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("with a wrong key: %v", err)
	}
	nothingLeft(t)
}

func TestAnEndpointOfS3ThatIsNotSafe(t *testing.T) {
	for _, s3 := range []fetch.S3{
		{Region: "eu-west-1", Endpoint: "http://10.0.0.1"}, {Region: "eu-west-1", Endpoint: "ftp://127.0.0.1"}, {Region: "x/y"}, {},
	} {
		s3.AccessKey, s3.SecretKey = "AKID", "secret"
		if _, err := fetch.Fetch(t.Context(), parse(t, "s3://releases/x#version=v1"), fetch.Options{S3: s3}); err == nil || strings.Contains(err.Error(), "dial") {
			t.Errorf("%+v: %v", s3, err)
		}
	}
}
