package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func validateCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "validate",
		Usage: "check the configuration file; no network",
		Flags: []cli.Flag{configFlag()},
		Action: func(c *cli.Context) error {
			spec, err := loadSpec(s, c.String("config"))
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s is valid: %s in %d target group(s), %d metric(s)\n", c.String("config"), spec.App, len(spec.TargetGroups), len(spec.Metrics))
			return nil
		},
	})
}
