package depot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// claim is what a signature says of itself.
type claim struct {
	access, day, region, service string
	date, signed, signature      string
	payload                      string
	expires                      time.Duration // of a presigned address
}

// s3Error is an error as S3 words it (Amazon S3 API Reference, "Error Responses").
type s3Error struct {
	status        int
	code, message string
}

func (d *Depot) s3(w http.ResponseWriter, r *http.Request, how, region string, versions []Object) {
	c, ok := readClaim(r, how)
	switch {
	case !ok:
		refuse(w, s3Error{http.StatusForbidden, "AccessDenied", "Access Denied"})
		return
	case c.region != region:
		w.Header().Set("X-Amz-Bucket-Region", region)
		refuse(w, s3Error{http.StatusBadRequest, "AuthorizationHeaderMalformed", "the region '" + c.region + "' is wrong; expecting '" + region + "'"})
		return
	}
	if e := d.judge(r, c, how); e != nil {
		refuse(w, *e)
		return
	}
	wanted := r.URL.Query().Get("versionId")
	at := slices.IndexFunc(versions, func(o Object) bool { return o.Version == wanted })
	switch {
	case len(versions) == 0:
		refuse(w, s3Error{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."})
		return
	case wanted == "":
		at = len(versions) - 1
	case at < 0:
		refuse(w, s3Error{http.StatusNotFound, "NoSuchVersion", "The specified version does not exist."})
		return
	}
	if v := versions[at].Version; v != "" {
		w.Header().Set("X-Amz-Version-Id", v)
	}
	_, _ = w.Write(versions[at].Content) // who hangs up gets nothing
}

// judge compares the signature with one computed here, and its age.
func (d *Depot) judge(r *http.Request, c claim, how string) *s3Error {
	at, err := time.Parse("20060102T150405Z", c.date)
	switch {
	case c.access != d.config.AccessKey:
		return &s3Error{http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."}
	case err != nil || c.day != at.Format("20060102") || c.service != "s3":
		return &s3Error{http.StatusForbidden, "AccessDenied", "the credential scope does not fit"}
	case !slices.Contains(strings.Split(c.signed, ";"), "host"):
		return &s3Error{http.StatusForbidden, "AccessDenied", "host must be signed"}
	case how == "query" && (c.expires <= 0 || c.expires > 7*24*time.Hour):
		return &s3Error{http.StatusBadRequest, "AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week"}
	case how == "query" && time.Now().After(at.Add(c.expires)):
		return &s3Error{http.StatusForbidden, "AccessDenied", "Request has expired"}
	case how == "header" && time.Since(at).Abs() > 15*time.Minute:
		return &s3Error{http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."}
	case !hmac.Equal([]byte(c.signature), []byte(d.sign(r, c))):
		return &s3Error{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."}
	}
	return nil
}

// readClaim reads an Authorization header, or the query of a presigned address.
func readClaim(r *http.Request, how string) (claim, bool) {
	var c claim
	var credential string
	switch how {
	case "header":
		rest, is := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
		if !is {
			return c, false
		}
		for part := range strings.SplitSeq(rest, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch name {
			case "Credential":
				credential = value
			case "SignedHeaders":
				c.signed = value
			case "Signature":
				c.signature = value
			}
		}
		c.date, c.payload = r.Header.Get("X-Amz-Date"), r.Header.Get("X-Amz-Content-Sha256")
	case "query":
		q := r.URL.Query()
		if q.Get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" {
			return c, false
		}
		credential, c.signed, c.signature, c.date = q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), q.Get("X-Amz-Date")
		seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
		if err != nil {
			return c, false
		}
		c.payload, c.expires = "UNSIGNED-PAYLOAD", time.Duration(seconds)*time.Second
	}
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[4] != "aws4_request" || c.payload == "" {
		return c, false
	}
	c.access, c.day, c.region, c.service = parts[0], parts[1], parts[2], parts[3]
	return c, true
}

// sign is Signature Version 4 (Amazon S3 API Reference, "Authenticating Requests").
func (d *Depot) sign(r *http.Request, c claim) string {
	var headers strings.Builder
	for name := range strings.SplitSeq(c.signed, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	request := strings.Join([]string{r.Method, r.URL.EscapedPath(), canonicalQuery(r.URL.Query()), headers.String(), c.signed, c.payload}, "\n")
	hashed := sha256.Sum256([]byte(request))
	scope := strings.Join([]string{c.day, c.region, c.service, "aws4_request"}, "/")
	key := []byte("AWS4" + d.config.SecretKey)
	for _, part := range []string{c.day, c.region, c.service, "aws4_request", "AWS4-HMAC-SHA256\n" + c.date + "\n" + scope + "\n" + hex.EncodeToString(hashed[:])} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// canonicalQuery is the query in order, without the signature, blanks as %20.
func canonicalQuery(q url.Values) string {
	q.Del("X-Amz-Signature")
	return strings.ReplaceAll(q.Encode(), "+", "%20")
}

func refuse(w http.ResponseWriter, e s3Error) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(e.status)
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: e.code, Message: e.message}) // who hangs up gets nothing
}
