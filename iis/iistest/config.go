package iistest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"iiscanary/iis/agent/standin"
)

// Config describes one server. Zero durations and numbers take the defaults named here.
type Config struct {
	Name      string // machine name; default WEB-SIM
	Address   string // loopback IP, such as 127.0.0.11
	WinRMPort int    // 0: the system chooses; otherwise 1024 and up
	Plain     bool   // WinRM listens without TLS, too; there it takes sealed messages only, as Windows does by default
	PlainPort int    // of that listener; 0: the system chooses; otherwise 1024 and up
	NoBasic   bool   // Basic is switched off, as Windows has it by default
	// StrictBinding is CbtHardeningLevel Strict: NTLM and Kerberos over TLS must be bound to the connection. Otherwise they may be.
	StrictBinding bool
	// Clients are the authorities of client certificates that the machine trusts; nil: Certificate is off, as Windows has it by default.
	// Mapped are the user principal names in certificates that are mapped to User.
	Clients *x509.CertPool
	Mapped  []string
	// Keytab is a file with the keys of the machine's own names in its domain, and Members are the accounts of the domain, NAME@REALM,
	// that are User too; empty: the machine is in no domain.
	Keytab  []byte
	Members []string
	// Quotas of WinRM; 0: the default of Windows Server 2012 and later, which is 30 shells, 1,500 operations and 500 KB. An
	// operation is given back when its shell is deleted, and not before.
	MaxShells, MaxOperations, MaxEnvelopeKB int
	// LockOut is how many wrong passwords lock the account, also for the right one; 0: none does.
	LockOut int
	// ForgetLogins makes a login over TLS by NTLM or Kerberos good for one request.
	ForgetLogins bool
	SitePort     int             // of every binding; 0: the system chooses; otherwise 1024 and up
	User         string          // WinRM login
	Password     string          // WinRM login
	Root         string          // local folder that holds everything; it must exist
	Sites        string          // remote folder of the slots; default D:\sites
	Certificate  tls.Certificate // of the WinRM listener and of the site
	App          string          // base name of the slots, such as app.domain.com

	Cold     time.Duration // how long the first request after a pool start takes; 0: no cold start
	ColdNext int           // how many requests after that one take Cold/50 more; default 4, negative: none
	Settle   time.Duration // how long a site or pool is starting or stopping; default 10 ms
	Stop     time.Duration // how long a worker lingers when its pool stops; default 20 ms
	Median   time.Duration // of the answers' log-normal times; default 8 ms
	Spread   float64       // sigma of that distribution; default 0.4
	Seed     uint64        // of everything random

	// Static are paths of files that http.sys answers from its cache while the pool is started: at once, always 200, and
	// without waking the application. A health check of such a file is green over a cold application.
	Static []string

	LogFlush time.Duration // how long log lines stay in memory; default 1 s
	// LogSize rolls the access logs over at so many bytes, as IIS does with the period MaxSize, and keeps the two newest files of
	// a site. 0: one file a day, all kept, as IIS does by default.
	LogSize int64

	// Patience is how long the model of the agent waits for a state; default 60 s, as the agent. Speed divides the agent's pauses and
	// waits where the C# agent itself runs; default 1.
	Patience time.Duration
	Speed    float64
	// Mono makes the server compile the agent that arrives and run it, on this machine's IIS; nil: a model of the agent answers.
	// What Mono itself complains about goes to MonoErrors; nil: nowhere.
	Mono       *standin.Workshop
	MonoErrors io.Writer

	// Roots is the machine's store of trusted roots, for what it fetches by itself; nil: it trusts nobody. MachineProxy is what
	// netsh winhttp shows as its proxy, such as http=127.0.0.1:8080;https=127.0.0.1:3128; empty: none.
	Roots        *x509.CertPool
	MachineProxy string

	DiskFree  int64         // bytes; default 50 GB
	IdleFloor time.Duration // the shortest shell idle time that is granted; default 60 s, as Windows

	// Overhear is called with every WinRM request of somebody who is logged in, as the service reads it: a sealed one opened. It may be
	// called from several goroutines at once; nil: nobody listens.
	Overhear func(r *http.Request, body []byte)

	// OverhearAnswer is called with every answer to such a request, before it is sealed, from the request's goroutine; nil: nobody listens.
	OverhearAnswer func(r *http.Request, body []byte)

	// Behave overrides the slots' simulation.json; nil: the file decides. It must not call the server.
	Behave func(BehaveRequest) Behaviour
}

func (c Config) checked() (Config, error) {
	ip := net.ParseIP(c.Address)
	switch {
	case ip == nil || !ip.IsLoopback():
		return c, fmt.Errorf("address %q: a simulated server listens on a loopback IP only", c.Address)
	case c.Root == "" || c.App == "":
		return c, errors.New("a simulated server needs Root and App")
	case c.User == "" || c.Password == "":
		return c, errors.New("a simulated server needs User and Password")
	case len(c.Certificate.Certificate) == 0:
		return c, errors.New("a simulated server needs a Certificate")
	case low(c.WinRMPort) || low(c.PlainPort) || low(c.SitePort):
		return c, fmt.Errorf("ports %d, %d and %d: give 0 or 1024 and up", c.WinRMPort, c.PlainPort, c.SitePort)
	}
	if c.Roots == nil {
		c.Roots = x509.NewCertPool()
	}
	setDefault(&c.Name, "WEB-SIM")
	setDefault(&c.Sites, `D:\sites`)
	setDefault(&c.ColdNext, 4)
	setDefault(&c.Settle, 10*time.Millisecond)
	setDefault(&c.Stop, 20*time.Millisecond)
	setDefault(&c.Median, 8*time.Millisecond)
	setDefault(&c.Spread, 0.4)
	setDefault(&c.Patience, 60*time.Second)
	setDefault(&c.Speed, 1)
	setDefault(&c.LogFlush, time.Second)
	setDefault(&c.DiskFree, int64(50_000_000_000))
	setDefault(&c.MaxShells, 30)
	setDefault(&c.MaxOperations, 1500)
	setDefault(&c.MaxEnvelopeKB, 500)
	setDefault(&c.IdleFloor, 60*time.Second)
	return c, nil
}

func low(port int) bool { return port != 0 && (port < 1024 || port > 65535) }

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
