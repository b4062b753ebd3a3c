package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client asks one server for one package.
type client struct {
	http    *http.Client
	request func(context.Context) (*http.Request, error)
	check   func(*http.Response) error // of an answer that is good for HTTP; nil: none
	another func(*http.Response) bool  // prepares another request after an answer that leads elsewhere; nil: never
	words   func(status int) string
	region  string // of S3, as far as it is known; empty: not S3
}

const (
	mostRedirects = 5
	headerTime    = 30 * time.Second
	handshakeTime = 15 * time.Second
)

var errPlainRedirect = &answerError{"it leads to an address that is not https"}

// transport speaks TLS 1.2 and later, through the proxy of the environment. Nothing is kept for later.
func (o Options) transport() *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: o.CAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: handshakeTime, ResponseHeaderTimeout: headerTime, DisableCompression: true, ForceAttemptHTTP2: true,
	}
}

// source makes the client for a reference.
func (o Options) source(ctx context.Context, r Reference) (*client, error) {
	if strings.HasPrefix(r.where, "s3://") {
		return o.s3(ctx, r)
	}
	return &client{
		http: &http.Client{Transport: o.transport(), CheckRedirect: redirect},
		request: func(ctx context.Context) (*http.Request, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.where, nil)
			if err != nil {
				return nil, &answerError{"that is no address"}
			}
			if req.Header.Set("User-Agent", o.UserAgent); o.Token != "" {
				req.Header.Set("Authorization", "Bearer "+o.Token)
			}
			return req, nil
		},
		words: httpsWords,
	}, nil
}

func redirect(to *http.Request, via []*http.Request) error {
	switch {
	case to.URL.Scheme != "https":
		return errPlainRedirect
	case len(via) > mostRedirects:
		return &answerError{fmt.Sprintf("it leads from one address to the next, more than %d times", mostRedirects)}
	case to.URL.Host != via[0].URL.Host:
		to.Header.Del("Authorization") // net/http would send it to hosts below the first one
	}
	return nil
}

// httpsWords is what a person can do about an answer of a web server.
func httpsWords(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "give package.token in the configuration, or an address that needs none"
	case http.StatusNotFound, http.StatusGone:
		return "there is no such file"
	}
	return ""
}

// get sends the request until an answer is the package, or is none.
func (c *client) get(ctx context.Context) (io.ReadCloser, error) {
	for range mostRedirects {
		req, err := c.request(ctx)
		if err != nil {
			return nil, err
		}
		res, err := c.http.Do(req)
		if wrapped, is := errors.AsType[*url.Error](err); is {
			err = wrapped.Err // the address, which the wrapping quotes, may be a secret
		}
		if err != nil {
			return nil, lasting(err)
		}
		if c.another != nil && c.another(res) {
			_ = res.Body.Close() // nobody reads it
			continue
		}
		if err := c.judge(res); err != nil {
			_ = res.Body.Close()
			return nil, err
		}
		return res.Body, nil
	}
	return nil, &answerError{"it leads from one address to the next without an end"}
}

// judge refuses what is not the package.
func (c *client) judge(res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		if c.check != nil {
			return c.check(res)
		}
		return nil
	}
	what := fmt.Sprintf("the server answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	if words := c.words(res.StatusCode); words != "" {
		what += ": " + words
	}
	if res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout {
		return errors.New(what)
	}
	return &answerError{what}
}

// lasting tells what another attempt cannot mend.
func lasting(err error) error {
	if untrusted, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return &answerError{fmt.Sprintf("its certificate is not trusted: %v (package.ca names the authority)", untrusted.Err)}
	}
	return err
}

func (c *client) close() { c.http.CloseIdleConnections() }
