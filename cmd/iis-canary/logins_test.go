package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/iistest"
	"iiscanary/iis/kdctest"
)

// part is what is played on a fleet that several share, one after the other.
type part struct {
	name string
	play func(*scene)
}

// playAll puts up a fleet that is logged in to in one way, and ends with a whole deployment on it.
func playAll(t *testing.T, auth string, parts []part) {
	t.Helper()
	f, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: 2, Speed: fleetSpeed, Traffic: fleetTraffic, Auth: auth, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	parts = append(parts, part{"doctor finds nothing", func(s *scene) { s.enter("doctor").must(s.t, 0) }}, part{"a whole deployment", func(s *scene) {
		y := s.enter("deploy", "--yes").must(s.t, 0)
		for _, secret := range []string{s.read("winrm_password"), s.read("machine_password")} {
			if strings.Contains(y.out+y.err, secret) {
				s.t.Error("a secret was shown")
			}
		}
		for _, server := range f.Servers {
			if running := server.Truth().Running; len(running) != 1 || running[0] != rehearsal.NewSlot {
				s.t.Errorf("%v runs", running)
			}
		}
	}})
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) { p.play(&scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}) })
	}
}

// refused types plan, which must end with exit code 7, and say the whole of it: all of these words in the row of the check, those after
// "do: " in what to do about it. Nothing may be changed.
func (s *scene) refused(id checkID, words ...string) typed {
	s.t.Helper()
	before := s.touched()
	y := s.enter("plan").must(s.t, 7)
	if n := s.touched() - before; n != 0 {
		s.t.Errorf("%d changes were made", n)
	}
	row, remedy := rowsOf(y.err, id), ""
	for _, w := range words {
		if do, is := strings.CutPrefix(w, "do: "); is {
			remedy = do
		} else if !strings.Contains(row, w) {
			s.t.Errorf("%q is not said of %s:\n%s", w, id, y.err)
		}
	}
	s.whole(y, id, remedy)
	return y
}

// everywhere sets every server's trouble, until the scene ends.
func (s *scene) everywhere(trouble iistest.Trouble) {
	for _, server := range s.fleet.Servers {
		server.SetTrouble(trouble)
		s.t.Cleanup(func() { server.SetTrouble(iistest.Trouble{}) })
	}
}

// stranger writes a certificate that no server trusts, with its key, and returns the key.
func (s *scene) stranger(change func(*x509.Certificate)) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "stranger"}, NotBefore: time.Now().Add(-48 * time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	change(form)
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.file("stranger.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	s.file("stranger.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})))
}

func TestAFleetIsDeployedToWithACertificate(t *testing.T) {
	t.Parallel()
	playAll(t, "certificate", []part{
		{"one of another authority", func(s *scene) {
			s.stranger(func(*x509.Certificate) {})
			s.edit("file:client.pem", "file:stranger.pem", "file:client.key", "file:stranger.key")
			s.refused(checkPassword, "it refused the login of the certificate CN=stranger (issued by CN=stranger, valid ", "it does not trust the certificate: its authority must be in LocalMachine\\Root there",
				"do: correct servers.winrm.certificate, or let the server trust and map it (docs/operations.md)")
		}},
		{"one that has expired", func(s *scene) {
			s.stranger(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
			s.edit("file:client.pem", "file:stranger.pem", "file:client.key", "file:stranger.key")
			s.refused(checkReferences, "servers.winrm.certificate: the certificate CN=stranger", "has expired on ", "; renew it")
		}},
		{"the key of another", func(s *scene) {
			s.stranger(func(*x509.Certificate) {})
			s.edit("file:client.key", "file:stranger.key")
			y := s.refused(checkReferences, "servers.winrm.certificate: the certificate and its key, both in PEM form: private key does not match public key")
			if strings.Contains(y.err+y.out, strings.Split(s.read("stranger.key"), "\n")[1]) {
				s.t.Error("the key was shown")
			}
		}},
		{"one that is not there", func(s *scene) {
			s.edit("file:client.key", "file:gone.key")
			s.refused(checkReferences, "servers.winrm.key: read the secret file:gone.key")
		}},
		{"servers that are too old for it", func(s *scene) {
			s.everywhere(iistest.Trouble{MaxTLS: tls.VersionTLS12})
			s.edit("ca: ca.pem", "ca: ca.pem, tls_min: '1.3'")
			s.refused(checkTLS, "speaks no TLS 1.3 or later (tls: protocol version not supported); set tls_min to 1.2, or enable TLS 1.3 there", "do: set servers.winrm.tls_min to '1.2', or enable TLS 1.3 there")
		}},
		{"servers that are too old for anybody", func(s *scene) {
			s.everywhere(iistest.Trouble{MaxTLS: tls.VersionTLS11})
			s.refused(checkTLS, "speaks no TLS 1.2 or later", "do: enable TLS 1.2 on the server (docs/operations.md)")
		}},
		{"with TLS 1.3 at least", func(s *scene) {
			s.edit("ca: ca.pem", "ca: ca.pem, tls_min: '1.3'")
			s.enter("doctor").must(s.t, 0)
		}},
	})
}

func TestAFleetIsDeployedToWithKerberos(t *testing.T) {
	t.Parallel()
	playAll(t, "kerberos", []part{
		{"a wrong password is tried once, at the KDC", func(s *scene) {
			s.file("other_password", "not-the-password")
			s.edit("file:winrm_password", "file:other_password")
			before := s.fleet.KDC.Truth().Refused
			y := s.refused(checkPassword, "Kerberos in REHEARSAL.TEST refuses deployer@REHEARSAL.TEST: the password, or the key in the keytab, is wrong (Kerberos error 24); correct it")
			if n := s.fleet.KDC.Truth().Refused - before; n != 1 || s.logins() != 0 || strings.Contains(y.err+y.out, "not-the-password") {
				s.t.Errorf("%d tries at the KDC, %d at the servers: %s", n, s.logins(), y.err)
			}
		}},
		{"a password that has expired", func(s *scene) {
			s.fleet.KDC.SetTrouble(kdctest.Trouble{Code: 23})
			s.t.Cleanup(func() { s.fleet.KDC.SetTrouble(kdctest.Trouble{}) })
			s.refused(checkPassword, "the password has expired (Kerberos error 23); set a new one", "do: correct servers.winrm.user, its password or keytab, or servers.winrm.kerberos")
		}},
		{"a clock that is off, on one server", func(s *scene) {
			s.fleet.Servers[1].SetTrouble(iistest.Trouble{Clock: time.Hour})
			s.t.Cleanup(func() { s.fleet.Servers[1].SetTrouble(iistest.Trouble{}) })
			y := s.refused(checkPassword, "web-02 (", "the server refuses the ticket for HTTP/web-02.rehearsal.test: the clocks differ by too much, by 1h0m0s (Kerberos error 37); let this machine")
			if !strings.Contains(y.err, "not checked, on web-02: needs password-accepted: ") {
				s.t.Errorf("the other server was not looked at: %s", y.err)
			}
		}},
		{"a name that nobody has", func(s *scene) {
			s.edit("HTTP/{name}.", "HTTP/{name}.elsewhere.")
			s.refused(checkPassword, "no account has this name (SPN) (Kerberos error 7); reach the server by its full DNS name")
		}},
		{"the ticket for another server", func(s *scene) {
			s.edit("HTTP/{name}.", "HTTP/web-01.")
			s.refused(checkPassword, "web-02 (", "the ticket was made for the key of another account (Kerberos error 41); the name is registered for another account")
		}},
		{"no KDC", func(s *scene) {
			s.file("dead.conf", strings.ReplaceAll(s.read("krb5.conf"), s.fleet.KDC.Address(), "127.0.0.1:1"))
			s.edit("krb5_conf: krb5.conf", "krb5_conf: dead.conf")
			s.refused(checkPassword, "no KDC of the realm REHEARSAL.TEST answers: dial tcp 127.0.0.1:1", "check the realm, krb5.conf or the DNS records")
		}},
		{"a keytab that has no such key", func(s *scene) {
			keys, err := s.fleet.KDC.Keytab("HTTP/web-01.rehearsal.test")
			if err != nil {
				s.t.Fatal(err)
			}
			s.file("other.keytab", string(keys))
			s.edit("krb5_conf: krb5.conf", "krb5_conf: krb5.conf, keytab: other.keytab", ", password: 'file:winrm_password'", "")
			s.refused(checkReferences, "has no AES key of deployer@REHEARSAL.TEST; it has: HTTP/web-01.rehearsal.test@REHEARSAL.TEST")
		}},
		{"a keytab", func(s *scene) {
			keys, err := s.fleet.KDC.Keytab("deployer")
			if err != nil {
				s.t.Fatal(err)
			}
			s.file("deployer.keytab", string(keys))
			s.edit("krb5_conf: krb5.conf", "krb5_conf: krb5.conf, keytab: deployer.keytab", ", password: 'file:winrm_password'", "")
			s.enter("doctor").must(s.t, 0)
		}},
		{"a ticket of kinit", func(s *scene) {
			cache, err := s.fleet.KDC.CCache("deployer", time.Hour)
			if err != nil {
				s.t.Fatal(err)
			}
			s.file("cache", string(cache))
			s.edit("krb5_conf: krb5.conf", "krb5_conf: krb5.conf, ccache: cache", ", password: 'file:winrm_password'", "")
			before := s.fleet.KDC.Truth().Logins
			s.enter("doctor").must(s.t, 0)
			if n := s.fleet.KDC.Truth().Logins - before; n != 0 {
				s.t.Errorf("%d logins at the KDC, although there was a ticket", n)
			}
		}},
		{"a ticket of kinit that is over", func(s *scene) {
			cache, err := s.fleet.KDC.CCache("deployer", -time.Minute)
			if err != nil {
				s.t.Fatal(err)
			}
			s.file("cache", string(cache))
			s.edit("krb5_conf: krb5.conf", "krb5_conf: krb5.conf, ccache: cache", ", password: 'file:winrm_password'", "")
			s.refused(checkPassword, "the ticket of deployer@REHEARSAL.TEST has expired; get a new one with kinit, that lives longer than the run, or give a keytab")
		}},
		{"an address without a name", func(s *scene) {
			s.edit(", spn: 'HTTP/{name}.rehearsal.test'", "")
			y := s.enter("plan").must(s.t, 2)
			if !strings.Contains(y.err, "servers.winrm.kerberos.spn: found servers with an IP address instead of a name") || !strings.Contains(y.err, "servers.address: private_dns") {
				s.t.Error(y.err)
			}
		}},
		{"one login for a whole plan", func(s *scene) {
			before := s.fleet.KDC.Truth()
			s.enter("plan").must(s.t, 0)
			after := s.fleet.KDC.Truth()
			if n := after.Logins - before.Logins; n != 1 {
				s.t.Errorf("%d logins at the KDC", n)
			}
			for spn, n := range after.Tickets {
				if n != before.Tickets[spn]+1 {
					s.t.Errorf("%d tickets for %s", n-before.Tickets[spn], spn)
				}
			}
		}},
	})
}
