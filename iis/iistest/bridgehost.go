package iistest

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// workersOf is the process ids that WAS tells of a pool.
func (s *Server) workersOf(name string) (any, error) {
	if s.trouble.read().down() {
		return nil, &thrown{"access", accessDenied, "the service WAS does not run"}
	}
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	pids := []int{}
	if one := s.machine.sites[name]; one != nil && one.worker != nil {
		pids = append(pids, one.worker.pid)
	}
	return map[string]any{"pids": pids}, nil
}

func (m *machine) inFlight(pid int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w, ok := m.alive(pid); ok {
		return w.current
	}
	return 0
}

// processOf is a process as the system tells of it.
func (m *machine) processOf(pid int) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks++
	if (m.foreign || m.foreignV6) && pid == foreignPID {
		return map[string]string{"name": foreignName, "started": stamp(time.Now().Add(-time.Hour))}, nil
	}
	if pid == systemPID {
		return map[string]string{"name": "System", "started": stamp(time.Time{})}, nil
	}
	if c, ok := m.running(pid); ok {
		return map[string]string{"name": strings.TrimSuffix(c.name, ".exe"), "started": stamp(c.started)}, nil
	}
	w, ok := m.alive(pid)
	if !ok {
		return nil, &thrown{"absent", -1, fmt.Sprintf("Process with an Id of %d is not running.", pid)}
	}
	return map[string]string{"name": "w3wp", "started": stamp(w.started)}, nil
}

// classic is what the EventLog classes call a provider: not by its name but by its EventSourceName.
func classic(provider string) string {
	if provider == httpEvent {
		return "HTTP"
	}
	return provider
}

// log is an event log, oldest entry first.
func (m *machine) log(name string) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := []map[string]any{}
	for _, e := range m.events {
		if e.Log == name {
			entries = append(entries, map[string]any{"time": stamp(e.at), "source": classic(e.Source), "id": e.ID, "kind": e.Kind, "text": e.Text})
		}
	}
	return map[string]any{"entries": entries}
}

// registry is the few values that a server has which somebody asks for; nil: there is no such key.
func (s *Server) registry(key string) map[string]any {
	t := s.trouble.read()
	switch strings.ToLower(key) {
	case `software\microsoft\inetstp`:
		return map[string]any{"VersionString": iisVersion}
	case `software\microsoft\powershell\3\powershellengine`:
		return map[string]any{"PowerShellVersion": powerShell}
	case `software\microsoft\net framework setup\ndp\v4\full`:
		return map[string]any{"Release": t.framework()}
	case `system\currentcontrolset\services\was`, `system\currentcontrolset\services\w3svc`:
		return map[string]any{"Start": map[string]int{automatic: 2, "manual": 3, "disabled": 4}[t.startType()]}
	case `software\microsoft\windows\currentversion\component based servicing\rebootpending`:
		if t.PendingReboot {
			return map[string]any{}
		}
	case `system\currentcontrolset\services\http`:
		return map[string]any{"Start": 3}
	}
	return nil
}

// certificates is the machine's store; a key's code says why it cannot be opened.
func (s *Server) certificates() any {
	all := []map[string]any{}
	for i, der := range s.stocked() {
		key := int32(0)
		if i == 0 {
			key = s.faults.trapped("key", "")
		}
		all = append(all, map[string]any{"raw": base64.StdEncoding.EncodeToString(der), "key": key})
	}
	return map[string]any{"all": all}
}

// hindrance is what keeps a folder from being moved or deleted.
func (s *Server) hindrance(q standinCall) (any, error) {
	name := q.Path[strings.LastIndexByte(q.Path, '\\')+1:]
	if aside, isTrash := strings.CutPrefix(name, trash); isTrash { // .trash-<slot>-<something>
		name = aside[:max(strings.LastIndexByte(aside, '-'), 0)]
	}
	if code := s.faults.trapped(q.What, name); code != 0 {
		return nil, &thrown{"io", code, "The process cannot access the file '" + q.Path + "' because it is being used by another process."}
	}
	return map[string]any{}, nil
}

// runProgram is the few programs that the agent runs.
func (s *Server) runProgram(file, arguments string) any {
	m, exit, out, ms := s.machine, 0, "", 0
	switch {
	case file == "netsh.exe" && arguments == "http flush logbuffer":
		m.flush()
	case file == "netsh.exe" && strings.Contains(arguments, " sslcert "):
		exit, out = s.sslcert(arguments)
	case file == "netstat.exe" && arguments == "-ano -p TCP":
		out = s.netstat(false)
	case file == "netstat.exe" && arguments == "-ano -p TCPv6":
		out = s.netstat(true)
	case file == "icacls.exe":
		exit, ms = m.granted(arguments)
	case file == "cmd.exe":
		s.rd(arguments)
	default:
		exit = 1
	}
	return map[string]any{"exit": exit, "out": out, "ms": ms}
}

var rdForm = regexp.MustCompile(`^/d /c rd /s /q "\\\\\?\\([A-Za-z]:\\[^"%]+)"$`)

// rd is cmd.exe's: it ends with 0 even where something stays.
func (s *Server) rd(arguments string) {
	f := rdForm.FindStringSubmatch(arguments)
	if f == nil {
		return
	}
	if _, err := s.hindrance(standinCall{What: "delete", Path: f[1]}); err != nil {
		return
	}
	if folder, err := s.store.local(f[1]); err == nil {
		_ = os.RemoveAll(folder) // what stays is seen
	}
}
