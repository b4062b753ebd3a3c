package iistest

import (
	"crypto/sha1"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// myStore is where certificates are that are imported for the machine.
const myStore = "MY"

// noLogon is the number of Windows that http.sys answers with for a certificate whose private key it cannot use, or that is not in the store.
const noLogon = 1312

// store is where the certificate of the port is.
func (t Trouble) store() string {
	if t.Store == "" {
		return myStore
	}
	return t.Store
}

// AddNamedSite configures another site, of somebody else, stopped, on the site's port with a host name and a certificate of its own,
// which http.sys shows to whoever asks for that name (SNI).
func (s *Server) AddNamedSite(name, host string, certificate tls.Certificate) {
	m := s.machine
	m.commit(now, func() {
		m.add(name, m.freeID(name), `D:\elsewhere\`+name, "v4.0", []string{s.Binding() + host}).sni = &certificate
	})
}

// AddCertificate puts one more certificate into the machine's store.
func (s *Server) AddCertificate(der []byte) {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	s.machine.stock = append(s.machine.stock, der)
}

// stocked is what the machine's store holds, each as it was issued.
func (s *Server) stocked() [][]byte {
	if s.trouble.read().NoCertificate {
		return nil
	}
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	return append([][]byte{s.config.Certificate.Certificate[0]}, s.machine.stock...)
}

// own is the thumbprint of the certificate that a site's bindings have for their name; empty: they have none.
func (s *site) own() string {
	if s.sni == nil {
		return ""
	}
	return fmt.Sprintf("%X", sha1.Sum(s.sni.Certificate[0]))
}

// named is the site with a certificate of its own for a name; nil: there is none.
func (m *machine) namedSite(host string) *site {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.ordered() {
		if s.sni != nil && strings.HasSuffix(s.bindings[0], ":"+strings.ToLower(host)) {
			return s
		}
	}
	return nil
}

// plain says whether a site shares the port's certificate.
func (m *machine) plain() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sites {
		if s.sni == nil {
			return true
		}
	}
	return false
}

// secure chooses the certificate of a handshake as http.sys does: by the name, else that of the port. Without one it refuses.
func (f *front) secure(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if s := f.machine.namedSite(hello.ServerName); hello.ServerName != "" && s != nil {
		c := f.tls.Clone()
		c.GetConfigForClient, c.Certificates = nil, []tls.Certificate{*s.sni}
		return c, nil
	}
	if !f.machine.bound() {
		return nil, errors.New("no certificate is bound to the port")
	}
	return nil, nil
}

// serve is what http.sys does at the end of a commit.
func (s *Server) serve(calls []kernelCall) int32 {
	if code := s.faults.trapped("sslcert", ""); code != 0 {
		return code
	}
	for _, c := range calls {
		if portOf(c.Binding) == s.front.port {
			s.machine.hang(c.Verb == "add")
		}
	}
	return 0
}

// hang puts a certificate on the site's port, or takes it off. On one that has a certificate it is a moment without TLS.
func (m *machine) hang(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if on && !m.unbound {
		m.rewritten++
	}
	m.unbound = !on
}

func (m *machine) rewrites() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rewritten
}

var (
	showForm = regexp.MustCompile(`^http show sslcert (ipport|hostnameport)=([^ ]+):([0-9]+)$`)
	addForm  = regexp.MustCompile(`^http add sslcert ipport=0\.0\.0\.0:([0-9]+) certhash=[0-9A-F]{40} appid=\{[0-9a-f-]{36}\} certstorename=(\w+)$`)
)

// sslcert is netsh.exe: its exit code and what it prints, on a German Windows.
func (s *Server) sslcert(arguments string) (exit int, out string) {
	if show := showForm.FindStringSubmatch(arguments); show != nil {
		hash := ""
		if show[1] == "ipport" {
			hash = s.onBinding("*:" + show[3] + ":")
		} else if one := s.machine.namedSite(show[2]); one != nil {
			hash = one.own()
		}
		if hash == "" {
			return 1, "\r\nSSL-Zertifikatbindungen: \r\n------------------------- \r\n\r\nDas System kann die angegebene Datei nicht finden.\r\n"
		}
		return 0, fmt.Sprintf("\r\nSSL-Zertifikatbindungen: \r\n------------------------- \r\n\r\n    IP:Port                      : %s:%s \r\n    Zertifikathash               : %s \r\n"+
			"    Anwendungs-ID                : {4dc3e181-e14b-4a21-b022-59fc669b0914} \r\n    Zertifikatspeichername       : %s \r\n", show[2], show[3], strings.ToLower(hash), s.trouble.read().store())
	}
	add := addForm.FindStringSubmatch(arguments)
	if add == nil {
		return 1, "Syntax: add sslcert"
	}
	binding := "*:" + add[1] + ":"
	if s.onBinding(binding) != "" {
		return 1, "Fehler beim Hinzufügen des SSL-Zertifikats. Fehler: 183\r\nEine Datei kann nicht erstellt werden, wenn sie bereits vorhanden ist.\r\n"
	}
	if s.faults.trapped("sslcert", "") != 0 || !strings.EqualFold(add[2], s.trouble.read().store()) {
		return 1, fmt.Sprintf("Fehler beim Hinzufügen des SSL-Zertifikats. Fehler: %d\r\nEine angegebene Anmeldesitzung ist nicht vorhanden.\r\n", noLogon)
	}
	if portOf(binding) == s.front.port {
		s.machine.hang(true)
	}
	return 0, "Das SSL-Zertifikat wurde erfolgreich hinzugefügt.\r\n"
}

// ensure has the wanted certificate on the ports of the bindings: true where one had none, which is then set.
func (s *Server) ensure(a createArgs) (set bool, err error) {
	if a.Certificate == nil {
		return false, nil
	}
	leaf, err := s.certificate(a.Certificate.Subject, a.Certificate.Thumbprint)
	if err != nil {
		return false, err
	}
	if err := s.conflicting(a.Bindings, leaf.Raw); err != nil {
		return false, err
	}
	for _, b := range a.Bindings {
		if s.onBinding(b) != "" || portOf(b) != s.front.port {
			continue
		}
		if code := s.faults.trapped("sslcert", ""); code != 0 {
			r := refuse("certificate_missing", "http.sys does not take the certificate %X: error %d", sha1.Sum(leaf.Raw), noLogon).at("set the certificate")
			return set, r.saying(`import it into LocalMachine\My again, for the machine, with its private key`)
		}
		s.machine.hang(true)
		set = true
	}
	return set, nil
}

// repair puts back what the port has lost with a site; the warning says whether it could.
func (s *Server) repair(with string) (warning string) {
	if s.faults.trapped("sslcert", "") != 0 {
		return fmt.Sprintf("the certificate of %s was lost with %s, and could not be put back: error %d", s.Binding(), with, noLogon)
	}
	s.machine.hang(true)
	return "the certificate of " + s.Binding() + " was lost with " + with + ", and was put back"
}
