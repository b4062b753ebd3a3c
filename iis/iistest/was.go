package iistest

// look is what WAS says about the state of a slot's site or pool. With an HRESULT it does not say: the state is unknown.
func (m *machine) look(name, part string) (string, int32) {
	m.mu.Lock()
	m.looks++
	m.mu.Unlock()
	if code := m.faults.trapped(part+".state", name); code != 0 {
		return unknown, code
	}
	if m.trouble.read().down() {
		return unknown, notStarted
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sites[name]
	switch {
	case s == nil:
		return absent, 0
	case part == "pool":
		return s.pool, 0
	}
	return s.site, 0
}

// act asks WAS to start or stop a slot's site or pool. It returns before that is done; the HRESULT says why not.
func (m *machine) act(name, part, verb string) int32 {
	if code := m.faults.trapped(part+"."+verb, name); code != 0 {
		return code
	}
	if m.trouble.read().down() {
		return notStarted
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sites[name]
	switch {
	case s == nil:
		return noSuchObject
	case part == "pool" && moving(s.pool):
		return cannotAcceptControl
	case part == "pool" && verb == "start":
		m.startPool(s)
	case part == "pool" && s.pool == stopped:
		return notStarted
	case part == "pool":
		m.stopPool(s)
	case verb == "start":
		return m.open(s)
	default:
		m.stopSite(s)
	}
	return 0
}

// open starts a site whose binding is free. The lock is held.
func (m *machine) open(s *site) int32 {
	switch {
	case s.site != stopped:
		return 0
	case m.rival(s) != nil:
		return alreadyExists
	case m.front.occupied():
		return sharing
	}
	m.startSite(s)
	return 0
}

// restore is the other tool: it starts what was stopped. The lock is held.
func (m *machine) restore(s *site) {
	if s.site == stopped && s.pool == stopped && m.faults.drifts(s.name) {
		m.startPool(s)
		m.startSite(s)
	}
}

// alive says whether a process runs: a worker, or one that outlives its pool. The lock is held.
func (m *machine) alive(pid int) (*worker, bool) {
	if w := m.ghosts[pid]; w != nil {
		return w, true
	}
	for _, s := range m.sites {
		if s.worker != nil && s.worker.pid == pid {
			return s.worker, true
		}
	}
	return nil, false
}
