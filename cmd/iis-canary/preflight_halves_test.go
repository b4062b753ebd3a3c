package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/iistest"
	"iiscanary/metrics/estest"
)

// halves are what checks are for besides the trouble that stands for each of them.
func halves() []trouble {
	all := []trouble{
		{id: checkOneSlot, half: "the pool runs without its site", make: func(s *scene) {
			halted(s)
			if err := s.fleet.Servers[1].StartPool(rehearsal.OldSlot); err != nil {
				s.t.Fatal(err)
			}
		}, words: []string{"web-02 app.domain.com-3456 is half started: site stopped, pool started"}, remedy: "start or stop it as a whole"},
		{id: checkCertificate, half: "another one is on the port", make: func(s *scene) {
			s.edit("  runtime: v4.0\n", "  runtime: v4.0\n  certificate: { subject: app.domain.com }\n")
			lacking(iistest.Trouble{PortCertificate: "0123456789ABCDEF0123456789ABCDEF01234567"})(s)
		}, words: []string{"web-02 the port of *:", " has another certificate, 0123456789ABCDEF0123456789ABCDEF01234567"},
			remedy: "all sites on the port share it; change it there, on a drained server"},
		{id: checkBoots, half: "only by hand", warns: true, make: lacking(iistest.Trouble{StartType: "manual"}),
			words: []string{"web-02", "the start type of W3SVC is manual"}},
		{id: checkRuntime, half: ".NET Framework is too old", make: both(
			carrying(map[string]string{"web.config": "<configuration><system.web><compilation targetFramework='4.8'/></system.web></configuration>"}),
			lacking(iistest.Trouble{Framework: 461808})), words: []string{"web-02 web.config:1 asks for .NET Framework 4.8, there: 4.7.2"},
			remedy: "install .NET Framework 4.8, or build the release for the version that is there"},
		{id: checkSections, half: "handlers, which most servers leave open", make: lacking(iistest.Trouble{Locked: []string{"system.webServer/handlers"}}),
			words: []string{"web-02 web.config:1 sets system.webServer/handlers, which is locked here"}, remedy: "appcmd unlock config /section:system.webServer/handlers"},
		{id: checkAgent, half: "an antivirus product blocks the loader", make: lacking(iistest.Trouble{Malware: true}),
			words: []string{"web-02 the agent process ended with exit code 1: This script contains malicious content", "make an exception for PowerShell under this account"}},
		{id: checkAgent, half: "something else reads its input", make: lacking(iistest.Trouble{Starved: true}), warns: true,
			words: []string{"its input was over before the agent had arrived: something else on the server reads the standard input of PowerShell ($input)",
				"web-02", "each operation gets a process of its own, which is slower"}},
		{id: checkAgent, half: "something else writes to its output", make: lacking(iistest.Trouble{Chatter: "Welcome to WEB-02"}), warns: true,
			words: []string{`something else writes to the agent's output, beginning with "Welcome to WEB-02`, "web-02", "each operation gets a process of its own, which is slower"}},
		{id: checkAgent, half: "site.root is on another server", make: func(s *scene) { s.edit(`'D:\sites'`, `'\\fs01\sites'`) },
			words: []string{"web-01, web-02 UnauthorizedAccessException: Access to the path"}, remedy: "does not reach from the server to another one (double hop): name a folder on a disk of the server itself"},
		{id: checkPassword, half: "the others are not tried", make: func(s *scene) {
			s.file("other_password", "not-the-password")
			s.edit("file:winrm_password", "file:other_password")
		}, play: (*scene).othersAreNotTried},
		{id: checkLock, half: "the lease has ended by the server's clock", make: func(s *scene) {
			s.t.Cleanup(holdLease(s)) // for a minute
			clocksSet(s, 90*time.Second)
		}, play: func(s *scene) { s.row(checkLock, passed, "2 servers") }},
		{id: checkLock, half: "the lease has not ended by the server's clock", make: func(s *scene) {
			s.t.Cleanup(holdLease(s))
			for _, server := range s.fleet.Servers {
				if err := server.ExpireLease(); err != nil {
					s.t.Fatal(err)
				}
			}
			clocksSet(s, -90*time.Second)
		}, play: func(s *scene) {
			s.row(checkLock, failed, "web-01, web-02 run "+exampleRunID+" of alice holds it (deploy")
		}},
		{id: checkTraffic, half: "no line at all within the look-back", make: quietLogs,
			words: []string{"old-traffic - no request to app.domain.com-3456 between 20", "check that iis.access.site_name holds the slot's name"}},
	}
	for _, action := range []string{"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
		"elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetHealth", "ec2:DescribeInstances"} {
		service, call, _ := strings.Cut(action, ":")
		code := map[string]string{"ec2": "UnauthorizedOperation"}[service]
		if code == "" {
			code = "AccessDenied"
		}
		all = append(all, trouble{id: checkPermissions, half: call, make: denied(call),
			words:  []string{"AWS says " + code + ": the identity of this process needs the permission " + action},
			remedy: "allow " + action + " to this identity"})
	}
	return append(all, releaseDoubts()...)
}

// clocksSet puts every server's clock ahead of ours by so much.
func clocksSet(s *scene, ahead time.Duration) {
	for _, server := range s.fleet.Servers {
		server.SetTrouble(iistest.Trouble{Clock: ahead})
		s.t.Cleanup(func() { server.SetTrouble(iistest.Trouble{}) })
	}
}

// row demands that doctor finds a check in this state and no other, and says so in these words.
func (s *scene) row(id checkID, is state, words string) {
	s.t.Helper()
	y := s.enter("doctor")
	row := rowsOf(y.out, id)
	if !strings.HasPrefix(row, fmt.Sprintf("%s %s %s %s", is.mark(), is, id, words)) || strings.Contains(row, "\n") {
		s.t.Errorf("the row is\n%s\nand not %s, %s", row, is, words)
	}
}

// othersAreNotTried demands that one server refuses the password, and that nothing is said to be well on the other one.
func (s *scene) othersAreNotTried() {
	y := s.enter("doctor", "-o", "json").must(s.t, 7)
	var d diagnosis
	if err := json.Unmarshal([]byte(y.out), &d); err != nil {
		s.t.Fatalf("%v\n%s", err, y.out)
	}
	remarks := d.Checks[slices.IndexFunc(d.Checks, func(e examined) bool { return e.ID == checkPassword })].Remarks
	alone := func(r remark) bool { return len(r.Servers) == 1 }
	refused := slices.IndexFunc(remarks, func(r remark) bool { return alone(r) && r.State == failed })
	untried := slices.IndexFunc(remarks, func(r remark) bool {
		return alone(r) && r.State == unchecked && r.What == "not tried, so that the account is not locked out"
	})
	if len(remarks) != 2 || refused < 0 || untried < 0 || strings.HasPrefix(remarks[refused].Servers[0], remarks[untried].Servers[0]) {
		s.t.Errorf("of password-accepted: %+v", remarks)
	}
	for _, c := range d.Checks {
		for _, r := range c.Remarks {
			if slices.Contains([]checkID{checkPassword, checkWinRM, checkIIS, checkAgent}, c.ID) && r.State == passed {
				s.t.Errorf("%s passed on %v", c.ID, r.Servers)
			}
		}
	}
	y = s.enter("plan").must(s.t, 7)
	other := "web-02" // of the two, the one that comes second is left alone
	if strings.Contains(rowsOf(y.err, checkPassword), "password-accepted web-02 ") {
		other = "web-01"
	}
	if want := "not checked, on " + other + ": not tried, so that the account is not locked out: password-accepted\n"; !strings.Contains(y.err, want) {
		s.t.Errorf("nobody says %q:\n%s", want, y.err)
	}
}

// quietLogs gives the configuration another log store, of which the newest line is older than what the preflight reads.
func quietLogs(s *scene) {
	store, err := estest.New(estest.Config{APIKey: s.read("es_api_key"), Keep: 24 * time.Hour,
		Templates: []estest.Template{{Patterns: []string{"logs-*"}, DataStream: true, StringsAsKeyword: true, Mapping: map[string]string{"@timestamp": "date"}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = store.Close() })
	line := fmt.Sprintf(`{"@timestamp": %q, "host": {"name": "web-01"}, "iis": {"access": {"site_name": %q}}, "event": {"duration": 20000000},
		"http": {"response": {"status_code": 200}}, "user_agent": {"original": "Mozilla/5.0"}}`,
		time.Now().Add(-2*lookBack).UTC().Format(time.RFC3339), rehearsal.OldSlot)
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, store.URL()+"/logs-iis.access-default/_create/1", strings.NewReader(line))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "ApiKey "+s.read("es_api_key"))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusCreated || store.Documents("logs-iis.access-default") != 1 {
		s.t.Fatalf("the line was not taken: %s", answer.Status)
	}
	s.edit(s.fleet.Logs.URL(), store.URL())
}
