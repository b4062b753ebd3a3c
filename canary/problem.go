package canary

import "fmt"

// Problem is one reason why no plan can be made.
type Problem struct {
	Server string // empty: about the whole fleet
	What   string // what is wrong
	Remedy string // what the person can do
}

func (p *Problem) Error() string {
	text := p.What
	if p.Server != "" {
		text = p.Server + ": " + text
	}
	if p.Remedy != "" {
		text += fmt.Sprintf(" (%s)", p.Remedy)
	}
	return text
}

// problems collects every reason before any is told.
type problems []error

func (ps *problems) add(server, remedy, what string, args ...any) {
	*ps = append(*ps, &Problem{Server: server, What: fmt.Sprintf(what, args...), Remedy: remedy})
}
