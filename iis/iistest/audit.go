package iistest

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// auditFile is where a server with "Audit Process Creation" and "Include command line" on would have its events 4688: whatever
// is on a command line, every reader of the Security log can read.
const (
	auditFile = "process-creation.log"
	// recordFile is where WinRM writes what it did not do well, as its own event log has it on Windows.
	recordFile = "winrm-operational.log"
	auditLimit = 1 << 20 // bytes, after which a file is begun anew
)

// audit notes the command line of a process that is created. What cannot be written is lost.
func (s *Server) audit(line string) { s.writeEvent(auditFile, "4688 "+line) }

// record notes what WinRM refused, lost or was made to do.
func (s *Server) record(format string, args ...any) {
	s.writeEvent(recordFile, fmt.Sprintf(format, args...))
}

func (s *Server) writeEvent(file, text string) {
	s.auditing.Lock()
	defer s.auditing.Unlock()
	if s.closed.Load() { // whoever closed it may have removed the folder
		return
	}
	path, how := filepath.Join(s.store.logs(), file), os.O_CREATE|os.O_APPEND|os.O_WRONLY
	if info, err := os.Stat(path); err == nil && info.Size() > auditLimit {
		how = os.O_CREATE | os.O_TRUNC | os.O_WRONLY
	}
	if os.MkdirAll(s.store.logs(), 0o755) != nil {
		return
	}
	f, err := os.OpenFile(path, how, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "%s %s\n", time.Now().UTC().Format(time.RFC3339), text)
}
