package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"
)

// S3 says how objects are reached. Without keys the SDK's own chain finds credentials.
type S3 struct {
	Region    string
	AccessKey string
	SecretKey string
	Endpoint  string // replaces Amazon's: https, or http on loopback; the bucket is then a part of the path
}

// emptyBody is the SHA-256 of no bytes: a GET has none.
const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var regionExp = regexp.MustCompile(`^[a-z]{2}(?:-[a-z0-9]+)+$`)

// s3 makes the client for an object. One GET is all that is needed, so it is signed here with the SDK's signer; the SDK's own
// client of S3 is several megabytes.
func (o Options) s3(ctx context.Context, r Reference) (*client, error) {
	if err := o.S3.check(); err != nil {
		return nil, err
	}
	secrets, err := o.S3.credentials(ctx)
	if err != nil {
		return nil, err
	}
	bucket, key := r.object()
	signer := signer()
	c := &client{
		region: o.S3.Region,
		http:   &http.Client{Transport: o.transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		words:  s3Words,
	}
	c.request = func(ctx context.Context) (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.S3.address(c.region, bucket, key, r.version), nil)
		if err != nil {
			return nil, &answerError{"that is no object"}
		}
		req.Header.Set("User-Agent", o.UserAgent)
		req.Header.Set("X-Amz-Content-Sha256", emptyBody)
		found, err := secrets.Retrieve(ctx)
		if err != nil {
			return nil, &answerError{fmt.Sprintf("no credentials for AWS are found: %v", err)}
		}
		return req, signer.SignHTTP(ctx, found, req, emptyBody, "s3", c.region, time.Now())
	}
	c.another = func(res *http.Response) bool { // the bucket is somewhere else
		there := res.Header.Get("X-Amz-Bucket-Region")
		if res.StatusCode == http.StatusOK || !regionExp.MatchString(there) || there == c.region {
			return false
		}
		c.region = there
		return true
	}
	c.check = func(res *http.Response) error {
		if got := res.Header.Get("X-Amz-Version-Id"); r.version != "" && got != r.version {
			return &answerError{fmt.Sprintf("S3 sent the version %q, not the one that is meant", got)}
		}
		return nil
	}
	return c, nil
}

// signer signs a path as it is sent, which is what S3 wants.
func signer() *v4.Signer {
	return v4.NewSigner(func(s *v4.SignerOptions) { s.DisableURIPathEscaping = true })
}

func (s S3) check() error {
	if !regionExp.MatchString(s.Region) {
		return fmt.Errorf("%q is no region", s.Region)
	}
	if s.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return errors.New("the endpoint of S3 (AWS_ENDPOINT_URL_S3) must be https, or http on loopback")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// credentials finds them where the SDK does, unless they were given.
func (s S3) credentials(ctx context.Context) (aws.CredentialsProvider, error) {
	if s.AccessKey != "" {
		return credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""), nil
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.Region), config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return cfg.Credentials, nil
}

// address is where an object is. A bucket with dots in its name has no certificate as a host (Amazon S3 User Guide, "Virtual
// hosting of general purpose buckets").
func (s S3) address(region, bucket, key, version string) string {
	suffix := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		suffix += ".cn"
	}
	at := "https://" + bucket + ".s3." + region + "." + suffix
	switch {
	case s.Endpoint != "":
		at = strings.TrimSuffix(s.Endpoint, "/") + "/" + bucket
	case strings.Contains(bucket, "."):
		at = "https://s3." + region + "." + suffix + "/" + bucket
	}
	at += "/" + escapeKey(key)
	if version != "" {
		at += "?versionId=" + url.QueryEscape(version)
	}
	return at
}

// escapeKey encodes all but unreserved characters and slashes, as the signature wants it (SigV4, "UriEncode").
func escapeKey(key string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
	var out strings.Builder
	for _, b := range []byte(key) {
		if strings.IndexByte(unreserved, b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

// s3Words is what a person can do about an answer of S3.
func s3Words(status int) string {
	switch status {
	case http.StatusForbidden:
		return "the credentials need s3:GetObject, and s3:GetObjectVersion for a version; or there is no such object"
	case http.StatusNotFound:
		return "there is no such bucket, object or version"
	case http.StatusBadRequest:
		return "compare the version, aws.region and the credentials"
	}
	return ""
}
