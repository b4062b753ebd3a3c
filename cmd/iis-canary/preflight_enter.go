package main

import (
	"context"
	"errors"
	"strings"

	"iiscanary/canary"
	"iiscanary/iis"
	"iiscanary/iis/agent"
)

// enter logs in and starts the agent.
func (pf *preflight) enter(ctx context.Context, server string) (iis.Hello, bool) {
	hello, err := pf.ses.hosts.Enter(ctx, server)
	start, isStart := errors.AsType[*agent.StartError](err)
	refusal, isRefusal := errors.AsType[*agent.Error](err)
	bad := finding{server: server, state: failed}
	switch {
	case err == nil:
	case isUntried(err):
		bad.check, bad.state, bad.what = checkPassword, unchecked, notTried
	case isRefused(err):
		bad.check, bad.place, bad.what, bad.do = checkPassword, pf.place(server), refusedWords(err), loginRemedy(pf.ses.spec.Servers.WinRM.Auth)
	case isTicket(err):
		bad.check, bad.place, bad.what, bad.do = checkPassword, pf.place(server), ticketWords(err), loginRemedy("kerberos")
	case isStart && start.NoIIS:
		bad.check, bad.what = checkIIS, start.Text
	case isStart:
		bad.check, bad.what = checkAgent, start.Error()
	case isRefusal:
		bad.check, bad.what, bad.do = checkAgent, refusal.Message, refusal.Hint
	case isEnded(err):
		bad.check, bad.what = checkAgent, rootWords(err)
	default:
		bad.check, bad.place, bad.what, bad.do = checkWinRM, pf.place(server), rootWords(err), lastingRemedy(err)
	}
	for _, id := range []checkID{checkPassword, checkWinRM, checkIIS, checkAgent} {
		if id == bad.check {
			pf.add(bad)
			return hello, false
		}
		if fall, is := pf.ses.hosts.Fallen(server); is && id == checkAgent {
			pf.add(finding{check: id, server: server, state: warned, what: fall.Why + "; each operation gets a process of its own, which is slower", do: fall.Do})
			continue
		}
		pf.pass(id, server, "")
	}
	return hello, true
}

// rootWords is an error without the names that the adapters put in front of it.
func rootWords(err error) string {
	text := err.Error()
	if _, rest, cut := strings.Cut(text, canary.ErrUnreachable.Error()+": "); cut {
		return rest
	}
	return text
}
