package iistest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// historyMost is how many versions and runs history tells of.
const historyMost = 5

// written is one thing by its name, and when it was written.
type written struct {
	Name    string `json:"name,omitempty"`
	Run     string `json:"run,omitempty"`
	Written string `json:"written"`
}

type programRunning struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
}

// configFile is applicationHost.config on the simulated disk. It has no content but its number: readers ask for its time.
func (m *machine) configFile() string {
	return filepath.Join(m.config.Root, "c", "Windows", "System32", "inetsrv", "config", "applicationHost.config")
}

func (m *machine) copies() string { return filepath.Join(m.config.Root, "c", "inetpub", "history") }

// touch is what a commit leaves on the disk: the file, and a copy. A disk that cannot be written has neither. The lock is held, or nobody has the
// machine yet.
func (m *machine) touch() {
	text := fmt.Appendf(nil, "<!-- version %d -->\n", m.version)
	_ = write(m.configFile(), text)
	_ = write(filepath.Join(m.copies(), fmt.Sprintf("CFGHISTORY_%010d", m.version), "applicationHost.config"), text)
}

// Run lets a program run from now on, such as InetMgr.exe.
func (s *Server) Run(image string) {
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pid += 4
	m.children[m.pid] = &child{pid: m.pid, parent: 900, name: image, started: time.Now().UTC()}
}

// programs are the running ones with a name, which has no .exe.
func (m *machine) programs(name string) []programRunning {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []programRunning{}
	for _, c := range m.children {
		if strings.EqualFold(c.name, name+".exe") {
			out = append(out, programRunning{name, c.pid})
		}
	}
	slices.SortFunc(out, func(a, b programRunning) int { return cmp.Compare(a.PID, b.PID) })
	return out
}

// writers are the programs that are known to write the configuration and run now.
func (m *machine) writers() []programRunning {
	out := []programRunning{}
	for _, name := range []string{"Calamari", "InetMgr", "appcmd", "msdeploy", "wacs", "puppet", "chef-client"} {
		out = append(out, m.programs(name)...)
	}
	return out
}

func (m *machine) versions() []written {
	names := folders(m.copies())
	slices.Sort(names)
	slices.Reverse(names)
	out := []written{}
	for _, n := range names {
		out = append(out, written{Name: n, Written: writtenAt(filepath.Join(m.copies(), n, "applicationHost.config"))})
	}
	return out
}

func writtenAt(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return stamp(info.ModTime())
}

func history(_ context.Context, c *call) (any, error) {
	m, runs := c.server.machine, []written{}
	for _, r := range c.server.store.runs(c.app) {
		runs = append(runs, written{Run: r, Written: writtenAt(c.server.store.shard(c.app, r))})
	}
	versions := m.versions()
	return map[string]any{"written": writtenAt(m.configFile()), "versions": versions[:min(len(versions), historyMost)], "programs": m.writers(),
		"runs": runs[:min(len(runs), historyMost)]}, nil
}

// lastCommit is who committed last, in words to stand behind a sentence.
func (m *machine) lastCommit() string {
	text := ""
	if at := writtenAt(m.configFile()); at != "" {
		text = "; applicationHost.config was last written at " + at
		if all := m.versions(); len(all) > 0 {
			text += ", the newest copy is " + all[0].Name
		}
	}
	for _, p := range m.writers() {
		text += fmt.Sprintf("; %s runs here, process %d", p.Name, p.PID)
	}
	return text
}
