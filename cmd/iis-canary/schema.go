package main

import (
	"github.com/urfave/cli/v2"

	"iiscanary/configs"
)

func schemaCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "schema",
		Usage: "print the JSON Schema of the configuration file, for editors",
		Description: "An editor with yaml-language-server completes and checks keys by it. Put it beside the file\n" +
			"(iis-canary schema > schema.json) and let the file begin with this line:\n\n" +
			"   # yaml-language-server: $schema=./schema.json",
		Action: func(*cli.Context) error {
			_, err := s.out.Write(configs.Schema())
			return err
		},
	})
}
