package iistest

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
)

// operation is what the agent does for one name.
type operation struct {
	changes bool // needs the current lease
	blob    bool // may carry one
	do      func(context.Context, *call) (any, error)
}

// call is one request on its way.
type call struct {
	server *Server
	app    string
	args   json.RawMessage
	blob   []byte
	fence  *fence
}

func (c *call) read(args any) error {
	if err := json.Unmarshal(c.args, args); err != nil {
		return refuse("bad_request", "the arguments cannot be read: %v", err)
	}
	return nil
}

// operations is the table of the protocol.
func operations() map[string]operation {
	return map[string]operation{
		"hello":       {do: hello},
		"survey":      {do: survey},
		"sections":    {do: sections},
		"certificate": {do: findCertificate},
		"have":        {do: have},
		"put":         {changes: true, blob: true, do: put},
		"pull":        {changes: true, do: pull},
		"signers":     {do: signers},
		"create":      {changes: true, do: create},
		"start":       {changes: true, do: start},
		"stop":        {changes: true, do: stop},
		"own":         {changes: true, do: own},
		"probe":       {do: probe},
		"requests":    {do: requests},
		"events":      {do: events},
		"perf":        {do: perf},
		"history":     {do: history},
		"flush":       {do: flush},
		"note":        {changes: true, do: note},
		"notes":       {do: notes},
		"lease":       {do: lease},
		"experiment":  {changes: true, blob: true, do: experiment},
		"prune":       {changes: true, do: prune},
	}
}

// operate runs one operation: known, well formed, under the current lease where it changes something.
func (s *Server) operate(ctx context.Context, r agentRequest, blob []byte) (any, error) {
	op, ok := operations()[r.Op]
	if !ok {
		return nil, refuse("unknown_op", "there is no operation %q", r.Op)
	}
	if len(blob) > 0 && !op.blob {
		return nil, refuse("bad_request", "%s carries no blob", r.Op)
	}
	if r := s.hindered(r.Op); r != nil {
		return nil, r
	}
	var named struct {
		App *string `json:"app"`
	}
	c := &call{server: s, args: r.Args, blob: blob, fence: r.Lease}
	if len(c.args) == 0 {
		c.args = json.RawMessage("{}")
	}
	if err := c.read(&named); err != nil {
		return nil, err
	}
	if r.Op != "flush" {
		if named.App == nil || !appName.MatchString(*named.App) {
			return nil, refuse("bad_request", "%s needs an app", r.Op)
		}
		c.app = *named.App
	}
	if op.changes {
		if err := s.leases.sound(c.app); err != nil {
			return nil, err
		}
	}
	if op.changes && (r.Lease == nil || !s.leases.holds(c.app, *r.Lease)) {
		return nil, refuse("fenced", "%s of %s needs the current lease", r.Op, c.app)
	}
	return op.do(ctx, c)
}

var (
	appName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$`)
	runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
)

func checkRun(run string) error {
	if !runName.MatchString(run) {
		return refuse("bad_request", "%q is no run id", run)
	}
	return nil
}

// inFamily says whether a name is a slot of the app.
func inFamily(app, slot string) bool {
	return len(slot) > len(app)+1 && slot[:len(app)+1] == app+"-" && suffix.MatchString(slot[len(app)+1:])
}

var suffix = regexp.MustCompile(`^[A-Za-z0-9.]+$`)

func checkSlot(app, slot string) error {
	if !inFamily(app, slot) || !goodName(slot) || len(slot) > 63 || strings.HasSuffix(slot, partial) {
		return refuse("bad_request", "%q is no slot of %s", slot, app)
	}
	return nil
}
