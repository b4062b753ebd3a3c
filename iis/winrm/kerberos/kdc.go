package kerberos

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/messages"
)

// answerLimit bounds a KDC's answer, in bytes: a ticket with very many groups is 64 KB.
const answerLimit = 1 << 20

// kdcs are the addresses of a realm's KDCs: those of krb5.conf, or those in DNS, as RFC 4120 section 7.2.3.2 has them.
func (c *Client) kdcs(ctx context.Context, realm string) ([]string, error) {
	for _, r := range c.config.Realms {
		if r.Realm == realm && len(r.KDC) > 0 {
			all := slices.Clone(r.KDC)
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			return all, nil
		}
	}
	if !c.config.LibDefaults.DNSLookupKDC {
		return nil, errors.New("krb5.conf names none, and dns_lookup_kdc is not true")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer of DNS within %s", c.timeout))
	defer cancel()
	_, records, err := net.DefaultResolver.LookupSRV(ctx, "kerberos", "tcp", realm)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, r := range records {
		all = append(all, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
	}
	return all, nil
}

// quiet is how long nobody asks a KDC that has just said nothing: all servers of a fleet would wait for it one after the other.
const quiet = 15 * time.Second

// silence is what came of a question that nobody answered.
type silence struct {
	err  error
	when time.Time
}

// hush remembers that a KDC, or DNS about a realm, said nothing; unless it is the caller that did not wait.
func (c *Client) hush(ctx context.Context, who string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.silent[who] = silence{err, time.Now()}
	return nil
}

// mute is why not to ask somebody now; nil: nothing speaks against it.
func (c *Client) mute(who string) error {
	if s, is := c.silent[who]; is && time.Since(s.when) < quiet {
		return s.err
	}
	return nil
}

// ask sends a request to one KDC of the realm after the other until one answers, leaving out those that have said nothing a moment
// ago. An answer that is an error is a messages.KRBError. Whoever calls it has the turn.
func (c *Client) ask(ctx context.Context, realm string, request []byte) ([]byte, error) {
	if err := c.mute(realm); err != nil {
		return nil, &SilentError{realm, err}
	}
	all, err := c.kdcs(ctx, realm)
	if err != nil {
		if gone := c.hush(ctx, realm, err); gone != nil {
			return nil, gone
		}
		return nil, &SilentError{realm, err}
	}
	var silent []error
	for _, address := range all {
		answer, err := c.askOne(ctx, address, request)
		if err == nil {
			return answer, refusal(answer)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		silent = append(silent, err)
	}
	return nil, &SilentError{realm, errors.Join(silent...)}
}

// askOne asks one KDC. An answer that says nothing but that it cannot answer now is an error.
func (c *Client) askOne(ctx context.Context, address string, request []byte) ([]byte, error) {
	if err := c.mute(address); err != nil {
		return nil, err
	}
	answer, err := c.exchange(ctx, address, request)
	if err != nil {
		return nil, cmp.Or(c.hush(ctx, address, err), err)
	}
	delete(c.silent, address)
	if said, is := errors.AsType[messages.KRBError](refusal(answer)); is && passing(said.ErrorCode) {
		return nil, fmt.Errorf("%s: it cannot answer now: %s (Kerberos error %d)", address, (&Error{Code: said.ErrorCode, Text: printable(said.EText)}).why(), said.ErrorCode)
	}
	return answer, nil
}

// passing says that a code is about the KDC itself, not about what it was asked: another one may know the answer.
func passing(code int32) bool {
	return code == errorcode.KDC_ERR_SVC_UNAVAILABLE || code == errorcode.KRB_ERR_GENERIC
}

// refusal is the error that an answer is; nil: it is none.
func refusal(answer []byte) error {
	const krbError = 0x7e // [APPLICATION 30]
	if len(answer) == 0 || answer[0] != krbError {
		return nil
	}
	var said messages.KRBError
	if err := guarded(func() error { return said.Unmarshal(answer) }); err != nil {
		return fmt.Errorf("the KDC's error cannot be read: %s", firstLine(err))
	}
	return said
}

// exchange asks one KDC, over TCP: tickets of Active Directory do not fit into a datagram.
func (c *Client) exchange(ctx context.Context, address string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("%s: no answer within %s", address, c.timeout))
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := converse(conn, request)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return answer, nil
}

// converse puts the length in front of a message, as RFC 4120 section 7.2.2 does.
func converse(conn net.Conn, request []byte) ([]byte, error) {
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length == 0 || length > answerLimit {
		return nil, fmt.Errorf("an answer of %d bytes", length)
	}
	answer := make([]byte, length)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, err
	}
	return answer, nil
}
