package iistest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// standinCall is what the stand-in of Windows asks (iis/agent/standin).
type standinCall struct {
	Ask       string       `json:"ask"`
	Part      string       `json:"part"` // site or pool
	Name      string       `json:"name"`
	Verb      string       `json:"verb"`
	PID       int          `json:"pid"`
	Key       string       `json:"key"`
	Log       string       `json:"log"`
	Query     string       `json:"query"`
	File      string       `json:"file"`
	Arguments string       `json:"arguments"`
	What      string       `json:"what"`
	Path      string       `json:"path"`
	Raw       string       `json:"raw"` // a certificate, base64
	Version   int          `json:"version"`
	Lost      bool         `json:"lost"`   // a site was removed as an object
	Kernel    []kernelCall `json:"kernel"` // what http.sys is to do once the file is written
	Sites     []hosted     `json:"sites"`
	Pools     []pooled     `json:"pools"`
	Metadata  []string     `json:"metadata"`  // keys that go
	Locations []string     `json:"locations"` // paths that go
}

// hosted is a site in applicationHost.config; named: its log lines carry its name.
type hosted struct {
	Name     string   `json:"name"`
	ID       int64    `json:"id"`
	Auto     bool     `json:"auto"`
	Pool     string   `json:"pool"`
	Path     string   `json:"path"`
	Bindings []string `json:"bindings"`
	Named    bool     `json:"named"`
	SNI      string   `json:"sni"` // the thumbprint of its bindings' own certificate; empty: they have none
}

// kernelCall puts a certificate on the port of a binding, or takes it off.
type kernelCall struct {
	Verb    string `json:"verb"` // add or remove
	Binding string `json:"binding"`
	Hash    string `json:"hash"`
}

// pooled is a pool in applicationHost.config.
type pooled struct {
	Name     string            `json:"name"`
	Auto     bool              `json:"auto"`
	Settings map[string]string `json:"settings"`
}

// answerTo answers one standinCall of the stand-in.
func (s *Server) answerTo(q standinCall) (any, error) {
	m := s.machine
	switch q.Ask {
	case "config":
		return s.configuration()
	case "commit":
		return s.committed(q)
	case "state":
		state, code := m.look(q.Name, q.Part)
		return stateOrThrown(state, code)
	case "act":
		if code := m.act(q.Name, q.Part, q.Verb); code != 0 {
			return nil, throw(code)
		}
		return map[string]string{"state": unknown}, nil
	case "workers":
		return s.workersOf(q.Name)
	case "requests":
		if code := m.faults.trapped("requests", ""); code != 0 {
			return nil, throw(code)
		}
		return map[string]int{"count": m.inFlight(q.PID)}, nil
	case "section", "redirection":
		if s.trouble.read().NotElevated {
			return nil, s.readable()
		}
		if code := m.faults.trapped(q.Ask, ""); code != 0 {
			return nil, throw(code)
		}
		return map[string]bool{"enabled": s.trouble.read().SharedConfig}, nil
	}
	return s.answerWindows(q)
}

// answerWindows answers what is not asked of IIS.
func (s *Server) answerWindows(q standinCall) (any, error) {
	m := s.machine
	switch q.Ask {
	case "counter":
		return s.counter(q.Part, q.What, q.Name)
	case "processes":
		return map[string]any{"all": m.programs(q.Name)}, nil
	case "process":
		return m.processOf(q.PID)
	case "wmi":
		return m.wmi(q.Query, s.faults.trapped("wmi", ""))
	case "events":
		s.faults.openLog()
		if code := m.faults.trapped("log", ""); code != 0 {
			return nil, throw(code)
		}
		return m.log(q.Log), nil
	case "service":
		return map[string]string{"state": s.services()[q.Name]}, nil
	case "registry":
		return map[string]any{"values": s.registry(q.Key)}, nil
	case "machine":
		return s.hardware(), nil
	case "trust":
		return map[string]bool{"trusted": s.trusts(q.Raw, q.Name)}, nil
	case "signature":
		return s.signatureAt(q.Path)
	case "certificates":
		return s.certificates(), nil
	case "secure":
		s.store.secure(q.Path, q.Name)
		return map[string]any{}, nil
	case "file", "moved", "protect":
		return s.onDisk(q)
	case "run":
		return s.runProgram(q.File, q.Arguments), nil
	}
	return nil, fmt.Errorf("the simulated server is asked %q, which it does not know", q.Ask)
}

// hardware is what the machine itself says.
func (s *Server) hardware() map[string]any {
	proxy, bypass := s.faults.winhttp()
	return map[string]any{"name": s.config.Name, "account": s.config.Name + `\` + s.config.User,
		"elevated": !s.trouble.read().NotElevated, "disk_free": s.store.diskFree(), "address": s.config.Address, "proxy": proxy, "bypass": bypass,
		"bits": s.trouble.read().bits()}
}

func stateOrThrown(state string, code int32) (any, error) {
	if code != 0 {
		return nil, throw(code)
	}
	if state == absent {
		return nil, throw(noSuchObject)
	}
	return map[string]string{"state": state}, nil
}

// readable says why the configuration cannot be read; nil: it can.
func (s *Server) readable() error {
	t := s.trouble.read()
	switch {
	case t.NotElevated:
		return &thrown{"access", accessDenied, "Filename: redirection.config Error: Cannot read configuration file due to insufficient permissions"}
	case t.Garbled:
		return &thrown{"com", invalidData, garbled}
	}
	return nil
}

// configuration is applicationHost.config and what hangs on the site's port in http.sys.
func (s *Server) configuration() (any, error) {
	if err := s.readable(); err != nil {
		return nil, err
	}
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	sites, pools, metadata, locations, legacy, hash := []hosted{}, []pooled{}, []int64{}, []string{}, []int64{}, ""
	for _, one := range m.ordered() {
		sites = append(sites, hosted{one.name, one.id, one.siteBoot, one.name, one.path, one.bindings, one.named, one.own()})
		pools = append(pools, pooled{one.name, one.poolBoot, one.settings})
	}
	for id := range m.metadata {
		metadata = append(metadata, id)
	}
	for id := range m.legacy {
		legacy = append(legacy, id)
	}
	for name := range m.locations {
		locations = append(locations, name)
	}
	if !m.unbound {
		hash = s.onPort()
	}
	return map[string]any{"version": m.version, "sites": sites, "pools": pools, "metadata": metadata, "locations": locations, "legacy": legacy, "bound": hash, "store": s.trouble.read().store(), "port": s.front.port, "elsewhere": s.trouble.read().OtherPorts,
		"sections": s.sections()}, nil
}

func (s *Server) thumbprint() string {
	sum := sha1.Sum(s.config.Certificate.Certificate[0])
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// committed is CommitChanges: the whole configuration as the manager has it, built on the version that it read.
func (s *Server) committed(q standinCall) (any, error) {
	for i, a := range q.Sites {
		if slices.ContainsFunc(q.Sites[i+1:], func(b hosted) bool { return a.ID == b.ID || strings.EqualFold(a.Name, b.Name) }) {
			return nil, throw(alreadyExists)
		}
	}
	m := s.machine
	code := m.commit(q.Version, func() { m.replace(q) })
	if code == changedOnDisk {
		return nil, &thrown{"com", code, "Filename: applicationHost.config Error: Cannot commit configuration changes because the file has changed on disk"}
	}
	if code == 0 && len(q.Kernel) > 0 {
		code = s.serve(q.Kernel) // the file is written by now
	}
	if code != 0 {
		return nil, throw(code)
	}
	return map[string]any{}, nil
}

// replace makes the configuration what was committed. The lock is held.
func (m *machine) replace(q standinCall) {
	for _, s := range m.ordered() {
		if !slices.ContainsFunc(q.Sites, func(h hosted) bool { return h.Name == s.name }) {
			m.drop(s.name, false)
			m.unbound = m.unbound || q.Lost
		}
	}
	for _, key := range q.Metadata {
		var id int64
		if _, err := fmt.Sscanf(key, "LM/W3SVC/%d", &id); err == nil {
			delete(m.metadata, id)
		}
	}
	for _, name := range q.Locations {
		delete(m.locations, name)
	}
	for _, h := range q.Sites {
		s := m.sites[h.Name]
		if s == nil {
			s = m.add(h.Name, h.ID, h.Path, "", h.Bindings)
			s.named = h.Named
			m.logs[h.ID].rename(h)
		}
		s.siteBoot = h.Auto
	}
	for _, p := range q.Pools {
		if s := m.sites[p.Name]; s != nil {
			s.poolBoot, s.settings = p.Auto, p.Settings
		}
	}
}
