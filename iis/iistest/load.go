package iistest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// untold is a number that nobody can say.
const untold = -1

// load is how much the workers of a slot have to do.
type load struct {
	Slot        string `json:"slot"`
	Requests    int    `json:"requests"`
	Queue       int    `json:"queue"`
	Connections int    `json:"connections"`
}

// Queue puts so many requests into the queue of the slot's pool, as the counters of http.sys tell it.
func (s *Server) Queue(slot string, n int) {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	if one := s.machine.sites[slot]; one != nil {
		one.queue = n
	}
}

func perf(_ context.Context, c *call) (any, error) {
	m := c.server.machine
	out := []load{}
	for _, s := range m.slots(func(name string) bool { return inFamily(c.app, name) }) {
		if len(s.Workers) == 0 {
			continue
		}
		one := load{Slot: s.Name, Requests: m.inHand(s.current), Queue: untold, Connections: untold}
		if m.faults.trapped("counter", "") == 0 {
			one.Queue, one.Connections = m.queue(s.Name), m.front.talking(s.Name)
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b load) int { return cmp.Compare(a.Slot, b.Slot) })
	return map[string]any{"slots": out}, nil
}

// inHand is the count of requests as IIS tells it, by its Request Monitor or else by its counters.
func (m *machine) inHand(n int) int {
	if m.faults.trapped("requests", "") != 0 && m.faults.trapped("counter", "") != 0 {
		return untold
	}
	return n
}

func (m *machine) queue(slot string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if one := m.sites[slot]; one != nil {
		return one.queue
	}
	return 0
}

// counter is one performance counter, in its English names.
func (s *Server) counter(category, name, instance string) (any, error) {
	m := s.machine
	if code := m.faults.trapped("counter", ""); code != 0 {
		return nil, &thrown{"access", code, "the counter cannot be read"}
	}
	value := map[string]func() int{
		"HTTP Service Request Queues/CurrentQueueSize": func() int { return m.queue(instance) },
		"Web Service/Current Connections":              func() int { return m.front.talking(instance) },
		"W3SVC_W3WP/Active Requests": func() int {
			var pid int
			_, _ = fmt.Sscanf(instance, "%d_", &pid) // without a number it is nobody's
			return m.inFlight(pid)
		},
	}[category+"/"+name]
	if value == nil {
		return nil, &thrown{"access", -1, "there is no counter " + category + ", " + name}
	}
	return map[string]int{"value": value()}, nil
}
