package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/canary"
)

// standing is where one server stands: what `status` prints.
type standing struct {
	Name     string   `json:"name"`
	Running  []string `json:"running"`         // slots with anything alive; one is right
	Boots    []string `json:"boots"`           // slots that come back after a reboot; should be the running one
	Rotation string   `json:"rotation"`        // the targets' states in the balancer's words
	Lease    string   `json:"lease,omitempty"` // run that holds the server
	Warnings []string `json:"warnings,omitempty"`
}

func statusCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "status",
		Usage: "say what runs where, and any run in flight; changes nothing",
		Flags: []cli.Flag{configFlag(), outputFlag()},
		Action: func(c *cli.Context) error {
			o, err := format(c)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
			defer stop()
			ses, err := connect(ctx, s, configPath(c), say(s))
			if err != nil {
				return orStopped(ctx, err)
			}
			defer ses.close()
			return orStopped(ctx, ses.status(ctx, s, o))
		},
	})
}

func (ses *session) status(ctx context.Context, s streams, format string) error {
	inv, err := ses.inventory(ctx)
	if err != nil {
		return err
	}
	var all []standing
	for _, f := range inv.Servers {
		all = append(all, ses.stand(ctx, f))
	}
	if format == "json" {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"app": ses.spec.App, "servers": all})
	}
	return printStatus(s, all)
}

// stand compares what runs with what would run after a reboot and with the balancer.
func (ses *session) stand(ctx context.Context, f canary.Found) standing {
	st := standing{Name: f.Name, Running: []string{}, Boots: []string{}, Warnings: f.Problems}
	var states []string
	for _, h := range f.Health {
		words := string(h.State)
		if h.Reason != "" {
			words += " (" + h.Reason + ")"
		}
		states = append(states, words)
	}
	st.Rotation = strings.Join(states, ", ")
	for _, slot := range f.Slots {
		if slot.Runs() {
			st.Running = append(st.Running, slot.Name)
		}
		if slot.SiteBoot || slot.PoolBoot {
			st.Boots = append(st.Boots, slot.Name)
		}
	}
	if len(f.Problems) > 0 {
		return st
	}
	if len(st.Running) != 1 {
		st.Warnings = append(st.Warnings, oneShouldRun(st.Running))
	} else if len(st.Boots) != 1 || st.Boots[0] != st.Running[0] {
		st.Warnings = append(st.Warnings, fmt.Sprintf("after a reboot %v would start instead of %s", st.Boots, st.Running[0]))
	}
	if lease, held, err := ses.hosts.ReadLease(ctx, f.Name); err == nil && held && lease.Until.After(time.Now()) {
		st.Lease = lease.Run
		st.Warnings = append(st.Warnings, fmt.Sprintf("run %s by %s is in flight", lease.Run, lease.Owner))
	}
	return st
}

func printStatus(s streams, all []standing) error {
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SERVER\tRUNS\tBOOTS\tROTATION\t")
	for _, st := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", st.Name, dash(st.Running), dash(st.Boots), st.Rotation)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, st := range all {
		for _, warning := range st.Warnings {
			fmt.Fprintf(s.out, "⚠ warning: %s: %s\n", st.Name, warning)
		}
	}
	return nil
}

func dash(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}
