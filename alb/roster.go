package alb

import (
	"cmp"
	"maps"
	"slices"
)

// roster collects the members of several groups under one identity each.
type roster struct {
	instances map[string]Member // by instance id, as EC2 describes them
	byID      map[string]*Member
}

// member is the server behind a target's id. An address belongs to the instance that has it; where several have it, as on
// one machine with many ports, it stands for itself.
func (r *roster) member(id string) *Member {
	if !isInstance(id) {
		if owner := r.owner(id); owner != "" {
			id = owner
		}
	}
	m, known := r.byID[id]
	if !known {
		m = &Member{Name: id, PrivateIP: id}
		if isInstance(id) {
			m = r.instance(id)
		}
		r.byID[id] = m
	}
	return m
}

func (r *roster) instance(id string) *Member {
	m, known := r.instances[id]
	if !known {
		return &Member{Name: id, Instance: id, Problems: []string{"EC2 does not know the instance " + id + ", it may be terminated"}}
	}
	if m.State != "running" {
		m.Problems = append(m.Problems, "its instance is "+m.State)
	}
	return &m
}

func (r *roster) owner(address string) string {
	owner := ""
	for id, m := range r.instances {
		if m.PrivateIP == address {
			if owner != "" {
				return ""
			}
			owner = id
		}
	}
	return owner
}

func (r *roster) sorted() []Member {
	out := make([]Member, 0, len(r.byID))
	for m := range maps.Values(r.byID) {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.PrivateIP, b.PrivateIP))
	})
	return out
}
