package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/iistest"
)

// mapped writes where the servers' listeners are into the configuration.
func (s *scene) mapped(first, second string) {
	targets := s.fleet.Balancer.Truth().Groups["web-443"].Targets
	s.readdress(fmt.Sprintf("address: map\n  map: { %s: '%s', %s: '%s' }", targets[0].ID, first, targets[1].ID, second))
}

func (s *scene) readdress(to string) {
	from := "address: private_ip"
	if s.fleet.Servers[0].Address() == s.fleet.Servers[1].Address() {
		from = "address: tag:WinRM"
	}
	s.edit(from, to)
}

func (s *scene) at(i int) string {
	server := s.fleet.Servers[i]
	return net.JoinHostPort(server.Address(), fmt.Sprint(server.WinRMPort()))
}

// lacking puts the second server into trouble.
func lacking(t iistest.Trouble) func(*scene) {
	return func(s *scene) {
		s.fleet.Servers[1].SetTrouble(t)
		s.t.Cleanup(func() { s.fleet.Servers[1].SetTrouble(iistest.Trouble{}) })
	}
}

func wayInTroubles() []trouble {
	return []trouble{
		{id: checkAddress, make: func(s *scene) { s.readdress("address: tag:Nowhere") },
			words: []string{"web-01", "web-02", "servers.address is tag:Nowhere, and i-0"}},
		{id: checkResolves, make: func(s *scene) { s.mapped(s.at(0), strings.Repeat("x", 64)+".invalid:5986") },
			words: []string{"web-02 (xxx", "has no address: no such host"}},
		{id: checkPort, make: func(s *scene) {
			if err := s.fleet.Servers[1].CloseWinRM(); err != nil {
				s.t.Fatal(err)
			}
			s.t.Cleanup(func() {
				if err := s.fleet.Servers[1].OpenWinRM(); err != nil {
					s.t.Error(err)
				}
			})
		}, words: []string{"web-02 (127.0.0.", "the port is closed: "}},
		{id: checkTLS, make: func(s *scene) {
			other := signedElsewhere(s)
			lacking(iistest.Trouble{Listener: &other})(s)
		}, words: []string{"web-02 (127.0.0.", "signed by unknown authority", "subject CN=web-02", "names web-02 127.0.0.", "issued by CN=another authority", "valid 20", "SHA-256 "},
			remedy: "set servers.winrm.ca to a PEM file with the certificate of CN=another authority"},
		{id: checkPassword, make: func(s *scene) {
			s.file("other_password", "not-the-password")
			s.edit("file:winrm_password", "file:other_password")
			s.refusedBefore()
		}, words: []string{"refused the login of deployer", "tried once, on this server only"}, after: (*scene).refusedOnceEach},
		{id: checkWinRM, make: func(s *scene) {
			site := s.fleet.Servers[1]
			s.mapped(s.at(0), net.JoinHostPort(site.Address(), fmt.Sprint(site.SitePort())))
		}, words: []string{"web-02 (127.0.0.", "not SOAP; something stands between"}, remedy: "find out what answers at this address"},
		{id: checkIIS, make: lacking(iistest.Trouble{NoIIS: true}), words: []string{"web-02 IIS is not installed: no C:"}},
		{id: checkAgent, make: lacking(iistest.Trouble{Constrained: true}),
			words: []string{"web-02", "exit code 1: Cannot invoke method. Method invocation is supported only on core types in this language mode; PowerShell runs in constrained language mode here: let the account run in full language mode"}},
	}
}

// refusedBefore notes how many logins the servers have refused so far.
func (s *scene) refusedBefore() { s.file("refused", fmt.Sprint(s.logins())) }

func (s *scene) logins() int {
	n := 0
	for _, server := range s.fleet.Servers {
		n += server.Truth().LoginFails
	}
	return n
}

// refusedOnceEach demands that a wrong password was used once by each of the two commands, on all servers together.
func (s *scene) refusedOnceEach() {
	if n := s.logins(); fmt.Sprint(n-2) != s.read("refused") {
		s.t.Errorf("%d logins were refused after %s before: two commands may try a wrong password once each", n, s.read("refused"))
	}
}

// signedElsewhere is a certificate for the second server by an authority that nobody trusts.
func signedElsewhere(s *scene) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	form := x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "web-02"}, DNSNames: []string{"web-02"},
		IPAddresses: []net.IP{net.ParseIP(s.fleet.Servers[1].Address())}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	issuer := form
	issuer.Subject.CommonName = "another authority"
	raw, err := x509.CreateCertificate(rand.Reader, &form, &issuer, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// halted stops the slot of the second server.
func halted(s *scene) {
	server := s.fleet.Servers[1]
	if err := server.Halt(rehearsal.OldSlot); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := server.Serve(rehearsal.OldSlot); err != nil {
			s.t.Error(err)
		}
		until(s.t, "both serve again", func() bool { return s.fleet.Healthy() == 2 })
	})
}

func serverTroubles() []trouble {
	return []trouble{
		{id: checkElevated, make: lacking(iistest.Trouble{NotElevated: true}), words: []string{`web-02 web-02\deployer has no administrator's rights`}},
		{id: checkServices, make: lacking(iistest.Trouble{Halted: true}), words: []string{"web-02 WAS is stopped, W3SVC is stopped"}},
		{id: checkClock, make: lacking(iistest.Trouble{Clock: 90 * time.Second}), words: []string{"web-02 its clock is 1m30s ahead of this machine's"}},
		{id: checkSurvey, make: lacking(iistest.Trouble{Garbled: true}), words: []string{"web-02", "Configuration file is not well-formed XML"}},
		{id: checkDisk, make: func(s *scene) {
			s.fleet.Servers[1].SetDiskFree(1 << 20)
			s.t.Cleanup(func() { s.fleet.Servers[1].SetDiskFree(50_000_000_000) })
		}, words: []string{`web-02 the disk of D:\sites has 1.0 MB free, and `, "MB are needed"}},
		{id: checkCertificate, make: func(s *scene) {
			s.edit("  runtime: v4.0\n", "  runtime: v4.0\n  certificate: { subject: app.domain.com }\n")
			if row := rowsOf(s.enter("doctor").must(s.t, 0).out, checkCertificate); !strings.Contains(row, "CN=web-01, valid until ") {
				s.t.Errorf("while it is there: %s", row)
			}
			lacking(iistest.Trouble{NoCertificate: true})(s)
		}, words: []string{`web-02 no valid certificate with a private key for app.domain.com in LocalMachine\My`}},
		{id: checkSitePort, make: func(s *scene) {
			halted(s)
			release, err := s.fleet.Servers[1].Occupy()
			if err != nil {
				s.t.Fatal(err)
			}
			s.t.Cleanup(release)
		}, words: []string{"web-02 nginx (process 4711, service nginxsvc) listens on port ", ": IIS cannot"}},
		{id: checkKept, warns: true, make: func(s *scene) {
			s.fleet.Servers[1].LegacyBinding(7, true)
			s.t.Cleanup(func() { s.fleet.Servers[1].LegacyBinding(7, false) })
		}, words: []string{"web-02 values of an old IIS, 5506 or 5511, at LM/W3SVC/7 in customMetadata", "remove them from applicationHost.config"},
			after: func(s *scene) {
				if y := enter(s.t, "status", "-c", s.config).must(s.t, 0); !strings.Contains(y.out, "warning: web-02: values of an old IIS") || !strings.Contains(y.out, "REQUESTS") {
					s.t.Errorf("status:\n%s", y.out)
				}
			}},
		{id: checkOldSite, after: func(s *scene) {
			s.fleet.Servers[1].Run("InetMgr.exe")
			if y := enter(s.t, "status", "-c", s.config).must(s.t, 0); !strings.Contains(y.out, "no slot of the app is running; applicationHost.config was last written at 20") ||
				!strings.Contains(y.out, "InetMgr runs there, process ") {
				s.t.Errorf("status:\n%s", y.out)
			}
		}, make: halted, words: []string{"web-02 it is in rotation, and no slot of app.domain.com runs (there: app.domain.com-3456)"}},
		{id: checkOneSlot, make: func(s *scene) {
			server := s.fleet.Servers[1]
			const second = rehearsal.App + "-3400"
			if err := server.Install(second, "3400", map[string]string{"web.config": "x"}); err != nil {
				s.t.Fatal(err)
			}
			if err := server.StartPool(second); err != nil {
				s.t.Fatal(err)
			}
			s.t.Cleanup(func() {
				if err := server.Halt(second); err != nil {
					s.t.Error(err)
				}
			})
		}, words: []string{"web-02 2 slots run: app.domain.com-3400, app.domain.com-3456"}, remedy: "stop all but the one that should serve"},
		{id: checkSlotFree, make: func(s *scene) { s.args = []string{"--slot", "3456"} },
			words: []string{"web-01, web-02 app.domain.com-3456 exists with other files"}, remedy: "choose another slot"},
	}
}
