// Package kerberos gets tickets for WinRM listeners (RFC 4120) and makes the tokens that show them (RFC 4121, RFC 4178). It promises:
//
//   - A [Client] asks the KDC for one ticket-granting ticket, however many servers it is for, and for one ticket for each of them;
//     both are asked for again only when they run out.
//   - A password or key that the KDC refused is not tried again: accounts lock out.
//   - AES keys only. Nothing weaker is asked for or taken.
//   - Every question to a KDC ends with its context, and within a bound of its own. Answers are bounded, and one that cannot be
//     taken apart is an error.
//   - Nothing runs in the background, and after Close no key is held. No key or password is in an error.
//
// Messages and cryptography are those of github.com/jcmturner/gokrb5. Its client is not used: it asks without a context, turns the
// codes of a KDC into words, and cannot bind a token to a TLS connection.
package kerberos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Options say who logs in, and by what. One of Password, Keytab and CCache is used, in this order.
type Options struct {
	User     string // name or name@REALM; may be empty with CCache, which names its own
	Realm    string // empty: that of User, or the default one of the configuration
	Password string
	Keytab   string        // path of a file with User's keys
	CCache   string        // path of a file with a ticket, with or without FILE: in front
	Config   string        // path of a krb5.conf; empty: KDCs are found by DNS
	Timeout  time.Duration // for one question to one KDC; default 10 s
}

// Client holds the ticket-granting ticket of one account, and the tickets that came of it. It is safe for concurrent use.
type Client struct {
	timeout time.Duration
	config  *config.Config
	account *credentials.Credentials
	renews  bool          // there is a password or a keytab
	turn    chan struct{} // holds one token; whoever has it owns the fields below

	granting *ticket
	tickets  map[string]*ticket // by SPN
	refused  error              // the account, for good
	silent   map[string]silence // by the address of a KDC, or by the realm that DNS says nothing about
}

// ticket is one of the KDC's, with the key that belongs to it.
type ticket struct {
	messages.Ticket
	key  types.EncryptionKey
	ends time.Time
}

// almost is how long before its end a ticket is not used any more: a clock may be off, and the token has to arrive.
const almost = time.Minute

func (t *ticket) usable(now time.Time) bool { return t != nil && now.Before(t.ends.Add(-almost)) }

// New reads the files that the options name. Nothing is sent.
func New(o Options) (*Client, error) {
	user, realm := o.User, o.Realm
	if name, of, cut := strings.Cut(user, "@"); cut {
		user, realm = name, cmp.Or(realm, strings.ToUpper(of))
	}
	if strings.Contains(user, `\`) {
		return nil, fmt.Errorf("the user %s is written with a Windows domain; Kerberos wants NAME@REALM", user)
	}
	settings, err := loadConfig(o.Config, realm)
	if err != nil {
		return nil, err
	}
	realm = cmp.Or(realm, settings.LibDefaults.DefaultRealm)
	c := &Client{timeout: cmp.Or(o.Timeout, 10*time.Second), config: settings, renews: true, turn: make(chan struct{}, 1), tickets: map[string]*ticket{}, silent: map[string]silence{}}
	c.turn <- struct{}{}
	if o.Password == "" && o.Keytab == "" {
		c.renews = false
		return c, c.useCache(o.CCache, o.User)
	}
	if user == "" || realm == "" {
		return nil, fmt.Errorf("user %q of the realm %q: both are needed; write the user as NAME@REALM, or give the realm", user, realm)
	}
	c.account = credentials.New(user, realm)
	if o.Password != "" {
		c.account.WithPassword(o.Password)
		return c, nil
	}
	return c, c.useKeytab(o.Keytab)
}

// Account is who logs in: name@REALM.
func (c *Client) Account() string { return c.account.UserName() + "@" + c.account.Domain() }

// errClosed is a client that has been closed.
var errClosed = errors.New("the Kerberos client is closed")

// Close forgets all tickets and keys.
func (c *Client) Close() {
	<-c.turn
	defer func() { c.turn <- struct{}{} }()
	c.granting, c.tickets, c.refused = nil, nil, errClosed
	c.account = credentials.New(c.account.UserName(), c.account.Domain())
}

// Token shows a ticket for the service to its server: SPNEGO with a Kerberos token in it, good for one use. binding ties it to a
// TLS connection (MD5 of gss_channel_bindings, RFC 4121 section 4.1.1.2); nil: to none. Errors are *[Error] where a KDC said no,
// and *[SilentError] where none said anything.
func (c *Client) Token(ctx context.Context, spn string, binding []byte) ([]byte, error) {
	t, err := c.ticketFor(ctx, spn)
	if err != nil {
		return nil, err
	}
	return c.show(t, binding)
}

// ticketFor is the ticket for a service, from the KDC where there is none at hand.
func (c *Client) ticketFor(ctx context.Context, spn string) (*ticket, error) {
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if t := c.tickets[spn]; t.usable(time.Now()) {
		return t, nil
	}
	if err := c.login(ctx); err != nil {
		return nil, err
	}
	t, err := c.serviceTicket(ctx, spn)
	if err != nil {
		return nil, err
	}
	c.tickets[spn] = t
	return t, nil
}

// login makes sure of a ticket-granting ticket.
func (c *Client) login(ctx context.Context) error {
	switch {
	case c.refused != nil:
		return c.refused
	case c.granting.usable(time.Now()):
		return nil
	case !c.renews:
		return &Error{Code: ticketExpired, Login: true, Name: c.Account(), Realm: c.account.Domain()}
	}
	t, err := c.authenticate(ctx)
	if said, is := errors.AsType[*Error](err); is {
		said.Login = true
		if said.Final() {
			c.refused = said
		}
	}
	if err != nil {
		return err
	}
	c.granting = t
	return nil
}
