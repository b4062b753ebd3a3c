package elbtest

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
)

// The example of the AWS General Reference: GET iam ListUsers on 30 August 2015.
func TestTheSignatureOfTheReferenceIsReproduced(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	a, ok := parseAuthorization("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
		"SignedHeaders=content-type;host;x-amz-date, " +
		"Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
	if !ok {
		t.Fatal("the header was not understood")
	}
	if got := sign(r, nil, a, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"); got != a.signature {
		t.Errorf("signed %s", got)
	}
}

func FuzzParams(f *testing.F) {
	f.Add("Action=RegisterTargets&Version=2015-12-01&Targets.member.1.Id=i-1&Targets.member.1.Port=80")
	f.Add("Targets.member.01.Id=x&Targets.member.2.Id=y&Targets.member.-1=z&Targets.member.1=a")
	f.Add("a=%zz&;=&=&&a=1&a=2")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseParams(text)
		if err != nil {
			return
		}
		for i, element := range p.list("Targets.member") {
			for field, value := range element {
				name := "Targets.member." + strconv.Itoa(i+1)
				if field != "" {
					name += "." + field
				}
				_, dotted := p[name+"."]
				if got, given := p[name]; !dotted && (!given || got != value) {
					t.Errorf("%s is %q, the parameters say %q (%v)", name, value, got, given)
				}
			}
		}
		back := url.Values{}
		for name, value := range p {
			back.Set(name, value)
		}
		again, err := parseParams(back.Encode())
		if err != nil || len(again) != len(p) {
			t.Errorf("%q does not survive: %v", text, err)
		}
	})
}

func FuzzMatcher(f *testing.F) {
	f.Add("200,302", 302)
	f.Add("200-299", 250)
	f.Fuzz(func(t *testing.T, text string, status int) {
		if m, err := parseMatcher(text); err == nil && m.has(status) && (status < 200 || status > 499) {
			t.Errorf("%q passes %d", text, status)
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=K/20150830/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00")
	f.Fuzz(func(t *testing.T, text string) {
		if a, ok := parseAuthorization(text); ok && (a.accessKey == "" || a.signature == "" || len(a.signed) == 0) {
			t.Errorf("%q was taken for complete", text)
		}
	})
}
