package lint

import (
	"fmt"
	"strings"
)

// Server is what a server has.
type Server struct {
	Sections  map[string]bool // of applicationHost.config below system.webServer: whether a web.config may not say it; nil: not known
	Runtimes  []string        // versions of the shared runtime of ASP.NET Core
	Framework int             // release number of .NET Framework 4; 0: none
}

// Kind is what a shortcoming is of.
type Kind string

// The kinds.
const (
	NoModule  Kind = "no module"
	Locked    Kind = "locked"
	NoRuntime Kind = "no runtime"
)

// Shortcoming is one thing that a release asks for and a server does not have.
type Shortcoming struct {
	Kind   Kind
	What   string
	Remedy string // what a person can do
	Doubt  bool   // the application may run nevertheless
}

// Against is everything that keeps a server from running the release, in the order of files and lines.
func (n Needs) Against(s Server) []Shortcoming {
	var out []Shortcoming
	if s.Sections != nil {
		out = append(out, n.sections(s)...)
	}
	for _, f := range n.Frameworks {
		if f.met(s.Runtimes) {
			continue
		}
		there := strings.Join(s.Runtimes, ", ")
		if there == "" {
			there = "none"
		}
		out = append(out, Shortcoming{Kind: NoRuntime, Doubt: f.Doubt || n.narrowProgram() || preview(s.Runtimes),
			What:   fmt.Sprintf("%s asks for %s %s, there: %s (IIS would answer 500.31)", f.File, f.Name, f.Version, there),
			Remedy: "install the ASP.NET Core Hosting Bundle of that version, then restart IIS: net stop was /y, net start w3svc"})
	}
	if least, known := release(n.Target.Version); known && n.Core == nil && s.Framework < least {
		out = append(out, Shortcoming{Kind: NoRuntime,
			What:   fmt.Sprintf("%s:%d asks for .NET Framework %s, there: %s", n.Target.File, n.Target.Line, n.Target.Version, named(s.Framework)),
			Remedy: "install .NET Framework " + n.Target.Version + ", or build the release for the version that is there"})
	}
	return out
}

// sections compares what the web.config files say with what IIS knows and lets them say.
func (n Needs) sections(s Server) []Shortcoming {
	var out []Shortcoming
	missing := map[string]bool{}
	for _, e := range n.Sections {
		if inside(e.Path, s.Sections) || inside(e.Path, missing) {
			continue
		}
		locked, section := s.Sections[e.Path]
		where := ""
		if e.Doubt {
			where = " to requests for that folder"
		}
		switch {
		case section && locked:
			out = append(out, Shortcoming{Kind: Locked, Doubt: e.Doubt,
				What:   fmt.Sprintf("%s:%d sets %s, which is locked here (IIS would answer 500.19, 0x80070021%s)", e.File, e.Line, e.Path, where),
				Remedy: "leave the section out, or unlock it there: appcmd unlock config /section:" + e.Path})
		case section || group(e.Path, s.Sections):
		default:
			missing[e.Path] = true
			out = append(out, Shortcoming{Kind: NoModule, Doubt: e.Doubt,
				What:   fmt.Sprintf("%s:%d sets %s, which IIS does not know here (it would answer 500.19, 0x8007000D%s)", e.File, e.Line, e.Path, where),
				Remedy: provider(e.Path)})
		}
	}
	return out
}

// inside reports whether an element belongs to a section around it.
func inside(path string, known map[string]bool) bool {
	for at := strings.LastIndexByte(path, '/'); at > 0; at = strings.LastIndexByte(path[:at], '/') {
		if _, section := known[path[:at]]; section {
			return true
		}
	}
	return false
}

// group reports whether sections are below an element.
func group(path string, known map[string]bool) bool {
	for name := range known {
		if strings.HasPrefix(name, path+"/") {
			return true
		}
	}
	return false
}

// provider is what brings a section.
func provider(section string) string {
	_, name, _ := strings.Cut(section, "/")
	name, _, _ = strings.Cut(name, "/")
	switch strings.ToLower(name) {
	case "aspnetcore":
		return "install the ASP.NET Core Hosting Bundle (or repair it, where it came before IIS), then restart IIS: net stop was /y, net start w3svc"
	case "rewrite":
		return "install the URL Rewrite module"
	case "applicationinitialization":
		return "Install-WindowsFeature Web-AppInit"
	case "websocket":
		return "Install-WindowsFeature Web-WebSockets"
	case "cors":
		return "install the IIS CORS module"
	case "httpplatform":
		return "install the HttpPlatformHandler"
	}
	return "install the module that brings it, or leave the section out"
}
