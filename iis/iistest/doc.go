// Package iistest is a simulated Windows server with IIS, over real sockets. It promises:
//
//   - A WinRM endpoint (/wsman) over HTTPS with Basic, NTLM, Kerberos and client certificates, and over HTTP with sealed NTLM, that
//     answers as Windows does: Identify, Create, Command, Send, Receive as a long poll, Signal and Delete, with Windows' fault codes, quotas, size limits
//     and idle times. It is strict: a missing header, a wrong namespace, an unknown shell or a command that has ended is a
//     fault, never a guess.
//   - The host agent's side of docs/agent-protocol.md, run by every powershell.exe whose loader carries the agent's hash.
//     Anything else on the command line is a few words of cmd.exe and PowerShell, or refused, never a false success.
//   - Instead of that model, the C# that arrives, run under Mono on the same sites, pools and workers (Config.Mono).
//   - The ways in which IIS itself fails: see Trap and the methods beside it. They meet the model and the C# alike.
//   - An IIS model: sites, pools, workers with process ids, bindings, the two boot flags, states that take their time,
//     commits that conflict, pools that die. Slots are real folders with real files and a manifest.
//   - A real HTTPS site that listens only while a site is started, starts cold, and answers like http.sys where no
//     application can.
//   - W3C access logs written as IIS writes them: UTC, whole seconds, buffered, one file per site and day at
//     <Root>/logs/W3SVC<id>/u_ex<yymmdd>.log.
//   - Fault switches and the truth about everything, both safe to use while the server runs.
//
// It binds to the loopback address that it is given and to no other. Remote paths such as D:\sites\x are folders of
// Config.Root: <Root>/d/sites/x. It shares no code with the programs that it judges.
package iistest
