package iistest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

const automatic = "automatic"

func (t Trouble) startType() string { return cmp.Or(t.StartType, automatic) }

func (t Trouble) framework() int { return cmp.Or(t.Framework, frameworkRelease) }

func (t Trouble) bits() int {
	if t.Process32 {
		return 32
	}
	return 64
}

// parts is where the optional parts of IIS are on the disk, by the names of docs/agent-protocol.md.
func parts() map[string]string {
	const inetsrv = `C:\Windows\System32\inetsrv\`
	return map[string]string{"app_init": inetsrv + "warmup.dll", "request_monitor": inetsrv + "iisreqs.dll", "rewrite": inetsrv + "rewrite.dll",
		"websockets": inetsrv + "iiswsock.dll", "ancm": `C:\Program Files\IIS\Asp.Net Core Module\V2\aspnetcorev2.dll`}
}

// modules is which optional parts of IIS are on the disk.
func (s *Server) modules() map[string]bool {
	out := map[string]bool{}
	for name, path := range parts() {
		local, err := s.store.local(path)
		out[name] = err == nil && exists(local)
	}
	return out
}

// Equip installs optional parts of IIS: ancm, rewrite, app_init, request_monitor, websockets; and, by versions, the shared runtime of
// ASP.NET Core.
func (s *Server) Equip(modules, runtimes []string) error {
	var all []error
	for _, name := range modules {
		path, known := parts()[name]
		if !known {
			return fmt.Errorf("equip: there is no module %q", name)
		}
		local, err := s.store.local(path)
		if err == nil {
			err = write(local, []byte("MZ"))
		}
		all = append(all, err)
	}
	for _, version := range runtimes {
		local, err := s.store.local(sharedRuntime + `\` + version)
		if err == nil {
			err = os.MkdirAll(local, 0o700)
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// Strip takes away all that Equip installed.
func (s *Server) Strip() error {
	var all []error
	for _, path := range append(slices.Collect(maps.Values(parts())), sharedRuntime) {
		local, err := s.store.local(path)
		if err == nil {
			err = os.RemoveAll(local)
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

const sharedRuntime = `C:\Program Files\dotnet\shared\Microsoft.AspNetCore.App`

// runtimes is the shared runtimes of ASP.NET Core on the disk.
func (s *Server) runtimes() []string {
	local, err := s.store.local(sharedRuntime)
	if err != nil {
		return []string{}
	}
	return append([]string{}, folders(filepath.Clean(local))...)
}

// sections is what applicationHost.config declares below system.webServer, and whether it is locked; as IIS 10 with ASP.NET 4.8 is set up.
func (s *Server) sections() map[string]bool {
	const group = "system.webServer/"
	out := map[string]bool{}
	for _, open := range []string{"caching", "defaultDocument", "directoryBrowse", "handlers", "httpErrors", "httpProtocol", "httpRedirect", "modules",
		"security/authorization", "security/requestFiltering", "staticContent", "tracing/traceFailedRequests", "urlCompression", "validation"} {
		out[group+open] = false
	}
	for _, locked := range []string{"asp", "cgi", "globalModules", "httpCompression", "isapiFilters", "security/access", "security/authentication/anonymousAuthentication",
		"security/authentication/basicAuthentication", "security/authentication/windowsAuthentication", "security/ipSecurity", "serverRuntime"} {
		out[group+locked] = true
	}
	brings := map[string][]string{"ancm": {"aspNetCore"}, "rewrite": {"rewrite/rules", "rewrite/outboundRules", "rewrite/rewriteMaps"},
		"app_init": {"applicationInitialization"}, "websockets": {"webSocket"}}
	for module, there := range s.modules() {
		for _, name := range brings[module] {
			if there {
				out[group+name] = false
			}
		}
	}
	for _, name := range s.trouble.read().Locked {
		out[name] = true
	}
	return out
}

// sections is the operation of that name.
func sections(_ context.Context, c *call) (any, error) {
	type section struct {
		Name   string `json:"name"`
		Locked bool   `json:"locked"`
	}
	all := []section{}
	known := c.server.sections()
	for _, name := range slices.Sorted(maps.Keys(known)) {
		all = append(all, section{name, known[name] && c.server.faults.trapped("section", "") == 0})
	}
	return map[string]any{"sections": all}, nil
}
