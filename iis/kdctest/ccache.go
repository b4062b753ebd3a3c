package kdctest

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// CCache is a file as kinit writes one, version 4 of MIT's format, with a ticket-granting ticket of a user that ends after life, and
// with tickets for services.
func (k *KDC) CCache(user string, life time.Duration, services ...string) ([]byte, error) {
	if _, known := k.config.Accounts[user]; !known {
		return nil, fmt.Errorf("%s is not in the realm", user)
	}
	client := types.NewPrincipalName(1, user)
	b := append([]byte{5, 4, 0, 0}, k.cached(client)...)
	for _, name := range append([]string{"krbtgt/" + k.config.Realm}, services...) {
		held, err := k.entry(client, types.NewPrincipalName(2, name), life)
		if err != nil {
			return nil, err
		}
		b = append(b, held...)
	}
	return b, nil
}

// entry is one ticket as a ticket cache has it.
func (k *KDC) entry(client, server types.PrincipalName, life time.Duration) ([]byte, error) {
	ticket, part, err := k.issue(messages.KDCReqBody{}, client, server)
	if err != nil {
		return nil, err
	}
	text, err := ticket.Marshal()
	if err != nil {
		return nil, err
	}
	big := binary.BigEndian
	b := append(k.cached(client), k.cached(server)...)
	b = big.AppendUint16(b, uint16(part.Key.KeyType))
	b = counted(b, part.Key.KeyValue)
	for _, t := range []time.Time{part.AuthTime, part.StartTime, k.clock().Add(life), part.RenewTill} {
		b = big.AppendUint32(b, uint32(t.Unix()))
	}
	b = append(append(b, 0), part.Flags.Bytes...)
	b = append(b, make([]byte, 8)...) // no addresses, no authorization data
	return counted(counted(b, text), nil), nil
}

// cached is a principal as a ticket cache has it.
func (k *KDC) cached(p types.PrincipalName) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(p.NameType))
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.NameString)))
	b = counted(b, []byte(k.config.Realm))
	for _, part := range p.NameString {
		b = counted(b, []byte(part))
	}
	return b
}

func counted(b, value []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...)
}
