// Package standin is the Windows under the C# agent where there is none: a stand-in for Microsoft.Web.Administration and for the
// parts of .NET that only Windows has, compiled together with whatever agent source arrives and run under Mono. It holds no state of
// its own: everything is asked of a simulated server over a loopback socket (library/World.cs).
package standin

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
)

//go:embed library/*.cs windows/*.cs
var sources embed.FS

// Workshop compiles agents, each source once. Its methods are safe for concurrent use.
type Workshop struct {
	mcs, mono string
	dir       string
	mu        sync.Mutex
	built     map[[sha256.Size]byte]*program
}

type program struct {
	once sync.Once
	path string
	err  error
}

// MissingError says that a program is not installed. On Debian the packages are mono-mcs and mono-runtime.
type MissingError struct{ Program string }

func (e *MissingError) Error() string {
	return e.Program + " is not installed (Debian: apt-get install mono-mcs mono-runtime libmono-system-web-extensions4.0-cil libmono-system-io-compression4.0-cil)"
}

// Open looks for the compiler and for Mono; without them the error is a *MissingError. Everything is written below dir, which
// must exist.
func Open(dir string) (*Workshop, error) {
	w := &Workshop{dir: dir, built: map[[sha256.Size]byte]*program{}}
	for name, path := range map[string]*string{"mcs": &w.mcs, "mono": &w.mono} {
		found, err := exec.LookPath(name)
		if err != nil {
			return nil, &MissingError{name}
		}
		*path = found
	}
	return w, nil
}

// Build compiles an agent as the compiler of Windows PowerShell 5.1 would, every warning an error. The error has the compiler's words.
// What calls into a library of Windows by its address is left out by the symbol STANDIN, and stands in windows/Host.cs instead.
func (w *Workshop) Build(ctx context.Context, source []byte) (path string, err error) {
	sum := sha256.Sum256(source)
	w.mu.Lock()
	p := w.built[sum]
	if p == nil {
		p = &program{}
		w.built[sum] = p
	}
	w.mu.Unlock()
	p.once.Do(func() {
		// The first who asks compiles for all: his going must not spoil it.
		p.path, p.err = w.compile(context.WithoutCancel(ctx), filepath.Join(w.dir, fmt.Sprintf("%x", sum[:8])), source)
	})
	return p.path, p.err
}

// Command runs a program that Build made, against the simulated server that listens on a port of 127.0.0.1 and knows the token.
// Root is the server's folder; speed divides the agent's pauses and waits.
func (w *Workshop) Command(ctx context.Context, path string, port int, token, root string, speed float64) *exec.Cmd {
	return exec.CommandContext(ctx, w.mono, path, strconv.Itoa(port), token, root, strconv.FormatFloat(speed, 'g', -1, 64))
}

// Compile compiles all of an agent against the framework itself, without what hides parts of it in Build: what comes out cannot run here. Only
// assemblies that Mono may be without are stood in for. It returns its path.
func (w *Workshop) Compile(ctx context.Context, source []byte) (path string, err error) {
	sum := sha256.Sum256(source)
	dir := filepath.Join(w.dir, fmt.Sprintf("%x-whole", sum[:8]))
	agent, library, err := w.unpack(ctx, dir, source)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "agent.dll")
	return path, w.run(ctx, append(references(library), "-t:library", "-out:"+path, agent, filepath.Join(dir, "windows", "Framework.cs")))
}

func (w *Workshop) compile(ctx context.Context, dir string, source []byte) (string, error) {
	agent, library, err := w.unpack(ctx, dir, source)
	if err != nil {
		return "", err
	}
	beside, err := named("windows", dir)
	if err != nil {
		return "", err
	}
	exe := filepath.Join(dir, "agent.exe")
	return exe, w.run(ctx, append(append(references(library), "-define:STANDIN", "-out:"+exe, agent), beside...))
}

// references are what loader.ps1 gives the compiler, and how strict it is to be.
func references(library string) []string {
	return []string{"-langversion:5", "-warnaserror", "-r:" + library, "-r:System.Core.dll", "-r:System.Web.Extensions.dll", "-r:System.IO.Compression.dll"}
}

// unpack writes the sources into a folder, and makes the library from those that are of it.
func (w *Workshop) unpack(ctx context.Context, dir string, source []byte) (agent, library string, err error) {
	if err := os.CopyFS(dir, sources); err != nil {
		return "", "", fmt.Errorf("unpack the stand-in: %w", err)
	}
	agent, library = filepath.Join(dir, "agent.cs"), filepath.Join(dir, "Microsoft.Web.Administration.dll")
	if err := os.WriteFile(agent, source, 0o600); err != nil {
		return "", "", fmt.Errorf("unpack the agent: %w", err)
	}
	beneath, err := named("library", dir)
	if err != nil {
		return "", "", err
	}
	return agent, library, w.run(ctx, append([]string{"-langversion:5", "-t:library", "-r:System.Web.Extensions.dll", "-out:" + library}, beneath...))
}

func (w *Workshop) run(ctx context.Context, args []string) error {
	if out, err := exec.CommandContext(ctx, w.mcs, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("mcs: %w: %s", err, out)
	}
	return nil
}

func named(folder, dir string) ([]string, error) {
	names, err := fs.Glob(sources, folder+"/*.cs")
	if err != nil {
		return nil, fmt.Errorf("list the stand-in: %w", err)
	}
	for i, n := range names {
		names[i] = filepath.Join(dir, n)
	}
	return names, nil
}
