package elbtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The parts of Signature Version 4 (AWS General Reference, "Create a signed AWS API request").
const (
	signingAlgorithm = "AWS4-HMAC-SHA256"
	signingTime      = "20060102T150405Z"
	signingSkew      = 5 * time.Minute
)

// authorization is a parsed Authorization header.
type authorization struct {
	accessKey, day, region, service, signature string
	signed                                     []string
}

func parseAuthorization(header string) (authorization, bool) {
	var a authorization
	rest, ok := strings.CutPrefix(header, signingAlgorithm+" ")
	if !ok {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return a, false
			}
			a.accessKey, a.day, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			a.signed = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		default:
			return a, false
		}
	}
	return a, a.accessKey != "" && a.signature != "" && len(a.signed) > 0
}

// authenticate verifies a request's signature for a service; nil when it is good.
func (b *Balancer) authenticate(r *http.Request, body []byte, service string, now time.Time) *failure {
	header := r.Header.Get("Authorization")
	if header == "" {
		return &failure{403, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	a, ok := parseAuthorization(header)
	if !ok {
		return &failure{400, "IncompleteSignature", "Authorization header is not a complete AWS4-HMAC-SHA256 signature"}
	}
	if a.accessKey != b.config.AccessKey {
		if service == "ec2" {
			return &failure{401, "AuthFailure", "AWS was not able to validate the provided access credentials"}
		}
		return &failure{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	at, err := time.Parse(signingTime, r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != a.day || !slices.Contains(a.signed, "host") ||
		!slices.Contains(a.signed, "x-amz-date") {
		return &failure{400, "IncompleteSignature", "The date and the host must be given and signed"}
	}
	if skew := now.Sub(at).Abs(); skew > signingSkew {
		return &failure{400, "RequestExpired", "Request has expired."}
	}
	if a.region != b.config.Region || a.service != service {
		return &failure{403, "SignatureDoesNotMatch",
			fmt.Sprintf("Credential should be scoped to '%s' and service: '%s'.", b.config.Region, service)}
	}
	if !hmac.Equal([]byte(a.signature), []byte(sign(r, body, a, b.config.SecretKey))) {
		return &failure{403, "SignatureDoesNotMatch", "The request signature we calculated does not match the " +
			"signature you provided. Check your AWS Secret Access Key and signing method."}
	}
	return nil
}

// sign computes the signature that a request should have.
func sign(r *http.Request, body []byte, a authorization, secret string) string {
	var headers strings.Builder
	for _, name := range a.signed {
		headers.WriteString(name + ":" + signedHeader(r, name) + "\n")
	}
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	canonical := strings.Join([]string{
		r.Method, path, canonicalQuery(r.URL.Query()), headers.String(), strings.Join(a.signed, ";"), hexSHA256(body),
	}, "\n")
	scope := strings.Join([]string{a.day, a.region, a.service, "aws4_request"}, "/")
	toSign := strings.Join([]string{signingAlgorithm, r.Header.Get("X-Amz-Date"), scope, hexSHA256([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{a.day, a.region, a.service, "aws4_request", toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func signedHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	var values []string
	for _, value := range r.Header.Values(name) {
		values = append(values, strings.Join(strings.Fields(value), " "))
	}
	return strings.Join(values, ",")
}

func canonicalQuery(query url.Values) string {
	var pairs []string
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, strictEscape(name)+"="+strictEscape(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// strictEscape escapes all but the unreserved characters of RFC 3986.
func strictEscape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func hexSHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
