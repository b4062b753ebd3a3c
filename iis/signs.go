package iis

// What to do about the same cause, however it shows itself.
const (
	repairBundle   = "install or repair the .NET hosting bundle on the server, then restart WAS and W3SVC while it is out of rotation"
	installRuntime = "install the .NET runtime that the release was built for, or publish it with its own"
	readException  = "read the exception in the server's Application log; a missing setting or file of the new release is the usual reason"
)

// signs are the entries of the event logs that tell why a site does not work (ASP.NET Core's troubleshooting reference and the event
// ids of WAS, W3SVC and http.sys). ASP.NET Core's module is told by its words: its event ids changed from version to version.
func signs() []sign {
	const module = "IIS AspNetCore Module"
	return []sign{
		{source: "WAS", ids: []int{5021, 5057, 5059}, cause: "WAS cannot log on the account of the pool",
			remedy: "check the account of the pool, its password and its right to log on as a batch job; a group managed account must be released to this server"},
		{source: "WAS", ids: []int{5050}, cause: "the name of the pool is too long", remedy: "choose a shorter app name: a slot's name has 63 characters at most"},
		{source: "WAS", ids: []int{5172, 2297}, cause: "WAS could not read its configuration",
			remedy: "look at applicationHost.config: another program may have been writing it, or it is malformed"},
		{source: "W3SVC", ids: []int{1004, 1007}, cause: "the address of the site could not be registered",
			remedy: "another program or an URL reservation has the address: see netsh http show urlacl and netsh http show servicestate"},
		{source: "HttpEvent", ids: []int{15005}, cause: "http.sys could not listen on the address",
			remedy: "find the program that has the port with: Get-NetTCPConnection -State Listen"},
		{source: "HttpEvent", ids: []int{15300}, cause: "the certificate was taken off the port",
			remedy: "bind it again; if it goes by itself, look for legacy values 5506 and 5511 in customMetadata of applicationHost.config"},
		{source: "HttpEvent", ids: []int{15021}, cause: "http.sys cannot use the certificate of the port",
			remedy: "check that the certificate is in LocalMachine\\My with its private key"},
		{source: module, text: `(?i)0x800700c1`, cause: "the application is built for another bitness than the pool's",
			remedy: "publish it for x64, or as portable"},
		{source: module, text: `(?i)install or update \.NET|compatible framework version|Microsoft\.(AspNetCore|NETCore)\.App'`, detail: after("Framework: ", "The framework "),
			cause: "the .NET runtime that the application needs is not installed", remedy: installRuntime},
		{source: module, text: `(?i)aspnetcorev2_inprocess\.dll`, cause: "the module of ASP.NET Core finds no handler for the application", remedy: repairBundle},
		{source: module, text: `(?i)startup time limit|startup timeout`, cause: "the application did not start within its time limit",
			remedy: "find out what it waits for at its start; startupTimeLimit in web.config sets the limit"},
		{source: ".NET Runtime", ids: []int{1026}, detail: after("Exception Info: ", "Unhandled exception. "),
			cause: "the application ended by an exception that it did not catch", remedy: readException},
		{source: ".NET Runtime", ids: []int{1023, 1025}, detail: after("Message: ", "Description: "), cause: "the application ended itself or its runtime failed",
			remedy: "read the .NET Runtime entries in the server's Application log"},
		{source: module, text: `(?i)managed exception|worker thread exited|Program\.Main|load coreclr|load clr`, detail: after("exception message:", "Exception message:"),
			cause: "the application crashed at its start", remedy: readException},
		{source: module, text: `(?i)failed to start process`, detail: after("commandline "), cause: "the application's own process could not be started",
			remedy: "start it by hand on the server with the command line of the event, and read what it says"},
		{source: module, cause: "the module of ASP.NET Core could not run the application", remedy: readException},
		{source: "ASP.NET ", detail: after("Exception message: "), cause: "ASP.NET met an error", remedy: readException},
		{source: "Application Error", ids: []int{1000}, detail: after("Faulting module name: "), cause: "the worker process crashed",
			remedy: "look at the module that the event names; a crash dump tells more"},
		{source: "WAS", ids: []int{5010}, cause: "the worker process did not answer WAS' ping", remedy: "the application hangs: look for a deadlock or for exhausted threads"},
		{source: "WAS", ids: []int{5009, 5011}, cause: "the worker process ended unexpectedly",
			remedy: "look for .NET Runtime and Application Error entries in the server's Application log"},
		{source: "WAS", ids: []int{5002}, cause: "the pool was disabled because its workers failed again and again",
			remedy: "look for .NET Runtime and Application Error entries in the server's Application log"},
		{source: "WAS", ids: []int{5013}, cause: "a worker process did not end within its time limit",
			remedy: "it may hold web sockets or background work: let the application end both when it is asked to stop"},
	}
}

// refusals are the reasons of HTTPERR, the log of what http.sys itself refused.
func refusals() []sign {
	return []sign{
		{source: "AppOffline", cause: "the pool is stopped or was disabled"},
		{source: "AppShutdown", cause: "the worker process was ending"},
		{source: "QueueFull", cause: "the queue of the pool is full", remedy: "the application does not keep up, or hangs"},
		{source: "ConnLimit", cause: "the limit of connections is reached", remedy: "look at maxConnections of the site"},
		{source: "Connection_Abandoned", cause: "a worker process ended with requests in its hands"},
		{source: "Disabled", cause: "the pool was disabled"},
	}
}
