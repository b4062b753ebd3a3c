package kerberos

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// authenticate gets a ticket-granting ticket: one question that the KDC answers with how it wants the password proved, and one that
// does so.
func (c *Client) authenticate(ctx context.Context) (*ticket, error) {
	realm := c.account.Domain()
	request, err := messages.NewASReqForTGT(realm, c.config, c.account.CName())
	if err != nil {
		return nil, err
	}
	answer, err := c.askAS(ctx, realm, &request)
	if said, is := errors.AsType[messages.KRBError](err); is && said.ErrorCode == preauthRequired {
		if err := c.prove(&request, said); err != nil {
			return nil, err
		}
		answer, err = c.askAS(ctx, realm, &request)
	}
	if err != nil {
		return nil, c.told(err, c.Account(), realm)
	}
	var reply messages.ASRep
	if err := guarded(func() error { return reply.Unmarshal(answer) }); err != nil {
		return nil, fmt.Errorf("the answer of the KDC of %s cannot be read: %s", realm, firstLine(err))
	}
	if err := bounded(reply.PAData); err != nil {
		return nil, err
	}
	weak := &Error{Code: errorcode.KDC_ERR_ETYPE_NOSUPP, Name: c.Account(), Realm: realm}
	if !slices.Contains(strong(), reply.EncPart.EType) {
		return nil, weak
	}
	if err := guarded(func() error { _, bad := reply.Verify(c.config, c.account, request); return bad }); err != nil {
		return nil, c.unverified(err, reply.DecryptedEncPart, realm)
	}
	part := reply.DecryptedEncPart
	if !slices.Contains(strong(), part.Key.KeyType) {
		return nil, weak
	}
	return &ticket{Ticket: reply.Ticket, key: part.Key, ends: part.EndTime}, nil
}

func (c *Client) askAS(ctx context.Context, realm string, request *messages.ASReq) ([]byte, error) {
	b, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	return c.ask(ctx, realm, b)
}

// unverified says why an answer to a login does not hold: mostly because it cannot be opened with the password.
func (c *Client) unverified(err error, part messages.EncKDCRepPart, realm string) error {
	e := &Error{Code: preauthFailed, Name: c.Account(), Realm: realm}
	if strings.Contains(err.Error(), "clock skew") {
		e.Code, e.Off = clockSkew, time.Until(part.AuthTime)
	} else if !strings.Contains(err.Error(), "Decrypting_Error") {
		return fmt.Errorf("the answer of the KDC of %s does not fit the question: %s", realm, firstLine(err))
	}
	return e
}

// told makes an [Error] of what a KDC said.
func (c *Client) told(err error, name, realm string) error {
	said, is := errors.AsType[messages.KRBError](err)
	if !is {
		return err
	}
	e := &Error{Code: said.ErrorCode, Name: name, Realm: realm, Text: printable(said.EText)}
	if said.ErrorCode == clockSkew {
		e.Off = offset(said)
	}
	return e
}

// offset is how far the clock of whoever said something is ahead of this machine's.
func offset(said messages.KRBError) time.Duration { return time.Until(said.STime) }

// printable is a foreign text as it may stand in a message.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text[:min(len(text), 200)])
}

// prove adds the present time, encrypted with the account's key, to a request (RFC 4120 section 5.2.7.2).
func (c *Client) prove(request *messages.ASReq, asked messages.KRBError) error {
	var hints types.PADataSequence
	if err := guarded(func() error { return hints.Unmarshal(asked.EData) }); err != nil {
		return errors.New("the KDC does not say how it wants the password proved")
	}
	if err := bounded(hints); err != nil {
		return err
	}
	key, version, err := c.accountKey(hints)
	if err != nil {
		return err
	}
	now, err := types.GetPAEncTSEncAsnMarshalled()
	if err != nil {
		return err
	}
	sealed, err := crypto.GetEncryptedData(now, key, keyusage.AS_REQ_PA_ENC_TIMESTAMP, version)
	if err != nil {
		return err
	}
	value, err := sealed.Marshal()
	if err != nil {
		return err
	}
	request.PAData = append(request.PAData, types.PAData{PADataType: patype.PA_ENC_TIMESTAMP, PADataValue: value})
	return nil
}

// accountKey is the account's key of the first encryption type of the KDC's list that is strong, and its version.
func (c *Client) accountKey(hints types.PADataSequence) (types.EncryptionKey, int, error) {
	for _, kind := range kinds(hints) {
		if !slices.Contains(strong(), kind) {
			continue
		}
		if c.account.HasKeytab() {
			if key, version, err := c.account.Keytab().GetEncryptionKey(c.account.CName(), c.account.Domain(), 0, kind); err == nil {
				return key, version, nil
			}
			continue
		}
		only := onlyOf(hints, kind)
		var key types.EncryptionKey
		err := guarded(func() (bad error) {
			key, _, bad = crypto.GetKeyFromPassword(c.account.Password(), c.account.CName(), c.account.Domain(), kind, only)
			return bad
		})
		return key, 0, err
	}
	return types.EncryptionKey{}, 0, &Error{Code: errorcode.KDC_ERR_ETYPE_NOSUPP, Name: c.Account(), Realm: c.account.Domain()}
}

// lists are all lists of encryption types in the KDC's hints, with the salt of each type.
func lists(hints types.PADataSequence) []types.ETypeInfo2 {
	var all []types.ETypeInfo2
	for _, h := range hints {
		if h.PADataType != patype.PA_ETYPE_INFO2 {
			continue
		}
		var list types.ETypeInfo2
		if err := guarded(func() error { return list.Unmarshal(h.PADataValue) }); err == nil {
			all = append(all, list)
		}
	}
	return all
}

// info is the first of these lists.
func info(hints types.PADataSequence) types.ETypeInfo2 {
	if all := lists(hints); len(all) > 0 {
		return all[0]
	}
	return nil
}

func kinds(hints types.PADataSequence) []int32 {
	var all []int32
	for _, one := range info(hints) {
		all = append(all, one.EType)
	}
	return all
}

// onlyOf is the hint for one encryption type: gokrb5 looks at the first of a list only.
func onlyOf(hints types.PADataSequence, kind int32) types.PADataSequence {
	for _, one := range info(hints) {
		if one.EType != kind {
			continue
		}
		value, err := marshalInfo(one)
		if err != nil {
			return nil
		}
		return types.PADataSequence{{PADataType: patype.PA_ETYPE_INFO2, PADataValue: value}}
	}
	return nil
}

// mostRounds bounds how often a KDC can have the password hashed: 32,768 times is usual at most.
const mostRounds = 1 << 20

// bounded refuses hints that would keep this machine busy for ever. It looks at every list: gokrb5 takes the last one.
func bounded(hints types.PADataSequence) error {
	for _, one := range slices.Concat(lists(hints)...) {
		if len(one.S2KParams) != 4 {
			continue
		}
		if before := binary.BigEndian.Uint32(one.S2KParams) - 1; before >= mostRounds { // 0 rounds are 2^32 (RFC 3962 section 4)
			return fmt.Errorf("the KDC wants the password hashed %d times, which is more than any needs", uint64(before)+1)
		}
	}
	return nil
}
