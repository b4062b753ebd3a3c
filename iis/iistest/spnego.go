package iistest

import (
	"crypto/hmac"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"net/http"
)

// The mechanisms of SPNEGO (RFC 4178), with Windows' own ones (MS-SPNG 1.9).
func oidSPNEGO() asn1.ObjectIdentifier   { return asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2} }
func oidKerberos() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2} }
func oidNTLM() asn1.ObjectIdentifier     { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10} }

// The states of a negotiation, of RFC 4178 section 4.2.2.
const (
	completed  = 0
	incomplete = 1
	rejected   = 2
)

// negotiation is what of a client's SPNEGO token counts here.
type negotiation struct {
	mechs []byte // MechTypeList in DER, as the code over it is made; nil: not in this token
	token []byte
	mic   []byte
}

// unwrap takes the mechanism's token out of SPNEGO; false: it is none, or not the one of the first mechanism of the list.
func unwrap(token []byte) (negotiation, bool) {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(token, &outer)
	if err != nil || len(rest) > 0 {
		return negotiation{}, false
	}
	if outer.Class == asn1.ClassContextSpecific && outer.Tag == 1 {
		var r struct {
			State asn1.Enumerated       `asn1:"optional,explicit,tag:0"`
			Mech  asn1.ObjectIdentifier `asn1:"optional,explicit,tag:1"`
			Token []byte                `asn1:"optional,explicit,tag:2"`
			MIC   []byte                `asn1:"optional,explicit,tag:3"`
		}
		_, err := asn1.UnmarshalWithParams(token, &r, "explicit,tag:1")
		return negotiation{token: r.Token, mic: r.MIC}, err == nil
	}
	var of asn1.ObjectIdentifier
	rest, err = asn1.Unmarshal(outer.Bytes, &of)
	if outer.Class != asn1.ClassApplication || outer.Tag != 0 || err != nil || !of.Equal(oidSPNEGO()) {
		return negotiation{}, false
	}
	var init struct {
		Mechs asn1.RawValue
		Flags asn1.BitString `asn1:"optional,explicit,tag:1"`
		Token []byte         `asn1:"optional,explicit,tag:2"`
		MIC   []byte         `asn1:"optional,explicit,tag:3"`
	}
	if _, err := asn1.UnmarshalWithParams(rest, &init, "explicit,tag:0"); err != nil || init.Mechs.Class != asn1.ClassContextSpecific || init.Mechs.Tag != 0 {
		return negotiation{}, false
	}
	var mechs []asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(init.Mechs.Bytes, &mechs); err != nil || len(mechs) == 0 {
		return negotiation{}, false
	}
	return negotiation{mechs: init.Mechs.Bytes, token: init.Token, mic: init.MIC}, true
}

// respond makes a NegTokenResp.
func respond(state int, mech asn1.ObjectIdentifier, token, mic []byte) []byte {
	field := func(tag int, value any) asn1.RawValue {
		b, _ := asn1.Marshal(value) // numbers, identifiers and bytes always can be
		return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: b}
	}
	fields := []asn1.RawValue{field(0, asn1.Enumerated(state))}
	if mech != nil {
		fields = append(fields, field(1, mech))
	}
	if token != nil {
		fields = append(fields, field(2, token))
	}
	if mic != nil {
		fields = append(fields, field(3, mic))
	}
	b, _ := asn1.MarshalWithParams(fields, "explicit,tag:1") // as above
	return b
}

// finish checks the code over the list of mechanisms, if the client gave one, and ends the negotiation with one of ours. Both are made
// with the session's keys, before its first message (MS-SPNG 3.1.5.1).
func (n negotiation) finish(w http.ResponseWriter, s *sealing) error {
	var ours []byte
	if n.mic != nil {
		first := newSealing(s.exported, s.flags)
		if n.mechs == nil || !hmac.Equal(sign(first.theirs, first.theirSign, 0, n.mechs), n.mic) {
			return errors.New("the code over the list of mechanisms is wrong")
		}
		ours = sign(first.ours, first.ourSign, 0, n.mechs)
		s.received, s.sent = 1, 1 // the ciphers begin anew, the numbers go on
	}
	w.Header().Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(respond(completed, nil, nil, ours)))
	return nil
}
