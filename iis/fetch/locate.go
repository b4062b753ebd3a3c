package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Location is where a machine without credentials of its own can fetch a package by itself. Both fields may be secrets.
type Location struct {
	URL   string // https
	Token string // bearer token for the host of URL and no other; empty: none
}

// Locate says where anybody can fetch the package for a time: an object of S3 by an address that is signed for it, a file of a web server
// where it is. The region of an object must be the one that its bucket was found in, see [File]. The time is at most 7 days.
func Locate(ctx context.Context, r Reference, o Options, valid time.Duration) (Location, error) {
	switch {
	case strings.HasPrefix(r.where, "https://"):
		return Location{r.where, o.Token}, nil
	case strings.HasPrefix(r.where, "s3://"):
		at, err := o.presign(ctx, r, valid)
		if err != nil {
			return Location{}, fmt.Errorf("sign an address for %s: %w", r.Shown(), err)
		}
		return Location{URL: at}, nil
	}
	return Location{}, fmt.Errorf("%s is on this machine, where no server can fetch it", r.Shown())
}

// presign signs the query of an address (Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters").
func (o Options) presign(ctx context.Context, r Reference, valid time.Duration) (string, error) {
	if err := o.S3.check(); err != nil {
		return "", err
	}
	secrets, err := o.S3.credentials(ctx)
	if err != nil {
		return "", err
	}
	found, err := secrets.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("no credentials for AWS are found: %w", err)
	}
	bucket, key := r.object()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.S3.address(o.S3.Region, bucket, key, r.version), nil)
	if err != nil {
		return "", errors.New("that is no object")
	}
	if req.URL.Scheme != "https" {
		return "", errors.New("servers fetch over https only, and AWS_ENDPOINT_URL_S3 is not")
	}
	query := req.URL.Query()
	query.Set("X-Amz-Expires", strconv.Itoa(int(valid.Seconds())))
	req.URL.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	at, _, err := signer().PresignHTTP(ctx, found, req, "UNSIGNED-PAYLOAD", "s3", o.S3.Region, time.Now())
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err // the address has the signature in it
	}
	return at, err
}
