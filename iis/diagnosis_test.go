package iis

import (
	"regexp"
	"strings"
	"testing"
)

// TestEachSignIsRecognised has a record for every row of the table; a row that no record reaches explains nothing.
func TestEachSignIsRecognised(t *testing.T) {
	const was, module = "Microsoft-Windows-WAS", "IIS AspNetCore Module V2"
	reached := map[int]bool{}
	for _, test := range []struct {
		record Record
		want   string // regular expression on the explanation
	}{
		{Record{Source: was, ID: 5021}, `^WAS event 5021: WAS cannot log on the account.*right to log on as a batch job`},
		{Record{Source: was, ID: 5057}, `log on the account`},
		{Record{Source: was, ID: 5059}, `log on the account`},
		{Record{Source: was, ID: 5050}, `too long`},
		{Record{Source: was, ID: 5172}, `could not read its configuration`},
		{Record{Source: "Microsoft-Windows-IIS-W3SVC", ID: 1004}, `^W3SVC event 1004: the address.*urlacl`},
		{Record{Source: "Microsoft-Windows-HttpEvent", ID: 15005}, `Get-NetTCPConnection`},
		{Record{Source: "Microsoft-Windows-HttpEvent", ID: 15300}, `taken off the port.*5506 and 5511`},
		{Record{Source: "Microsoft-Windows-HttpEvent", ID: 15021}, `private key`},
		{Record{Source: module, ID: 1010, Text: "Failed to load application, ErrorCode '0x800700c1'."}, `bitness`},
		{Record{Source: module, ID: 1031, Text: "You must install or update .NET to run this application.\nFramework: 'Microsoft.AspNetCore.App', version '9.0.0' (x64)\nmore"},
			`runtime that the application needs is not installed \('Microsoft.AspNetCore.App', version '9.0.0' \(x64\)\)`},
		{Record{Source: module, Text: "Could not find 'aspnetcorev2_inprocess.dll'."}, `hosting bundle`},
		{Record{Source: module, Text: "Managed server didn't initialize after 120000 ms. exceeded the startup time limit"}, `time limit`},
		{Record{Source: ".NET Runtime", ID: 1026, Named: true, Text: "Application: w3wp.exe\nException Info: System.IO.FileNotFoundException: Could not load\n   at X"},
			`^\.NET Runtime event 1026: .*\(System.IO.FileNotFoundException: Could not load\); to do`},
		{Record{Source: ".NET Runtime", ID: 1025, Text: "Description: The application requested process termination"}, `perhaps of another application: .*requested process termination`},
		{Record{Source: module, Text: "failed to load coreclr. Exception message:\r\nCLR worker thread exited prematurely"}, `crashed at its start \(CLR worker thread exited`},
		{Record{Source: module, Text: "failed to start process with commandline 'dotnet app.dll'"}, `own process could not be started \('dotnet app.dll'\)`},
		{Record{Source: module, Text: "something new"}, `could not run the application`},
		{Record{Source: "ASP.NET 4.0.30319.0", ID: 1309, Text: "Event code: 3005\nException message: no such table"}, `no such table`},
		{Record{Source: "Application Error", ID: 1000, Text: "Faulting application name: w3wp.exe, x\nFaulting module name: native.dll, version"}, `native.dll`},
		{Record{Source: was, ID: 5010}, `ping`},
		{Record{Source: was, ID: 5011}, `ended unexpectedly`},
		{Record{Source: was, ID: 5002}, `again and again`},
		{Record{Source: was, ID: 5013}, `time limit.*web sockets`},
		{Record{Log: "HTTPERR", Source: "AppOffline", ID: 503, Count: 12}, `^http.sys refused 12 requests with 503 AppOffline: the pool is stopped`},
		{Record{Log: "HTTPERR", Source: "AppShutdown", ID: 503, Count: 1}, `^http.sys refused a request`},
		{Record{Log: "HTTPERR", Source: "QueueFull", ID: 503, Count: 2}, `queue.*full`},
		{Record{Log: "HTTPERR", Source: "ConnLimit", ID: 503}, `maxConnections`},
		{Record{Log: "HTTPERR", Source: "Connection_Abandoned_By_ReqQueue", Count: 2}, `in its hands`},
		{Record{Log: "HTTPERR", Source: "Disabled", ID: 503}, `disabled`},
	} {
		test.record.Named = test.record.Named || strings.HasPrefix(test.record.Source, "Microsoft-Windows-")
		if row, _, known := signOf(test.record); known {
			reached[row] = true
		}
		if got := Explanation(Diagnose([]Record{test.record})); !regexp.MustCompile(test.want).MatchString(got) {
			t.Errorf("%s %d %q: %q, want %s", test.record.Source, test.record.ID, test.record.Text, got, test.want)
		}
	}
	if all := len(signs()) + len(refusals()); len(reached) != all {
		t.Errorf("%d of %d rows are reached", len(reached), all)
	}
}

func TestARecordThatIsNotInTheTableExplainsNothing(t *testing.T) {
	for _, r := range []Record{{}, {Source: "Microsoft-Windows-WAS", ID: 5186}, {Log: "HTTPERR", Source: "Timer_ConnectionIdle"}, {Source: "ESENT", ID: 1000}} {
		if got := Explanation(Diagnose([]Record{r})); got != "" {
			t.Errorf("%+v: %q", r, got)
		}
	}
}

func TestTheCauseComesBeforeItsConsequencesAndEachIsSaidOnce(t *testing.T) {
	rapid := Record{Log: "System", Source: "Microsoft-Windows-WAS", ID: 5002, Named: true}
	crash := Record{Log: "System", Source: "Microsoft-Windows-WAS", ID: 5011, Named: true}
	runtime := Record{Log: "Application", Source: ".NET Runtime", ID: 1026, Text: "Exception Info: A"}
	found := Diagnose([]Record{crash, rapid, crash, runtime, {Log: "HTTPERR", Source: "AppOffline", ID: 503, Count: 3, Named: true}})
	var signs []string
	for _, f := range found {
		signs = append(signs, f.Sign)
	}
	want := ".NET Runtime event 1026, perhaps of another application|WAS event 5011|WAS event 5002|http.sys refused 3 requests with 503 AppOffline"
	if got := strings.Join(signs, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Explanation(found); strings.Count(got, "to do:") != 1 || strings.Contains(got, "5002") {
		t.Errorf("more than two findings or one remedy: %s", got)
	}
}

func TestARecordThatNamesTheSlotOutweighsOneOfAnybody(t *testing.T) {
	mine := Record{Source: ".NET Runtime", ID: 1026, Named: true, Text: "Exception Info: Mine"}
	other := Record{Source: ".NET Runtime", ID: 1026, Text: "Exception Info: Other"}
	if got := Explanation(Diagnose([]Record{mine, other})); !strings.Contains(got, "Mine") || strings.Contains(got, "perhaps") {
		t.Error(got)
	}
}

func TestWordsOfALogStayOneShortLine(t *testing.T) {
	got := Explanation(Diagnose([]Record{{Source: ".NET Runtime", ID: 1026, Text: "Exception Info: " + strings.Repeat("é\tx ", 5000) + "\nmore"}}))
	if len([]rune(got)) > 600 || strings.ContainsAny(got, "\r\n\t") {
		t.Errorf("%d characters: %.100q", len(got), got)
	}
}

// TestEachErrorPageIsRecognised reads the sub-status where the page says it, and never tells the page itself.
func TestEachErrorPageIsRecognised(t *testing.T) {
	for _, s := range pageSigns() {
		status := 500
		switch s.sub[:3] {
		case "502":
			status = 502
		case "403":
			status = 403
		}
		page := "<h1>HTTP Error " + s.sub + " - of some kind</h1> Error Code: 0x" + s.code + " password=secret"
		got := diagnosePage(status, "Microsoft-IIS/10.0", page)
		if !strings.HasPrefix(got, s.sub+": "+s.cause) || !strings.Contains(got, s.remedy) || strings.Contains(got, "secret") {
			t.Errorf("%s: %q", s.sub, got)
		}
	}
	for _, test := range []struct {
		status             int
		server, page, want string
	}{
		{503, "Microsoft-HTTPAPI/2.0", "", "pool is stopped"}, {404, "Microsoft-HTTPAPI/2.0", "", "no site's binding"},
		{404, "Microsoft-IIS/10.0", "no such page", ""}, {500, "", "version 502.5 of the app", ""}, {200, "", "500.30", ""}, {500, "", "", ""},
	} {
		if got := diagnosePage(test.status, test.server, test.page); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func FuzzDiagnose(f *testing.F) {
	f.Add("System", "Microsoft-Windows-WAS", 5002, "text", 500, "HTTP Error 500.30")
	f.Add("HTTPERR", "AppOffline", 503, "", 503, "")
	f.Fuzz(func(t *testing.T, log, source string, id int, text string, status int, page string) {
		r := Record{Log: log, Source: source, ID: id, Text: text}
		if got := Explanation(Diagnose([]Record{r, r})); len(got) > 2000+len(source) {
			t.Errorf("%d bytes", len(got))
		}
		if got := diagnosePage(status, source, page); len(got) > 400 {
			t.Errorf("%d bytes", len(got))
		}
	})
}
