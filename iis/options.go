package iis

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"time"

	"iiscanary/iis/winrm"
	"iiscanary/iis/winrm/kerberos"
)

// Options describe the app and its servers.
type Options struct {
	App         string // base name, such as app.domain.com
	Root        string // folder on the servers that holds one folder per slot, such as D:\sites
	Bindings    []string
	Certificate Certificate
	Runtime     string // "v4.0", or "none" for ASP.NET Core
	HostHeader  string // of probes that name no host; empty: App
	UserAgent   string // of WinRM and of probes; empty: iis-canary
	Endpoints   []Endpoint
	Timeouts    Timeouts
	Channel     Channel
	Notify      func(string) // what a person should know of a server although nothing failed; nil: nobody listens
	Secrets     []Secret     // are taken out of what the servers say, also those of the application
	Log         *slog.Logger // reconnects, at debug level; nil: nothing is logged
}

// Certificate selects the certificate of https bindings. Both empty: the one that http.sys has for the port.
type Certificate struct {
	Subject    string
	Thumbprint string
}

// Endpoint is the WinRM listener of one server.
type Endpoint struct {
	Server     string // name in the fleet
	Host       string
	Port       int
	HTTPS      bool       // false: plain HTTP, with NTLM only
	Auth       winrm.Auth // empty: Basic
	User       string
	Password   Secret
	Identity   *tls.Certificate // what winrm.Certificate shows
	Tickets    *kerberos.Client // what winrm.Kerberos shows; the same for all servers, and not closed with the fleet
	SPN        string           // of the server in Kerberos; empty: HTTP/ and Host
	CAs        *x509.CertPool   // nil: the authorities of this machine
	ServerName string           // that the certificate must carry; empty: Host
	MinTLS     uint16           // the least version that is spoken; 0: TLS 1.2
}

// Timeouts bound every wait. A zero value stands for its default.
type Timeouts struct {
	Dial     time.Duration // TCP connect, and TLS handshake; default 10 s
	Poll     time.Duration // how long the server may hold a poll that brings nothing; default 20 s
	Margin   time.Duration // how much later an answer counts as lost; default 15 s
	Tries    int           // connections that one operation may use; default 8
	Pause    time.Duration // before the second connection, doubled up to 10 s for each further one; default 500 ms
	Boot     time.Duration // before a login is tried again that a server refused as it booted, doubled for the next; default 10 s
	Patience time.Duration // for a shell on a server that could not be reached the last time, tried once; default 15 s
	Hello    time.Duration // for the first answer of an agent on [Auto]; default 60 s: the server compiles it first
	Query    time.Duration // for an operation that only reads; default 2 min
	Change   time.Duration // for one that starts, flips or notes; default 3 min
	Transfer time.Duration // for one batch of files, and for creating a slot; default 15 min
	Stable   time.Duration // how long a slot must stay started; default 2 s
	StopWait time.Duration // for a pool's workers to go; default 2 min: the pool's own limit is 90 s
	Close    time.Duration // for deleting a shell whose caller has gone; default 5 s
	Idle     time.Duration // of the shells that [Experiments] watch; default 1 min, which is the least that Windows grants
}

func (t Timeouts) withDefaults() Timeouts {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&t.Dial, 10*time.Second)
	set(&t.Poll, 20*time.Second)
	set(&t.Margin, 15*time.Second)
	set(&t.Pause, 500*time.Millisecond)
	set(&t.Boot, 10*time.Second)
	set(&t.Patience, 15*time.Second)
	set(&t.Hello, time.Minute)
	set(&t.Query, 2*time.Minute)
	set(&t.Change, 3*time.Minute)
	set(&t.Transfer, 15*time.Minute)
	set(&t.Stable, 2*time.Second)
	set(&t.StopWait, 2*time.Minute)
	set(&t.Close, 5*time.Second)
	set(&t.Idle, time.Minute)
	if t.Tries <= 0 {
		t.Tries = 8
	}
	return t
}
