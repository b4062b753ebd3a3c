package kerberos

import (
	"encoding/binary"
	"fmt"

	"encoding/asn1"

	krb "github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Flags of a GSS context (RFC 4121 section 4.1.1.1). Mutual authentication is not asked for: the server has shown its certificate.
const (
	gssReplay    = 1 << 2
	gssSequence  = 1 << 3
	gssConf      = 1 << 4
	gssInteg     = 1 << 5
	gssFlags     = gssReplay | gssSequence | gssConf | gssInteg
	bindingBytes = 16
)

// checksum is the one of an authenticator (RFC 4121 section 4.1.1): the binding to the connection, and the flags.
func checksum(binding []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, bindingBytes)
	bound := make([]byte, bindingBytes)
	copy(bound, binding)
	return binary.LittleEndian.AppendUint32(append(b, bound...), gssFlags)
}

// show makes the token that shows a ticket.
func (c *Client) show(t *ticket, binding []byte) ([]byte, error) {
	who, err := types.NewAuthenticator(c.account.Domain(), c.account.CName())
	if err != nil {
		return nil, err
	}
	who.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: checksum(binding)}
	request, err := messages.NewAPReq(t.Ticket, t.key, who)
	if err != nil {
		return nil, fmt.Errorf("show the ticket: %s", firstLine(err))
	}
	text, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	return negotiation(text)
}

// The mechanisms of RFC 4178, RFC 4121 and MS-SPNG. NTLM is not among those that are offered.
func spnego() asn1.ObjectIdentifier    { return asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2} }
func mechanism() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2} }
func windows() asn1.ObjectIdentifier   { return asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2} }

// offer is NegTokenInit.
type offer struct {
	Mechanisms []asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	Token      []byte                  `asn1:"explicit,tag:2"`
}

// negotiation is an AP-REQ in SPNEGO.
func negotiation(request []byte) ([]byte, error) {
	token, err := framed(mechanism(), append([]byte{1, 0}, request...))
	if err != nil {
		return nil, err
	}
	inner, err := asn1.MarshalWithParams(offer{[]asn1.ObjectIdentifier{mechanism(), windows()}, token}, "explicit,tag:0")
	if err != nil {
		return nil, err
	}
	return framed(spnego(), inner)
}

// framed is a token with its mechanism in front (RFC 2743 section 3.1).
func framed(of asn1.ObjectIdentifier, body []byte) ([]byte, error) {
	head, err := asn1.Marshal(of)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassApplication, Tag: 0, IsCompound: true, Bytes: append(head, body...)})
}

// reply is NegTokenResp.
type reply struct {
	State     asn1.Enumerated       `asn1:"optional,explicit,tag:0"`
	Mechanism asn1.ObjectIdentifier `asn1:"optional,explicit,tag:1"`
	Token     []byte                `asn1:"optional,explicit,tag:2"`
	MIC       []byte                `asn1:"optional,explicit,tag:3"`
}

// Said is what a server's token says about why it refused one of ours, the ticket for spn; nil: nothing that is known.
func Said(token []byte, spn string) *Error {
	var r reply
	if rest, err := asn1.UnmarshalWithParams(token, &r, "explicit,tag:1"); err == nil && len(rest) == 0 {
		token = r.Token
	}
	var raw asn1.RawValue
	if rest, err := asn1.Unmarshal(token, &raw); err != nil || len(rest) > 0 || raw.Class != asn1.ClassApplication {
		return nil
	}
	if raw.Tag == 0 { // framed: mechanism, two bytes that say what follows, message
		var of asn1.ObjectIdentifier
		rest, err := asn1.Unmarshal(raw.Bytes, &of)
		if err != nil || len(rest) < 2 || rest[0] != 3 || rest[1] != 0 {
			return nil
		}
		token = rest[2:]
	}
	said, is := refusal(token).(messages.KRBError)
	if !is {
		return nil
	}
	e := &Error{Code: said.ErrorCode, Name: spn, Text: printable(said.EText)}
	if e.Code == clockSkew {
		e.Off = offset(said)
	}
	return e
}

// marshalInfo is a list of one encryption type with its salt.
func marshalInfo(one types.ETypeInfo2Entry) ([]byte, error) {
	return krb.Marshal(types.ETypeInfo2{one})
}
