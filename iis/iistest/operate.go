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

// operationOf is the table of the protocol.
func operationOf(name string) (operation, bool) {
	switch name {
	case "hello":
		return operation{do: hello}, true
	case "survey":
		return operation{do: survey}, true
	case "have":
		return operation{do: have}, true
	case "put":
		return operation{changes: true, blob: true, do: put}, true
	case "create":
		return operation{changes: true, do: create}, true
	case "start":
		return operation{changes: true, do: start}, true
	case "stop":
		return operation{changes: true, do: stop}, true
	case "own":
		return operation{changes: true, do: own}, true
	case "probe":
		return operation{do: probe}, true
	case "requests":
		return operation{do: requests}, true
	case "flush":
		return operation{do: flush}, true
	case "note":
		return operation{changes: true, do: note}, true
	case "notes":
		return operation{do: notes}, true
	case "lease":
		return operation{do: lease}, true
	case "prune":
		return operation{changes: true, do: prune}, true
	}
	return operation{}, false
}

// operate runs one operation: known, well formed, under the current lease where it changes something.
func (s *Server) operate(ctx context.Context, r agentRequest, blob []byte) (any, error) {
	op, ok := operationOf(r.Op)
	if !ok {
		return nil, refuse("unknown_op", "there is no operation %q", r.Op)
	}
	if len(blob) > 0 && !op.blob {
		return nil, refuse("bad_request", "%s carries no blob", r.Op)
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
