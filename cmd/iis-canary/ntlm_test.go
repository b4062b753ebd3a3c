package main

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// TestAFleetIsDeployedToWithNTLM shares one fleet, of servers as Windows sets them up. The deployment comes last.
func TestAFleetIsDeployedToWithNTLM(t *testing.T) {
	t.Parallel()
	f, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: 2, Speed: fleetSpeed, Traffic: fleetTraffic, Auth: "ntlm", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, part := range append(sealedTroubles(), []part{
		{"doctor says what protects the messages", func(s *scene) {
			y := s.enter("doctor").must(s.t, 0)
			if !strings.Contains(y.out, "no TLS: NTLM seals every message") {
				s.t.Error(y.out)
			}
		}},
		{"a wrong password is tried once", func(s *scene) {
			s.file("other_password", "not-the-password")
			s.edit("file:winrm_password", "file:other_password")
			before := s.logins()
			y := s.enter("plan").must(s.t, 7)
			if row := rowsOf(y.err, checkPassword); !strings.Contains(row, "tried once, on this server only") || s.logins() != before+1 {
				s.t.Errorf("%d logins were refused: %s", s.logins()-before, y.err)
			}
		}},
		{"Basic is told what there is", func(s *scene) {
			s.overTLS("auth: basic")
			y := s.enter("plan").must(s.t, 7)
			if row := rowsOf(y.err, checkPassword); !strings.Contains(row, "offers Negotiate, not Basic; use auth: ntlm") {
				s.t.Error(y.err)
			}
		}},
		{"over TLS too", func(s *scene) {
			s.overTLS("auth: ntlm")
			s.enter("doctor").must(s.t, 0)
		}},
		{"a port without TLS", func(s *scene) {
			s.overTLS("auth: ntlm")
			second := s.fleet.Servers[1]
			s.mapped(s.at(0), net.JoinHostPort(second.Address(), fmt.Sprint(second.PlainPort())))
			s.refused(checkTLS, "web-02 (127.0.0.", "takes connections and speaks no TLS", "do: compare servers.winrm.port: WinRM's HTTPS listener is on 5986, the plain one on 5985")
		}},
		{"a whole deployment", func(s *scene) {
			s.enter("deploy", "--yes").must(s.t, 0)
			for _, server := range f.Servers {
				if running := server.Truth().Running; len(running) != 1 || running[0] != rehearsal.NewSlot {
					s.t.Errorf("%v runs", running)
				}
			}
		}},
	}...) {
		t.Run(part.name, func(t *testing.T) { part.play(&scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}) })
	}
}

// overTLS aims at the servers' listeners with TLS.
func (s *scene) overTLS(auth string) {
	s.t.Helper()
	first := s.fleet.Servers[0]
	s.edit("https: false, auth: ntlm, port: "+fmt.Sprint(first.PlainPort()), fmt.Sprintf("https: true, %s, ca: ca.pem, port: %d", auth, first.WinRMPort()))
}
