package winrm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Stage is how far towards a listener a connection came before it failed.
type Stage string

// The stages, in their order.
const (
	Resolving  Stage = "resolve" // the name has no address
	Connecting Stage = "connect" // the port does not take a connection
	Securing   Stage = "secure"  // there is a connection, and no TLS on it
)

// ReachError says that a listener cannot be reached, and at which stage that failed. A certificate that is not trusted is a
// *[CertificateError] instead.
type ReachError struct {
	Address  string // host and port
	Stage    Stage
	Filtered bool // nothing answered within the time for a connection, as behind a firewall
	Err      error
}

func (e *ReachError) Error() string {
	why := e.Why()
	switch {
	case e.Stage == Resolving:
		return fmt.Sprintf("the name in %s has no address: %s", e.Address, why)
	case e.Filtered:
		return e.Address + " does not answer, as a port behind a firewall"
	case e.Stage == Connecting:
		return fmt.Sprintf("%s takes no connection: %s", e.Address, why)
	}
	if version, is := errors.AsType[*VersionError](e.Err); is {
		return fmt.Sprintf("%s takes connections, and %v", e.Address, version)
	}
	return fmt.Sprintf("%s takes connections and speaks no TLS: %s", e.Address, why)
}

// Why is what the network said, without the address.
func (e *ReachError) Why() string { return innermost(e.Err).Error() }

// Unwrap is what the network said.
func (e *ReachError) Unwrap() error { return e.Err }

// innermost is the cause without the addresses that every layer repeats.
func innermost(err error) error {
	if lookup, is := errors.AsType[*net.DNSError](err); is {
		return errors.New(lookup.Err)
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// Reach resolves the name, connects and makes the TLS handshake if there is to be one, each once, and hangs up. Nothing is sent
// that needs a login. Its errors are *[ReachError] and *[CertificateError].
func (c *Client) Reach(ctx context.Context) error {
	raw, err := newDialer(c.timeouts).DialContext(ctx, "tcp", c.host)
	if err != nil {
		return notReached(c.host, Connecting, err)
	}
	defer func() { _ = raw.Close() }()
	if c.tls == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeouts.Dial)
	defer cancel()
	err = tls.Client(raw, c.tls).HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	if untrusted := certificateError(c.url, err); untrusted != nil {
		return untrusted
	}
	return notReached(c.host, Securing, c.versionError(err))
}

// VersionError says that the server speaks no version of TLS that is taken here.
type VersionError struct {
	Least uint16 // that is taken: tls.VersionTLS12 or tls.VersionTLS13
	Err   error
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("speaks no %s or later (%v); %s", tls.VersionName(e.Least), innermost(e.Err), e.Advice())
}

// Advice is what would help.
func (e *VersionError) Advice() string {
	if e.Least == tls.VersionTLS13 {
		return "set tls_min to 1.2, or enable TLS 1.3 there, which needs Windows Server 2022 or later"
	}
	return `enable TLS 1.2 there (Enabled=1 in SCHANNEL\Protocols\TLS 1.2\Server); older versions are never taken`
}

// Unwrap is what crypto/tls said.
func (e *VersionError) Unwrap() error { return e.Err }

// versionError tells a server that is too old from other troubles of TLS. crypto/tls has no types for them, but words.
func (c *Client) versionError(err error) error {
	if c.tls != nil && (says(err, "protocol version not supported") || says(err, "unsupported protocol version")) {
		return &VersionError{Least: c.tls.MinVersion, Err: err}
	}
	return err
}

func notReached(address string, stage Stage, err error) *ReachError {
	if _, is := errors.AsType[*net.DNSError](err); is {
		stage = Resolving
	}
	timeout, is := errors.AsType[net.Error](err)
	filtered := stage == Connecting && is && timeout.Timeout()
	return &ReachError{Address: address, Stage: stage, Filtered: filtered, Err: err}
}
