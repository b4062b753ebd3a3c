package iistest

import (
	"crypto/x509"
	"encoding/asn1"
	"net/http"
	"slices"
	"strings"
)

// mutual is the literal that stands for the credentials where a certificate is them.
const mutual = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

// mapped finds the account that the client's certificate is mapped to: http.sys answers 403 to one that the machine does not trust, and
// WinRM 401 to one that it does not know.
func (e *endpoint) mapped(w http.ResponseWriter, r *http.Request) bool {
	c := e.server.config
	if c.Clients == nil || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		e.refuse(w, r, false)
		return false
	}
	shown := r.TLS.PeerCertificates
	between := x509.NewCertPool()
	for _, one := range shown[1:] {
		between.AddCert(one)
	}
	if _, err := shown[0].Verify(x509.VerifyOptions{Roots: c.Clients, Intermediates: between, CurrentTime: e.server.clock(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		kernel(w, http.StatusForbidden, "Forbidden", "HTTP Error 403. The client certificate is untrusted or invalid.")
		return false
	}
	if name := principalIn(shown[0]); !slices.ContainsFunc(c.Mapped, func(m string) bool { return strings.EqualFold(m, name) }) {
		e.refuse(w, r, true)
		return false
	}
	return true
}

// principalIn is the user principal name in a certificate's alternative names (szOID_NT_PRINCIPAL_NAME), which a mapping goes by;
// empty: there is none.
func principalIn(c *x509.Certificate) string {
	alternative, principal := asn1.ObjectIdentifier{2, 5, 29, 17}, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
	for _, e := range c.Extensions {
		var names []asn1.RawValue
		if _, err := asn1.Unmarshal(e.Value, &names); !e.Id.Equal(alternative) || err != nil {
			continue
		}
		for _, name := range names {
			var of asn1.ObjectIdentifier
			rest, err := asn1.Unmarshal(name.Bytes, &of)
			var text string
			if name.Class != asn1.ClassContextSpecific || name.Tag != 0 || err != nil || !of.Equal(principal) {
				continue
			}
			if _, err := asn1.UnmarshalWithParams(rest, &text, "explicit,tag:0"); err == nil {
				return text
			}
		}
	}
	return ""
}
