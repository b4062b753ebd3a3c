package iistest

import (
	"fmt"
	"strconv"
	"strings"
)

// listening is one port that a program listens on.
type listening struct {
	Address string `json:"address"`
	Port    int    `json:"port"`
	PID     int    `json:"pid"`
	Image   string `json:"image"`
	Service string `json:"service"`
}

// systemPID is the kernel's, under which http.sys listens.
const systemPID = 4

// listeners is who listens on the ports of bindings.
func (s *Server) listeners(bindings []string) []listening {
	m := s.machine
	open := m.front.listens()
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []listening{}
	wanted := false
	for _, b := range bindings {
		wanted = wanted || strings.Contains(b, fmt.Sprintf(":%d:", m.front.port))
	}
	switch {
	case !wanted:
	case m.foreign:
		out = append(out, listening{"0.0.0.0", m.front.port, foreignPID, foreignName, foreignService})
	case open:
		out = append(out, listening{"0.0.0.0", m.front.port, systemPID, "System", "http"})
	}
	if wanted && m.foreignV6 {
		out = append(out, listening{"[::]", m.front.port, foreignPID, foreignName, foreignService})
	}
	return out
}

// ListenV6 lets another program listen on the site's port by IPv6 alone, or ends that.
func (s *Server) ListenV6(on bool) {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	s.machine.foreignV6 = on
}

// netstat is what that program prints of IPv4, or of IPv6 alone, where http.sys and most programs listen, too.
func (s *Server) netstat(v6 bool) string {
	var b strings.Builder
	b.WriteString("\r\nActive Connections\r\n\r\n  Proto  Local Address  Foreign Address  State  PID\r\n")
	if v6 {
		b.WriteString("  TCP    [::]:135    [::]:0    LISTENING    880\r\n  TCP    [fe80::1%4]:49152    [fe80::7%4]:443    ESTABLISHED    4\r\n")
	} else {
		b.WriteString("  TCP    0.0.0.0:135    0.0.0.0:0    LISTENING    880\r\n  TCP    10.0.0.1:49152    10.0.0.7:443    ESTABLISHED    4\r\n")
	}
	for _, l := range s.listeners([]string{s.Binding()}) {
		switch {
		case v6:
			fmt.Fprintf(&b, "  TCP    [::]:%d    [::]:0    ABHÖREN    %d\r\n", l.Port, l.PID)
		case l.Address == "0.0.0.0":
			fmt.Fprintf(&b, "  TCP    %s:%d    0.0.0.0:0    ABHÖREN    %d\r\n", l.Address, l.Port, l.PID)
		}
	}
	return b.String()
}

// portCertificate is what hangs on a port, and what did when the boot flags were set last.
type portCertificate struct {
	Port       string `json:"port"`
	Thumbprint string `json:"thumbprint"`
	Before     string `json:"before"`
}

// compare tells of the ports of bindings.
func (s *Server) compare(app string, bindings []string) []portCertificate {
	out := []portCertificate{}
	for _, b := range bindings {
		one := portCertificate{Port: b[:strings.LastIndexByte(b, ':')+1]}
		if ours := strings.Contains(b, fmt.Sprintf(":%d:", s.machine.front.port)); !ours {
			out = append(out, one)
			continue
		}
		if s.machine.bound() && s.machine.plain() {
			one.Thumbprint = s.onPort()
		}
		s.machine.mu.Lock()
		one.Before = s.machine.remembered[app]
		s.machine.mu.Unlock()
		out = append(out, one)
	}
	return out
}

// onBinding is the thumbprint of what hangs on the port of a binding; empty: nothing.
func (s *Server) onBinding(information string) string {
	other := s.trouble.read().OtherPorts
	switch {
	case other != "" && portOf(information) != s.front.port:
		return other
	case s.machine.bound():
		return s.onPort()
	}
	return ""
}

// portOf is the port of address:port:host.
func portOf(information string) int {
	parts := strings.Split(information, ":")
	port, _ := strconv.Atoi(parts[max(len(parts)-2, 0)]) // 0, which nobody asks for
	return port
}

// onPort is the thumbprint of what hangs on the site's port.
func (s *Server) onPort() string {
	if other := s.trouble.read().PortCertificate; other != "" {
		return other
	}
	return s.thumbprint()
}

// LegacyBinding puts values of an old metabase into the customMetadata of a site's id, or takes them away. They take its certificate off
// the port some day.
func (s *Server) LegacyBinding(id int64, on bool) {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	if !on {
		delete(s.machine.legacy, id)
		delete(s.machine.metadata, id)
		return
	}
	s.machine.metadata[id], s.machine.legacy[id] = true, true
}

// legacyBindings are their places in the configuration.
func (m *machine) legacyBindings() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []string{}
	for id := range m.legacy {
		if m.metadata[id] {
			out = append(out, fmt.Sprintf("LM/W3SVC/%d", id))
		}
	}
	return out
}

// remember keeps what hangs on the site's port now. Somebody may have the file open that it is in already.
func (s *Server) remember(app string) (unwritten bool) {
	now := ""
	if s.machine.bound() {
		now = s.onPort()
	}
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	if _, there := s.machine.remembered[app]; there && s.faults.trapped("replace", "certificates.json") != 0 {
		return true
	}
	s.machine.remembered[app] = now
	return false
}

// listens says whether a site has the port open.
func (f *front) listens() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listener != nil
}

// talking is how many connections a site has.
func (f *front) talking(slot string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for c := range f.conns {
		if s := c.slot.Load(); s != nil && *s == slot {
			n++
		}
	}
	return n
}
