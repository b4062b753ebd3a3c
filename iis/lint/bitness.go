package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Narrowed is why the release cannot run in a 64-bit pool, one text for each reason; and what in it such a pool could not load, which
// the application may never ask for. framework tells that the pool loads .NET Framework.
func (n Needs) Narrowed(framework bool) (reasons, doubts []string) {
	for _, i := range n.Narrow {
		what := fmt.Sprintf("%s is built for %s only, and the pool is a 64-bit one", i.File, i.Machine)
		switch {
		case i.Managed && n.apart():
		case framework && n.loads(i), i.Managed && n.Core.owns(i.File):
			reasons = append(reasons, what+" (loading it ends with BadImageFormatException)")
		case n.hosts(i):
			reasons = append(reasons, fmt.Sprintf("%s is published for %s, and is to run within a 64-bit pool (IIS would answer 500.32)", i.File, i.Machine))
		case i.Managed || n.Core != nil && n.Core.InProcess && n.Core.owns(i.File):
			doubts = append(doubts, what+": whatever loads it fails")
		}
	}
	return reasons, doubts
}

// apart reports whether the application runs in a process of its own, of whatever bitness.
func (n Needs) apart() bool {
	return n.Core != nil && !n.Core.InProcess && strings.EqualFold(path.Ext(n.Core.program()), ".exe") && !strings.EqualFold(n.Core.program(), "dotnet.exe")
}

// loads reports whether ASP.NET loads an assembly when the application starts: all that are in bin itself, unless its web.config says otherwise.
func (n Needs) loads(i Image) bool {
	return i.Managed && n.Core == nil && !n.picks && strings.EqualFold(path.Dir(i.File), "bin") && strings.EqualFold(path.Ext(i.File), ".dll")
}

// hosts reports whether a native image is the program that the pool's own process has to host, with its .NET beside it. Without that, IIS takes
// the server's .NET, and the program's bitness is no matter.
func (n Needs) hosts(i Image) bool {
	beside := path.Join(path.Dir(i.File), "hostfxr.dll")
	return !i.Managed && n.Core != nil && n.Core.InProcess && n.Core.owns(i.File) &&
		slices.ContainsFunc(n.Narrow, func(o Image) bool { return strings.EqualFold(o.File, beside) })
}

// narrowProgram reports whether the program is a 32-bit one in a process of its own, which has runtimes of its own too.
func (n Needs) narrowProgram() bool {
	return n.apart() && slices.ContainsFunc(n.Narrow, func(i Image) bool { return n.Core.owns(i.File) })
}
