package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/configs"
)

func validateCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "validate",
		Usage: "check the configuration file; no network",
		Flags: []cli.Flag{configFlag()},
		Action: func(c *cli.Context) error {
			spec, err := loadSpec(s, configPath(c))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.out, "%s is valid: %s in target group %s, judged by %s\n", configPath(c), spec.App,
				strings.Join(spec.TargetGroups, " and "), strings.Join(judgedBy(spec), " and "))
			return err
		},
	})
}

func judgedBy(spec *configs.Spec) []string {
	var names []string
	for _, m := range spec.Metrics {
		names = append(names, m.Name)
	}
	return names
}
