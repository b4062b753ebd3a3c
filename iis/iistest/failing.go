package iistest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// failing is one way in which an application does not work, as IIS tells a client on the server itself, and as the event logs tell it.
type failing struct {
	name   string // status and sub-status
	status int
	page   string
	log    []Entry // $site and $id stand for the site
}

const (
	ancm    = "IIS AspNetCore Module V2"
	runtime = ".NET Runtime"
)

// failings are the kinds that Behaviour.Fails knows.
func failings() []failing {
	all := []failing{
		{name: "500.19", page: "HTTP Error 500.19 - Internal Server Error. The requested page cannot be accessed because the related configuration data for " +
			"the page is invalid. Module: IIS Web Core. Error Code: 0x8007000d"},
		{name: "500.30", page: "HTTP Error 500.30 - ASP.NET Core app failed to start", log: []Entry{
			{Log: "Application", Source: runtime, ID: 1026, Text: "Application: w3wp.exe\nCoreCLR Version: 8.0.1124.51707\nDescription: The process was terminated due to an " +
				"unhandled exception.\nException Info: System.InvalidOperationException: The section Payment is missing\n   at Program.Main()"},
			{Log: "Application", Source: ancm, ID: 1007, Text: "Application '/LM/W3SVC/$id/ROOT' with physical root 'D:\\sites\\$site\\' failed to load coreclr. " +
				"Exception message:\nCLR worker thread exited prematurely"}}},
		{name: "500.31", page: "HTTP Error 500.31 - Failed to load ASP.NET Core runtime", log: []Entry{
			{Log: "Application", Source: ancm, ID: 1031, Text: "Could not find 'aspnetcorev2_inprocess.dll'. Exception message:\nYou must install or update .NET to run this " +
				"application.\nApp: D:\\sites\\$site\\app.dll\nFramework: 'Microsoft.AspNetCore.App', version '9.0.0' (x64)\nThe following frameworks were found: 8.0.11"}}},
		{name: "500.32", page: "HTTP Error 500.32 - Failed to load .NET Core host", log: []Entry{
			{Log: "Application", Source: ancm, ID: 1010, Text: "Failed to load application '/LM/W3SVC/$id/ROOT', ErrorCode '0x800700c1'."}}},
		{name: "502.5", page: "HTTP Error 502.5 - ANCM Out-Of-Process Startup Failure", log: []Entry{
			{Log: "Application", Source: ancm, ID: 1000, Text: "Application 'MACHINE/WEBROOT/APPHOST/$site' with physical root 'D:\\sites\\$site\\' failed to start process with " +
				"commandline 'dotnet app.dll', ErrorCode = '0x80004005 : 8000808c."}}},
	}
	for i, f := range all {
		whole, _, _ := strings.Cut(f.name, ".")
		all[i].status, _ = strconv.Atoi(whole) // the names above begin with a number
		all[i].page = fmt.Sprintf("<!DOCTYPE html><html><head><title>IIS</title></head><body><h1>%s</h1></body></html>\n", f.page)
	}
	return all
}

func failureOf(name string) (failing, bool) {
	all := failings()
	i := slices.IndexFunc(all, func(f failing) bool { return f.name == name })
	if i < 0 {
		return failing{}, false
	}
	return all[i], true
}

// tellOf writes a failure into the event logs. The lock is held.
func (m *machine) tellOf(f failing, s *site) {
	for _, e := range f.log {
		e.Text = strings.NewReplacer("$site", s.name, "$id", strconv.FormatInt(s.id, 10)).Replace(e.Text)
		m.enter(e)
	}
}

// crashed is what Windows writes when a worker dies of an exception that nobody caught. The lock is held.
func (m *machine) crashed(s *site, quoted string) {
	message := ""
	if quoted != "" {
		message = ": Cannot open '" + quoted + "'"
	}
	m.enter(Entry{Log: "Application", Source: runtime, ID: 1026, Text: "Application: w3wp.exe\nFramework Version: v4.0.30319\nDescription: The process was terminated " +
		"due to an unhandled exception.\nException Info: System.IO.FileNotFoundException" + message + "\n   at Startup.Configure()"})
	m.write(5011, fmt.Sprintf("A process serving application pool '%s' suffered a fatal communication error with the Windows Process Activation Service. "+
		"The process id was '%d'. The data field contains the error number.", s.name, m.pid))
}
