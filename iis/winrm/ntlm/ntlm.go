// Package ntlm logs a client on with NTLMv2 and seals what it says afterwards (MS-NLMP). It promises:
//
//   - NTLMv2 only, with extended session security, 128-bit keys, key exchange, and a message integrity code over the whole
//     handshake. A server that offers less is refused with a *[DowngradeError]; nothing weaker is ever used.
//   - The password never leaves the process, and is in no error.
//   - What was sealed can be opened once, in order, and only if nothing of it was changed.
//
// It does no input or output: the caller carries the messages.
package ntlm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
)

// Account is who logs on.
type Account struct {
	Domain   string // empty: an account of the server itself, or a User like name@domain.com
	User     string
	Password string
}

// NewAccount takes DOMAIN\user, .\user, user@domain.com or user apart.
func NewAccount(user, password string) Account {
	if domain, name, cut := strings.Cut(user, `\`); cut {
		if domain == "." {
			domain = ""
		}
		return Account{Domain: domain, User: name, Password: password}
	}
	return Account{User: user, Password: password}
}

// DowngradeError is a challenge that asks for less than this package does.
type DowngradeError struct {
	Missing string // what the server does not offer
}

func (e *DowngradeError) Error() string {
	return "the server's NTLM challenge does without " + e.Missing + ": somebody may stand between, or the server is older than Windows Vista"
}

// Handshake is one logon on one connection. It is not safe for concurrent use, and good for one challenge.
type Handshake struct {
	account   Account
	service   string
	binding   [16]byte
	negotiate []byte
	random    func([]byte)
}

// NewHandshake begins a logon. service is the name that the server is known by, such as HTTP/web-01.domain.com. binding ties the
// logon to its TLS connection, see [Binding]; nil: there is none.
func NewHandshake(a Account, service string, binding []byte) *Handshake {
	h := &Handshake{account: a, service: service, random: func(b []byte) { _, _ = rand.Read(b) }} // never fails
	copy(h.binding[:], binding)
	h.negotiate = negotiateMessage()
	return h
}

// Negotiate is the first message.
func (h *Handshake) Negotiate() []byte { return h.negotiate }

// Authenticate answers the server's challenge with the last message, and returns the session that it begins if the server
// agrees.
func (h *Handshake) Authenticate(challenge []byte) ([]byte, *Session, error) {
	c, err := parseChallenge(challenge)
	if err != nil {
		return nil, nil, fmt.Errorf("the server's NTLM challenge cannot be read: %w", err)
	}
	if err := c.weak(); err != nil {
		return nil, nil, err
	}
	stamp, ok := c.target.get(avTimestamp)
	if !ok || len(stamp) != 8 {
		return nil, nil, &DowngradeError{"a time stamp"}
	}
	var nonce [8]byte
	var exported [16]byte
	h.random(nonce[:])
	h.random(exported[:])

	owf := passwordHash(h.account)
	blob := clientBlob(stamp, nonce[:], h.targetInfo(c.target))
	proof := hmacMD5(owf, c.nonce, blob)
	exchange := hmacMD5(owf, proof)
	m := authenticate{
		flags: wanted & c.flags, domain: h.account.Domain, user: h.account.User,
		response: append(proof, blob...), key: rc4Once(exchange, exported[:]),
	}
	text := m.encode()
	copy(text[micAt:], hmacMD5(exported[:], h.negotiate, challenge, text))
	return text, newSession(exported[:]), nil
}

// targetInfo is the server's own, with what only the client knows: that a code protects the messages, whom it means to talk to,
// and over which TLS connection (MS-NLMP 3.1.5.1.2).
func (h *Handshake) targetInfo(server pairs) pairs {
	info := server.without(avFlags, avBinding, avTargetName)
	return append(info,
		pair{avFlags, []byte{avFlagMIC, 0, 0, 0}},
		pair{avBinding, h.binding[:]},
		pair{avTargetName, utf16LE(h.service)})
}

// ErrOpen is a sealed message that was changed on its way, or is not the next one.
var ErrOpen = errors.New("a sealed message was changed on its way, or is not the next one of its connection")
