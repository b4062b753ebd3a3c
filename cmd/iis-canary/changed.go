package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"iiscanary/iis"
)

// changed is who changed the configuration of IIS on a server last, as far as it can tell. It only explains: that it cannot be asked is
// no problem of its own.
func (ses *session) changed(ctx context.Context, server string) string {
	h, err := ses.hosts.History(ctx, server)
	if err != nil {
		return ""
	}
	return lastChange(h)
}

// lastChange is a server's history in words.
func lastChange(h iis.History) string {
	var parts []string
	if at, err := time.Parse(time.RFC3339Nano, h.Written); err == nil {
		parts = append(parts, "applicationHost.config was last written at "+at.UTC().Format(time.DateTime)+" UTC")
	}
	for _, p := range h.Programs {
		parts = append(parts, fmt.Sprintf("%s runs there, process %d", p.Name, p.PID))
	}
	if len(h.Runs) > 0 {
		parts = append(parts, fmt.Sprintf("run %s noted something there last, at %s UTC", h.Runs[0].Run, h.Runs[0].Written.UTC().Format(time.DateTime)))
	}
	return strings.Join(parts, "; ")
}
