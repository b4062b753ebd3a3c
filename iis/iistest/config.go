package iistest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Config describes one server. Zero durations and numbers take the defaults named here.
type Config struct {
	Name        string          // machine name; default WEB-SIM
	Address     string          // loopback IP, such as 127.0.0.11
	WinRMPort   int             // 0: the system chooses; otherwise 1024 and up
	SitePort    int             // of every binding; 0: the system chooses; otherwise 1024 and up
	User        string          // WinRM login
	Password    string          // WinRM login
	Root        string          // local folder that holds everything; it must exist
	Sites       string          // remote folder of the slots; default D:\sites
	Certificate tls.Certificate // of the WinRM listener and of the site
	App         string          // base name of the slots, such as app.domain.com

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

	LogFlush  time.Duration // how long log lines stay in memory; default 1 s
	DiskFree  int64         // bytes; default 50 GB
	IdleFloor time.Duration // the shortest shell idle time that is granted; default 60 s, as Windows

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
	case low(c.WinRMPort) || low(c.SitePort):
		return c, fmt.Errorf("ports %d and %d: give 0 or 1024 and up", c.WinRMPort, c.SitePort)
	}
	setDefault(&c.Name, "WEB-SIM")
	setDefault(&c.Sites, `D:\sites`)
	setDefault(&c.ColdNext, 4)
	setDefault(&c.Settle, 10*time.Millisecond)
	setDefault(&c.Stop, 20*time.Millisecond)
	setDefault(&c.Median, 8*time.Millisecond)
	setDefault(&c.Spread, 0.4)
	setDefault(&c.LogFlush, time.Second)
	setDefault(&c.DiskFree, int64(50_000_000_000))
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
