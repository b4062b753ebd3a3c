package iis

import (
	"regexp"
	"strconv"
	"strings"
)

// pageSign is what an error page names, and what it means.
type pageSign struct {
	sub    string // status and sub-status
	code   string // HRESULT that the page must have, too; empty: any
	cause  string
	remedy string
}

// pageSigns is ASP.NET Core's and IIS' own error reference.
func pageSigns() []pageSign {
	return []pageSign{
		{"500.19", "8007000d", "web.config names a section whose module is not installed: ASP.NET Core's or URL Rewrite", repairBundle},
		{"500.19", "80070021", "a section of web.config is locked on this server", "unlock it with appcmd unlock config, or leave it out of web.config"},
		{"500.19", "80070005", "the pool's account may not read the folder", "give the account of the pool read rights on the site's folder"},
		{"500.19", "80070003", "the folder of the site is not there", "look at the path of the site"},
		{"500.19", "", "web.config cannot be used", "open the page on the server itself: it names the line"},
		{"500.21", "", "a handler's module is not installed", "install the ASP.NET 4.x feature, or the .NET hosting bundle"},
		{"500.0", "", "the in-process handler could not be loaded", repairBundle},
		{"500.30", "", "the application crashed at its start", readException},
		{"500.31", "", "the .NET runtime that the application needs is not installed", installRuntime},
		{"500.32", "", "the application is built for another bitness than the pool's", "publish it for x64, or as portable"},
		{"500.34", "", "the pool holds applications of both hosting models", "give each application a pool of its own"},
		{"500.35", "", "the pool holds two applications in one process", "give each application a pool of its own"},
		{"500.37", "", "the application did not start within its time limit", "find out what it waits for at its start"},
		{"500.38", "", "the application's DLL was not found", "publish it again, not as a single file"},
		{"502.5", "", "the application's own process could not be started", readException},
		{"403.14", "", "the folder has no start page: web.config is missing, or the path is wrong", "look at what the package holds"},
	}
}

var (
	subStatus = regexp.MustCompile(`\b([45][0-9]{2}\.[0-9]{1,2})\b`)
	pageCode  = regexp.MustCompile(`(?i)0x(8[0-9a-f]{7})\b`)
)

// diagnosePage is what the answer to a probe tells beside its status; empty: nothing that is known. The page itself is not told: it is
// the application's, and may hold anything.
func diagnosePage(status int, server, page string) string {
	if strings.HasPrefix(server, "Microsoft-HTTPAPI") {
		switch status {
		case 503:
			return "http.sys itself answered: the pool is stopped or was disabled"
		case 400, 404:
			return "http.sys itself answered: no site's binding fits the host name"
		}
	}
	sub, code := subStatus.FindString(page), ""
	if m := pageCode.FindStringSubmatch(page); m != nil {
		code = strings.ToLower(m[1])
	}
	if !strings.HasPrefix(sub, strconv.Itoa(status)+".") {
		return ""
	}
	for _, s := range pageSigns() {
		if s.sub == sub && (s.code == "" || s.code == code) {
			return sub + ": " + s.cause + "; to do: " + s.remedy
		}
	}
	return ""
}
