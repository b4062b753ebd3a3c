package iistest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// child is a process that another one has started.
type child struct {
	pid, parent int
	name        string
	path        string
	started     time.Time
	outlives    time.Duration // how long it lives on after its parent
	orphan      bool          // its parent is gone
}

// Spawn lets the slot's present worker have started another program, which lives on for a while after the worker's end, as the
// application of an out-of-process site may. The image is a path, or a name in Windows' own folder.
func (s *Server) Spawn(slot, image string, outlives time.Duration) {
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	if one := m.sites[slot]; one != nil && one.worker != nil {
		m.pid += 4
		name, path := image[strings.LastIndexByte(image, '\\')+1:], image
		if name == image {
			path = `C:\Windows\System32\` + name
		}
		m.children[m.pid] = &child{pid: m.pid, parent: one.worker.pid, name: name, path: path, started: time.Now().UTC(), outlives: outlives}
	}
}

// Reuse gives the ids of the slot's present worker and of what it started to other programs as soon as they are free.
func (s *Server) Reuse(slot string) {
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	if one := m.sites[slot]; one != nil && one.worker != nil {
		one.worker.reused = true
	}
}

// orphan ends what a worker started, each in its own time. The lock is held.
func (m *machine) orphan(w *worker) {
	for _, c := range m.children {
		if c.parent == w.pid && !c.orphan {
			c.orphan = true
			time.AfterFunc(c.outlives, func() {
				m.mu.Lock()
				defer m.mu.Unlock()
				delete(m.children, c.pid)
				if w.reused {
					m.other(c.pid)
				}
				m.tell()
			})
		}
	}
	if w.reused {
		m.other(w.pid)
	}
}

// other is a program of nobody's with an id that was free. The lock is held.
func (m *machine) other(pid int) {
	m.children[pid] = &child{pid: pid, parent: 4, name: "svchost.exe", started: time.Now().UTC()}
}

// orphans is how many processes live whose parent, a worker, is gone. The lock is held.
func (m *machine) orphans() int {
	n := 0
	for _, c := range m.children {
		if c.orphan {
			n++
		}
	}
	return n
}

// running is a process that is no worker. The lock is held.
func (m *machine) running(pid int) (*child, bool) {
	c, ok := m.children[pid]
	return c, ok
}

// descendants is what workers have started, but for programs that have nothing of the application; hindered: nobody can say.
func (m *machine) descendants(workers []workerState) (found []child, hindered bool) {
	if len(workers) == 0 {
		return nil, false
	}
	if m.faults.trapped("wmi", "") != 0 {
		return nil, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.children {
		ours := slices.ContainsFunc(workers, func(w workerState) bool { return w.PID == c.parent && !c.started.Before(w.Started) })
		if ours && !slices.Contains([]string{"vbcscompiler.exe", "conhost.exe", "werfault.exe"}, strings.ToLower(c.name)) {
			found = append(found, *c)
		}
	}
	return found, false
}

// owned are those processes that run the code in a slot's folder: they keep it from being stopped.
func owned(all []child, folder string) []child {
	within := strings.ToLower(strings.TrimSuffix(folder, `\`) + `\`)
	return slices.DeleteFunc(slices.Clone(all), func(c child) bool {
		return !strings.EqualFold(c.name, "dotnet.exe") && !strings.HasPrefix(strings.ToLower(c.path), within)
	})
}

// left is those of the processes that are still there, by image and id.
func (m *machine) left(all []child) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, c := range all {
		if m.live([]child{c}) {
			names = append(names, fmt.Sprintf("%s (%d)", c.name, c.pid))
		}
	}
	return strings.Join(names, ", ")
}

// live says whether one of those processes, and no other with its id, is there. The lock is held.
func (m *machine) live(all []child) bool {
	return slices.ContainsFunc(all, func(c child) bool {
		now := m.children[c.pid]
		return now != nil && now.started.Equal(c.started)
	})
}

// wmi answers the few questions of the C# agent to Windows Management Instrumentation.
func (m *machine) wmi(query string, trapped int32) (any, error) {
	if trapped != 0 {
		return nil, throw(trapped)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := []map[string]any{}
	if query == "SELECT ProcessId, ParentProcessId, Name, ExecutablePath FROM Win32_Process" {
		for _, s := range m.ordered() {
			if s.worker != nil {
				rows = append(rows, map[string]any{"ProcessId": s.worker.pid, "ParentProcessId": 900, "Name": "w3wp.exe", "ExecutablePath": `C:\Windows\System32\inetsrv\w3wp.exe`})
			}
		}
		for _, c := range m.children {
			rows = append(rows, map[string]any{"ProcessId": c.pid, "ParentProcessId": c.parent, "Name": c.name, "ExecutablePath": c.path})
		}
	}
	if query == fmt.Sprintf("SELECT Name FROM Win32_Service WHERE ProcessId = %d", foreignPID) {
		return map[string]any{"rows": []map[string]any{{"Name": foreignService}}}, nil
	}
	slices.SortFunc(rows, func(a, b map[string]any) int { return cmp.Compare(a["ProcessId"].(int), b["ProcessId"].(int)) })
	return map[string]any{"rows": rows}, nil
}
