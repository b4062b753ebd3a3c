package iistest

import (
	"net"
	"sync/atomic"
	"time"
)

// wire is one connection, booked until it closes.
type wire struct {
	net.Conn
	endpoint *endpoint
	login    logon
	closed   atomic.Bool
}

// Close forgets the connection.
func (w *wire) Close() error {
	w.closed.Store(true)
	w.endpoint.mu.Lock()
	delete(w.endpoint.conns, w.Conn)
	w.endpoint.mu.Unlock()
	return w.Conn.Close()
}

// Narrow lets every WinRM connection carry so many bytes a second in each direction; 0: as many as it can.
func (s *Server) Narrow(rate int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rate = rate
	s.record("a connection carries %d bytes a second", rate)
}

func (f *faults) narrowed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rate
}

// turn is how long a narrow connection rests between two portions.
const turn = 20 * time.Millisecond

// portion is how much of n bytes goes through a connection in one turn.
func (w *wire) portion(n int) int {
	rate := w.endpoint.server.faults.narrowed()
	if rate == 0 {
		return n
	}
	most := max(int(time.Duration(rate)*turn/time.Second), 1)
	return min(n, most)
}

// paid rests for as long as n bytes take.
func (w *wire) paid(n int) {
	if rate := w.endpoint.server.faults.narrowed(); rate > 0 && !w.closed.Load() {
		w.endpoint.server.rest(time.Duration(n) * time.Second / time.Duration(rate))
	}
}

// Read takes no more than the connection is wide.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b[:w.portion(len(b))])
	w.paid(n)
	return n, err
}

// Write gives no more at once than the connection is wide.
func (w *wire) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := w.Conn.Write(b[done : done+w.portion(len(b)-done)])
		if done += n; err != nil {
			return done, err
		}
		w.paid(n)
	}
	return done, nil
}
