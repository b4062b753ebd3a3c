package rehearsal

import (
	"time"

	"iiscanary/iis/iistest"
)

// winrmFaults are the troubles of WinRM, each with what it does to one server of the fleet.
func (f *Fleet) winrmFaults() map[string]func(*iistest.Server) {
	o := f.options
	fail := func(all ...iistest.Failure) func(*iistest.Server) {
		return func(s *iistest.Server) { s.Fail(all...) }
	}
	// anew makes the program ask for a shell: what is about shells strikes then.
	anew := func(do func(*iistest.Server)) func(*iistest.Server) {
		return func(s *iistest.Server) { s.EndShells(); do(s) }
	}
	last := f.Servers[len(f.Servers)-1]
	return map[string]func(*iistest.Server){
		"winrm-drop":       func(s *iistest.Server) { s.Drop(dropEvery) },
		"winrm-restart":    func(s *iistest.Server) { s.RestartWinRM(o.scaled(serviceAway)) },
		"winrm-busy":       fail(busy()...),
		"winrm-503":        fail(iistest.Failure{Status: 503, Times: 3}),
		"winrm-slow":       func(s *iistest.Server) { s.Latency(slowNetwork) },
		"winrm-throttled":  func(s *iistest.Server) { s.Narrow(narrowNetwork) },
		"winrm-garbage":    anew(fail(garbage()...)),
		"winrm-profile":    anew(fail(iistest.Failure{Action: "Create", Code: profileUnloading, Times: 2})),
		"winrm-killed":     func(s *iistest.Server) { s.KillProcesses(outOfMemory, memoryWords) },
		"winrm-shells":     anew(func(s *iistest.Server) { s.Abandon(ourShells, mostShells, time.Hour) }),
		"winrm-full":       anew(func(s *iistest.Server) { s.Crowd(mostShells, 0, o.scaled(crowded)) }),
		"winrm-operations": anew(func(s *iistest.Server) { s.Crowd(1, mostOperations, o.scaled(crowded)) }),
		"winrm-envelope":   anew(func(s *iistest.Server) { s.SetLimits(iistest.Limits{EnvelopeKB: leastEnvelope}) }),
		"winrm-timeout":    func(s *iistest.Server) { s.SetLimits(iistest.Limits{Timeout: leastTimeout}) },
		"winrm-idle":       func(s *iistest.Server) { s.SetLimits(iistest.Limits{Idle: max(o.scaled(idle), leastIdle)}) },
		"winrm-pieces":     anew(func(s *iistest.Server) { s.SetLimits(iistest.Limits{Piece: smallPiece}) }),
		"winrm-lockout":    func(s *iistest.Server) { s.LockAccount(true) },
		"winrm-silent": func(s *iistest.Server) {
			if s == f.Servers[0] {
				s.Fail(iistest.Failure{Action: "Send", Hang: true, Times: 1})
			}
		},
		"winrm-reboot": func(s *iistest.Server) {
			if s == last {
				s.RebootSlowly(iistest.Booting{Away: o.scaled(booting), Starting: o.scaled(serviceAway), Refused: 1})
			}
		},
	}
}

// Quotas are the defaults of Windows; the others are its least.
const (
	mostShells     = 30
	mostOperations = 1500
	leastEnvelope  = 32 // KB
	leastTimeout   = 500 * time.Millisecond
	leastIdle      = 800 * time.Millisecond // a loaded machine takes its time between a shell and the first request for it
	smallPiece     = 7                      // bytes
	ourShells      = "iis-canary"
)

const (
	serviceAway   = 40 * time.Second
	crowded       = 60 * time.Second
	booting       = 60 * time.Second
	idle          = 20 * time.Second
	slowNetwork   = 100 * time.Millisecond
	narrowNetwork = 200_000 // bytes per second
	// Every dropEvery-th WinRM request is reset.
	dropEvery = 23
)

// outOfMemory is the exit code of a process whose memory went over the limit of its job, with the words of .NET.
const (
	outOfMemory = -2147024882 // 0x8007000E
	memoryWords = "#< CLIXML\r\n" + `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><S S="Error">` +
		`Exception of type 'System.OutOfMemoryException' was thrown._x000D__x000A_</S></Objs>`
)

// Codes of WinRM's faults.
const (
	aborted          = 995
	shuttingDown     = 1115
	profileUnloading = 2147943418
	shellGone        = 2150858843
	tooManyShells    = 2150859173
	systemQuota      = 2150859176
)

// busy is what a server says that has too much to do.
func busy() []iistest.Failure {
	return []iistest.Failure{{Action: "Receive", Code: aborted, Times: 1}, {Status: 503, Times: 2}, {Action: "Create", Code: tooManyShells, Times: 1},
		{Action: "Create", Code: systemQuota, Times: 1}, {Action: "Command", Code: shuttingDown, Times: 1}, {Action: "Send", Code: shellGone, Times: 1}}
}

// garbage is what comes of something on the way that does not understand WinRM.
func garbage() []iistest.Failure {
	return []iistest.Failure{{Action: "Create", Spoilt: iistest.Noise, Times: 1}, {Action: "Command", Spoilt: iistest.Stranger, Times: 1},
		{Action: "Send", Spoilt: iistest.Cut, Times: 1}, {Action: "Receive", Spoilt: iistest.Cut, Times: 1}, {Action: "Receive", Spoilt: iistest.Huge, Times: 1}}
}
