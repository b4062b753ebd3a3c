package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

func doctorCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "doctor",
		Usage: "look at everything that a deployment needs, and say all of it; changes nothing without --probe",
		Flags: append([]cli.Flag{configFlag(), textFlag("package", "the release: a `FILE`, a folder, https://...#sha256=HEX or s3://BUCKET/KEY#version=ID; without it what depends on it is not checked", "", "p"),
			textFlag("package-sha256", "`HEX` digits of the SHA-256 that the package must have", ""),
			textFlag("slot", "`NUMBER` of the new slot; default: the version in the package's name", ""), outputFlag()}, probeFlags()...),
		Action: func(c *cli.Context) error {
			if err := probeOnly(c); err != nil {
				return err
			}
			if c.Bool("probe") {
				return probe(s, c)
			}
			o, err := format(c)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
			defer stop()
			ses, err := begin(s, configPath(c), say(s))
			if err != nil {
				return err
			}
			defer ses.close()
			asked := order{slot: c.String("slot")}
			if pack := c.String("package"); pack != "" {
				if asked.pack, err = reference(c, pack); err != nil {
					return err
				}
			}
			return orStopped(ctx, ses.examine(ctx, s, asked, o))
		},
	})
}

// examine prints the whole table. It ends with the code that a deployment would end with now.
func (ses *session) examine(ctx context.Context, s streams, o order, format string) error {
	pf := ses.inspect(ctx, o)
	defer pf.close()
	if pf.misuse != nil || ctx.Err() != nil {
		return cmp.Or(pf.misuse, context.Cause(ctx))
	}
	all := pf.table()
	write := pf.printTable
	if format == "json" {
		write = pf.printJSON
	}
	if err := write(s.out, all); err != nil {
		return err
	}
	if code := pf.code(all); code != exitDone {
		return quiet(code)
	}
	return nil
}

// printTable writes every row, and what to do about those that are not well.
func (pf *preflight) printTable(w io.Writer, all []entry) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, e := range all {
		where := e.where()
		if e.state == passed && len(e.servers) > 1 {
			where = fmt.Sprintf("%d servers", len(e.servers))
		}
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\n", e.state.mark(), e.state, e.check, where, cmp.Or(flat(e.what), checkOf(e.check).title))
		if e.state == failed || e.state == warned {
			fmt.Fprintf(t, "\t\t\tdo: %s\n", flat(e.remedy()))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	said := "nothing stands in the way of a deployment"
	if bad := with(failed, all); len(bad) > 0 {
		said = counted(len(bad), "thing stands", "things stand") + " in the way of a deployment"
	}
	_, err := fmt.Fprintf(w, "\n%s; %d of %d checks passed, %d with a warning; nothing was touched\n", said, passes(all), len(checks()), len(with(warned, all)))
	return err
}

func (s state) mark() string {
	return map[state]string{passed: "✔", warned: "⚠", failed: "✖", unchecked: "◌"}[s]
}

// doctorVersion is that of the shape that doctor prints in JSON.
const doctorVersion = 1

// diagnosis is what doctor prints in JSON.
type diagnosis struct {
	Version int        `json:"version"`
	App     string     `json:"app"`
	Exit    int        `json:"exit"` // 0: a deployment could begin; 6: another run is in progress; 7: something else is in the way
	Passed  int        `json:"passed"`
	Total   int        `json:"total"`
	Checks  []examined `json:"checks"` // in the order of the table
}

// examined is one check with all that it found.
type examined struct {
	ID      checkID  `json:"id"`
	Title   string   `json:"title"`
	Remedy  string   `json:"remedy"`
	Remarks []remark `json:"remarks"`
}

// remark is what was found alike on some servers.
type remark struct {
	State   state    `json:"state"`
	Servers []string `json:"servers,omitempty"` // none: about the whole fleet
	What    string   `json:"what,omitempty"`
	Do      string   `json:"do,omitempty"` // where it is more than the remedy of the check
}

func (pf *preflight) printJSON(w io.Writer, all []entry) error {
	d := diagnosis{Version: doctorVersion, App: pf.ses.spec.App, Exit: int(pf.code(all)), Passed: passes(all), Total: len(checks())}
	for _, c := range checks() {
		one := examined{c.id, c.title, c.remedy, []remark{}}
		for _, e := range all {
			if e.check == c.id {
				one.Remarks = append(one.Remarks, remark{e.state, e.servers, e.what, e.do})
			}
		}
		d.Checks = append(d.Checks, one)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}
