package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/canary/report"
)

// run is the whole program but for the exit of the process.
func run(args []string, s streams) int {
	app := newApp(s)
	err := app.RunContext(context.Background(), args)
	if err == nil {
		return int(exitDone)
	}
	if _, said := errors.AsType[quiet](err); !said {
		explain(s.err, err)
	}
	return int(codeOf(err))
}

// explain prints an error in its three parts.
func explain(w io.Writer, err error) {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = fail(exitUnexpected, err, "", "iis-canary status")
	}
	report.Failure{What: f.what.Error(), Now: f.now, Next: f.next}.Print(w)
}

func newApp(s streams) *cli.App {
	return &cli.App{
		Name:            "iis-canary",
		Usage:           "roll a release through IIS servers behind an AWS load balancer, and put the fleet back when it is bad",
		Description:     "Exit codes:\n\n" + exitHelp,
		Version:         version(),
		HideVersion:     true,
		HideHelpCommand: true,
		Reader:          s.in,
		Writer:          s.out,
		ErrWriter:       s.err,
		// cli would call os.Exit in the middle of things: leases and shells must be released first.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(c *cli.Context, err error, _ bool) error { return badFlag(c, err) },
		Flags:          []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "say which build this is", DisableDefaultText: true}},
		Action: func(c *cli.Context) error {
			switch {
			case c.Bool("version"):
				return built().text(s.out)
			case !c.Args().Present(), c.Args().First() == "help" && c.NArg() == 1:
				return cli.ShowAppHelp(c)
			case c.Args().First() == "help" && c.App.Command(c.Args().Get(1)) != nil:
				return cli.ShowCommandHelp(c, c.Args().Get(1))
			}
			return unknownCommand(c)
		},
		Commands: []*cli.Command{
			validateCommand(s), planCommand(s), deployCommand(s), statusCommand(s), revertCommand(s),
			resumeCommand(s), rehearseCommand(s), versionCommand(s),
		},
	}
}

// command finishes a command: flags read the environment too, stray arguments are refused, and usage errors are ours.
func command(c *cli.Command) *cli.Command {
	do := c.Action
	c.OnUsageError = func(c *cli.Context, err error, _ bool) error { return badFlag(c, err) }
	c.HideHelpCommand = true
	c.Action = func(ctx *cli.Context) error {
		if err := noArguments(ctx); err != nil {
			return err
		}
		return do(ctx)
	}
	return c
}

// twin is the environment variable of a flag.
func twin(flag string) []string {
	return []string{"IIS_CANARY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

func textFlag(name, usage string, value string, aliases ...string) cli.Flag {
	return &cli.StringFlag{Name: name, Aliases: aliases, Usage: usage, Value: value, EnvVars: twin(name)}
}

func switchFlag(name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, EnvVars: twin(name), DisableDefaultText: true}
}

func configFlag() cli.Flag {
	return textFlag("config", "the configuration `FILE`", defaultConfig, "c")
}

const defaultConfig = "canary.yaml"

// configPath is the value of --config. CI systems set variables to nothing: that is not given.
func configPath(c *cli.Context) string { return cmp.Or(c.String("config"), defaultConfig) }

func outputFlag() cli.Flag {
	return textFlag("output", "`FORMAT` of the answer: text or json", "text", "o")
}
func noColorFlag() cli.Flag {
	return switchFlag("no-color", "plain lines, no block that redraws itself")
}
func yesFlag() cli.Flag { return switchFlag("yes", "do not ask: for CI") }

// format is the value of --output, checked.
func format(c *cli.Context) (string, error) {
	o := cmp.Or(c.String("output"), "text")
	if o != "text" && o != "json" {
		return "", usage("--output is %q, allowed: text, json", o).then(c.Command.HelpName + " --output json")
	}
	return o, nil
}
