package kerberos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// mostReferrals is how many realms are gone through on the way to a service.
const mostReferrals = 5

// serviceTicket asks for a ticket, first in the account's own realm, and then wherever that refers to.
func (c *Client) serviceTicket(ctx context.Context, spn string) (*ticket, error) {
	name := types.PrincipalName{NameType: nametype.KRB_NT_SRV_INST, NameString: strings.Split(spn, "/")}
	if len(name.NameString) < 2 {
		return nil, fmt.Errorf("%q is no name of a service; it must be like HTTP/web.domain.com", spn)
	}
	by, realm := c.granting, c.account.Domain()
	if other := c.config.ResolveRealm(name.NameString[1]); other != "" && other != realm {
		t, err := c.askTGS(ctx, realm, by, grantingFor(other))
		if err != nil {
			return nil, err
		}
		by, realm = t, other
	}
	for range mostReferrals {
		t, err := c.askTGS(ctx, realm, by, name)
		if err != nil {
			return nil, err
		}
		next := t.SName.NameString
		if len(next) != 2 || next[0] != "krbtgt" {
			return t, nil
		}
		if next[1] == realm {
			break
		}
		by, realm = t, next[1]
	}
	return nil, fmt.Errorf("the realms refer from one to the other, and none has a ticket for %s", spn)
}

func grantingFor(realm string) types.PrincipalName {
	return types.PrincipalName{NameType: nametype.KRB_NT_SRV_INST, NameString: []string{"krbtgt", realm}}
}

// askTGS shows one ticket and gets another for it.
func (c *Client) askTGS(ctx context.Context, realm string, by *ticket, name types.PrincipalName) (*ticket, error) {
	request, err := messages.NewTGSReq(c.account.CName(), realm, c.referring(), by.Ticket, by.key, name, false)
	if err != nil {
		return nil, fmt.Errorf("ask for a ticket for %s: %s", name.PrincipalNameString(), firstLine(err))
	}
	b, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	answer, err := c.ask(ctx, realm, b)
	if err != nil {
		return nil, c.told(err, name.PrincipalNameString(), realm)
	}
	var reply messages.TGSRep
	err = guarded(func() error {
		if err := reply.Unmarshal(answer); err != nil {
			return err
		}
		if err := reply.DecryptEncPart(by.key); err != nil {
			return err
		}
		_, err := reply.Verify(c.config, request)
		return err
	})
	part := reply.DecryptedEncPart
	if err != nil && strings.Contains(err.Error(), "clock skew") {
		return nil, &Error{Code: clockSkew, Name: name.PrincipalNameString(), Realm: realm, Off: time.Until(part.StartTime)}
	}
	if err != nil {
		return nil, fmt.Errorf("the answer of the KDC of %s about %s does not fit: %s", realm, name.PrincipalNameString(), firstLine(err))
	}
	if len(reply.Ticket.SName.NameString) == 0 {
		return nil, errors.New("a ticket for nobody")
	}
	if !slices.Contains(strong(), part.Key.KeyType) {
		return nil, &Error{Code: errorcode.KDC_ERR_ETYPE_NOSUPP, Name: name.PrincipalNameString(), Realm: realm}
	}
	return &ticket{Ticket: reply.Ticket, key: part.Key, ends: part.EndTime}, nil
}

// referring is the configuration for questions about services: a domain of a forest refers to another one only when it is told that
// the name may be changed (RFC 6806).
func (c *Client) referring() *config.Config {
	with := *c.config
	with.LibDefaults.Canonicalize = true
	return &with
}
