package winrm

import (
	"strings"
	"testing"
)

func FuzzReply(f *testing.F) {
	f.Add(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body><ReceiveResponse><Stream Name="stdout">aGk=</Stream></ReceiveResponse></s:Body></s:Envelope>`)
	f.Add(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Subcode><s:Value>w:TimedOut</s:Value></s:Subcode></s:Code></s:Fault></s:Body></s:Envelope>`)
	f.Add(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><EnumerateResponse><Items><Shell><ShellId>A</ShellId><Name>iis-canary web 1</Name><ShellInactivity>P0DT0H2M5S</ShellInactivity></Shell></Items></EnumerateResponse></s:Body></s:Envelope>`)
	f.Add(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><ReceiveResponse><CommandState State="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done"><ExitCode>3221225477</ExitCode></CommandState></ReceiveResponse></s:Body></s:Envelope>`)
	f.Add(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>` + strings.Repeat("<a>", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		if fault, err := parseFault(text); err == nil && fault.Text == "" {
			t.Error("a fault without a word")
		}
		r, err := parse(text)
		if err != nil {
			return
		}
		_ = r.shellID()
		for _, s := range r.Body.Shells {
			if unused, ok := inactivity(s.Inactive); unused < 0 || !ok && unused != 0 {
				t.Errorf("%q is %s", s.Inactive, unused)
			}
		}
		if out, err := r.output(); err == nil && !out.Done && out.ExitCode != 0 {
			t.Errorf("exit code %d of a command that runs", out.ExitCode)
		}
	})
}

func TestAnEmptyAnswerIsNoEnvelope(t *testing.T) {
	for _, text := range []string{"", "  ", "<html/>", "<s:Envelope"} {
		if _, err := parseFault(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestNegativeCodesAreUnsigned(t *testing.T) {
	if got := firstCode("-2144108503", ""); got != codeTimedOut {
		t.Errorf("got %d", got)
	}
	if got := firstCode("", strings.Repeat("9", 40)); got != 0 {
		t.Errorf("got %d", got)
	}
}
