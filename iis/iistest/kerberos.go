package iistest

import (
	"bytes"
	"crypto/hmac"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// acceptor is the machine's side of Kerberos.
type acceptor struct {
	keys *keytab.Keytab

	mu   sync.Mutex
	seen map[string]time.Time // authenticators, which are good once
}

func newAcceptor(file []byte) (*acceptor, error) {
	if file == nil {
		return nil, nil
	}
	a := &acceptor{keys: keytab.New(), seen: map[string]time.Time{}}
	if err := a.keys.Unmarshal(file); err != nil {
		return nil, fmt.Errorf("the simulated server's keytab: %w", err)
	}
	return a, nil
}

// Codes of RFC 4120, and what the flag of GSS for mutual authentication is.
const (
	errSkew      = 37
	errModified  = 41
	errRepeat    = 34
	mutualFlag   = 2
	kerberosSkew = 5 * time.Minute
	apRepUsage   = 12
	delegated    = 1
)

// errBinding is what the protocol has no code for.
var errBinding = errors.New("the token is of another TLS connection, or of none")

// isKerberos recognises a bare Kerberos token.
func isKerberos(token []byte) bool {
	head, _ := asn1.Marshal(oidKerberos()) // always can be
	var outer asn1.RawValue
	_, err := asn1.Unmarshal(token, &outer)
	return err == nil && outer.Class == asn1.ClassApplication && outer.Tag == 0 && bytes.HasPrefix(outer.Bytes, head)
}

// kerberos takes an AP-REQ; true: it is right.
func (e *endpoint) kerberos(w http.ResponseWriter, r *http.Request, login *logon, token []byte, inSPNEGO bool) bool {
	if e.acceptor == nil || r.TLS == nil {
		e.refuse(w, r, false)
		return false
	}
	c := e.server.config
	who, answer, err := e.acceptor.accept(token, e.server.clock(), e.proof(r).binding, c.StrictBinding)
	if no := (messages.KRBError{}); errors.As(err, &no) {
		no.STime = e.server.clock()
		if text, failed := no.Marshal(); failed == nil {
			text = gssToken([]byte{3, 0}, text)
			if inSPNEGO {
				text = respond(rejected, nil, text, nil)
			}
			e.refused.Add(1)
			challenge(w, text)
			return false
		}
	}
	if err != nil || !slices.ContainsFunc(c.Members, func(m string) bool { return strings.EqualFold(m, who) }) {
		e.refuse(w, r, true)
		return false
	}
	if inSPNEGO {
		answer = respond(completed, oidKerberos(), answer, nil)
	}
	if answer != nil {
		w.Header().Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(answer))
	}
	login.ticket = true
	return true
}

func gssToken(kind, message []byte) []byte {
	head, _ := asn1.Marshal(oidKerberos()) // always can be
	b, _ := asn1.Marshal(asn1.RawValue{Class: asn1.ClassApplication, IsCompound: true, Bytes: bytes.Join([][]byte{head, kind, message}, nil)})
	return b
}

// accept checks an AP-REQ as RFC 4120 section 3.2.3 and RFC 4121 section 4.1.1 do, and returns whose it is, and the AP-REP where one is
// wanted. What is wrong is a messages.KRBError where the protocol has a code for it.
func (a *acceptor) accept(token []byte, now time.Time, binding []byte, strict bool) (who string, answer []byte, err error) {
	defer func() {
		if broken := recover(); broken != nil { // gokrb5 takes lengths that a message tells for what is there
			err = fmt.Errorf("the token cannot be taken apart: %v", broken)
		}
	}()
	var outer asn1.RawValue
	head, _ := asn1.Marshal(oidKerberos()) // always can be
	if _, err := asn1.Unmarshal(token, &outer); err != nil || !bytes.HasPrefix(outer.Bytes, append(head, 1, 0)) {
		return "", nil, errors.New("no AP-REQ")
	}
	var r messages.APReq
	if err := r.Unmarshal(outer.Bytes[len(head)+2:]); err != nil {
		return "", nil, err
	}
	no := func(code int32) error { return messages.NewKRBError(r.Ticket.SName, r.Ticket.Realm, code, "") }
	if err := r.Ticket.DecryptEncPart(a.keys, nil); err != nil {
		return "", nil, no(errModified)
	}
	if good, err := r.Verify(a.keys, 24*time.Hour, types.HostAddress{}, nil); err != nil || !good { // clocks are compared below
		return "", nil, err
	}
	t := r.Authenticator.CTime.Add(time.Duration(r.Authenticator.Cusec) * time.Microsecond)
	switch sum := r.Authenticator.Cksum; {
	case now.Sub(t).Abs() > kerberosSkew:
		return "", nil, no(errSkew)
	case a.repeats(r.Authenticator, t, now):
		return "", nil, no(errRepeat)
	case !bound(sum, binding, strict):
		return "", nil, errBinding
	case binary.LittleEndian.Uint32(sum.Checksum[20:])&mutualFlag != 0:
		if answer, err = acknowledge(r.Authenticator, r.Ticket.DecryptedEncPart.Key); err != nil {
			return "", nil, err
		}
	}
	return r.Authenticator.CName.PrincipalNameString() + "@" + r.Authenticator.CRealm, answer, nil
}

// repeats says that an authenticator was seen before.
func (a *acceptor) repeats(who types.Authenticator, at, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, t := range a.seen {
		if now.Sub(t) > 2*kerberosSkew {
			delete(a.seen, key)
		}
	}
	key := fmt.Sprint(who.CName.PrincipalNameString(), who.CRealm, at.UnixMicro())
	_, before := a.seen[key]
	a.seen[key] = at
	return before
}

// bound looks into the checksum of an authenticator: what it says of the connection, and nothing behind its flags but a delegation,
// which is announced.
func bound(sum types.Checksum, binding []byte, strict bool) bool {
	b := sum.Checksum
	if sum.CksumType != 0x8003 || len(b) < 24 || binary.LittleEndian.Uint32(b) != 16 {
		return false
	}
	if flags := binary.LittleEndian.Uint32(b[20:]); len(b) > 24 && flags&delegated == 0 {
		return false
	}
	given := !bytes.Equal(b[4:20], make([]byte, 16))
	return !given && !strict || given && hmac.Equal(b[4:20], binding)
}

// acknowledge makes an AP-REP (RFC 4120 section 5.5.2), which shows that the server could read the ticket.
func acknowledge(who types.Authenticator, key types.EncryptionKey) ([]byte, error) {
	part, err := asn1.MarshalWithParams(struct {
		CTime time.Time `asn1:"generalized,explicit,tag:0"`
		Cusec int       `asn1:"explicit,tag:1"`
		Seq   int64     `asn1:"explicit,tag:3"`
	}{who.CTime, who.Cusec, 1}, "application,explicit,tag:27")
	if err != nil {
		return nil, err
	}
	sealed, err := crypto.GetEncryptedData(part, key, apRepUsage, 0)
	if err != nil {
		return nil, err
	}
	text, err := asn1.MarshalWithParams(struct {
		Version int `asn1:"explicit,tag:0"`
		Kind    int `asn1:"explicit,tag:1"`
		Part    struct {
			Kind   int32  `asn1:"explicit,tag:0"`
			Cipher []byte `asn1:"explicit,tag:2"`
		} `asn1:"explicit,tag:2"`
	}{5, 15, struct {
		Kind   int32  `asn1:"explicit,tag:0"`
		Cipher []byte `asn1:"explicit,tag:2"`
	}{sealed.EType, sealed.Cipher}}, "application,explicit,tag:15")
	if err != nil {
		return nil, err
	}
	return gssToken([]byte{2, 0}, text), nil
}
