package iistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Trap makes the next calls of one kind fail as IIS lets them fail.
type Trap struct {
	// Call is what fails: "commit"; a part and what is asked of it, "site.state", "site.start", "site.stop", "pool.state", "pool.start",
	// "pool.stop"; "pool.run", a start that IIS has taken, whereupon the pool stops without a word; "log", the opening of an event log;
	// "section", the reading of a section, or "redirection", of where the configuration is; "move" or "delete" of a slot's folder or of a file, "open"
	// of a file, "cut" to make it shorter; "replace" of certificates.json; "key", the opening of a certificate's private key; "sslcert", what http.sys does with a
	// certificate, by netsh or at the end of a commit;
	// "wmi", a question to Windows Management Instrumentation; "requests", the count of requests of IIS' Request Monitor; "counter", of a
	// performance counter.
	Call  string
	Slot  string    // empty: of any slot
	Code  uint32    // HRESULT that the call fails with
	Times int       // how many calls; 0: all, until ClearTraps
	Until time.Time // when the trap goes by itself; zero: never
}

// SetTrap adds a trap. Of several for one call the oldest snaps first.
func (s *Server) SetTrap(t Trap) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.traps = append(s.faults.traps, t)
}

// ClearTraps takes every trap, rival, drift and enforced setting away.
func (s *Server) ClearTraps() {
	f := s.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.traps, f.conflicts, f.drift, f.enforced, f.losesCertificate = nil, 0, nil, nil, false
}

// trapped uses up one trap of a call; 0: there is none.
func (f *faults) trapped(call, slot string) int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.traps {
		t := &f.traps[i]
		if t.Call != call || t.Slot != "" && t.Slot != slot || !t.Until.IsZero() && time.Now().After(t.Until) {
			continue
		}
		code := int32(t.Code)
		f.snapped[call]++
		if t.Times == 1 {
			f.traps = slices.Delete(f.traps, i, i+1)
		} else if t.Times > 1 {
			t.Times--
		}
		return code
	}
	return 0
}

// Snapped is how often traps for a call have snapped since New; rivals of ConflictCommits are traps for "commit".
func (s *Server) Snapped(call string) int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.snapped[call]
}

// Unbind takes the certificate away from the site's port, as a tool or a legacy setting may do at any time (event 15300).
func (s *Server) Unbind() {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	s.machine.unbound = true
}

// Bind puts the certificate back on the site's port.
func (s *Server) Bind() { s.machine.bind() }

// SetBoot sets by hand whether a slot, site and pool, starts with the server.
func (s *Server) SetBoot(slot string, on bool) error {
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	one := m.sites[slot]
	if one == nil {
		return fmt.Errorf("set the boot flags of %s: there is no such site", slot)
	}
	one.siteBoot, one.poolBoot = on, on
	return nil
}

// StartSite configures another site, of somebody else, on a binding of the site's port, and starts it with its pool. An empty host is
// the catch-all binding. Its folder need not be there.
func (s *Server) StartSite(name, path, host string) error {
	m := s.machine
	m.commit(now, func() {
		made := m.add(name, m.freeID(name), path, "v4.0", []string{s.Binding() + host})
		m.startPool(made)
		m.startSite(made)
	})
	if !m.await(context.Background(), s.config.Patience, func() bool { return m.sites[name] != nil && m.sites[name].site == started }) {
		return fmt.Errorf("start the site %s: it does not start", name)
	}
	return nil
}

// RemoveByHand removes a slot as IIS Manager does: what hangs on its name and its id stays in applicationHost.config. Its folder goes.
func (s *Server) RemoveByHand(slot string) error {
	found, ok := s.slot(slot)
	if !ok {
		return fmt.Errorf("remove %s by hand: there is no such site", slot)
	}
	folder, err := s.store.local(found.Path)
	if err != nil {
		return err
	}
	s.machine.commit(now, func() { s.machine.drop(slot, false) })
	return os.RemoveAll(folder)
}

// AddBinding gives a site one more binding, such as * for net.pipe.
func (s *Server) AddBinding(slot, information string) error {
	m, known := s.machine, false
	m.commit(now, func() {
		if one := m.sites[slot]; one != nil {
			one.bindings, known = append(one.bindings, information), true
		}
	})
	if !known {
		return fmt.Errorf("add a binding to %s: there is no such site", slot)
	}
	return nil
}

// AddSite configures another site, of somebody else, stopped.
func (s *Server) AddSite(name, path string) {
	m := s.machine
	m.commit(now, func() { m.add(name, m.freeID(name), path, "v4.0", []string{s.Binding()}) })
}

// PutFile puts a file on one of the server's drives, as somebody does by hand. Its path is such as D:\Data\readme.txt.
func (s *Server) PutFile(path, content string) error {
	local, err := s.store.local(path)
	if err != nil {
		return fmt.Errorf("put %s: %w", path, err)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.byHand = append(s.store.byHand, path)
	return write(local, []byte(content))
}

// Link makes a junction, by hand: what is below a path is what is below another one.
func (s *Server) Link(path, to string) error {
	local, err := s.store.local(path)
	target, failed := s.store.local(to)
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	return os.Symlink(target, local)
}

// MakeReadOnly sets that attribute of a file.
func (s *Server) MakeReadOnly(path string) error {
	local, err := s.store.local(path)
	if err != nil {
		return fmt.Errorf("make %s read-only: %w", path, err)
	}
	return os.Chmod(local, 0o444)
}

// byHandStill is the files of PutFile that are where they were put, in their order, and a star behind those that are read-only.
func (s *store) byHandStill() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, path := range s.byHand {
		local, err := s.local(path)
		if err != nil {
			continue
		}
		info, err := os.Stat(local)
		if err != nil {
			continue
		}
		if info.Mode().Perm()&0o200 == 0 {
			path += " *"
		}
		all = append(all, path)
	}
	return all
}

// Drift lets another tool, as Puppet or DSC may, start a site again as soon as it and its pool are stopped.
func (s *Server) Drift(slot string) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.drift = append(s.faults.drift, slot)
}

func (f *faults) drifts(slot string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.drift, slot)
}

// Enforce lets another tool put a setting of every pool back to its own value right after each commit. The name is the setting's in
// docs/agent-protocol.md, such as "startMode".
func (s *Server) Enforce(setting, value string) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if s.faults.enforced == nil {
		s.faults.enforced = map[string]string{}
	}
	s.faults.enforced[setting] = value
}

func (f *faults) enforcement() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.enforced
}

// LoseCertificate makes the removal of any site take the certificate of its port away, by whatever way it is removed.
func (s *Server) LoseCertificate() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.losesCertificate = true
}

func (f *faults) loses() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.losesCertificate
}

// Outlive lets the slot's present worker live on for d after its pool has stopped, unseen by WAS.
func (s *Server) Outlive(slot string, d time.Duration) {
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	if one := m.sites[slot]; one != nil && one.worker != nil {
		one.worker.outlives = d
	}
}

// The process that Occupy puts on the site's port.
const (
	foreignName = "nginx"
	foreignPID  = 4711

	foreignService = "nginxsvc"
)

// Occupy lets another program listen on the site's port, which must be free, until release is called.
func (s *Server) Occupy() (release func(), err error) {
	l, err := listen(s.config.Address, s.front.port)
	if err != nil {
		return nil, err
	}
	s.machine.mu.Lock()
	s.machine.foreign = true
	s.machine.mu.Unlock()
	return func() {
		s.machine.mu.Lock()
		s.machine.foreign = false
		s.machine.mu.Unlock()
		_ = l.Close() // nothing was accepted
	}, nil
}
