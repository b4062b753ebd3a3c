package iistest

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Server is one simulated Windows server. All methods are safe for concurrent use.
type Server struct {
	config   Config
	machine  *machine // IIS
	front    *front   // http.sys
	winrm    *endpoint
	store    *store // files
	leases   *leases
	calls    *calls
	faults   *faults
	trouble  trouble
	auditing sync.Mutex
	done     chan struct{}
	closing  sync.WaitGroup
	closed   atomic.Bool
}

// New starts a server. Its WinRM endpoint answers at once; no slot exists.
func New(c Config) (*Server, error) {
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, done: make(chan struct{}), calls: newCalls(), faults: newFaults(c), leases: newLeases()}
	if s.store, err = newStore(c); err != nil {
		return nil, err
	}
	s.front, err = newFront(c)
	if err != nil {
		return nil, err
	}
	s.machine = newMachine(c, s.front, s.faults, &s.trouble, s.store.local)
	s.machine.touch()
	s.machine.refused = newErrorLog(c.Root, s.front.port)
	s.front.machine = s.machine
	if s.winrm, err = newEndpoint(s); err != nil {
		s.front.shut()
		return nil, err
	}
	s.closing.Go(s.flushLogs)
	return s, nil
}

func (s *Server) flushLogs() {
	tick := time.NewTicker(s.config.LogFlush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.machine.flush()
		case <-s.done:
			return
		}
	}
}

// Close stops everything and writes the logs out. The files stay.
func (s *Server) Close() error {
	if !s.end() {
		return nil
	}
	close(s.done)
	err := s.winrm.close()
	s.machine.powerOff()
	s.front.shut()
	s.closing.Wait()
	s.machine.flush()
	return err
}

// end is true once. No event is written after it.
func (s *Server) end() bool {
	s.auditing.Lock()
	defer s.auditing.Unlock()
	return s.closed.CompareAndSwap(false, true)
}

// Address is the loopback IP that the server listens on.
func (s *Server) Address() string { return s.config.Address }

// WinRMPort is the port of the WinRM listener with TLS.
func (s *Server) WinRMPort() int { return s.winrm.port }

// PlainPort is the port of the WinRM listener without TLS; 0: there is none.
func (s *Server) PlainPort() int { return s.winrm.plain }

// SitePort is the port that bindings must name, such as "*:8443:".
func (s *Server) SitePort() int { return s.front.port }

// Binding is the catch-all binding of the site port, such as "*:8443:".
func (s *Server) Binding() string { return "*:" + strconv.Itoa(s.front.port) + ":" }

// LogFolder is the local folder that holds W3SVC<id>/u_ex<yymmdd>.log.
func (s *Server) LogFolder() string { return s.store.logs() }

// listen opens a port of the server's own address.
func listen(address string, port int) (*net.TCPListener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l.(*net.TCPListener), nil
}
