package kdctest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// skew is how much clocks may differ.
const skew = 5 * time.Minute

// answer is the reply to one message; an error is one that cannot be answered.
func (k *KDC) answer(question []byte) ([]byte, error) {
	const asReq, tgsReq = 0x6a, 0x6c
	if len(question) == 0 {
		return nil, errors.New("nothing was asked")
	}
	var body []byte
	var err error
	switch question[0] {
	case asReq:
		body, err = k.login(question)
	case tgsReq:
		body, err = k.service(question)
	default:
		return nil, fmt.Errorf("a message with the tag %x", question[0])
	}
	if no := (messages.KRBError{}); errors.As(err, &no) {
		return no.Marshal()
	}
	return body, err
}

// no is a refusal.
func (k *KDC) no(code int32, name types.PrincipalName) messages.KRBError {
	e := messages.NewKRBError(name, k.config.Realm, code, "")
	e.STime = k.clock()
	return e
}

// login answers an AS-REQ.
func (k *KDC) login(question []byte) ([]byte, error) {
	var r messages.ASReq
	if err := r.Unmarshal(question); err != nil {
		return nil, err
	}
	b := r.ReqBody
	kind := slices.IndexFunc(b.EType, func(e int32) bool { return slices.Contains(kinds(), e) })
	if code := k.objection(b, kind >= 0); code != 0 {
		return nil, k.no(code, b.SName)
	}
	key, _, err := k.keys.GetEncryptionKey(b.CName, b.Realm, version, b.EType[kind])
	if err != nil {
		return nil, err
	}
	hint, err := k.hint(key.KeyType, b.CName.GetSalt(b.Realm))
	if err != nil {
		return nil, err
	}
	hints := types.PADataSequence{{PADataType: patype.PA_ETYPE_INFO2, PADataValue: hint}}
	if code, err := k.proof(r.PAData, key); err != nil {
		return nil, err
	} else if code != 0 {
		e := k.no(code, b.SName)
		if e.EData, err = asn1.Marshal(append(hints, types.PAData{PADataType: patype.PA_ENC_TIMESTAMP})); err != nil {
			return nil, err
		}
		return nil, e
	}
	return k.admit(b, key, hints)
}

// admit answers a login that has proved its password.
func (k *KDC) admit(b messages.KDCReqBody, key types.EncryptionKey, hints types.PADataSequence) ([]byte, error) {
	hints, err := k.behind(hints, key.KeyType)
	if err != nil {
		return nil, err
	}
	if k.now().RC4.Answer {
		if key, _, err = k.keys.GetEncryptionKey(b.CName, b.Realm, version, etypeID.RC4_HMAC); err != nil {
			return nil, err
		}
		hints = nil
	}
	ticket, part, err := k.issue(b, b.CName, b.SName)
	if err != nil {
		return nil, err
	}
	sealed, err := seal(part, key, keyusage.AS_REP_ENCPART)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	k.logins++
	k.mu.Unlock()
	reply := messages.ASRep{KDCRepFields: messages.KDCRepFields{PVNO: 5, MsgType: msgtype.KRB_AS_REP, PAData: hints, CRealm: b.Realm, CName: b.CName,
		Ticket: ticket, EncPart: sealed}}
	return reply.Marshal()
}

// objection is what speaks against a login before its proof is looked at; 0: nothing.
func (k *KDC) objection(b messages.KDCReqBody, aes bool) int32 {
	_, user := k.config.Accounts[b.CName.PrincipalNameString()]
	switch {
	case b.Realm != k.config.Realm:
		return errorcode.KDC_ERR_WRONG_REALM
	case !user:
		return errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN
	case k.now().Code != 0:
		return k.now().Code
	case !aes:
		return errorcode.KDC_ERR_ETYPE_NOSUPP
	case !b.SName.Equal(types.NewPrincipalName(2, "krbtgt/"+k.config.Realm)):
		return errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN
	}
	return 0
}

// hint says how a key is made of the password.
func (k *KDC) hint(kind int32, salt string) ([]byte, error) {
	one := types.ETypeInfo2Entry{EType: kind, Salt: salt}
	t := k.now()
	if t.Weak {
		one.EType = etypeID.RC4_HMAC
	}
	if t.Rounds != 0 {
		one.S2KParams = binary.BigEndian.AppendUint32(nil, t.Rounds)
	}
	return asn1.Marshal(types.ETypeInfo2{one})
}

// behind puts a second list behind the right one, where that is the trouble.
func (k *KDC) behind(hints types.PADataSequence, kind int32) (types.PADataSequence, error) {
	rounds := k.now().Behind
	if rounds == 0 {
		return hints, nil
	}
	list, err := asn1.Marshal(types.ETypeInfo2{{EType: kind, S2KParams: binary.BigEndian.AppendUint32(nil, rounds)}})
	return append(hints, types.PAData{PADataType: patype.PA_ETYPE_INFO2, PADataValue: list}), err
}

// proof looks for the encrypted time; 0: it is right.
func (k *KDC) proof(given types.PADataSequence, key types.EncryptionKey) (int32, error) {
	for _, pa := range given {
		if pa.PADataType != patype.PA_ENC_TIMESTAMP {
			continue
		}
		var sealed types.EncryptedData
		if err := sealed.Unmarshal(pa.PADataValue); err != nil {
			return 0, err
		}
		plain, err := crypto.DecryptEncPart(sealed, key, keyusage.AS_REQ_PA_ENC_TIMESTAMP)
		if err != nil || sealed.EType != key.KeyType {
			k.mu.Lock()
			k.refused++
			k.mu.Unlock()
			return errorcode.KDC_ERR_PREAUTH_FAILED, nil
		}
		var stamp types.PAEncTSEnc
		if err := stamp.Unmarshal(plain); err != nil {
			return 0, err
		}
		if off := k.clock().Sub(stamp.PATimestamp).Abs(); off > skew {
			return errorcode.KRB_AP_ERR_SKEW, nil
		}
		return 0, nil
	}
	return errorcode.KDC_ERR_PREAUTH_REQUIRED, nil
}

// issue makes a ticket, and what its owner has to know of it.
func (k *KDC) issue(b messages.KDCReqBody, client, server types.PrincipalName) (messages.Ticket, messages.EncKDCRepPart, error) {
	now := k.clock().Truncate(time.Second)
	ends := now.Add(k.config.Life)
	set := types.NewKrbFlags()
	types.SetFlag(&set, flags.PreAuthent)
	kind := kinds()[0]
	if weak := k.now().RC4; server.NameString[0] == "krbtgt" && weak.Granting || server.NameString[0] != "krbtgt" && weak.Service {
		kind = etypeID.RC4_HMAC
	}
	ticket, key, err := messages.NewTicket(client, k.config.Realm, server, k.config.Realm, set, k.keys, kind, version, now, now, ends, ends)
	if err != nil {
		return ticket, messages.EncKDCRepPart{}, err
	}
	return ticket, messages.EncKDCRepPart{Key: key, LastReqs: []messages.LastReq{{LRValue: now}}, Nonce: b.Nonce, Flags: set, AuthTime: now, StartTime: now,
		EndTime: ends, RenewTill: ends, SRealm: k.config.Realm, SName: server}, nil
}

func seal(part messages.EncKDCRepPart, key types.EncryptionKey, usage uint32) (types.EncryptedData, error) {
	plain, err := part.Marshal()
	if err != nil {
		return types.EncryptedData{}, err
	}
	return crypto.GetEncryptedData(plain, key, usage, version)
}

// service answers a TGS-REQ.
func (k *KDC) service(question []byte) ([]byte, error) {
	var r messages.TGSReq
	if err := r.Unmarshal(question); err != nil {
		return nil, err
	}
	b := r.ReqBody
	shown := slices.IndexFunc(r.PAData, func(pa types.PAData) bool { return pa.PADataType == patype.PA_TGS_REQ })
	if shown < 0 {
		return nil, k.no(errorcode.KDC_ERR_PADATA_TYPE_NOSUPP, b.SName)
	}
	var with messages.APReq
	if err := with.Unmarshal(r.PAData[shown].PADataValue); err != nil {
		return nil, err
	}
	if good, err := with.Verify(k.keys, skew, types.HostAddress{}, nil); err != nil || !good {
		if no := (messages.KRBError{}); errors.As(err, &no) {
			return nil, k.no(no.ErrorCode, b.SName)
		}
		return nil, k.no(errorcode.KRB_AP_ERR_BAD_INTEGRITY, b.SName)
	}
	if code := k.now().Service; code != 0 {
		return nil, k.no(code, b.SName)
	}
	spn := b.SName.PrincipalNameString()
	if _, known := k.config.Services[spn]; !known || b.Realm != k.config.Realm {
		return nil, k.no(errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN, b.SName)
	}
	held := with.Ticket.DecryptedEncPart
	ticket, part, err := k.issue(b, held.CName, b.SName)
	if err != nil {
		return nil, err
	}
	sealed, err := seal(part, held.Key, keyusage.TGS_REP_ENCPART_SESSION_KEY)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	k.tickets[spn]++
	k.mu.Unlock()
	reply := messages.TGSRep{KDCRepFields: messages.KDCRepFields{PVNO: 5, MsgType: msgtype.KRB_TGS_REP, CRealm: held.CRealm, CName: held.CName,
		Ticket: ticket, EncPart: sealed}}
	return reply.Marshal()
}
