package main

import (
	"math"

	"github.com/urfave/cli/v2"

	"iiscanary/canary/report"
)

func runsCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "runs",
		Usage: "list the runs that this machine knows of, newest first; no network",
		Flags: []cli.Flag{configFlag(), outputFlag()},
		Action: func(c *cli.Context) error {
			o, err := format(c)
			if err != nil {
				return err
			}
			return listRuns(s, configPath(c), o)
		},
	})
}

func listRuns(s streams, path, format string) error {
	spec, err := offline(s, path)
	if err != nil {
		return err
	}
	all, err := shelf(spec, path).stories(math.MaxInt, typedFor(path))
	if err != nil {
		return fail(exitUnexpected, err, "nothing was touched", "look at the rights of the state folder ("+spec.State+")")
	}
	list := report.Runs{App: spec.App}
	for _, run := range all {
		list.Runs = append(list.Runs, run.Line())
	}
	if format == "json" {
		return list.JSON(s.out)
	}
	return list.Text(s.out)
}
