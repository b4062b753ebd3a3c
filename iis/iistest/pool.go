package iistest

import "time"

// startPool begins the start of a stopped pool. A pool that is refused, or whose application crashes, ends stopped, with an
// event. The lock is held.
func (m *machine) startPool(s *site) {
	if s.pool != stopped {
		return
	}
	s.pool = starting
	s.poolEra++
	m.later(m.config.Settle, &s.poolEra, func() {
		if m.faults.refuses(s.name) {
			s.pool = stopped
			m.write(idEvent5002, event5002(s.name))
			return
		}
		m.pid += 4
		if m.faults.trapped("pool.run", s.name) != 0 {
			s.pool = stopped
			return
		}
		s.pool = started
		m.refresh(s)
		s.worker = &worker{pid: m.pid, started: time.Now().UTC(), behaviour: m.packaged(s)}
		if b := m.behaviour(s, ""); b.Crash {
			m.later(m.config.Settle, &s.poolEra, func() {
				s.pool, s.worker = stopped, nil
				m.crashed(s, b.Quotes)
				m.write(idEvent5002, event5002(s.name))
				m.front.reset(s.name)
			})
		}
	})
	m.tell()
}

// stopPool begins the stop of a pool: its worker lingers for Config.Stop. The lock is held.
func (m *machine) stopPool(s *site) {
	if s.pool != started && s.pool != starting {
		return
	}
	s.pool = stopping
	s.poolEra++
	m.front.reset(s.name)
	m.later(m.config.Stop, &s.poolEra, func() {
		m.haunt(s.worker)
		s.pool, s.worker = stopped, nil
		m.restore(s)
	})
	m.tell()
}

// startSite begins the start of a stopped site; its port is open once it is started. The lock is held.
func (m *machine) startSite(s *site) {
	if s.site != stopped {
		return
	}
	s.site = starting
	s.siteEra++
	m.later(m.config.Settle, &s.siteEra, func() {
		if err := m.front.open(s.name); err != nil {
			s.site = stopped
			return
		}
		s.site = started
		m.logs[s.id].begin()
	})
	m.tell()
}

// stopSite begins the stop of a site: nothing listens for it any more and its connections are reset. The lock is held.
func (m *machine) stopSite(s *site) {
	if s.site != started && s.site != starting {
		return
	}
	s.site = stopping
	s.siteEra++
	m.front.leave(s.name)
	m.later(m.config.Settle, &s.siteEra, func() {
		s.site = stopped
		m.restore(s)
	})
	m.tell()
}

// later runs then under the lock after d, unless the era has changed.
func (m *machine) later(d time.Duration, era *int, then func()) {
	now := *era
	time.AfterFunc(d, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if *era != now {
			return
		}
		then()
		m.tell()
	})
}

// haunt lets a worker that outlives its pool live on. The lock is held.
func (m *machine) haunt(w *worker) {
	if w == nil {
		return
	}
	m.orphan(w)
	if w.outlives == 0 {
		return
	}
	m.ghosts[w.pid] = w
	time.AfterFunc(w.outlives, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.ghosts, w.pid)
		m.tell()
	})
}
