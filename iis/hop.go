package iis

import (
	"regexp"
	"slices"

	"iiscanary/iis/agent"
)

// shared is a path on another server.
var shared = regexp.MustCompile(`\\\\[^\\\s'"]+\\[^\\\s'"]+`)

// explainHop says of a share that refused the agent what cannot be seen from the refusal: a login over WinRM holds on the server that
// it was made on, and is nobody's on the next (double hop).
func explainHop(e *agent.Error) {
	const (
		accessDenied   = 0x80070005
		noLogonSession = 0x80070520
		logonFailure   = 0x8007052E
		noNetworkPath  = 0x80070035
	)
	if slices.Contains([]uint32{accessDenied, noLogonSession, logonFailure, noNetworkPath}, uint32(e.HResult)) && shared.MatchString(e.Message) {
		e.Hint = "a login over WinRM does not reach from the server to another one (double hop): name a folder on a disk of the server itself"
	}
}
